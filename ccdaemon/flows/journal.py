"""From notices to the register: gathered as they come, written in batches, kept while the disk takes none."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import NoReturn, Protocol

import structlog

from ccdaemon.model import RegisterFull
from ccdaemon.notices import Notice

GATHER = 0.25  # seconds; a transaction costs as much for one notice as for a hundred
RETRY = 2.0  # seconds
MAX_WAITING = 200_000  # notices, some 10,000 calls: a day of a full disk

log = structlog.get_logger()


class Register(Protocol):
    """Raises `RegisterFull` if it cannot write now."""

    async def write(self, notices: Sequence[Notice]) -> None: ...


class Alarms(Protocol):
    def raise_(self, name: str, text: str) -> None: ...

    def clear(self, name: str) -> None: ...


class Journal:
    """Takes notices without waiting; `run` writes them. Nothing that happens to the register stops a call."""

    def __init__(self, register: Register, alarms: Alarms) -> None:
        self._register = register
        self._alarms = alarms
        self._waiting: deque[Notice] = deque(maxlen=MAX_WAITING)
        self._news = asyncio.Event()

    def note(self, *notices: Notice) -> None:
        if notices:
            self._waiting.extend(notices)
            self._news.set()

    async def run(self) -> NoReturn:
        while True:
            await self._news.wait()
            await asyncio.sleep(GATHER)
            if not await self.flush():
                await asyncio.sleep(RETRY)

    async def flush(self) -> bool:
        """Write what waits; False if the register could not take it, and it waits on."""
        self._news.clear()
        batch = list(self._waiting)
        if not batch:
            return True
        try:
            await self._register.write(batch)
        except RegisterFull as fault:
            self._news.set()
            self._alarms.raise_(
                "register",
                f"nothing can be entered in the register: {fault}. Calls go on, and what "
                "happens is kept in memory. Make room, or mend the disk",
            )
            return False
        for _ in batch:
            self._waiting.popleft()
        self._alarms.clear("register")
        return True
