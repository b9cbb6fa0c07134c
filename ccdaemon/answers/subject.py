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
from ccdaemon.asked import Answerer, Many, Number, Reference
from ccdaemon.cases import Case, CaseKind, Erasure, Exemption, Outcome, Redaction, Subject
from ccdaemon.chain import Link
from ccdaemon.control import Content, Refused, asker
from ccdaemon.erasures import Erasures
from ccdaemon.faults import KeyUnusable, RegisterFull
from ccdaemon.flows.erasing import erase
from ccdaemon.kept import Imported, Item
from ccdaemon.lent import Lent
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
    lent: Lent
    deleting: asyncio.Lock
    site: Callable[[], Site]

    def answers(self) -> dict[str, Answerer]:
        return {
            "case open": self.open,
            "case pause": self.pause,
            "case resume": self.resume,
            "case extend": self.extend,
            "case close": self.close,
            "cases": self.cases,
            "redact": self.redact,
            "redact words": self.redact_words,
            "unredact": self.unredact,
            "redactions": self.redactions,
            "subject": self.subject,
            "subject audio": self.audio,
            "subject erase": self.erase,
        }

    # --- cases -------------------------------------------------------------------------------------------------------

    @changing
    async def open(self, *, kind: CaseKind, reference: Reference, received: date) -> dict[str, Any]:
        if received > self._today():
            message = f"{received} is still to come"
            raise Refused(message)
        number = await self.register.open_case(kind, reference, received, asker.get(), time.time())
        return self._told(await self._case(number))

    async def cases(self) -> list[dict[str, Any]]:
        return [self._told(case) for case in await self.register.cases()]

    @changing
    async def pause(self, *, case: Number) -> dict[str, Any]:
        await self._in_time(case, "its clock cannot be stopped")
        done = await self.register.pause_case(case, self._today(), asker.get(), time.time())
        return await self._after(case, "its clock stands still already, or it is closed", done=done)

    @changing
    async def resume(self, *, case: Number) -> dict[str, Any]:
        done = await self.register.resume_case(case, self._today(), asker.get(), time.time())
        return await self._after(case, "its clock does not stand still, or it is closed", done=done)

    @changing
    async def extend(self, *, case: Number) -> dict[str, Any]:
        await self._in_time(case, "it cannot be extended")
        done = await self.register.extend_case(case, asker.get(), time.time())
        return await self._after(case, "it was extended before, or it is closed", done=done)

    @changing
    async def close(self, *, case: Number, outcome: Outcome) -> dict[str, Any]:
        done = await self.register.close_case(case, self._today(), outcome, asker.get(), time.time())
        return await self._after(case, "it is closed already", done=done)

    async def _in_time(self, case: int, otherwise: str) -> None:
        last = due(await self._case(case), self.site().bank_holidays)
        if last is not None and last < self._today():
            message = f"case {case} had to be answered by {last}: {otherwise} any more"
            raise Refused(message)

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

    @changing
    async def redact(
        self, *, leg: str, segment: Number, begins: float, ends: float, why: Exemption
    ) -> dict[str, list[int]]:
        """A part of a recording."""
        row = await self.register.recording(leg, segment)
        if row is None or row.seconds is None or not 0 <= begins < min(ends, row.seconds):
            message = f"there is no recording {leg}-{segment} with something between {begins} and {ends} seconds"
            raise Refused(message)
        return await self._redact([Redaction(why, begins, min(ends, row.seconds), leg, segment)])

    @changing
    async def redact_words(self, *, kind: Imported, source: str, words: str, why: Exemption) -> dict[str, list[int]]:
        """All places of some words in an item."""
        item = await self.register.item(kind, source)
        parts = [
            Redaction(why, found.start(), found.start() + len(words), kind=kind, source=source, message=number)
            for number, said in enumerate(messages(item) if item and words else ())
            for found in re.finditer(f"(?={re.escape(words)})", said["text"], re.IGNORECASE)
        ]
        if not parts:
            message = f"these words do not stand in {kind}:{source}, or there is no such item"
            raise Refused(message)
        return await self._redact(parts)

    async def _redact(self, parts: list[Redaction]) -> dict[str, list[int]]:
        return {"redactions": await self.register.add_redactions(parts, asker.get(), time.time())}

    @changing
    async def unredact(self, *, redaction: Number) -> None:
        if not await self.register.remove_redaction(redaction, asker.get(), time.time()):
            message = f"there is no redaction {redaction}"
            raise Refused(message)

    async def redactions(self) -> list[dict[str, Any]]:
        return [asdict(each) for each in await self.register.redactions()]

    # --- what is kept of them ----------------------------------------------------------------------------------------

    @changing
    async def subject(self, *, case: Number, parties: Many[str], since: float, until: float) -> Content:
        """All of it, a line of JSON for each call, recording and item; what is redacted is masked."""
        asked, theirs = await self._case(case, open_=True), self._parties(parties)
        found = await self.register.subject(theirs, since, until)
        counts = {"calls": len(found.calls), "recordings": len(found.recordings), "items": len(found.items)}
        joint = await self.register.joint(found.calls, theirs)
        await self._note("search", asked, theirs, **counts)
        redactions = await self.register.redactions()
        told = {**counts, "case": self._told(asked), "joint": joint}
        return Content(told, self._lines(found, redactions, theirs))

    async def audio(self, *, case: Number, parties: Many[str], leg: str, segment: Number) -> Content:
        """One of their recordings, and what of it is to be silent."""
        asked = await self._case(case, open_=True)
        theirs = (await self.register.subject(self._parties(parties))).recordings
        if (leg, segment) not in {(each.leg, each.segment) for each in theirs}:
            message = f"{leg}-{segment} is no recording of theirs"
            raise Refused(message)
        why = {"purpose": AUDIO, "case": case, "reference": asked.reference}
        content = await opened(self.register, self.archive, leg, segment, why)
        return replace(content, answer={"silent": _silent(await self.register.redactions(), leg, segment)})

    async def erase(self, *, case: Number, parties: Many[str], dry: bool) -> dict[str, Any]:
        """Of a case of erasure; or, `dry`, only what would go and what would stay."""
        asked = await self._case(case, open_=True)
        if asked.kind != "erasure" and not dry:
            message = f"case {case} does not ask for erasure"
            raise Refused(message)
        theirs = self._parties(parties)
        if self.deleting.locked():
            message = "something else is being deleted, as each night: ask again when that is done"
            raise Refused(message)
        async with self.deleting:
            try:
                return await self._erase(asked, theirs, dry=dry)
            except (RegisterFull, KeyUnusable, OSError) as fault:
                message = f"not all of it is erased: {fault}. Mend that, and ask again"
                raise Refused(message) from None

    async def _erase(self, case: Case, parties: list[str], *, dry: bool) -> dict[str, Any]:
        """That it begins stands in the chain before anything goes."""
        await self.register.refresh_holds()
        found = await self.register.subject(parties)
        joint = await self.register.joint(found.calls, parties)
        spool = await asyncio.to_thread(lambda: [*self.archive.raw()])
        legs = {raw.leg for raw in spool}
        waiting = {each.call for each in found.recordings if each.leg in legs and each.call is not None}
        waiting |= {raw.call for raw in spool if raw.call in found.calls}  # a message that is not taken yet
        waiting |= self.lent.calls() & {*found.calls}  # what somebody hears at a phone in this moment
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

    def _parties(self, written: list[str]) -> list[str]:
        country = self.site().country
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
