"""What people ask about themselves: cases and their clock, all that is kept of somebody, and its erasure."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any

from ccdaemon.answers.access import opened
from ccdaemon.answers.keeping import if_it_can_be_written
from ccdaemon.archive import Archive
from ccdaemon.cases import CASE_KINDS, EXEMPTIONS, OUTCOMES, Case, Redaction, Subject
from ccdaemon.chain import Link
from ccdaemon.control import Answerer, Content, Refused, asker
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
    site: Callable[[], Site]

    def answers(self) -> dict[str, Answerer]:
        changing: dict[str, Answerer] = {
            "case open": self.open,
            "case pause": self.pause,
            "case resume": self.resume,
            "case extend": self.extend,
            "case close": self.close,
            "redact": self.redact,
            "unredact": self.unredact,
            "subject": self.subject,
            "subject erase": self.erase,
        }
        return {
            **{name: if_it_can_be_written(answerer) for name, answerer in changing.items()},
            "cases": self.cases,
            "redactions": self.redactions,
            "subject audio": self.audio,
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
        return await self._done(values["case"], done, "its clock stands still already, or it is closed")

    async def resume(self, values: dict[str, Any]) -> dict[str, Any]:
        done = await self.register.resume_case(values["case"], self._today(), asker.get(), time.time())
        return await self._done(values["case"], done, "its clock does not stand still")

    async def extend(self, values: dict[str, Any]) -> dict[str, Any]:
        done = await self.register.extend_case(values["case"], asker.get(), time.time())
        return await self._done(values["case"], done, "it was extended before, or it is closed")

    async def close(self, values: dict[str, Any]) -> dict[str, Any]:
        if (outcome := values["outcome"]) not in OUTCOMES:
            message = f"{outcome!r} is no outcome of a case; they are {', '.join(OUTCOMES)}"
            raise Refused(message)
        done = await self.register.close_case(values["case"], self._today(), outcome, asker.get(), time.time())
        return await self._done(values["case"], done, "it is closed already")

    async def _done(self, number: int, done: bool, otherwise: str) -> dict[str, Any]:  # noqa: FBT001 - what came of it
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
        made = [await self.register.add_redaction(part, asker.get(), time.time()) for part in found]
        return {"redactions": made}

    async def _parts(self, values: dict[str, Any]) -> AsyncIterator[Redaction]:
        why = values["why"]
        if "leg" in values:
            leg, segment, begins, ends = (values[name] for name in ("leg", "segment", "begins", "ends"))
            row = await self.register.recording(leg, segment)
            if row is None or row.seconds is None or not 0 <= begins < ends or begins >= row.seconds:
                message = f"there is no recording {leg}-{segment} with something between {begins} and {ends} seconds"
                raise Refused(message)
            yield Redaction(why, begins, ends, leg, segment)
            return
        item = await self.register.item(values["kind"], values["source"])
        words, places = values["words"], 0
        for number, said in enumerate(messages(item) if item and words else ()):
            place = said["text"].find(words)
            while place >= 0:
                places += 1
                yield Redaction(
                    why, place, place + len(words), kind=values["kind"], source=values["source"], message=number
                )
                place = said["text"].find(words, place + len(words))
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
        await self._note("search", case, parties, **counts)
        redactions = await self.register.redactions()
        return Content({**counts, "case": self._told(case)}, self._lines(found, redactions))

    async def audio(self, values: dict[str, Any]) -> Content:
        case = await self._case(values["case"], open_=True)
        why = {"purpose": AUDIO, "case": case.id, "reference": case.reference}
        return await opened(self.register, self.archive, values["leg"], values["segment"], why)

    async def erase(self, values: dict[str, Any]) -> dict[str, Any]:
        """Of a case of erasure; or, `dry`, only what would go and what would stay."""
        case = await self._case(values["case"], open_=True)
        if case.kind != "erasure" and not values["dry"]:
            message = f"case {case.id} does not ask for erasure"
            raise Refused(message)
        parties = self._parties(values)
        await self.register.refresh_holds()
        found = await self.register.subject(parties)
        stay = {
            "held": await self.register.held(found.calls, found.items),
            "going_on": await self.register.going_on(found.calls),
        }
        if values["dry"]:
            would = {"calls": len(found.calls), "recordings": len(found.recordings), "items": len(found.items)}
            return {**would, **stay}
        over = replace(found, calls=tuple(call for call in found.calls if call not in stay["going_on"]))
        gone = await erase(self.register, self.archive, over, time.time())
        await self._note("erase", case, parties, **{**asdict(gone), "left": len(gone.left)})
        return {**asdict(gone), **stay}

    def _parties(self, values: dict[str, Any]) -> list[str]:
        country = self.site().country
        parties = [found for written in values["parties"] if (found := party(written, country))]
        if not parties:
            message = "nobody is named: a number, or an address"
            raise Refused(message)
        return parties

    async def _note(self, did: str, case: Case, parties: list[str], **counts: int) -> None:
        """Whom it was about is an index that says nothing to anybody, once its key is gone with the month's."""
        about = await asyncio.to_thread(self.register.index_of, parties, time.time())
        said = {"case": case.id, "did": did, "about": about, "who": asker.get()}
        await self.register.audit(Link(time.time(), "subject", {**said, **counts}))

    async def _lines(self, found: Subject, redactions: list[Redaction]) -> AsyncIterator[bytes]:
        for call in found.calls:
            row = await self.register.call(call)
            if row is not None:
                timeline = [asdict(moment) for moment in await self.register.timeline(call)]
                yield _line("call", {**asdict(row), "timeline": timeline})
        for recording in found.recordings:
            silent = [
                (each.begins, each.ends)
                for each in redactions
                if (each.leg, each.segment) == (recording.leg, recording.segment)
            ]
            yield _line("recording", {**asdict(recording), "silent": silent})
        for item in found.items:
            yield _line("item", _masked(item, redactions))


def _masked(item: Item, redactions: list[Redaction]) -> dict[str, Any]:
    ours = [each for each in redactions if (each.kind, each.source) == (item.kind, item.source)]
    return {**asdict(replace(item, body="")), "messages": masked(messages(item), ours), "redacted": len(ours)}


def _line(kind: str, said: dict[str, Any]) -> bytes:
    return json.dumps({"kind": kind, f"{kind}": said}, ensure_ascii=False).encode() + b"\n"
