"""The one connection to the register's file: whole transactions, and the file brought to its newest shape.

Source: https://sqlite.org/pragma.html, https://sqlite.org/lang_transaction.html
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import TypeAlias, TypeVar

import aiosqlite

from ccdaemon.chain import Head, Link, linked
from ccdaemon.store.entries import Statement

T = TypeVar("T")
Links: TypeAlias = Sequence[Link] | Callable[[T], Sequence[Link]]  # which may depend on what came of the work

BUSY_TIMEOUT = 5000  # milliseconds; nobody else writes, but a backup may read
HEAD = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1"
_AUDIT = "INSERT INTO audit (seq, at, kind, detail, hash) VALUES (:seq, :at, :kind, :detail, :hash)"


class RegisterUnusable(Exception):
    """The register cannot be opened: it is of a newer version, damaged, or not ours to write."""


class Database(aiosqlite.Connection):
    """One connection, whose thread carries out a whole transaction at a time.

    Statement by statement each would be a trip to that thread and back, which costs more than the statement; and what
    waits between two of them might be cancelled there.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        super().__init__(lambda: sqlite3.connect(file, isolation_level=None), iter_chunk_size=64)

    async def within(self, work: Callable[[sqlite3.Connection], T], links: Links[T] = ()) -> T:
        """Do some work in one transaction, in the connection's own thread, and add to the audit chain: all or nothing.

        Who is cancelled meanwhile does not know which.
        """
        return await self._execute(self._within, work, links)  # type: ignore[no-untyped-call,no-any-return]  # aiosqlite gives it no type

    def _within(self, work: Callable[[sqlite3.Connection], T], links: Links[T]) -> T:
        self._conn.execute("BEGIN IMMEDIATE")
        try:
            done = work(self._conn)
            self._chain(links(done) if callable(links) else links)
            self._conn.execute("COMMIT")
            return done
        finally:
            if self._conn.in_transaction:
                self._conn.execute("ROLLBACK")

    def _chain(self, links: Sequence[Link]) -> None:
        """Each behind the last row that stands in the file."""
        if links:
            head = Head(*(self._conn.execute(HEAD).fetchone() or ()))
        for link in links:
            row = linked(head, link)
            self._conn.execute(_AUDIT, asdict(row))
            head = Head(row.seq, row.hash)


def carry_out(connection: sqlite3.Connection, statements: Sequence[Statement]) -> None:
    for sql, values in statements:
        connection.execute(sql, values)


async def prepare(database: Database, file: Path) -> None:
    """Bring a register to its newest shape. Raises `RegisterUnusable`."""
    try:
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",  # a raw recording is removed once its key is in the register
            "foreign_keys = ON",
            "secure_delete = ON",
            "temp_store = MEMORY",
            f"busy_timeout = {BUSY_TIMEOUT}",
        ):
            await database.execute(f"PRAGMA {pragma}")
        ((version,),) = await database.execute_fetchall("PRAGMA user_version")
        migrations = sorted(files(__package__).joinpath("migrations").iterdir(), key=lambda each: each.name)
        if version > len(migrations):
            message = f"the register {file} was written by a newer ccdaemon (version {version}): install that one again"
            raise RegisterUnusable(message)
        for number, migration in enumerate(migrations[version:], version + 1):
            await database.executescript(f"BEGIN;\n{migration.read_text()}\nPRAGMA user_version = {number};\nCOMMIT;")
    except aiosqlite.Error as fault:
        message = f"the register {file} cannot be used: {fault}"
        raise RegisterUnusable(message) from None
