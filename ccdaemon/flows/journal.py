"""From notices to the register: gathered as they come, written in batches, kept while the disk takes none."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import NoReturn, Protocol

import structlog

from ccdaemon.faults import RegisterFull
from ccdaemon.model import AlarmName
from ccdaemon.notices import Notice

GATHER = 0.5  # seconds; a transaction costs as much for one notice as for a hundred
RETRY = 2.0  # seconds
PORTION = 5000  # notices in one transaction: a full disk must not cost seconds at each attempt
MAX_WAITING = 200_000  # notices, some 10,000 calls: a day of a full disk

log = structlog.get_logger()


class Register(Protocol):
    """Raises `RegisterFull` if it cannot write now."""

    async def write(self, notices: Sequence[Notice]) -> None: ...


class Alarms(Protocol):
    def raise_(self, name: AlarmName, text: str) -> None: ...

    def clear(self, name: AlarmName) -> None: ...


class Journal:
    """Takes notices without waiting; `run` writes them. Nothing that happens to the register stops a call."""

    def __init__(
        self, register: Register, alarms: Alarms, told: Callable[[Sequence[Notice]], None] = lambda _: None
    ) -> None:
        self._register = register
        self._alarms = alarms
        self._told = told  # who else wants to know, at once
        self._waiting: deque[Notice] = deque()
        self._given_up = 0
        self._news = asyncio.Event()
        self._writing = asyncio.Lock()

    def note(self, *notices: Notice) -> None:
        if notices:
            self._told(notices)
            self._waiting.extend(notices)
            self._give_up()
            self._news.set()

    async def run(self) -> NoReturn:
        while True:
            await self._news.wait()
            await asyncio.sleep(GATHER)
            if not await self.flush():
                await asyncio.sleep(RETRY)

    async def close(self) -> None:
        """Write what waits, and say so if that is not possible: it was the last attempt."""
        if not await self.flush():
            log.error("what happened last is not in the register, and lost", notices=len(self._waiting))

    async def flush(self) -> bool:
        """Write what waits; False if the register could not take it, and it waits on.

        Whoever is cancelled here leaves the writing to go on, and the next flush waits for its end: a portion that is
        in the hands of SQLite's thread would else be entered twice.
        """
        self._flushing = asyncio.ensure_future(self._flush())
        return await asyncio.shield(self._flushing)

    async def _flush(self) -> bool:
        async with self._writing:
            self._news.clear()
            if not self._waiting:
                return True
            try:
                while self._waiting:
                    await self._write()
            except RegisterFull as fault:
                self._alarms.raise_(
                    "register",
                    f"nothing can be entered in the register: {fault}. Calls go on, and what "
                    "happens is kept in memory. Make room, or mend the disk",
                )
                return False
            self._alarms.clear("register")
            if not self._given_up:
                self._alarms.clear("register-gap")
            return True

    async def _write(self) -> None:
        """All of a portion or nothing: what is not written waits on, before what has come meanwhile."""
        portion = [self._waiting.popleft() for _ in range(min(PORTION, len(self._waiting)))]
        try:
            await self._register.write(portion)
        except BaseException:
            self._waiting.extendleft(reversed(portion))
            self._give_up()
            self._news.set()
            raise

    def _give_up(self) -> None:
        """Memory has its bound: the oldest goes first, and never in silence."""
        before = self._given_up
        while len(self._waiting) > MAX_WAITING:
            self._waiting.popleft()
            self._given_up += 1
        if self._given_up > before:
            self._alarms.raise_(
                "register-gap",
                f"the register took nothing for so long that the oldest of what happened, {self._given_up} notices, is "
                "given up: it will know these calls in part or not at all. This stands until the daemon starts again",
            )
