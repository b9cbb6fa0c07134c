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

    async def due(self, recordings: float, calls: float) -> dict[str, dict[str, int]]:
        """How much would go, by class and service, of what began before these moments."""
        values = {"before": recordings, "after": 0, "limit": -1}
        taken = Counter(row[3] for row in await self._rows(_RECORDINGS, values))
        passed = Counter(row[1] for row in await self._rows(_CALLS, values | {"before": calls}))
        return {"recording": dict(taken), "call": dict(passed)}

    async def take_recordings(self, before: float, after: int, limit: int) -> list[Due]:
        """Take from the next few, those behind the row `after`, what opens them. Nothing brings that back."""

        def take(connection: sqlite3.Connection) -> list[Due]:
            values = {"before": before, "after": after, "limit": limit}
            taken = [Due(*row) for row in connection.execute(_RECORDINGS, values)]
            connection.execute(_FORGET, {"rows": json.dumps([each.row for each in taken])})
            return taken

        return await self._within(take)

    async def drop_recordings(self, gone: Sequence[Due], now: float) -> None:
        """The rows of those whose files are gone."""
        link = Link(now, "expiry", {"class": "recording", "items": [each.name for each in gone]})
        await self._transact([(_DROP, {"rows": json.dumps([each.row for each in gone])})], [link])

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

    async def periods(self) -> set[str]:
        """On which keys something hangs."""
        return {period for (period,) in await self._rows(_PERIODS)}

    async def hanging(self, period: str, limit: int) -> tuple[list[Hanging], list[Hanging]]:
        """Recordings, and calls, that hang on the key of a period still, each with a hold that keeps it, if any."""
        values = {"period": period, "limit": limit}
        recordings = [Hanging(*row) for row in await self._rows(_HANGING_RECORDINGS, values)]
        return recordings, [Hanging(*row) for row in await self._rows(_HANGING_CALLS, values)]

    async def hang_recordings(self, wrapped: Mapping[int, Wrapped], period: str) -> None:
        """On the key of another period."""
        await self._transact(
            [(_REWRAP, {"row": row, "wrapped": each, "period": period}) for row, each in wrapped.items()], []
        )

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
    "UPDATE visits SET member = NULL WHERE call IN (SELECT value FROM json_each(:calls))",
    """
    UPDATE calls SET caller = NULL, caller_index = NULL, period = NULL, expired = 1
    WHERE id IN (SELECT value FROM json_each(:calls))
    """,
)
_PERIODS = """
    SELECT period FROM recordings WHERE period IS NOT NULL UNION SELECT period FROM calls WHERE period IS NOT NULL
"""
_HANGING_RECORDINGS = """
    SELECT recordings.rowid, wrapped, file, coalesce(calls.began, since, started),
           (SELECT min(hold) FROM held_calls WHERE held_calls.call = recordings.call)
    FROM recordings LEFT JOIN calls ON calls.id = recordings.call
    WHERE recordings.period = :period AND wrapped IS NOT NULL LIMIT :limit
"""
_HANGING_CALLS = """
    SELECT rowid, caller, NULL, began, (SELECT min(hold) FROM held_calls WHERE call = coalesce(merged, id))
    FROM calls WHERE period = :period LIMIT :limit
"""
_REWRAP = "UPDATE recordings SET wrapped = :wrapped, period = :period WHERE rowid = :row AND wrapped IS NOT NULL"
_REHIDE = """
    UPDATE calls SET caller = :caller, caller_index = :index, period = :period
    WHERE rowid = :row AND caller IS NOT NULL
"""
_RAN = "INSERT INTO runs (began, ended, whole, detail) VALUES (:began, :ended, :whole, :detail)"
