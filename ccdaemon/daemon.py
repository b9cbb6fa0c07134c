"""The daemon, put together: every edge built once, every long task named and supervised, started and ended in order.

Faults that belong to running (a link lost, a disk full) are handled by the task that owns the thing. Whatever else is
raised ends the daemon, and systemd starts it again: calls live in Asterisk and do not notice.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Collection, Container
from contextlib import AsyncExitStack, suppress
from typing import Any, NoReturn

import structlog

from ccdaemon import __version__, machine
from ccdaemon.alarms import Alarms
from ccdaemon.answers.access import permit
from ccdaemon.answers.handsets import Supervisors
from ccdaemon.answers.operating import Operating
from ccdaemon.asterisk.agi import AgiServer
from ccdaemon.asterisk.ami import Ami, AmiDisconnected
from ccdaemon.asterisk.confs import wrap_ups
from ccdaemon.asterisk.links import keep_linked
from ccdaemon.audio import library
from ccdaemon.config import Configuration, secret
from ccdaemon.control import Control
from ccdaemon.current import Current, Reloaded
from ccdaemon.dialplan import MISSED
from ccdaemon.edges import archive, broker, manager_address
from ccdaemon.flows.heads import publish_head
from ccdaemon.flows.heartbeat import beat, stop_beating
from ccdaemon.flows.journal import Journal
from ccdaemon.flows.lights import darken, light
from ccdaemon.flows.missed import read_missed
from ccdaemon.flows.payment import Tally
from ccdaemon.flows.readings import read_clock, read_disks, read_register, read_switch
from ccdaemon.flows.topics import Topics
from ccdaemon.flows.tracking import resynchronise, track
from ccdaemon.flows.watch import watching
from ccdaemon.gateway import answering
from ccdaemon.handsets import Handsets
from ccdaemon.model import Event
from ccdaemon.mqtt import Status
from ccdaemon.notify import Systemd
from ccdaemon.places import REGISTER, SOCKET, VOICES, keys, parties
from ccdaemon.rules.asterisk import too_old
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.today import Today
from ccdaemon.sounds import Sounds
from ccdaemon.spool import Missed
from ccdaemon.store import Register, open_register
from ccdaemon.upkeep import Upkeep

DRAIN = 20.0  # seconds in which conversations may end when we stop
SEAL = 5.0  # seconds in which recordings of calls that are over are sealed then
AGAIN = 0.5  # seconds between attempts to cancel a task
FAREWELL = 2.0  # seconds for the last word to the broker

log = structlog.get_logger()


class Daemon:
    """One run, from start to end."""

    def __init__(self, configuration: Configuration) -> None:
        self._current = Current(configuration)
        self._site = self._current.site
        main = configuration.main
        self._gateway_secret = secret(main.gateway.secret)
        self._address = manager_address(configuration)
        self._calls = Calls()
        self._keys = keys(configuration)
        self._archive = archive(configuration, self._keys)
        self._ami: Ami | None = None
        self._stopping, self._told_to_reload = asyncio.Event(), asyncio.Event()
        self._since = int(time.time())
        self._systemd = Systemd()
        self._status = Status(broker(configuration), configuration.site.name, self._state("online"))
        self._alarms = Alarms(self._status.publish)
        self._tally = Tally(self._status.publish)
        self._today = Today(self._site)
        self._news = asyncio.Event()  # of calls or lines: lights follow
        self._topics = Topics(self._status, self._calls, self._today, self._site, time.time)
        self._status.refresh_by(self._topics.refresh)

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT. Raises `OSError` for a port that is taken, `RegisterUnusable`."""
        try:
            await self._run()
        finally:  # whatever ends us: the broker takes an orderly farewell for a reason to keep its last will
            await asyncio.create_task(self._status.say_last(self._state("offline"), FAREWELL))
        log.info("ended")

    async def _run(self) -> None:
        main = self._current.configuration.main
        async with AsyncExitStack() as stack:
            register = await stack.enter_async_context(
                open_register(main.paths.state / REGISTER, parties(self._keys, self._site))
            )
            self._current.rule(await register.rulings())
            self._today.begin(await register.ended_visits(self._today.midnight(time.time())), time.time())
            journal = Journal(register, self._alarms, self._topics.note)
            stack.push_async_callback(journal.close)
            sounds = Sounds(main.paths.sounds, main.paths.state / VOICES)
            concerned = (register, self._current, self._calls, sounds, journal)
            self._handsets = handsets = Handsets(*concerned, self._changed)
            await handsets.begin()
            upkeep = Upkeep(
                *(register, self._archive, self._keys, self._alarms),
                *(lambda: self._current.configuration, self._live_legs),
            )
            doing = {**handsets.doing(), **upkeep.doing()}
            gateway = AgiServer(answering(self._site, self._gateway_secret, sounds, journal, doing))
            await gateway.listen(main.gateway.host, main.gateway.port)
            operating = Operating(
                *(register, self._current, self._calls, sounds, self._alarms, handsets.lines),
                *(lambda: self._topics.linked, self._status.newest, self._take_new),
            )
            self._status.publish("daemon", self._state("online"))
            control = Control(
                {
                    **upkeep.answers(),
                    **operating.answers(),
                    **Supervisors(register, self._current, handsets.pins).answers(),
                    "state": self.tell_state,
                },
                permit(register, self._site),
            )
            await control.listen(main.paths.run / SOCKET)
            stack.callback(control.close)
            if (table := main.metrics) is not None:
                from ccdaemon.metrics import Metrics  # noqa: PLC0415 - a tenth of a start, where somebody wants it

                metrics = Metrics(self._status.newest)
                await stack.enter_async_context(metrics.listening(table.host, table.port, table.socket))
            await upkeep.begin()
            self._handle_signals()
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            running = [
                tasks.create_task(each, name=name) for name, each in self._tasks(register, journal, upkeep).items()
            ]
            self._systemd.tell(READY="1", STATUS="Waiting for Asterisk")
            log.info("started", version=__version__, site=self._site().name)
            await self._stopping.wait()
            await self._drain(gateway)
            await upkeep.settle(SEAL)
            await _end(running)

    def _tasks(self, register: Register, journal: Journal, upkeep: Upkeep) -> dict[str, Any]:
        main = self._current.configuration.main
        missed = read_missed(
            *(Missed(main.paths.spool / MISSED), register, self._calls, self._live_legs),
            *(self._site, time.time),
        )
        disks = {"state": main.paths.state, "spool": main.paths.spool}
        return {
            "journal": journal.run(),
            "status": self._status.run(self._broker_changed),
            "topics": self._topics.run(),
            "audit head": publish_head(register, self._status.publish),
            "asterisk": keep_linked(
                self._address, lambda ami: self._linked(ami, register, journal, upkeep), self._link_changed
            ),
            "missed calls": missed,
            "sound": asyncio.to_thread(library),  # who cannot seal should end now, and not at the first recording
            **upkeep.tasks(self._current.reloaded),
            **self._handsets.tasks(),
            "reload": self._reload_when_told(),
            "disks": read_disks(machine, disks, self._status.publish, self._alarms),
            "clock": read_clock(machine, self._status.publish, self._alarms),
            "register": read_register(register, self._site, lambda: upkeep.dropped, self._status.publish),
            "watchdog": self._systemd.feed_watchdog(),
        }

    # --- the manager link --------------------------------------------------------------------------------------------

    async def _linked(self, ami: Ami, register: Register, journal: Journal, upkeep: Upkeep) -> NoReturn:
        """While there is a link: first what is live, then heartbeat and events, until it drops."""
        await resynchronise(ami, self._calls, register, journal, time.time())
        self._topics.wrap_ups = await asyncio.to_thread(wrap_ups, self._current.configuration.main.asterisk.config)
        self._ami, self._topics.linked = ami, True
        version = (await ami.action("CoreSettings")).get("AsteriskVersion", "")
        if fault := too_old(version):
            self._alarms.raise_("asterisk-version", fault)
        else:
            self._alarms.clear("asterisk-version")
        self._status.publish("ami", {"state": "up", "reason": None, "asterisk": version})
        self._alarms.clear("asterisk")
        self._systemd.tell(STATUS="Answering calls")
        self._topics.changed()
        try:
            await self._handsets.supervising.resume(ami)
            concerned = (self._calls, self._site, journal, self._alarms, self._tally, self._handsets.supervising)
            watch = watching(ami, *concerned, self._archive.raw, time.time, self._news, register)
            await watch.during.resume()
            delivering = upkeep.delivering(ami, self._calls, self._site, journal, lambda: self._topics.wrap_ups)
            async with asyncio.TaskGroup() as tasks:

                def heard(event: Event) -> None:
                    self._handsets.agents.heard(event)
                    for doing in (*watch.heard(event), *delivering.heard(event)):
                        tasks.create_task(doing, name=f"{event['Event']} of {event.get('Uniqueid')}")

                tasks.create_task(delivering.run(), name="messages")
                tasks.create_task(beat(ami, self._beat), name="heartbeat")
                reading = read_switch(ami, self._current.trunk, self._calls, self._site, self._status.publish)
                tasks.create_task(reading, name="phones and trunk")
                tasks.create_task(self._handsets.agents.keep(ami), name="agents")
                tasks.create_task(light(ami, self._calls, self._site, self._news), name="lights")
                tasks.create_task(track(ami, self._calls, journal, time.time, self._changed, heard), name="events")
        finally:
            self._ami, self._topics.linked = None, False
            self._handsets.supervising.away()
        raise AssertionError  # both tasks run until they raise

    def _beat(self) -> float:
        """What the heartbeat says: nobody is at home any more, from the moment when we are told to stop."""
        return 0.0 if self._stopping.is_set() else time.time()

    def _live_legs(self) -> Container[str] | None:
        return self._calls.legs if self._topics.linked else None

    def _changed(self) -> None:
        """Calls, or what is ruled of lines: lights and topics follow."""
        self._topics.changed()
        self._news.set()

    def _link_changed(self, fault: str | None) -> None:
        if fault is not None:  # that there is a link counts once we know what is live
            self._status.publish("ami", {"state": "down", "reason": fault, "asterisk": None})
            self._alarms.raise_("asterisk", f"no manager link to Asterisk: {fault}. Callers get the second tier")
            self._systemd.tell(STATUS=f"No link to Asterisk: {fault}")

    def _broker_changed(self, fault: str | None) -> None:
        if fault is None:
            log.info("linked with the MQTT broker")

    # --- how we are ---------------------------------------------------------------------------------------------------

    def _state(self, state: str) -> dict[str, object]:
        return {"state": state, "version": __version__, "since": self._since}

    async def tell_state(self) -> dict[str, object]:
        """How we are, for the command line."""
        return {
            **self._state("draining" if self._stopping.is_set() else "online"),
            "synchronised": self._topics.linked,
            "live": sorted(self._calls.calls),
            "bridged": sum(leg.bridge is not None for leg in self._calls.legs.values()),
            "queues": {name: len(queue.waiting) for name, queue in self._calls.queues.items() if queue.waiting},
            "recorders": self._calls.recorders,
            "tasks": len(asyncio.all_tasks()),
            "alarms": self._alarms.standing,
        }

    # --- reload and end --------------------------------------------------------------------------------------

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._told_to_reload.set)

    async def _reload_when_told(self) -> NoReturn:
        """By SIGHUP; `ccdaemon reload` hears what came of it."""
        while True:
            await self._told_to_reload.wait()
            self._told_to_reload.clear()
            await self._take_new()

    async def _take_new(self) -> Reloaded:
        with self._systemd.reloading():
            told = await self._current.take_new(self._alarms)
            await self._handsets.lines.close_lost()  # a line may have a language now in which its message is not there
        self._changed()
        return told

    async def _drain(self, gateway: AgiServer) -> None:
        """Take no new conversation, let those in a menu end."""
        self._systemd.tell(STOPPING="1", STATUS="Ending; new calls go to the second tier")
        log.info("ending: new calls go to the second tier", conversations=gateway.conversations)
        self._status.publish("daemon", self._state("draining"))
        with suppress(AmiDisconnected):  # then the heartbeat is over by itself
            if self._ami is not None:
                await stop_beating(self._ami)
                await darken(self._ami, self._site())
        await gateway.stop(DRAIN)


async def _end(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel until they have ended: before Python 3.12 `wait_for`, which aiomqtt uses, may swallow a cancellation."""
    waiting = set(tasks)
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=AGAIN)
