"""Agents log in, pause and come back: what their handsets ask is done in Asterisk's queues, and kept so.

The register knows who is logged in; Asterisk knows too (`persistentmembers`), and rings phones while we are away. Where
the two differ, because somebody was killed in between or the site's files were changed, Asterisk is made to agree.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NoReturn, Protocol

import structlog

from ccdaemon.agents import Agent, Shift
from ccdaemon.faults import RegisterFull, SwitchLost, SwitchRefused
from ccdaemon.flows.handset import Doing
from ccdaemon.model import Event, Site
from ccdaemon.rules import agents as rules
from ccdaemon.rules.agents import Add, Pause, Remove, Step, differences, interface, memberships
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.handset.agent import EndWrapUp, LogIn, LogOut, Look, PauseFor
from ccdaemon.rules.handset.line import Line
from ccdaemon.rules.handset.talk import Do
from ccdaemon.rules.queues import Member

LOOK = 2.0  # seconds between two looks at pauses that end by themselves, and at the site's files
AS_IT_IS = ("Already there", "Not there")  # how Asterisk refuses what is so already (app_queue.c)

log = structlog.get_logger()


class Switch(Protocol):
    async def action(self, name: str, fields: Mapping[str, str]) -> object: ...

    async def listing(self, name: str, fields: Mapping[str, str]) -> list[dict[str, str]]: ...


class Register(Protocol):
    async def shifts(self) -> list[Shift]: ...

    async def keep_shift(self, shift: Shift) -> None: ...

    async def end_shift(self, extension: str) -> None: ...


class Agents:
    """One for the daemon's whole life, on one link after the other."""

    def __init__(self, register: Register, calls: Calls, site: Callable[[], Site], clock: Callable[[], float]) -> None:
        self._register = register
        self._calls = calls
        self._site = site
        self._clock = clock
        self._switch: Switch | None = None
        self._shifts: dict[str, Shift] = {}  # by extension
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._rung: list[tuple[str, bool]] = []  # interfaces that were rung, and whether somebody answered
        self._news = asyncio.Event()
        self._said = set[str]()  # refusals

    def doing(self) -> dict[type[Do], Doing]:
        return {
            Look: self.look,
            LogIn: self.log_in,
            LogOut: self.log_out,
            PauseFor: self.pause,
            EndWrapUp: self.end_wrap_up,
        }

    async def begin(self) -> None:
        """Know who was logged in before we started."""
        self._shifts = {shift.extension: shift for shift in await self._register.shifts()}

    # --- what their stories ask --------------------------------------------------------------------------------------

    async def look(self, _: Look, line: Line) -> Shift | None:
        return self._shifts.get(line.phone.extension)

    async def log_in(self, _: LogIn, line: Line) -> tuple[str, ...]:
        phone, agent = line.phone, self._site().agents.get(line.phone.extension)
        shift = Shift(phone.extension, phone.endpoint, self._clock())
        there = await self._change(phone.extension, phone.endpoint, shift)
        if there is None or agent is None:
            return ()
        if not (services := rules.services_in(self._site(), agent, there)):
            await self._change(phone.extension, phone.endpoint, None)
        return services

    async def log_out(self, _: LogOut, line: Line) -> bool:
        return await self._change(line.phone.extension, line.phone.endpoint, None) is not None

    async def pause(self, wanted: PauseFor, line: Line) -> bool:
        if (shift := self._shifts.get(line.phone.extension)) is None:
            return False
        until = self._clock() + wanted.seconds if wanted.seconds else 0.0
        changed = rules.paused(shift, wanted.why, until)
        return await self._change(shift.extension, shift.endpoint, changed) is not None

    async def end_wrap_up(self, _: EndWrapUp, line: Line) -> bool:
        if not await self.pause(PauseFor(""), line):
            return False
        endpoint = line.phone.endpoint
        try:
            async with self._turns[line.phone.extension]:
                steps = rules.anew(await self._ask(endpoint), self._clock())
                # All at once: a queue that has nobody else is without anybody for no longer than that takes.
                await asyncio.gather(*(self._carry_out(step, endpoint) for step in steps))
        except (SwitchLost, SwitchRefused):
            return False
        return True

    async def _change(self, extension: str, endpoint: str, shift: Shift | None) -> dict[str, Member] | None:
        """Have it so in Asterisk, and then in the register. What Asterisk says then; None if all is as it was."""
        async with self._turns[extension]:
            before = self._shifts.get(extension)
            self._remember(extension, shift)
            try:
                there = await self._mend(extension, endpoint)
            except (SwitchLost, SwitchRefused) as fault:
                self._remember(extension, before)
                self._news.set()
                log.warning("an agent's queues cannot be changed", extension=extension, reason=str(fault))
                return None
            await self._keep(extension)
        log.info("an agent's shift", extension=extension, **_told(shift))
        return there

    # --- what Asterisk says ------------------------------------------------------------------------------------------

    def heard(self, event: Event) -> None:
        """Something may be to be done since this event."""
        match event["Event"]:
            case "AgentConnect" | "AgentRingNoAnswer":
                self._rung.append((event.get("Interface", ""), event["Event"] == "AgentConnect"))
                self._news.set()
            case "QueueMemberStatus" | "QueueMemberPause" | "QueueMemberAdded" | "QueueMemberRemoved":
                self._news.set()

    async def keep(self, switch: Switch) -> NoReturn:
        """While there is a link: make Asterisk agree with who is logged in, now and after everything that happens."""
        self._switch = switch
        try:
            while True:
                self._news.clear()
                await self._count_rings()
                await self._end_pauses()
                for extension, endpoint in self._known().items():
                    await self._look_at(extension, endpoint)
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK):
                        await self._news.wait()
        finally:
            self._switch = None

    def _known(self) -> dict[str, str]:
        """The endpoints of all who log in, or have done so, by extension."""
        site = self._site()
        phones = {each: site.phones[each].endpoint for each in site.agents if each in site.phones}
        return phones | {shift.extension: shift.endpoint for shift in self._shifts.values()}

    async def _look_at(self, extension: str, endpoint: str) -> None:
        site = self._site()
        phone, agent = site.phones.get(extension), site.agents.get(extension)
        if extension in self._shifts and (agent is None or phone is None or phone.endpoint != endpoint):
            log.warning("an agent is logged out: ccdaemon.toml has them no more, or elsewhere", extension=extension)
            await self._change(extension, endpoint, None)
        elif self._steps(agent, extension, memberships(site, self._calls.queues, endpoint)):
            async with self._turns[extension]:
                await self._mend(extension, endpoint)

    async def _count_rings(self) -> None:
        rung, self._rung = self._rung, []
        limit = self._site().pauses.unanswered
        for who, answered in rung:
            for shift in [each for each in self._shifts.values() if interface(each.endpoint) == who]:
                await self._set(shift, rules.rung(shift, limit, answered=answered))

    async def _end_pauses(self) -> None:
        for shift in [*self._shifts.values()]:
            await self._set(shift, rules.later(shift, self._clock()))

    async def _set(self, before: Shift, now: Shift) -> None:
        """By itself, and not at the agent's word: those may have had it otherwise meanwhile."""
        async with self._turns[before.extension]:
            if now != before and self._shifts.get(before.extension) == before:
                self._remember(before.extension, now)
                await self._keep(before.extension)
                if now.paused != before.paused:
                    log.info("an agent's shift", extension=now.extension, **_told(now))

    # --- Asterisk's queues -------------------------------------------------------------------------------------------

    async def _mend(self, extension: str, endpoint: str) -> dict[str, Member]:
        """Make Asterisk agree, and say what it has then. Raises `SwitchLost`."""
        there = await self._ask(endpoint)
        steps = self._steps(self._site().agents.get(extension), extension, there)
        for step in steps:
            await self._carry_out(step, endpoint)
        before, there = there, (await self._ask(endpoint) if steps else there)
        if there != before:
            log.info("an agent's queues are put right", extension=extension, steps=[_written(step) for step in steps])
        return there

    def _steps(self, agent: Agent | None, extension: str, there: Mapping[str, Member]) -> list[Step]:
        return differences(self._site(), agent, self._shifts.get(extension), there)

    async def _ask(self, endpoint: str) -> dict[str, Member]:
        if self._switch is None:
            message = "no link"
            raise SwitchLost(message)
        who, site = interface(endpoint), self._site()
        ours = {name for service in site.services.values() for name in service.queue.names}
        listed = await self._switch.listing("QueueStatus", {"Member": who})
        members = [each for each in listed if each.get("Event") == "QueueMember" and each.get("Location") == who]
        return {each["Queue"]: Member.of(each) for each in members if each["Queue"] in ours}

    async def _carry_out(self, step: Step, endpoint: str) -> None:
        """Raises `SwitchLost`; what Asterisk refuses is said once."""
        if self._switch is None:
            message = "no link"
            raise SwitchLost(message)
        name, fields = _action(step)
        try:
            await self._switch.action(name, {"Queue": step.queue, "Interface": interface(endpoint), **fields})
        except SwitchRefused as refusal:
            said = f"{name} {step.queue} {endpoint}: {refusal}"
            if not str(refusal).endswith(AS_IT_IS) and said not in self._said:
                self._said.add(said)
                log.error("an agent's queue is not as it should be", queue=step.queue, reason=str(refusal))

    # --- what is kept ------------------------------------------------------------------------------------------------

    def _remember(self, extension: str, shift: Shift | None) -> None:
        if shift is None:
            self._shifts.pop(extension, None)
        else:
            self._shifts[extension] = shift

    async def _keep(self, extension: str) -> None:
        """It counts at once, whatever the disk says."""
        try:
            if (shift := self._shifts.get(extension)) is None:
                await self._register.end_shift(extension)
            else:
                await self._register.keep_shift(shift)
        except RegisterFull as fault:
            log.warning("who is logged in counts, and a restart would forget it", reason=str(fault))


def _action(step: Step) -> tuple[str, dict[str, str]]:
    """How AMI calls it."""
    match step:
        case Add(_, place, why):
            own = {"Wrapuptime": str(place.wrap_up)} if place.wrap_up else {}
            paused = {"Paused": "true", "Reason": why} if why else {"Paused": "false"}
            return "QueueAdd", {"Penalty": str(place.penalty), **own, **paused}
        case Remove():
            return "QueueRemove", {}
        case Pause(_, why):
            return "QueuePause", {"Paused": "true", "Reason": why} if why else {"Paused": "false"}


def _written(step: Step) -> str:
    match step:
        case Add(queue, _, why):
            return f"into {queue}{f', paused: {why}' if why else ''}"
        case Remove(queue):
            return f"out of {queue}"
        case Pause(queue, why):
            return f"paused in {queue}: {why}" if why else f"takes calls of {queue}"


def _told(shift: Shift | None) -> dict[str, object]:
    return {"logged_in": shift is not None, "paused": (shift.paused or None) if shift is not None else None}
