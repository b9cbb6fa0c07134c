"""Messages brought to agents: each as a call to the queue of its service, behind all callers, until one has done it.

Asterisk is asked for a call between the queue and `cc-hear`, which plays the message to whoever answers. That a message
is done the agent says by a key, and we hear it as an event; whatever else happens, hang-up, a fault, our own end, it
waits on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn, Protocol

import structlog

from ccdaemon.faults import ArchiveFault, RegisterFull, SwitchLost, SwitchRefused
from ccdaemon.flows.inbound import Journal
from ccdaemon.kept import Kept, Task
from ccdaemon.model import Event, Site
from ccdaemon.notices import CallIdentified, Decided
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.messages import delivery_of, is_due, open_for, queue_for, tries_today, when_left
from ccdaemon.rules.numbers import to_dial
from ccdaemon.rules.queues import DELIVERIES

LOOK = 2.0  # seconds between looks
RING = 40  # seconds in which agents are rung, two or three phones
CODEC = "alaw"  # as prompts are; Asterisk would take that of the best sound, whatever phones speak
BEGIN = 10.0  # seconds in which Asterisk must have made the call
LONGEST = 1200.0  # seconds of such a call; a message has ten minutes at most
ACCESS = {"purpose": "delivery", "did": "bring", "who": "ccdaemon"}

log = structlog.get_logger()


class Switch(Protocol):
    async def action(self, name: str, fields: Mapping[str, str]) -> object: ...


class Register(Protocol):
    async def waiting_messages(self) -> list[Task]: ...

    async def caller_of(self, call: str) -> str | None: ...

    async def kept(self, leg: str, segment: int) -> Kept | None: ...

    async def bring_message(self, task: Task, tries: int, now: float, why: Mapping[str, object]) -> None: ...

    async def untry_message(self, task: Task) -> None: ...

    async def hear_message(self, leg: str, segment: int, phone: str, now: float) -> None: ...

    async def finish_message(self, leg: str, segment: int, doer: str, now: float) -> bool: ...


class Archive(Protocol):
    def open(self, kept: Kept) -> Iterable[bytes]: ...


class Lent(Protocol):
    """Where Asterisk can play what is sealed."""

    async def lend(self, name: str, call: str | None, opened: Iterable[bytes]) -> str: ...

    def take_back(self, name: str) -> None: ...


@dataclass
class _Delivery:
    """One that goes on."""

    task: Task
    queues: tuple[str, ...]  # of its service
    channel: str = ""  # the half to which the agent listens
    answered: bool = False
    gives_way: bool = False
    began: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)


class Delivering:
    """As long as a link with Asterisk lasts."""

    def __init__(
        self,
        switch: Switch,
        calls: Calls,
        register: Register,
        archive: Archive,
        lent: Lent,
        site: Callable[[], Site],
        journal: Journal,
        wrap_ups: Callable[[], Mapping[str, float]],
        clock: Callable[[], float],
    ) -> None:
        self._switch = switch
        self._calls = calls
        self._register = register
        self._archive = archive
        self._lent = lent
        self._site = site
        self._journal = journal
        self._wrap_ups = wrap_ups
        self._clock = clock
        self._going_on: dict[str, _Delivery] = {}  # by messages
        self._since: dict[str, float] = {}  # when each might first have been brought

    async def run(self) -> NoReturn:
        async with asyncio.TaskGroup() as tasks:
            while True:
                try:
                    for task, queue in await self.look():
                        tasks.create_task(self.bring(task, queue), name=f"message {task.name}")
                except RegisterFull as fault:
                    log.error("no message is brought to agents", reason=str(fault))
                await self._make_way()
                await asyncio.sleep(LOOK)
        raise AssertionError

    async def look(self) -> list[tuple[Task, str]]:
        """Which messages are to be brought now, and to which queue: one of each service at a time."""
        site, now = self._site(), self._now()
        waiting = await self._register.waiting_messages()
        self._since = {task.name: self._since[task.name] for task in waiting if task.name in self._since}
        live = {found[0] for leg in self._calls.legs.values() if (found := delivery_of(leg.channel))}
        busy = {each.task.service for each in self._going_on.values()}
        busy |= {task.service for task in waiting if task.name in live}  # of a daemon that was killed
        chosen = list[tuple[Task, str]]()
        for task in waiting:
            service = open_for(task, site, now)
            if service is None:
                self._since.pop(task.name, None)
            elif service.id not in busy and is_due(task, site.messages, now):
                waited = now.timestamp() - self._since.setdefault(task.name, now.timestamp())
                queue = queue_for(task, service.queue, self._calls.queues, waited, now, self._wrap_ups())
                if queue is not None:
                    busy.add(service.id)
                    self._going_on[task.name] = _Delivery(task, service.queue.names)
                    chosen.append((task, queue))
        return chosen

    async def bring(self, task: Task, queue: str) -> None:
        """Until that call is over, however it ends."""
        delivery, now = self._going_on[task.name], self._now()
        try:
            kept = await self._register.kept(task.leg, task.segment)
            if kept is None:  # it has expired, or was erased, meanwhile
                return
            tries, why = tries_today(task, now) + 1, {**ACCESS, "reference": queue}
            await self._register.bring_message(task, tries, now.timestamp(), why)
            sound = await self._lent.lend(task.name, task.call, self._archive.open(kept))
            await self._switch.action("Originate", await self._call(task, queue, sound, now))
            async with asyncio.timeout(BEGIN):
                await delivery.began.wait()
            async with asyncio.timeout(LONGEST):
                await delivery.over.wait()
            if delivery.gives_way and not delivery.answered:
                await self._register.untry_message(task)
            log.info("a message was brought", message=task.name, queue=queue, answered=delivery.answered)
        except (ArchiveFault, RegisterFull, SwitchRefused, SwitchLost, TimeoutError) as fault:
            log.error("a message is not brought", message=task.name, queue=queue, reason=str(fault) or "too slow")
            await self._hang_up(delivery)
        finally:
            self._lent.take_back(task.name)
            del self._going_on[task.name]

    def heard(self, event: Event) -> Iterator[Coroutine[Any, Any, None]]:
        """What is to be done since this event."""
        name = event["Event"]
        if name == "QueueCallerJoin" and any(event["Queue"] in each.queues for each in self._going_on.values()):
            yield self._make_way()
        if (found := delivery_of(event.get("Channel", ""))) is None:
            return
        message, half = found
        delivery = self._going_on.get(message)
        match name, half:
            case "Newchannel", "1" if delivery is not None:
                delivery.channel = event["Channel"]
                self._identify(event["Linkedid"], delivery)
                delivery.began.set()
            case "AgentConnect", _:
                if delivery is not None:
                    delivery.answered = True
                yield self._answered(message, event.get("Interface", "").partition("/")[2])
            case "UserEvent", "1" if (event.get("UserEvent"), event.get("Did")) == ("CCMessage", "done"):
                yield self._done(message, self._phone_in(event["Linkedid"]))
            case "Hangup", "1" if delivery is not None:
                delivery.over.set()

    async def _make_way(self) -> None:
        """Callers first: what rings for a message rings no more once one of them waits."""
        for delivery in [*self._going_on.values()]:
            waits = any(self._calls.queues[queue].waiting for queue in delivery.queues)
            if waits and delivery.channel and not (delivery.answered or delivery.gives_way):
                delivery.gives_way = True
                await self._hang_up(delivery)

    async def _answered(self, message: str, phone: str) -> None:
        leg, _, segment = message.rpartition("-")
        try:
            await self._register.hear_message(leg, int(segment), phone, self._clock())
        except RegisterFull as fault:
            log.error("who hears a message is not written down", message=message, reason=str(fault))

    async def _done(self, message: str, phone: str) -> None:
        leg, _, segment = message.rpartition("-")
        try:
            await self._register.finish_message(leg, int(segment), phone, self._clock())
        except RegisterFull as fault:
            log.error("a message was done, and will be brought again", message=message, reason=str(fault))

    async def _hang_up(self, delivery: _Delivery) -> None:
        if not delivery.channel:
            return
        try:
            await self._switch.action("Hangup", {"Channel": delivery.channel})
        except SwitchRefused:  # it is over
            delivery.over.set()
        except SwitchLost:  # that ends all of this
            return

    async def _call(self, task: Task, queue: str, sound: str, now: datetime) -> dict[str, str]:
        number = await self._register.caller_of(task.call) if task.call else None
        day, clock = when_left(datetime.fromtimestamp(task.left, now.tzinfo), now)
        variables = {
            "CC_SERVICE": task.service,
            "CC_DELIVER": queue,
            "CC_RING": str(RING),
            "CC_MESSAGE": sound,
            "CC_WHEN": day,
            "CC_TIME": clock,
            "CC_NUMBER": to_dial(number, self._site().country) if number else "",
        }
        return {
            "Channel": f"Local/{task.name}@{DELIVERIES}/n",
            "Context": "cc-hear",
            "Exten": "s",
            "Priority": "1",
            "Timeout": str(1000 * (RING + 20)),
            "Async": "true",
            "Codecs": CODEC,
            "Variable": ",".join(f"{name}={value}" for name, value in variables.items()),
            **({"CallerID": f"<{variables['CC_NUMBER']}>"} if variables["CC_NUMBER"] else {}),
        }

    def _identify(self, call: str, delivery: _Delivery) -> None:
        task, at = delivery.task, self._clock()
        self._journal.note(
            CallIdentified(call, at, service=task.service, language=task.language),
            Decided(call, at, f"deliver:{task.name}", "a caller's message is brought to an agent"),
        )

    def _phone_in(self, call: str) -> str:
        """The phone of ours that is in a call."""
        devices = self._site().devices
        legs = (leg for leg in self._calls.legs.values() if leg.call == call)
        return next((leg.endpoint for leg in legs if leg.endpoint in devices and leg.bridge), "a phone")

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), self._site().timezone)
