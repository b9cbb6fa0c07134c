"""What people ask about themselves: cases and their clock, all that is kept of somebody, and its erasure."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Container
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any

from ccdaemon.answers.access import opened
from ccdaemon.answers.keeping import changing
from ccdaemon.archive import Archive
from ccdaemon.cases import CASE_KINDS, EXEMPTIONS, OUTCOMES, Case, Erasure, Redaction, Subject
from ccdaemon.chain import Link
from ccdaemon.control import Answerer, Content, Refused, asker
from ccdaemon.erasures import Erasures
from ccdaemon.faults import KeyUnusable, RegisterFull
from ccdaemon.flows.erasing import erase
from ccdaemon.kept import Item
from ccdaemon.model import Site
from ccdaemon.rules.deadline import due
from ccdaemon.rules.lines import messages, party
from ccdaemon.rules.redaction import masked
from ccdaemon.store import Register

AUDIO = "subject access"


@dataclass(frozen=True)
class Subjects:
    """Asked by the data protection officer alone."""

    register: Register
    archive: Archive
    erasures: Erasures
    deleting: asyncio.Lock
    site: Callable[[], Site]

    def answers(self) -> dict[str, Answerer]:
        steps: dict[str, Answerer] = {
            "open": self.open,
            "pause": self.pause,
            "resume": self.resume,
            "extend": self.extend,
            "close": self.close,
        }
        return {
            **changing({f"case {name}": answerer for name, answerer in steps.items()}),
            **changing({"redact": self.redact, "unredact": self.unredact, "subject": self.subject}),
            "cases": self.cases,
            "redactions": self.redactions,
            "subject audio": self.audio,
            "subject erase": self.erase,
        }

    # --- cases -------------------------------------------------------------------------------------------------------

    async def open(self, values: dict[str, Any]) -> dict[str, Any]:
        kind, reference, received = values["kind"], values["reference"], date.fromisoformat(values["received"])
        if kind not in CASE_KINDS or not reference.strip():
            message = f"a case is about {' or '.join(CASE_KINDS)}, and has a reference"
            raise Refused(message)
        if received > self._today():
            message = f"{received} is still to come"
            raise Refused(message)
        number = await self.register.open_case(kind, reference, received, asker.get(), time.time())
        return self._told(await self._case(number))

    async def cases(self, _: dict[str, Any]) -> list[dict[str, Any]]:
        return [self._told(case) for case in await self.register.cases()]

    async def pause(self, values: dict[str, Any]) -> dict[str, Any]:
        done = await self.register.pause_case(values["case"], self._today(), asker.get(), time.time())
        return await self._after(values["case"], "its clock stands still already, or it is closed", done=done)

    async def resume(self, values: dict[str, Any]) -> dict[str, Any]:
        done = await self.register.resume_case(values["case"], self._today(), asker.get(), time.time())
        return await self._after(values["case"], "its clock does not stand still, or it is closed", done=done)

    async def extend(self, values: dict[str, Any]) -> dict[str, Any]:
        case = await self._case(values["case"])
        last = due(case, self.site().bank_holidays)
        if last is not None and last < self._today():
            message = f"case {case.id} had to be answered by {last}: it cannot be extended any more"
            raise Refused(message)
        done = await self.register.extend_case(values["case"], asker.get(), time.time())
        return await self._after(values["case"], "it was extended before, or it is closed", done=done)

    async def close(self, values: dict[str, Any]) -> dict[str, Any]:
        if (outcome := values["outcome"]) not in OUTCOMES:
            message = f"{outcome!r} is no outcome of a case; they are {', '.join(OUTCOMES)}"
            raise Refused(message)
        done = await self.register.close_case(values["case"], self._today(), outcome, asker.get(), time.time())
        return await self._after(values["case"], "it is closed already", done=done)

    async def _after(self, number: int, otherwise: str, *, done: bool) -> dict[str, Any]:
        case = await self._case(number)
        if not done:
            message = f"case {number}: {otherwise}"
            raise Refused(message)
        return self._told(case)

    async def _case(self, number: int, *, open_: bool = False) -> Case:
        case = await self.register.case(number)
        if case is None or (open_ and case.closed is not None):
            message = f"there is no {'open ' if open_ else ''}case {number}"
            raise Refused(message)
        return case

    def _told(self, case: Case) -> dict[str, Any]:
        last = due(case, self.site().bank_holidays)
        told = {**asdict(case), "due": last, "today": self._today()}
        return dict(json.loads(json.dumps(told, default=str)))

    def _today(self) -> date:
        return datetime.now(self.site().timezone).date()

    # --- what is kept from them --------------------------------------------------------------------------------------

    async def redact(self, values: dict[str, Any]) -> dict[str, Any]:
        """A part of a recording, or all places of some words in an item."""
        if values["why"] not in EXEMPTIONS:
            message = f"{values['why']!r} is no ground to keep something from somebody: {', '.join(EXEMPTIONS)}"
            raise Refused(message)
        found = [part async for part in self._parts(values)]
        return {"redactions": await self.register.add_redactions(found, asker.get(), time.time())}

    async def _parts(self, values: dict[str, Any]) -> AsyncIterator[Redaction]:
        why = values["why"]
        if "leg" in values:
            leg, segment, begins, ends = (values[name] for name in ("leg", "segment", "begins", "ends"))
            row = await self.register.recording(leg, segment)
            if row is None or row.seconds is None or not 0 <= begins < min(ends, row.seconds):
                message = f"there is no recording {leg}-{segment} with something between {begins} and {ends} seconds"
                raise Refused(message)
            yield Redaction(why, begins, min(ends, row.seconds), leg, segment)
            return
        item = await self.register.item(values["kind"], values["source"])
        words, places = values["words"], 0
        for number, said in enumerate(messages(item) if item and words else ()):
            for found in re.finditer(f"(?={re.escape(words)})", said["text"], re.IGNORECASE):
                places += 1
                where = {"kind": values["kind"], "source": values["source"], "message": number}
                yield Redaction(why, found.start(), found.start() + len(words), **where)
        if not places:
            message = f"these words do not stand in {values['kind']}:{values['source']}, or there is no such item"
            raise Refused(message)

    async def unredact(self, values: dict[str, Any]) -> None:
        if not await self.register.remove_redaction(values["redaction"], asker.get(), time.time()):
            message = f"there is no redaction {values['redaction']}"
            raise Refused(message)

    async def redactions(self, _: dict[str, Any]) -> list[dict[str, Any]]:
        return [asdict(each) for each in await self.register.redactions()]

    # --- what is kept of them ----------------------------------------------------------------------------------------

    async def subject(self, values: dict[str, Any]) -> Content:
        """All of it, a line of JSON for each call, recording and item; what is redacted is masked."""
        case = await self._case(values["case"], open_=True)
        parties = self._parties(values)
        found = await self.register.subject(parties, values["since"], values["until"])
        counts = {"calls": len(found.calls), "recordings": len(found.recordings), "items": len(found.items)}
        joint = await self.register.joint(found.calls, parties)
        await self._note("search", case, parties, **counts)
        redactions = await self.register.redactions()
        told = {**counts, "case": self._told(case), "joint": joint}
        return Content(told, self._lines(found, redactions, parties))

    async def audio(self, values: dict[str, Any]) -> Content:
        """One of their recordings, and what of it is to be silent."""
        case = await self._case(values["case"], open_=True)
        leg, segment = values["leg"], values["segment"]
        theirs = (await self.register.subject(self._parties(values))).recordings
        if (leg, segment) not in {(each.leg, each.segment) for each in theirs}:
            message = f"{leg}-{segment} is no recording of theirs"
            raise Refused(message)
        why = {"purpose": AUDIO, "case": case.id, "reference": case.reference}
        content = await opened(self.register, self.archive, leg, segment, why)
        return replace(content, answer={"silent": _silent(await self.register.redactions(), leg, segment)})

    async def erase(self, values: dict[str, Any]) -> dict[str, Any]:
        """Of a case of erasure; or, `dry`, only what would go and what would stay."""
        case = await self._case(values["case"], open_=True)
        if case.kind != "erasure" and not values["dry"]:
            message = f"case {case.id} does not ask for erasure"
            raise Refused(message)
        parties = self._parties(values)
        if self.deleting.locked():
            message = "something else is being deleted, as each night: ask again when that is done"
            raise Refused(message)
        async with self.deleting:
            try:
                return await self._erase(case, parties, dry=values["dry"] is not False)
            except (RegisterFull, KeyUnusable, OSError) as fault:
                message = f"not all of it is erased: {fault}. Mend that, and ask again"
                raise Refused(message) from None

    async def _erase(self, case: Case, parties: list[str], *, dry: bool) -> dict[str, Any]:
        """That it begins stands in the chain before anything goes."""
        await self.register.refresh_holds()
        found = await self.register.subject(parties)
        joint = await self.register.joint(found.calls, parties)
        spool = await asyncio.to_thread(lambda: {raw.leg for raw in self.archive.raw()})
        waiting = {each.call for each in found.recordings if each.leg in spool and each.call is not None}
        going_on = sorted({*await self.register.going_on(found.calls), *waiting})
        held = await self.register.held(found.calls, found.items)
        stay = {"going_on": going_on, "joint": joint}
        if dry:
            would = {"calls": len(found.calls), "recordings": len(found.recordings), "items": len(found.items)}
            return {**would, **stay, "held": held}
        await self._note("begin to erase", case, parties)
        what = _erasure(found, {*going_on, *joint, *held})
        await asyncio.to_thread(self.erasures.add, what)
        gone = await erase(self.register, self.archive, what, time.time())
        await self._note("erase", case, parties, **{**asdict(gone), "left": len(gone.left)})
        return {**asdict(gone), **stay, "held": await self.register.held(found.calls, found.items)}

    def _parties(self, values: dict[str, Any]) -> list[str]:
        country = self.site().country
        written = values["parties"]
        if not isinstance(written, list) or not all(isinstance(each, str) for each in written):
            message = "who it is about is a list of numbers and addresses"
            raise Refused(message)
        parties = [found for each in written if (found := party(each, country))]
        if not parties:
            message = "nobody is named: a number, or an address"
            raise Refused(message)
        return parties

    async def _note(self, did: str, case: Case, parties: list[str], **counts: int) -> None:
        """Whom it was about is an index that says nothing to anybody, once its key is gone with the month's."""
        about = await asyncio.to_thread(self.register.index_of, parties, time.time())
        said = {"case": case.id, "did": did, "about": about, "who": asker.get()}
        await self.register.audit(Link(time.time(), "subject", {**said, **counts}))

    async def _lines(self, found: Subject, redactions: list[Redaction], parties: list[str]) -> AsyncIterator[bytes]:
        """Of a call that was joined with another one the number is theirs, or not told."""
        for call in found.calls:
            row = await self.register.call(call)
            if row is not None:
                timeline = [asdict(moment) for moment in await self.register.timeline(call)]
                number = row.number if row.number in parties else None
                yield _line("call", {**asdict(row), "number": number, "timeline": timeline})
        for recording in found.recordings:
            silent = _silent(redactions, recording.leg, recording.segment)
            yield _line("recording", {**asdict(recording), "silent": silent})
        for item in found.items:
            yield _line("item", _masked(item, redactions))


def _erasure(found: Subject, stays: Container[str]) -> Erasure:
    """All that was found but for what stays: calls, with their transcripts, and items, by their names."""
    names = [(each.kind, each.source) for each in found.items if f"{each.kind}:{each.source}" not in stays]
    staying = {(each.kind, each.source) for each in found.items if each.call is not None and each.call in stays}
    calls = tuple(call for call in found.calls if call not in stays)
    return Erasure(time.time(), calls, tuple(name for name in names if name not in staying))


def _silent(redactions: list[Redaction], leg: str, segment: int) -> list[tuple[float, float]]:
    return [(each.begins, each.ends) for each in redactions if (each.leg, each.segment) == (leg, segment)]


def _masked(item: Item, redactions: list[Redaction]) -> dict[str, Any]:
    ours = [each for each in redactions if (each.kind, each.source) == (item.kind, item.source)]
    return {**asdict(replace(item, body="")), "messages": masked(messages(item), ours), "redacted": len(ours)}


def _line(kind: str, said: dict[str, Any]) -> bytes:
    return json.dumps({"kind": kind, f"{kind}": said}, ensure_ascii=False).encode() + b"\n"
