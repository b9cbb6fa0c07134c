"""The register: everything that we keep about calls, in one SQLite database.

One process writes it, over one connection. Notices come in batches and each batch is one transaction, so that whatever
is killed when, the register holds a whole number of batches. Every question has a method of its own.
Source: https://sqlite.org/lang.html, https://sqlite.org/pragma.html
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiosqlite

from ccdaemon.chain import Head, Link, Row, Verification
from ccdaemon.faults import RegisterFull
from ccdaemon.kept import FinishedFile, Kept, Recording
from ccdaemon.notices import Notice
from ccdaemon.store import audited
from ccdaemon.store.database import HEAD, Database, RegisterUnusable, prepare
from ccdaemon.store.entries import Statement, entries


@dataclass(frozen=True, slots=True)
class CallRow:
    """One call in a list."""

    id: str
    began: float
    ended: float | None
    seen_end: bool
    dialled: str | None
    number: str | None
    service: str | None
    language: str | None
    tier: int | None
    recordings: int


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of a call's timeline."""

    at: float
    kind: str
    leg: str | None
    detail: dict[str, Any]


@asynccontextmanager
async def open_register(file: Path) -> AsyncIterator[Register]:
    """Open the register, brought to its newest shape. Raises `RegisterUnusable`."""
    try:
        sqlite3.connect(file).close()  # where this fails, aiosqlite's thread would outlive the event loop
        database = Database(file)
        await database
    except aiosqlite.Error as fault:
        message = f"the register {file} cannot be opened: {fault}"
        raise RegisterUnusable(message) from None
    try:
        await prepare(database, file)
        yield Register(database)
    finally:
        await database.close()


class Register:
    """The open register. Methods are whole transactions."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.chain_grew = asyncio.Event()  # by what was audited; whoever waits for it clears it

    async def write(self, notices: Sequence[Notice]) -> None:
        """Enter what happened, all of it or nothing. Raises `RegisterFull` if the disk takes nothing now."""
        await self._transact(entries(notices), [*audited.of_notices(notices)])

    # --- calls -------------------------------------------------------------------------------------------------------

    async def open_calls(self) -> list[str]:
        """Calls that have not ended, as far as the register knows."""
        return [call for (call,) in await self._rows("SELECT id FROM calls WHERE ended IS NULL")]

    async def open_legs(self) -> list[tuple[str, str]]:
        """Legs that have not ended, each with its call."""
        return [(leg, call) for leg, call in await self._rows("SELECT id, call FROM legs WHERE ended IS NULL")]

    async def open_visits(self) -> list[tuple[str, str, str]]:
        """Visits to queues that have not ended: leg, queue and call."""
        rows = await self._rows("SELECT leg, queue, call FROM visits WHERE left_at IS NULL")
        return [(leg, queue, call) for leg, queue, call in rows]

    async def calls(self, since: float, until: float, service: str | None = None, limit: int = 1000) -> list[CallRow]:
        """Calls that began in a span of time, the newest first."""
        rows = await self._rows(
            """
            SELECT id, began, ended, seen_end, dialled, number, service, language, tier,
                   (SELECT count(*) FROM recordings WHERE call = calls.id)
            FROM calls
            WHERE began >= :since AND began < :until AND merged IS NULL AND (:service IS NULL OR service = :service)
            ORDER BY began DESC LIMIT :limit
            """,
            {"since": since, "until": until, "service": service, "limit": limit},
        )
        return [_call_row(row) for row in rows]

    async def call(self, call: str) -> CallRow | None:
        """One call; after a merger the one that it became part of."""
        rows = await self._rows(
            """
            SELECT id, began, ended, seen_end, dialled, number, service, language, tier,
                   (SELECT count(*) FROM recordings WHERE call = calls.id)
            FROM calls WHERE id = coalesce((SELECT merged FROM calls WHERE id = :call), :call)
            """,
            {"call": call},
        )
        return _call_row(rows[0]) if rows else None

    async def timeline(self, call: str) -> list[Moment]:
        """Everything that is known of a call, in its order."""
        rows = await self._rows(
            """
            SELECT at, kind, leg, detail FROM events
            WHERE call IN (SELECT id FROM calls WHERE id = :call OR merged = :call)
            GROUP BY CASE kind WHEN 'door' THEN detail ELSE id END  -- of two calls that became one both have it
            UNION ALL
            SELECT began, 'leg began', id, json_object('channel', channel) FROM legs WHERE call = :call
            UNION ALL
            SELECT ended, 'leg ended', id, json_object('channel', channel, 'cause', cause)
            FROM legs WHERE call = :call AND ended IS NOT NULL
            UNION ALL
            SELECT joined, 'joined queue', leg, json_object('queue', queue) FROM visits WHERE call = :call
            UNION ALL
            SELECT left_at, 'left queue', leg, json_object('queue', queue, 'outcome', outcome, 'member', member)
            FROM visits WHERE call = :call AND left_at IS NOT NULL
            UNION ALL
            SELECT started, 'recorder started', leg, '{}' FROM recordings WHERE call = :call AND started IS NOT NULL
            UNION ALL
            SELECT stopped, 'recorder stopped', leg, json_object('reason', reason)
            FROM recordings WHERE call = :call AND stopped IS NOT NULL
            ORDER BY 1
            """,
            {"call": call},
        )
        return [Moment(at, kind, leg, json.loads(detail)) for at, kind, leg, detail in rows]

    # --- recordings --------------------------------------------------------------------------------------------------

    async def recordings(self, call: str) -> list[Recording]:
        """The recordings of a call, in their order."""
        rows = await self._rows(f"{_RECORDING} WHERE call = :call ORDER BY started, leg, segment", {"call": call})
        return [Recording(*row) for row in rows]

    async def recordings_of(self, legs: Collection[str]) -> list[Recording]:
        """The recordings of some legs, in their order."""
        chosen = "WHERE leg IN (SELECT value FROM json_each(:legs)) ORDER BY started, leg, segment"
        rows = await self._rows(f"{_RECORDING} {chosen}", {"legs": json.dumps([*legs])})
        return [Recording(*row) for row in rows]

    async def recordings_between(
        self, since: float, until: float, service: str | None = None, limit: int = 1000
    ) -> list[Recording]:
        """Finished recordings of calls that began in a span of time, the newest first."""
        rows = await self._rows(
            f"""
            {_RECORDING} WHERE since >= :since AND since < :until AND wrapped IS NOT NULL
            AND (:service IS NULL OR service = :service) ORDER BY since DESC, leg, segment LIMIT :limit
            """,
            {"since": since, "until": until, "service": service, "limit": limit},
        )
        return [Recording(*row) for row in rows]

    async def unfinished_recordings(self) -> list[Recording]:
        """Recordings without a finished file and without a known reason for it."""
        return [Recording(*row) for row in await self._rows(f"{_RECORDING} WHERE file IS NULL AND fault IS NULL")]

    async def finished_recordings(self) -> list[Recording]:
        """All recordings that have a file."""
        return [Recording(*row) for row in await self._rows(f"{_RECORDING} WHERE file IS NOT NULL")]

    async def began(self, call: str) -> float | None:
        """When a call began; after a merger the one that it became part of."""
        found = await self.call(call)
        return found.began if found else None

    async def kept(self, leg: str, segment: int) -> Kept | None:
        """Where a finished recording lies."""
        rows = await self._rows(
            "SELECT file, period, wrapped FROM recordings "
            "WHERE leg = :leg AND segment = :segment AND wrapped IS NOT NULL",
            {"leg": leg, "segment": segment},
        )
        return Kept(*rows[0]) if rows else None

    async def finish_recording(
        self, row: Recording, done: FinishedFile | None = None, since: float | None = None
    ) -> None:
        """Enter a finished recording, or what became of it. What is known already of its beginning and end stays.

        Retention counts `since` its call began.
        """
        values = {**asdict(row), "period": done and done.period, "wrapped": done and done.wrapped, "since": since}
        await self._transact([(_FINISH, values)], [audited.of_recording(row, time.time())])

    # --- the audit chain ---------------------------------------------------------------------------------------------

    async def head(self) -> Head:
        """The last row of the audit chain."""
        rows = await self._rows(HEAD)
        return Head(*rows[0]) if rows else Head()

    async def audit(self, link: Link) -> None:
        """Add to the chain what is no notice of a call. Raises `RegisterFull`."""
        await self._transact([], [link])

    async def audited(self, call: str) -> list[Row]:
        """The rows of the audit chain that speak of a call, or of one that became part of it."""
        rows = await self._rows(
            """
            WITH mine AS (SELECT id FROM calls WHERE id = :call OR merged = :call)
            SELECT seq, at, kind, detail, hash FROM audit
            WHERE json_valid(detail) AND (
                json_extract(detail, '$.call') IN mine
                OR EXISTS (
                    SELECT 1 FROM json_each(detail, '$.channels') AS channel
                    WHERE CASE channel.type WHEN 'object' THEN json_extract(channel.value, '$.call') END IN mine
                )
            )
            ORDER BY seq
            """,
            {"call": call},
        )
        return [Row(*row) for row in rows]

    async def audited_of(self, legs: Collection[str]) -> list[Row]:
        """The rows about recordings of some legs, and about their going on."""
        rows = await self._rows(
            """
            SELECT seq, at, kind, detail, hash FROM audit
            WHERE kind IN ('recording', 'resumption') AND json_valid(detail)
            AND json_extract(detail, '$.leg') IN (SELECT value FROM json_each(:legs)) ORDER BY seq
            """,
            {"legs": json.dumps([*legs])},
        )
        return [Row(*row) for row in rows]

    async def audited_between(self, since: float, until: float) -> list[Row]:
        """The rows of the audit chain of a span of time."""
        rows = await self._rows(
            "SELECT seq, at, kind, detail, hash FROM audit WHERE at >= :since AND at < :until ORDER BY seq",
            {"since": round(1000 * since), "until": round(1000 * until)},
        )
        return [Row(*row) for row in rows]

    async def verify(self, against: Head | None = None) -> Verification:
        """Hold the rows of the audit chain against each other, and against a head that was kept elsewhere."""
        found = Verification(against)
        async with self._database.execute("SELECT seq, at, kind, detail, hash FROM audit ORDER BY seq") as cursor:
            async for row in cursor:
                found.take(Row(*row))
        found.end()
        return found

    async def _transact(self, statements: Iterable[Statement], links: Sequence[Link]) -> None:
        try:
            await self._database.transact([*statements], links)
            if links:
                self.chain_grew.set()
        except aiosqlite.OperationalError as fault:
            raise RegisterFull(str(fault)) from fault

    async def _rows(self, sql: str, values: dict[str, Any] | None = None) -> list[Any]:
        return list(await self._database.execute_fetchall(sql, values or {}))


_FINISH = """
    INSERT INTO recordings (leg, segment, call, service, started, stopped, reason, file, seconds, bytes, sha256, fault,
                            since, period, wrapped)
    VALUES (:leg, :segment, coalesce((SELECT merged FROM calls WHERE id = :call), :call), :service, :started, :stopped,
            :reason, :file, :seconds, :bytes, :sha256, :fault, :since, :period, :wrapped)
    ON CONFLICT (leg, segment) DO UPDATE SET
        call = coalesce(call, excluded.call), service = coalesce(:service, service),
        started = coalesce(started, :started), stopped = coalesce(stopped, :stopped),
        reason = coalesce(reason, :reason),
        file = :file, seconds = :seconds, bytes = :bytes, sha256 = :sha256, fault = :fault,
        since = coalesce(:since, since), period = coalesce(:period, period), wrapped = coalesce(:wrapped, wrapped)
"""
_RECORDING = """
    SELECT leg, call, service, started, stopped, reason, file, seconds, bytes, sha256, fault, segment FROM recordings
"""


def _call_row(row: Any) -> CallRow:  # noqa: ANN401 - sqlite3 rows have no type
    call, began, ended, seen_end, *rest = row
    return CallRow(call, began, ended, bool(seen_end), *rest)
