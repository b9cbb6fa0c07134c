"""The one connection to the register's file: whole transactions, and the file brought to its newest shape.

Source: https://sqlite.org/pragma.html, https://sqlite.org/lang_transaction.html
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path

import aiosqlite

from ccdaemon.chain import Head, Link, linked
from ccdaemon.store.entries import Statement

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
            head = Head(*(self._conn.execute(HEAD).fetchone() or ()))
        for link in links:
            row = linked(head, link)
            self._conn.execute(_AUDIT, asdict(row))
            head = Head(row.seq, row.hash)


async def prepare(database: Database, file: Path) -> None:
    """Bring a register to its newest shape. Raises `RegisterUnusable`."""
    try:
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",  # a raw recording is removed once its key is in the register
            "foreign_keys = ON",
            "secure_delete = ON",
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
