"""Holds in the register: what is kept longer than its time, why, and until when somebody has to ask again."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict, replace

from ccdaemon.chain import Link
from ccdaemon.kept import Hold, HoldRow
from ccdaemon.store.rows import Rows


class Holds(Rows):
    """What is asked about holds. A hold counts for every transaction that begins after it was made."""

    async def add_hold(self, hold: Hold, maker: str, now: float) -> int:
        """Keep what it is about, from now on. Raises `RegisterFull`, or `OSError` where its key cannot be written."""
        number, _ = await self._hold(hold, maker, now, once=False)
        return number

    async def hold_once(self, hold: Hold, maker: str, now: float) -> int:
        """The same of a call, unless a hold with this reference keeps it, or what it became part of, already."""
        number, _ = await self._hold(hold, maker, now, once=True)
        return number

    async def _hold(self, hold: Hold, maker: str, now: float, *, once: bool) -> tuple[int, bool]:
        """Its number, and whether it was made now."""

        def add(connection: sqlite3.Connection) -> tuple[int, bool]:
            known = {"reference": hold.reference, "call": hold.call}
            if once and (standing := connection.execute(_KEEPS, known).fetchone()) is not None:
                return int(standing[0]), False
            values = {**asdict(hold), "number": None, "made": now, "maker": maker}
            number = connection.execute(_ADD, values).lastrowid
            assert number is not None
            hidden = self._parties.hide_for(hold.number or "", f"hold-{number}")  # its key is there, whatever it keeps
            if hold.number is not None:
                connection.execute(_HIDE, {"hold": number, "number": hidden.text})
                _index(connection, number, self._parties.indexes(hold.number))
            return number, True

        said = {"reason": hold.reason, "reference": hold.reference, "call": hold.call, "who": maker}
        said |= {"about": "number" if hold.number is not None else "call" if hold.call is not None else "time"}
        return await self._within(add, lambda held: [Link(now, "hold", {"hold": held[0], **said})] if held[1] else [])

    async def release_hold(self, hold: int, releaser: str, now: float) -> bool:
        """What it kept goes with the next run, if it is due. False if there is no such hold that stands."""

        def release(connection: sqlite3.Connection) -> bool:
            done = connection.execute(_RELEASE, {"hold": hold, "at": now, "releaser": releaser}).rowcount
            connection.execute("DELETE FROM held_callers WHERE hold = :hold", {"hold": hold})
            return done == 1

        link = Link(now, "release", {"hold": hold, "who": releaser})
        return await self._within(release, lambda released: [link] if released else [])

    async def holds(self) -> list[HoldRow]:
        """All of them, the newest first; released ones without their number."""
        rows = await self._rows(_HOLDS)
        return [replace(row, number=self._shown(row)) for row in (HoldRow(*row) for row in rows)]

    async def held_calls(self, hold: int) -> int:
        """How many calls a hold keeps now."""
        known = "SELECT count(*) FROM held_calls JOIN calls ON calls.id = held_calls.call WHERE hold = :hold"
        ((count,),) = await self._rows(known, {"hold": hold})
        return int(count)

    async def standing_holds(self) -> set[int]:
        """Those that are not released."""
        return {hold for (hold,) in await self._rows("SELECT id FROM standing_holds")}

    async def refresh_holds(self) -> None:
        """Find the numbers that are held in months that have begun since they were."""
        held = {row.id: row.number for row in await self.holds() if isinstance(row.number, str)}

        def refresh(connection: sqlite3.Connection) -> None:
            for hold, number in held.items():
                _index(connection, hold, self._parties.indexes(number))

        await self._within(refresh)

    def _shown(self, row: HoldRow) -> str | None:
        return self._parties.show(row.number, f"hold-{row.id}") if isinstance(row.number, bytes) else None


def _index(connection: sqlite3.Connection, hold: int, indexes: list[str]) -> None:
    connection.executemany(_INDEX, [{"hold": hold, "index": index} for index in indexes])


_ADD = """
    INSERT INTO holds (made, maker, reason, reference, call, number, since, until, review)
    VALUES (:made, :maker, :reason, :reference, :call, :number, :since, :until, :review)
"""
_HIDE = "UPDATE holds SET number = :number WHERE id = :hold"
_INDEX = "INSERT INTO held_callers (hold, caller_index) VALUES (:hold, :index) ON CONFLICT DO NOTHING"
_KEEPS = """
    SELECT hold.id FROM standing_holds AS hold JOIN held_calls ON held_calls.hold = hold.id
    WHERE hold.reference = :reference
    AND held_calls.call = coalesce((SELECT merged FROM calls WHERE id = :call), :call)
"""
_RELEASE = """
    UPDATE holds SET released = :at, releaser = :releaser, number = NULL WHERE id = :hold AND released IS NULL
"""
_HOLDS = """
    SELECT id, made, maker, reason, reference, number, call, since, until, review, released, releaser
    FROM holds ORDER BY id DESC
"""
