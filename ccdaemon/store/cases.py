"""Cases in the register: who asks about themselves, until when, and what is kept from them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from ccdaemon.cases import Case, Pause, Redaction
from ccdaemon.chain import Link
from ccdaemon.store.rows import Rows


class Cases(Rows):
    """What is asked about cases, and redactions. Each change stands in the audit chain with who made it."""

    async def open_case(self, kind: str, reference: str, received: date, who: str, now: float) -> int:
        values = {"kind": kind, "reference": reference, "received": received.isoformat(), "opener": who}

        def add(connection: sqlite3.Connection) -> int:
            number = connection.execute(_OPEN, values).lastrowid
            assert number is not None
            return number

        return await self._within(
            add, lambda number: [Link(now, "case", {"case": number, "did": "open", "kind": kind, "who": who})]
        )

    async def cases(self) -> list[Case]:
        """All of them, the oldest first."""
        pauses: dict[int, list[Pause]] = {}
        for case, began, ended in await self._rows("SELECT case_id, began, ended FROM pauses ORDER BY began"):
            pauses.setdefault(case, []).append(Pause(date.fromisoformat(began), _day(ended)))
        return [_case(row, pauses.get(row[0], ())) for row in await self._rows(_CASES)]

    async def case(self, number: int) -> Case | None:
        return next((case for case in await self.cases() if case.id == number), None)

    async def pause_case(self, case: int, day: date, who: str, now: float) -> bool:
        """Its clock stands still. False where it does already, or the case is closed."""
        return await self._change(_PAUSE, case, "pause", who, now, day=day.isoformat())

    async def resume_case(self, case: int, day: date, who: str, now: float) -> bool:
        """Its clock goes on. False where it went on."""
        return await self._change(_RESUME, case, "resume", who, now, day=day.isoformat())

    async def extend_case(self, case: int, who: str, now: float) -> bool:
        """By two months, once. False where it was, or the case is closed."""
        return await self._change(_EXTEND, case, "extend", who, now)

    async def close_case(self, case: int, day: date, outcome: str, who: str, now: float) -> bool:
        """False where it is closed."""
        return await self._change(_CLOSE, case, outcome, who, now, day=day.isoformat(), outcome=outcome)

    async def _change(self, sql: str, case: int, did: str, who: str, now: float, **values: Any) -> bool:  # noqa: ANN401 - any of SQLite's
        def change(connection: sqlite3.Connection) -> bool:
            return connection.execute(sql, {"case": case, **values}).rowcount == 1

        link = Link(now, "case", {"case": case, "did": did, "who": who})
        return await self._within(change, _if_done(link))

    async def forget_closed(self, before: date, moment: float) -> None:
        """Cases that were closed before a day, and disclosures that were asked for before that moment."""
        await self._transact([(_FORGET_CASES, {"before": before.isoformat()}), (_FORGET, {"before": moment})], [])

    # --- redactions --------------------------------------------------------------------------------------------------

    async def add_redactions(self, parts: Sequence[Redaction], who: str, now: float) -> list[int]:
        """All of them, or none."""

        def add(connection: sqlite3.Connection) -> list[int]:
            return [int(connection.execute(_REDACT, asdict(part)).lastrowid or 0) for part in parts]

        def links(numbers: list[int]) -> list[Link]:
            said = [{"why": part.why, "leg": part.leg, "item": part.kind, "who": who} for part in parts]
            return [
                Link(now, "redaction", {"redaction": number, **each})
                for number, each in zip(numbers, said, strict=True)
            ]

        return await self._within(add, links)

    async def remove_redaction(self, redaction: int, who: str, now: float) -> bool:
        def remove(connection: sqlite3.Connection) -> bool:
            return connection.execute("DELETE FROM redactions WHERE id = :id", {"id": redaction}).rowcount == 1

        link = Link(now, "redaction", {"redaction": redaction, "removed": True, "who": who})
        return await self._within(remove, _if_done(link))

    async def redactions(self) -> list[Redaction]:
        return [Redaction(*row) for row in await self._rows(_REDACTIONS)]


def _if_done(link: Link) -> Callable[[bool], Sequence[Link]]:
    return lambda done: [link] if done else []


def _case(row: Sequence[Any], pauses: Sequence[Pause]) -> Case:
    number, kind, reference, received, opener, extended, closed, outcome = row
    return Case(
        *(number, kind, reference, date.fromisoformat(received), opener, bool(extended), tuple(pauses)),
        *(_day(closed), outcome),
    )


def _day(written: str | None) -> date | None:
    return None if written is None else date.fromisoformat(written)


_OPEN = "INSERT INTO cases (kind, reference, received, opener) VALUES (:kind, :reference, :received, :opener)"
_CASES = "SELECT id, kind, reference, received, opener, extended, closed, outcome FROM cases ORDER BY id"
_PAUSE = """
    INSERT INTO pauses (case_id, began) SELECT id, :day FROM cases
    WHERE id = :case AND closed IS NULL AND id NOT IN (SELECT case_id FROM pauses WHERE ended IS NULL)
"""
_RESUME = """
    UPDATE pauses SET ended = max(began, :day)
    WHERE case_id = :case AND ended IS NULL AND case_id IN (SELECT id FROM cases WHERE closed IS NULL)
"""
_EXTEND = "UPDATE cases SET extended = 1 WHERE id = :case AND closed IS NULL AND NOT extended"
_CLOSE = "UPDATE cases SET closed = :day, outcome = :outcome WHERE id = :case AND closed IS NULL"
_FORGET_CASES = "DELETE FROM cases WHERE closed < :before"
_FORGET = "DELETE FROM disclosures WHERE requested < :before"
_REDACT = """
    INSERT INTO redactions (why, begins, ends, leg, segment, kind, source, message)
    VALUES (:why, :begins, :ends, :leg, :segment, :kind, :source, :message)
"""
_REDACTIONS = "SELECT why, begins, ends, leg, segment, kind, source, message, id FROM redactions ORDER BY id"
