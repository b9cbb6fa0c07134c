"""Who is let at what is kept: only the daemon opens it, once it stands in the audit chain who wants it and what for."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from typing import Any

from ccdaemon.answers.register import marked
from ccdaemon.archive import Archive
from ccdaemon.asked import Answerer, Number, Reference
from ccdaemon.chain import Link
from ccdaemon.control import Content, Permit, Refused, asker, name_of
from ccdaemon.faults import ArchiveFault
from ccdaemon.kept import Kept, Purpose, Recording
from ccdaemon.model import Site
from ccdaemon.rules.access import refusal
from ccdaemon.rules.lines import says
from ccdaemon.store import Register

MOST = 1_000_000  # recordings that are looked through for words in their transcripts
PORTION = 200  # of them at a time


def permit(register: Register, site: Callable[[], Site]) -> Permit:
    """By the roles of the site as it is now. Who is refused something stands in the audit chain."""
    own = name_of(os.geteuid())

    async def check(question: str, who: str) -> None:
        if (why := refusal(question, who, own, site().roles)) is not None:
            await register.audit(Link(time.time(), "not permitted", {"question": question, "who": who}))
            raise Refused(why)

    return check


def accesses(register: Register, archive: Archive, site: Callable[[], Site]) -> dict[str, Answerer]:
    """What the control socket tells of recordings, and gives out of the archive."""

    async def audio(*, leg: str, segment: Number, purpose: Purpose, reference: Reference) -> Content:
        """The audio of a recording, for one of the six purposes."""
        return await opened(register, archive, leg, segment, {"purpose": purpose, "reference": reference})

    async def find(
        *,
        purpose: Purpose,
        reference: Reference,
        number: str | None,
        agent: str | None,
        call: str | None,
        text: str | None,
        since: float,
        until: float,
        service: str | None,
        limit: Number,
    ) -> list[dict[str, Any]]:
        """Recordings by who called, who answered, in which call, or by words of their transcripts."""
        phone = site().phones.get(agent or "")
        rows = await register.recordings_between(
            *(since, until, service, MOST if text else limit),
            parties=None if number is None else [number],
            agent=phone.endpoint if phone else agent,
            call=call,
        )
        if text:
            rows = await _saying(register, rows, text, limit)
        given = {"number": number, "agent": agent, "call": call, "text": text}
        found = {"by": [name for name, value in given.items() if value], "found": len(rows)}
        await _note(register, {"purpose": purpose, "reference": reference, "did": "search", **found})
        return await marked(register, rows)

    async def recording(*, leg: str, segment: Number, purpose: Purpose, reference: Reference) -> dict[str, Any]:
        """All that is known of a recording: its call, what was said, what keeps it, and who opened it."""
        if (row := await register.recording(leg, segment)) is None:
            raise Refused(_no_such(leg, segment))
        shown = {"did": "show", "leg": leg, "segment": segment}
        await _note(register, {"purpose": purpose, "reference": reference, **shown})
        calls = [row.call] if row.call else []
        call = await register.call(row.call) if row.call else None
        return {
            "recording": (await marked(register, [row]))[0],
            "call": call and asdict(call),
            "transcripts": [asdict(each) for each in await register.transcripts_of(calls)],
            "holds": (await register.held(calls, [])).get(row.call or "", []),
            "accesses": [asdict(each) for each in await register.accesses_of(leg, segment)],
        }

    async def snapshot() -> Content:
        """The register as it is in this moment, for a backup."""
        pieces = register.snapshot()
        first = await asyncio.to_thread(next, pieces)
        await register.audit(Link(time.time(), "backup", {"who": asker.get()}))
        return Content({}, chain([first], pieces))

    return {"audio": audio, "find recordings": find, "recording": recording, "snapshot": snapshot}


async def opened(register: Register, archive: Archive, leg: str, segment: int, why: Mapping[str, Any]) -> Content:
    """The audio of a recording, once it stands in the audit chain who wants it, and what for. Raises `Refused`."""
    kept = await register.kept(leg, segment)
    if kept is None:
        raise Refused(_no_such(leg, segment))
    try:
        pieces = await asyncio.to_thread(_begun, archive, kept)  # all of it has proved whole by then
    except ArchiveFault as fault:
        raise Refused(str(fault)) from None
    await _note(register, {"leg": leg, "segment": segment, **why})
    return Content({"file": kept.file}, pieces)


def _begun(archive: Archive, kept: Kept) -> Iterator[bytes]:
    pieces = archive.open(kept)
    return chain([next(pieces, b"")], pieces)


async def _saying(register: Register, rows: Sequence[Recording], words: str, limit: int) -> list[Recording]:
    """The first of them in whose transcripts some words stand. A portion at a time: nobody holds what all have said."""
    found = list[Recording]()
    for first in range(0, len(rows), PORTION):
        portion = rows[first : first + PORTION]
        transcripts = await register.transcripts_of({row.call for row in portion if row.call})
        calls = await asyncio.to_thread(lambda said: {each.call for each in said if says(each, words)}, transcripts)
        found += [row for row in portion if row.call in calls]
        if len(found) >= limit:
            break
    return found[:limit]


def _no_such(leg: str, segment: int) -> str:
    return f"there is no finished recording of leg {leg}, segment {segment}"


async def _note(register: Register, said: Mapping[str, Any]) -> None:
    await register.audit(Link(time.time(), "access", {**said, "who": asker.get()}))
