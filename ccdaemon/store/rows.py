"""What all questions to the register go through: whole transactions, and rows."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import aiosqlite

from ccdaemon.chain import Link
from ccdaemon.faults import RegisterFull
from ccdaemon.parties import Parties
from ccdaemon.store.database import Database, Links, carry_out
from ccdaemon.store.entries import Statement

T = TypeVar("T")


class Rows:
    """Of an open register."""

    def __init__(self, database: Database, parties: Parties) -> None:
        self._database = database
        self._parties = parties
        self.chain_grew = asyncio.Event()  # by what was audited; whoever waits for it clears it

    async def _transact(self, statements: Iterable[Statement], links: Sequence[Link]) -> None:
        statements = [*statements]
        await self._within(lambda connection: carry_out(connection, statements), links)

    async def _within(self, work: Callable[[sqlite3.Connection], T], links: Links[T] = ()) -> T:
        try:
            return await self._database.within(work, links)
        except aiosqlite.OperationalError as fault:
            raise RegisterFull(str(fault)) from fault
        finally:
            if links:
                self.chain_grew.set()

    async def _rows(self, sql: str, values: dict[str, Any] | None = None) -> list[Any]:
        try:
            return list(await self._database.execute_fetchall(sql, values or {}))
        except aiosqlite.OperationalError as fault:
            raise RegisterFull(str(fault)) from fault
