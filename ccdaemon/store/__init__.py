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
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import aiosqlite

from ccdaemon.chain import Head, Link, Row, Verification, linked
from ccdaemon.faults import RegisterFull
from ccdaemon.model import Recording
from ccdaemon.notices import Notice
from ccdaemon.store import audited
from ccdaemon.store.entries import Statement, entries

BUSY_TIMEOUT = 5000  # milliseconds; nobody else writes, but a backup may read


class RegisterUnusable(Exception):
    """The register cannot be opened: it is of a newer version, damaged, or not ours to write."""


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


class Database(aiosqlite.Connection):
    """One connection, whose thread carries out a whole transaction at a time.

    Statement by statement each would be a trip to that thread and back, which costs more than the statement; and what
    waits between two of them might be cancelled there.
    """

    def __init__(self, file: Path) -> None:
        super().__init__(lambda: sqlite3.connect(file, isolation_level=None), iter_chunk_size=64)

    async def transact(self, statements: Sequence[Statement], links: Sequence[Link] = ()) -> None:
        """Carry out all of them or none, and add to the audit chain. Who is cancelled meanwhile does not know which."""
        await self._execute(self._transact, statements, links)  # type: ignore[no-untyped-call]  # aiosqlite gives it no type

    def _transact(self, statements: Sequence[Statement], links: Sequence[Link]) -> None:
        self._conn.execute("BEGIN IMMEDIATE")
        try:
            for sql, values in statements:
                self._conn.execute(sql, values)
            self._chain(links)
            self._conn.execute("COMMIT")
        finally:
            if self._conn.in_transaction:
                self._conn.execute("ROLLBACK")

    def _chain(self, links: Sequence[Link]) -> None:
        """Each behind the last row that stands in the file."""
        if links:
            head = Head(*(self._conn.execute(_HEAD).fetchone() or ()))
        for link in links:
            row = linked(head, link)
            self._conn.execute(_AUDIT, asdict(row))
            head = Head(row.seq, row.hash)


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
        await _prepare(database, file)
        yield Register(database)
    finally:
        await database.close()


async def _prepare(database: Database, file: Path) -> None:
    try:
        for pragma in (
            "journal_mode = WAL",
            "synchronous = NORMAL",
            "foreign_keys = ON",
            "secure_delete = ON",
            f"busy_timeout = {BUSY_TIMEOUT}",
        ):
            await database.execute(f"PRAGMA {pragma}")
        ((version,),) = await database.execute_fetchall("PRAGMA user_version")
        migrations = sorted(files(__name__).joinpath("migrations").iterdir(), key=lambda each: each.name)
        if version > len(migrations):
            message = f"the register {file} was written by a newer ccdaemon (version {version}): install that one again"
            raise RegisterUnusable(message)
        for number, migration in enumerate(migrations[version:], version + 1):
            await database.executescript(f"BEGIN;\n{migration.read_text()}\nPRAGMA user_version = {number};\nCOMMIT;")
    except aiosqlite.Error as fault:
        message = f"the register {file} cannot be used: {fault}"
        raise RegisterUnusable(message) from None


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

    async def unfinished_recordings(self) -> list[Recording]:
        """Recordings without a finished file and without a known reason for it."""
        return [Recording(*row) for row in await self._rows(f"{_RECORDING} WHERE file IS NULL AND fault IS NULL")]

    async def finished_recordings(self) -> list[Recording]:
        """All recordings that have a file."""
        return [Recording(*row) for row in await self._rows(f"{_RECORDING} WHERE file IS NOT NULL")]

    async def finish_recording(self, row: Recording) -> None:
        """Enter a finished recording, or what became of it. What is known already of its beginning and end stays."""
        await self._transact([(_FINISH, asdict(row))], [audited.of_recording(row, time.time())])

    # --- the audit chain ---------------------------------------------------------------------------------------------

    async def head(self) -> Head:
        """The last row of the audit chain."""
        rows = await self._rows(_HEAD)
        return Head(*rows[0]) if rows else Head()

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


_HEAD = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1"
_AUDIT = "INSERT INTO audit (seq, at, kind, detail, hash) VALUES (:seq, :at, :kind, :detail, :hash)"
_FINISH = """
    INSERT INTO recordings (leg, segment, call, service, started, stopped, reason, file, seconds, bytes, sha256, fault)
    VALUES (:leg, :segment, coalesce((SELECT merged FROM calls WHERE id = :call), :call), :service, :started, :stopped,
            :reason, :file, :seconds, :bytes, :sha256, :fault)
    ON CONFLICT (leg, segment) DO UPDATE SET
        call = coalesce(call, excluded.call), service = coalesce(:service, service),
        started = coalesce(started, :started), stopped = coalesce(stopped, :stopped),
        reason = coalesce(reason, :reason),
        file = :file, seconds = :seconds, bytes = :bytes, sha256 = :sha256, fault = :fault
"""
_RECORDING = """
    SELECT leg, call, service, started, stopped, reason, file, seconds, bytes, sha256, fault, segment FROM recordings
"""


def _call_row(row: Any) -> CallRow:  # noqa: ANN401 - sqlite3 rows have no type
    call, began, ended, seen_end, *rest = row
    return CallRow(call, began, ended, bool(seen_end), *rest)
