"""The register: everything that we keep about calls, in one SQLite database.

One process writes it, over one connection. Notices come in batches and each batch is one transaction, so that whatever
is killed when, the register holds a whole number of batches. Every question has a method of its own.
Source: https://sqlite.org/lang.html, https://sqlite.org/pragma.html
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

import aiosqlite

from ccdaemon.faults import KeyUnusable, RegisterFull
from ccdaemon.notices import Notice
from ccdaemon.parties import Parties
from ccdaemon.store import audited
from ccdaemon.store.audit import Audit
from ccdaemon.store.calls import CallRow, Moment
from ccdaemon.store.cases import Cases
from ccdaemon.store.database import Database, RegisterUnusable, prepare
from ccdaemon.store.disclosures import Disclosures
from ccdaemon.store.entries import entries
from ccdaemon.store.expiry import Expiry
from ccdaemon.store.holds import Holds
from ccdaemon.store.messages import Messages
from ccdaemon.store.pins import Pins
from ccdaemon.store.rulings import Rulings
from ccdaemon.store.scores import Scores
from ccdaemon.store.shifts import Shifts
from ccdaemon.store.subjects import Subjects
from ccdaemon.store.summary import Summary

PIECE = 1 << 20  # bytes

__all__ = ["CallRow", "Moment", "Register", "open_register"]


@asynccontextmanager
async def open_register(file: Path, parties: Parties) -> AsyncIterator[Register]:
    """Open the register, brought to its newest shape. Raises `RegisterUnusable`."""
    try:
        sqlite3.connect(file).close()  # where this fails, aiosqlite's thread would outlive the event loop
        database = Database(file)
        await database
    except aiosqlite.Error as fault:
        message = f"the register {file} cannot be opened: {fault}"
        raise RegisterUnusable(message) from None
    try:
        _snapshot_of(file).unlink(missing_ok=True)  # of one who was killed
        await prepare(database, file)
        yield Register(database, parties)
    finally:
        await database.close()


def _snapshot_of(file: Path) -> Path:
    return file.with_name(f"{file.name}.snapshot")


class Register(Subjects, Cases, Disclosures, Expiry, Holds, Audit, Rulings, Pins, Shifts, Messages, Scores, Summary):
    """The open register. Methods are whole transactions."""

    def snapshot(self) -> Iterator[bytes]:
        """The file as it is in one moment, in pieces; what is written meanwhile is not in it. For a thread.

        A copy is made beside the register, which has no name any more once the first piece is read.
        """
        copy = _snapshot_of(self._database.file)
        copy.unlink(missing_ok=True)
        with closing(sqlite3.connect(self._database.file)) as reader:
            reader.execute("VACUUM INTO ?", (str(copy),))
        with copy.open("rb") as file:
            copy.unlink()
            while piece := file.read(PIECE):
                yield piece

    async def write(self, notices: Sequence[Notice]) -> None:
        """Enter what happened, all of it or nothing. Raises `RegisterFull` if the disk takes nothing now."""
        try:
            statements = await asyncio.to_thread(lambda: [*entries(notices, self._parties)])
        except (OSError, KeyUnusable) as fault:  # the key of a period cannot be written, or read
            raise RegisterFull(str(fault)) from fault
        await self._transact(statements, [*audited.of_notices(notices)])
