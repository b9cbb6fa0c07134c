"""What is due in the register, and how it goes: first what opens it, then its file, then its row.

Each method is one transaction, in which every hold counts that was made before it. Done twice it does no harm: a run
that was killed begins again, and ends as it would have.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ccdaemon.chain import Link
from ccdaemon.kept import Due, Hanging, Wrapped
from ccdaemon.store.rows import Rows


class Expiry(Rows):
    """What is asked, and done, at night."""

    async def due_recordings(self, before: float) -> dict[str, int]:
        """How many of each service would go."""
        rows = await self._rows(_RECORDINGS, {"before": before, "after": 0, "limit": -1})
        return dict(Counter(service for _, _, _, service, _ in rows))

    async def due_calls(self, before: float) -> dict[str, int]:
        """How many of each service would lose their caller."""
        rows = await self._rows(_CALLS, {"before": before, "limit": -1})
        return dict(Counter(service for _, service in rows))

    async def take_recordings(self, before: float, after: int, limit: int) -> list[Due]:
        """Take from the next few, those behind the row `after`, what opens them. Nothing brings that back."""

        def take(connection: sqlite3.Connection) -> list[Due]:
            values = {"before": before, "after": after, "limit": limit}
            taken = [Due(*row) for row in connection.execute(_RECORDINGS, values)]
            connection.execute(_FORGET, {"rows": json.dumps([each.row for each in taken])})
            return taken

        return await self._within(take)

    async def drop_recordings(self, gone: Sequence[Due], now: float) -> None:
        """The rows of those whose files are gone, and transcripts that were made of them."""
        link = Link(now, "expiry", {"class": "recording", "items": [each.name for each in gone]})
        values = {"rows": json.dumps([each.row for each in gone])}
        await self._transact([(_DROP_TRANSCRIPTS, values), (_DROP, values)], [link])

    async def expire_calls(self, before: float, limit: int) -> dict[str, int]:
        """The next few calls lose their number and all that happened in them; that they were is kept. By service."""

        def expire(connection: sqlite3.Connection) -> dict[str, int]:
            rows = connection.execute(_CALLS, {"before": before, "limit": limit}).fetchall()
            values = {"calls": json.dumps([call for call, _ in rows])}
            for statement in _EMPTY:
                connection.execute(statement, values)
            return Counter(service for _, service in rows)

        return await self._within(expire)

    # --- keys --------------------------------------------------------------------------------------------------------

    async def hanging_recordings(self, period: str, limit: int) -> list[Hanging]:
        """What hangs on the key of a period still, each with a hold that keeps it, if any."""
        return [Hanging(*row) for row in await self._rows(_HANGING_RECORDINGS, {"period": period, "limit": limit})]

    async def hanging_calls(self, period: str, limit: int) -> list[Hanging]:
        """The same of calls."""
        return [Hanging(*row) for row in await self._rows(_HANGING_CALLS, {"period": period, "limit": limit})]

    async def hang_recording(self, recording: Hanging, wrapped: Wrapped, period: str) -> None:
        """On the key of another period."""
        await self._transact([(_REWRAP, {"row": recording.row, "wrapped": wrapped, "period": period})], [])

    async def hang_call(self, call: Hanging, period: str, target: str) -> None:
        """Hide its number by another key. Raises `KeyUnusable`, `OSError`."""
        hidden = await asyncio.to_thread(self._parties.move, call.sealed, period, target)
        values = {"row": call.row, "caller": hidden.text, "index": hidden.index, "period": hidden.period}
        await self._transact([(_REHIDE, values)], [])

    # --- runs --------------------------------------------------------------------------------------------------------

    async def last_run(self) -> float | None:
        """When the last whole run began."""
        ((began,),) = await self._rows("SELECT max(began) FROM runs WHERE whole")
        return None if began is None else float(began)

    async def ran(self, began: float, ended: float, detail: Mapping[str, Any], *, whole: bool) -> None:
        """A run has ended; what it deleted is not to be found in the write-ahead log either."""
        values = {"began": began, "ended": ended, "whole": int(whole), "detail": json.dumps(detail)}
        await self._transact([(_RAN, values)], [Link(ended, "expiry", {"whole": whole, **detail})])
        await self._database.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")


_RECORDINGS = """
    SELECT recordings.rowid, recordings.leg, recordings.segment, coalesce(recordings.service, ''), recordings.file
    FROM recordings LEFT JOIN calls ON calls.id = recordings.call
    WHERE recordings.rowid > :after AND coalesce(calls.began, recordings.since, recordings.started) < :before
    AND coalesce(recordings.call, '') NOT IN (SELECT call FROM held_calls)
    ORDER BY recordings.rowid LIMIT :limit
"""
_FORGET = "UPDATE recordings SET wrapped = NULL, period = NULL WHERE rowid IN (SELECT value FROM json_each(:rows))"
_DROP_TRANSCRIPTS = """
    DELETE FROM items
    WHERE call IN (SELECT call FROM recordings WHERE rowid IN (SELECT value FROM json_each(:rows)))
    AND id NOT IN (SELECT item FROM held_items)
"""
_DROP = "DELETE FROM recordings WHERE rowid IN (SELECT value FROM json_each(:rows))"
_CALLS = """
    SELECT calls.id, coalesce(calls.service, '')
    FROM calls LEFT JOIN calls AS main ON main.id = calls.merged
    WHERE calls.began < :before AND NOT calls.expired AND coalesce(main.began, calls.began) < :before
    AND coalesce(calls.merged, calls.id) NOT IN (SELECT call FROM held_calls)
    LIMIT :limit
"""
_EMPTY = (
    "DELETE FROM events WHERE call IN (SELECT value FROM json_each(:calls))",
    "DELETE FROM legs WHERE call IN (SELECT value FROM json_each(:calls))",
    """
    DELETE FROM items WHERE call IN (SELECT value FROM json_each(:calls)) AND id NOT IN (SELECT item FROM held_items)
    """,
    "UPDATE visits SET member = NULL WHERE call IN (SELECT value FROM json_each(:calls))",
    """
    UPDATE calls SET caller = NULL, caller_index = NULL, period = NULL, expired = 1
    WHERE id IN (SELECT value FROM json_each(:calls))
    """,
)
_HANGING_RECORDINGS = """
    SELECT recordings.rowid, wrapped, file, coalesce(calls.began, since, started),
           (SELECT min(hold) FROM held_calls WHERE held_calls.call = recordings.call), 'recording'
    FROM recordings LEFT JOIN calls ON calls.id = recordings.call
    WHERE recordings.period = :period AND wrapped IS NOT NULL LIMIT :limit
"""
_HANGING_CALLS = """
    SELECT rowid, caller, NULL, began, (SELECT min(hold) FROM held_calls WHERE call = coalesce(merged, id)), 'call'
    FROM calls WHERE period = :period LIMIT :limit
"""
_REWRAP = "UPDATE recordings SET wrapped = :wrapped, period = :period WHERE rowid = :row AND wrapped IS NOT NULL"
_REHIDE = """
    UPDATE calls SET caller = :caller, caller_index = :index, period = :period
    WHERE rowid = :row AND caller IS NOT NULL
"""
_RAN = "INSERT INTO runs (began, ended, whole, detail) VALUES (:began, :ended, :whole, :detail)"
