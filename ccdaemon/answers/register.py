"""What the register answers at the control socket, and to the command line while no daemon runs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from ccdaemon.asked import Answerer, Number
from ccdaemon.chain import Head
from ccdaemon.control import Refused
from ccdaemon.faults import KeyUnusable
from ccdaemon.kept import Recording
from ccdaemon.signing import Signer
from ccdaemon.store import Register

BACKUP = "backup"  # kind of a row (`answers.access`)
# What everybody may read of a day: not who asked what is kept of them, or to whom something was given.
OF_CALLS = frozenset({"door", "guard", "refusal", "resumption", "objection", "recording"})


def questions(register: Register, signer: Signer) -> dict[str, Answerer]:
    """What the control socket answers from the register."""

    async def calls(
        *, since: float, until: float, service: str | None = None, limit: Number = 1000, number: str | None = None
    ) -> list[dict[str, Any]]:
        return [asdict(row) for row in await register.calls(since, until, service, limit, number)]

    async def show(*, call: str) -> dict[str, Any]:
        row = await register.call(call)
        if row is None:
            message = f"the register knows no call {call}"
            raise Refused(message)
        return {
            "call": asdict(row),
            "timeline": [asdict(moment) for moment in await register.timeline(row.id)],
            "recordings": [asdict(recording) for recording in await register.recordings(row.id)],
        }

    async def recordings(*, since: float, until: float, service: str | None, limit: Number) -> list[dict[str, Any]]:
        """Not by whose they are: that needs a purpose."""
        found = await register.recordings_between(since, until, service, limit, kind="recording")
        return await marked(register, found)

    async def certificate(*, call: str) -> dict[str, Any]:
        told = await show(call=call)
        rows = {row.seq: row for row in await register.audited(told["call"]["id"])}
        doors = [json.loads(row.detail) for row in rows.values() if row.kind == "door"]
        legs = {each["leg"] for door in doors for each in door["channels"]}
        found = {(each["leg"], each["segment"]): each for each in told["recordings"]}
        found |= {(each.leg, each.segment): asdict(each) for each in await register.recordings_of(legs)}
        rows |= {row.seq: row for row in await register.audited_of(legs)}
        return {**told, "recordings": [*found.values()], "audit": [asdict(rows[seq]) for seq in sorted(rows)]}

    async def audit_day(*, since: float, until: float) -> list[dict[str, Any]]:
        return [asdict(row) for row in await register.audited_between(since, until) if row.kind in OF_CALLS]

    async def audit_head() -> str:
        return str(await register.head())

    async def audit_verify(*, against: str) -> dict[str, Any]:
        """Against heads with spaces between them: a list of those of some years would be too long for a question."""
        heads = await asyncio.to_thread(lambda: [Head.read(written) for written in against.split()])
        found = await register.verify([head for head in heads if head is not None])
        return {
            "head": str(found.head),
            "behind": found.behind.seq,
            "faults": [*found.faults, *_unsigned(await register.checkpoint(), signer)],
        }

    async def last_backup() -> float | None:
        """When somebody last took a copy of the register, as far as the chain still tells."""
        return await register.last_at(BACKUP)

    return {
        "calls": calls,
        "call": show,
        "recordings": recordings,
        "certificate": certificate,
        "audit head": audit_head,
        "audit verify": audit_verify,
        "audit day": audit_day,
        "last backup": last_backup,
    }


async def marked(register: Register, rows: Sequence[Recording]) -> list[dict[str, Any]]:
    """Recordings, each with when the caller objected to being recorded, if they did."""
    objections = await register.objections({row.call for row in rows if row.call})
    return [{**asdict(row), "objected": objections.get(row.call or "")} for row in rows]


def _unsigned(checkpoint: dict[str, Any] | None, signer: Signer) -> Iterator[str]:
    """What is wrong with the checkpoint behind which the chain begins."""
    try:
        if checkpoint is not None and not signer.holds(checkpoint):
            yield f"the checkpoint at row {checkpoint['seq']} was not signed with this site's key"
    except KeyUnusable as fault:
        yield f"whether the checkpoint was signed by this site is not known: {fault}"
