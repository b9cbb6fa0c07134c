"""PINs are checked one after the other for each supervisor, from however many handsets: haste gains nobody a guess."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import Protocol

import structlog

from ccdaemon.faults import RegisterFull
from ccdaemon.flows.handset import Doing
from ccdaemon.flows.inbound import Journal
from ccdaemon.model import Site
from ccdaemon.notices import Supervised
from ccdaemon.rules.handset.identity import Checked, CheckPin, Refused
from ccdaemon.rules.handset.line import Line
from ccdaemon.rules.handset.pins import Attempts
from ccdaemon.rules.handset.talk import Do

log = structlog.get_logger()


class Register(Protocol):
    async def pin_attempts(self) -> list[tuple[str, int, float]]: ...

    async def note_pin_attempts(self, who: str, wrong: int, last: float) -> None: ...


class Pins:
    """Who was wrong how often, in memory and in the register."""

    def __init__(
        self,
        register: Register,
        site: Callable[[], Site],
        is_right: Callable[[str, str], bool],
        journal: Journal,
        clock: Callable[[], float],
    ) -> None:
        self._register = register
        self._site = site
        self._is_right = is_right
        self._journal = journal
        self._clock = clock
        self._attempts: dict[str, Attempts] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def doing(self) -> dict[type[Do], Doing]:
        return {CheckPin: self.check, Refused: self.refuse}

    async def begin(self) -> None:
        """Know what was wrong before we started."""
        self._attempts = {who: Attempts(wrong, last) for who, wrong, last in await self._register.pin_attempts()}

    async def check(self, wanted: CheckPin, line: Line) -> Checked:
        async with self._turns[wanted.who]:
            checked = await self._check(wanted.who, wanted.pin)
        if checked is not Checked.RIGHT:
            self._note(line, wanted.who, f"the PIN was {checked.value}")
        return checked

    async def refuse(self, refused: Refused, line: Line) -> None:
        self._note(line, refused.who, refused.reason)

    def locked_out(self) -> dict[str, float]:
        """Until when, of each who is."""
        untils = {who: attempts.locked_until() for who, attempts in self._attempts.items()}
        return {who: until for who, until in untils.items() if until > self._clock()}

    async def unlock(self, who: str) -> bool:
        """Forget what was wrong; False if nothing was."""
        async with self._turns[who]:
            was_wrong = who in self._attempts
            await self._keep(who, Attempts())
        return was_wrong

    async def _check(self, who: str, pin: str) -> Checked:
        attempts, supervisor = self._attempts.get(who, Attempts()), self._site().supervisors.get(who)
        if supervisor is None or self._clock() < attempts.locked_until():
            return Checked.LOCKED
        right = await asyncio.to_thread(self._is_right, pin, supervisor.pin)
        await self._keep(who, attempts.after(self._clock(), right=right))
        return Checked.RIGHT if right else Checked.WRONG

    async def _keep(self, who: str, attempts: Attempts) -> None:
        """They count at once, whatever the disk says."""
        if attempts == self._attempts.get(who, Attempts()):
            return
        self._attempts[who] = attempts
        if not attempts.wrong:
            del self._attempts[who]
        try:
            await self._register.note_pin_attempts(who, attempts.wrong, attempts.last)
        except RegisterFull as fault:
            log.warning("wrong PINs count, and a restart would forget them", reason=str(fault))

    def _note(self, line: Line, who: str, reason: str) -> None:
        self._journal.note(Supervised(line.call, self._clock(), line.leg, who, "refused", reason=reason))
