"""What all questions to the register go through: whole transactions, and rows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import aiosqlite

from ccdaemon.chain import Link
from ccdaemon.faults import RegisterFull
from ccdaemon.parties import Parties
from ccdaemon.store.database import Database
from ccdaemon.store.entries import Statement


class Rows:
    """Of an open register."""

    def __init__(self, database: Database, parties: Parties) -> None:
        self._database = database
        self._parties = parties
        self.chain_grew = asyncio.Event()  # by what was audited; whoever waits for it clears it

    async def _transact(self, statements: Iterable[Statement], links: Sequence[Link]) -> None:
        try:
            await self._database.transact([*statements], links)
            if links:
                self.chain_grew.set()
        except aiosqlite.OperationalError as fault:
            raise RegisterFull(str(fault)) from fault

    async def _rows(self, sql: str, values: dict[str, Any] | None = None) -> list[Any]:
        return list(await self._database.execute_fetchall(sql, values or {}))
