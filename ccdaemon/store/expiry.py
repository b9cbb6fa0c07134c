"""What is due in the register, and how it goes: first what opens it, then its file, then its row.

Each method is one transaction, in which every hold counts that was made before it. Done twice it does no harm: a run
that was killed begins again, and ends as it would have.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

from ccdaemon.chain import Link
from ccdaemon.faults import RegisterFull
from ccdaemon.kept import RECORDED, Due, Hanging, Recorded, Table, Wrapped
from ccdaemon.store.rows import Rows


class Expiry(Rows):
    """What is asked, and done, at night."""

    async def due_recordings(self, kind: Recorded, before: float) -> dict[str, int]:
        """How many of each service would go."""
        rows = await self._rows(_RECORDINGS, {"kind": kind, "before": before, "after": 0, "limit": -1})
        return dict(Counter(Due(*row).service for row in rows))

    async def due_calls(self, before: float) -> dict[str, int]:
        """How many of each service would lose their caller."""
        rows = await self._rows(_CALLS, {"before": before, "limit": -1})
        return dict(Counter(service for _, service in rows))

    async def take_recordings(self, kind: Recorded, before: float, after: int, limit: int) -> list[Due]:
        """Take from the next few, those behind the row `after`, what opens them. Nothing brings that back."""
        return await self._take(_RECORDINGS, {"kind": kind, "before": before, "after": after, "limit": limit})

    async def take_recordings_of(self, calls: Collection[str], after: int, limit: int) -> list[Due]:
        """The same of some calls, whether they are due or not."""
        return await self._take(_RECORDINGS_OF, {"calls": json.dumps([*calls]), "after": after, "limit": limit})

    async def drop_recordings(self, gone: Sequence[Due], now: float) -> None:
        """The rows of those whose files are gone, and transcripts that were made of them."""
        by_class = {kind: [each.name for each in gone if each.kind == kind] for kind in RECORDED}
        links = [Link(now, "expiry", {"class": kind, "items": names}) for kind, names in by_class.items() if names]
        values = {"rows": json.dumps([each.row for each in gone])}
        await self._transact([(_DROP_TRANSCRIPTS, values), (_DROP, values)], links)

    async def expire_calls(self, before: float, limit: int) -> dict[str, int]:
        """The next few calls lose their number and all that happened in them; that they were is kept. By service."""
        return await self._empty(_CALLS, {"before": before, "limit": limit})

    async def empty_calls(self, calls: Collection[str]) -> int:
        """The same of some calls that have ended, whether they are due or not; how many."""
        return sum((await self._empty(_CALLS_OF, {"calls": json.dumps([*calls])})).values())

    async def _take(self, which: str, values: Mapping[str, Any]) -> list[Due]:
        def take(connection: sqlite3.Connection) -> list[Due]:
            taken = [Due(*row) for row in connection.execute(which, values)]
            connection.execute(_FORGET, {"rows": json.dumps([each.row for each in taken])})
            return taken

        return await self._within(take)

    async def _empty(self, which: str, values: Mapping[str, Any]) -> dict[str, int]:
        def empty(connection: sqlite3.Connection) -> dict[str, int]:
            rows = connection.execute(which, values).fetchall()
            calls = {"calls": json.dumps([call for call, _ in rows])}
            for statement in _EMPTY:
                connection.execute(statement, calls)
            return Counter(service for _, service in rows)

        return await self._within(empty)

    # --- keys --------------------------------------------------------------------------------------------------------

    async def periods(self) -> set[str]:
        """On which keys something hangs."""
        return {period for (period,) in await self._rows(_PERIODS)}

    async def hanging(self, table: Table, period: str, after: int, limit: int) -> list[Hanging]:
        """What of a table hangs on the key of a period still, behind a row, each with a hold that keeps it, if any."""
        values = {"period": period, "after": after, "limit": limit}
        return [Hanging(*row) for row in await self._rows(_HANGING[table], values)]

    async def hang_recordings(self, wrapped: Sequence[tuple[int, Wrapped, str]]) -> None:
        """Rows, and by which key of which period each is wrapped now."""
        statements = [(_REWRAP, {"row": row, "wrapped": key, "period": period}) for row, key, period in wrapped]
        await self._transact(statements, [])

    async def hang_calls(self, calls: Sequence[tuple[Hanging, str]], period: str) -> None:
        """Hide the number of each by another key. Raises `KeyUnusable`, `OSError`."""

        def hang(connection: sqlite3.Connection) -> None:
            for call, target in calls:
                hidden = self._parties.move(call.sealed, period, target)
                values = {"row": call.row, "caller": hidden.text, "index": hidden.index, "period": hidden.period}
                connection.execute(_REHIDE, values)

        await self._within(hang)

    async def hang_items(self, items: Sequence[tuple[Hanging, str]], period: str) -> None:
        """The same of what other programs brought."""

        def hang(connection: sqlite3.Connection) -> None:
            for item, target in items:
                party, body = connection.execute(_ITEM, {"row": item.row}).fetchone()
                who = self._parties.move(party, period, target) if party else None
                said = self._parties.move(body, period, target)
                values = {"party": who and who.text, "party_index": who and who.index, "body": said.text}
                connection.execute(_REHIDE_ITEM, {"row": item.row, "period": target, **values})

        await self._within(hang)

    # --- runs --------------------------------------------------------------------------------------------------------

    async def last_run(self, *, whole: bool = False) -> float | None:
        """When the last run began that came to its end; of those that left nothing, if only they count."""
        ((began,),) = await self._rows("SELECT max(began) FROM runs WHERE whole >= :whole", {"whole": int(whole)})
        return None if began is None else float(began)

    async def ran(self, began: float, ended: float, detail: Mapping[str, Any], *, whole: bool) -> None:
        """A run has ended."""
        values = {"began": began, "ended": ended, "whole": int(whole), "detail": json.dumps(detail)}
        await self._transact([(_RAN, values)], [Link(ended, "expiry", {"whole": whole, **detail})])
        await self.settle()

    async def settle(self) -> None:
        """What was deleted is not in the write-ahead log either, unless somebody reads that now."""
        with suppress(RegisterFull):  # the next one will
            await self._rows("PRAGMA wal_checkpoint(TRUNCATE)")


_RECORDINGS = """
    SELECT row, leg, segment, service, file, class FROM unheld_recordings
    WHERE class = :kind AND row > :after AND at < :before ORDER BY row LIMIT :limit
"""
_RECORDINGS_OF = """
    SELECT row, leg, segment, service, file, class FROM unheld_recordings
    WHERE call IN (SELECT value FROM json_each(:calls)) AND row > :after ORDER BY row LIMIT :limit
"""
_FORGET = "UPDATE recordings SET wrapped = NULL WHERE rowid IN (SELECT value FROM json_each(:rows))"
_DROP_TRANSCRIPTS = """
    WITH gone AS (
        SELECT call FROM recordings WHERE class = 'recording' AND rowid IN (SELECT value FROM json_each(:rows))
    )
    DELETE FROM items
    WHERE call IN (
        SELECT id FROM calls WHERE id IN gone AND merged IS NULL UNION SELECT id FROM calls WHERE merged IN gone
    )
    AND id NOT IN (SELECT item FROM held_items)
"""
_DROP = "DELETE FROM recordings WHERE rowid IN (SELECT value FROM json_each(:rows))"
_CALLS = """
    SELECT id, service FROM unheld_calls WHERE began < :before AND main_began < :before LIMIT :limit
"""
_CALLS_OF = """
    SELECT id, service FROM unheld_calls WHERE main IN (SELECT value FROM json_each(:calls)) AND ended IS NOT NULL
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
    WITH held AS MATERIALIZED (SELECT call, min(hold) AS hold FROM held_calls GROUP BY call)
    SELECT recordings.rowid, wrapped, file, coalesce(calls.began, recordings.since, started), coalesce(held.hold, (
        SELECT min(span.id) FROM holds AS span WHERE span.released IS NULL AND span.since IS NOT NULL
        AND span.since <= recordings.since AND span.until > recordings.since
    )), class
    FROM recordings LEFT JOIN calls ON calls.id = recordings.call LEFT JOIN held ON held.call = recordings.call
    WHERE recordings.period = :period AND wrapped IS NOT NULL AND recordings.rowid > :after
    ORDER BY recordings.rowid LIMIT :limit
"""
_HANGING_CALLS = """
    WITH held AS MATERIALIZED (SELECT call, min(hold) AS hold FROM held_calls GROUP BY call)
    SELECT calls.rowid, caller, NULL, began, held.hold, 'call'
    FROM calls LEFT JOIN held ON held.call = coalesce(merged, id)
    WHERE period = :period AND calls.rowid > :after ORDER BY calls.rowid LIMIT :limit
"""
_HANGING_ITEMS = """
    WITH held AS MATERIALIZED (SELECT item, min(hold) AS hold FROM held_items GROUP BY item)
    SELECT id, body, NULL, at, held.hold, class FROM items LEFT JOIN held ON held.item = items.id
    WHERE period = :period AND id > :after ORDER BY id LIMIT :limit
"""
_HANGING: Mapping[Table, str] = {
    "recordings": _HANGING_RECORDINGS,
    "calls": _HANGING_CALLS,
    "items": _HANGING_ITEMS,
}
_ITEM = "SELECT party, body FROM items WHERE id = :row"
_REHIDE_ITEM = """
    UPDATE items SET party = :party, party_index = :party_index, body = :body, period = :period WHERE id = :row
"""
_PERIODS = """
    SELECT period FROM recordings WHERE period IS NOT NULL AND wrapped IS NOT NULL
    UNION SELECT period FROM calls WHERE period IS NOT NULL
    UNION SELECT period FROM items
"""
_REWRAP = "UPDATE recordings SET wrapped = :wrapped, period = :period WHERE rowid = :row AND wrapped IS NOT NULL"
_REHIDE = """
    UPDATE calls SET caller = :caller, caller_index = :index, period = :period
    WHERE rowid = :row AND caller IS NOT NULL
"""
_RAN = "INSERT INTO runs (began, ended, whole, detail) VALUES (:began, :ended, :whole, :detail)"
