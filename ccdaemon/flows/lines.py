"""Lines that somebody opens or closes, by a command or from a handset: at once, until it is taken back.

It counts whatever the disk says. Two who rule at once do so one after the other, in memory and in the register alike:
nothing waits between the two, and the register takes in turn what it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

import structlog

from ccdaemon.faults import RegisterFull
from ccdaemon.flows.handset import Doing
from ccdaemon.flows.inbound import Sounds
from ccdaemon.model import SPOKEN, Prompt, Ruling, Site
from ccdaemon.rules.handset.line import Line
from ccdaemon.rules.handset.lines import Done, LineNow, Put, Standing, standing
from ccdaemon.rules.handset.talk import Do

OURSELVES = "ccdaemon"

log = structlog.get_logger()


class Current(Protocol):
    """What stands now."""

    rulings: Mapping[str, Ruling]

    def site(self) -> Site: ...

    def rule(self, rulings: Iterable[Ruling]) -> None: ...


class Register(Protocol):
    async def rule(self, rulings: Sequence[Ruling]) -> None: ...

    async def take_back(self, services: Collection[str], who: str, now: float) -> None: ...


class Lines:
    """Of one site."""

    def __init__(
        self,
        register: Register,
        current: Current,
        sounds: Sounds,
        changed: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self._register = register
        self._current = current
        self._sounds = sounds
        self._changed = changed
        self._clock = clock

    def doing(self) -> dict[type[Do], Doing]:
        return {LineNow: self.now, Put: self.put}

    async def rule(self, rulings: Sequence[Ruling]) -> bool:
        """These count from now on. Are they kept?"""
        self._current.rule({**self._current.rulings, **{ruling.service: ruling for ruling in rulings}}.values())
        self._changed()
        try:
            await self._register.rule(rulings)
        except RegisterFull as fault:
            return _forgotten(fault)
        return True

    async def take_back(self, services: Collection[str], who: str) -> bool:
        """These have their hours again. Is that kept?"""
        self._current.rule(ruling for ruling in self._current.rulings.values() if ruling.service not in services)
        self._changed()
        try:
            await self._register.take_back(services, who, self._clock())
        except RegisterFull as fault:
            return _forgotten(fault)
        return True

    # --- what handsets ask -------------------------------------------------------------------------------------------

    async def now(self, wanted: LineNow, _: Line) -> Standing | None:
        service = self._current.site().services.get(wanted.service)
        if service is None:
            return None
        return standing(self._current.site(), service, datetime.fromtimestamp(self._clock(), UTC))

    async def put(self, wanted: Put, line: Line) -> Done:
        """By whom, and from which handset, stands with the ruling and in the audit chain."""
        service = self._current.site().services.get(wanted.service)
        if service is None or (wanted.message and not self._is_heard(wanted.message, service.languages)):
            return Done.NOTHING
        who = f"{wanted.who}, handset {line.phone.extension}"
        if wanted.state == "timetable":
            ruled = [wanted.service] if wanted.service in self._current.rulings else []
            kept = await self.take_back(ruled, who) if ruled else True
        else:
            kept = await self.rule([Ruling(wanted.service, wanted.state, wanted.message, self._clock(), who)])
        log.info("a line was ruled from a handset", service=wanted.service, state=wanted.state, by=wanted.who)
        return Done.DONE if kept else Done.NOT_KEPT

    # --- emergency messages ------------------------------------------------------------------------------------------

    async def close_lost(self) -> None:
        """A line whose emergency message is lost is closed as on any evening: after a backup, or with a new language.

        Its callers would hear nothing else, and be hung up on.
        """
        services = self._current.site().services
        lost = [
            ruling
            for ruling in self._current.rulings.values()
            if ruling.service in services
            and ruling.message is not None
            and ruling.message.startswith(SPOKEN)
            and not self._is_heard(ruling.message, services[ruling.service].languages)
        ]
        if lost:
            log.error("emergency messages are lost, their lines are closed", services=[each.service for each in lost])
            await self.rule([Ruling(each.service, "closed", None, self._clock(), OURSELVES) for each in lost])

    def on_lines(self) -> set[str]:
        """The messages that callers hear now."""
        return {ruling.message for ruling in self._current.rulings.values() if ruling.message is not None}

    def _is_heard(self, message: str, languages: Collection[str]) -> bool:
        return all(self._sounds.file(Prompt(message, language)) is not None for language in languages)


def _forgotten(fault: RegisterFull) -> bool:
    log.error("what somebody ruled counts, and is not in the register", reason=str(fault))
    return False
