"""The payments door: nobody is connected to an officer before nothing records the call and nobody listens in.

The dialplan knocks (`cc-door`) and waits; an answer that does not come is a refusal. What is closed here is closed in
Asterisk and asked of Asterisk: our own graph of the calls may lag, so no step rests on it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Protocol

import structlog

from ccdaemon.faults import SwitchLost, SwitchRefused
from ccdaemon.flows.inbound import Journal
from ccdaemon.flows.interlock import GONE, PAYMENTS, Interlock, Switch
from ccdaemon.flows.topics import Publish
from ccdaemon.kept import RawRecording
from ccdaemon.model import Channel, Event, Site
from ccdaemon.notices import DoorOpened, DoorRefused
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.payment import MEETINGS, Knock, involved, listeners, takes_payments

DEADLINE = 2.0  # seconds for one knock; the dialplan knocks again
AGAIN = 0.002  # seconds until we look again whether who listened has gone

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Quietened:
    """A channel that was sealed, and how many recorders ran on it."""

    channel: Channel
    recorders: int


def knock_of(event: Event) -> Knock | None:
    """The question in an event, if it is one."""
    if event.get("UserEvent") != "CCDoor":
        return None
    channel, leg, call, nonce, about = (
        event.get(key, "") for key in ("Channel", "Uniqueid", "Linkedid", "Nonce", "About")
    )
    return Knock(channel, leg, call, nonce, about, event.get("Device") or None, event.get("Meets") or None)


def refusal_of(event: Event, now: float) -> DoorRefused | None:
    """What the dialplan says of one who was not let in (`cc-door`), if an event does."""
    if event.get("UserEvent") != "CCRefused":
        return None
    at = float(event.get("Timestamp") or now)
    call, leg, about, service = (event.get(key, "") for key in ("Linkedid", "Uniqueid", "About", "From"))
    return DoorRefused(call, at, leg, about, service)


class Tally:
    """How often the door opened, refused and was guarded since we started, and how long it took at the most."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._opened = self._refused = self._guarded = 0
        self._slowest = 0.0
        self._say()

    def opened(self, took: float) -> None:
        self._opened += 1
        self._slowest = max(self._slowest, took)
        self._say()

    def refused(self) -> None:
        self._refused += 1
        self._say()

    def guarded(self) -> None:
        self._guarded += 1
        self._say()

    def _say(self) -> None:
        counts = {"opened": self._opened, "refused": self._refused, "guarded": self._guarded}
        self._publish("payments", {**counts, "slowest_ms": round(1000 * self._slowest, 1)})


class Supervisors(Protocol):
    """Those who listen to calls, or are about to."""

    def near(self, channels: Iterable[Channel], concerned: Collection[Channel]) -> list[Channel]: ...

    async def throw_off(self, channel: Channel) -> None: ...


class Door:
    """Answers knocks, any number of them at a time."""

    def __init__(
        self,
        switch: Switch,
        calls: Calls,
        site: Callable[[], Site],
        journal: Journal,
        recordings: Callable[[], Iterable[RawRecording]],
        tally: Tally,
        supervisors: Supervisors,
        clock: Callable[[], float],
    ) -> None:
        self._switch = switch
        self._interlock = Interlock(switch)
        self._calls = calls
        self._site = site
        self._journal = journal
        self._supervisors = supervisors
        self._recordings = recordings
        self._tally = tally
        self._clock = clock
        self._meets: dict[str, str] = {}  # who is on their way to a conference, or to fetch who is parked

    async def answer(self, knock: Knock) -> None:
        """Open to one who knocks. Whatever hinders that, the answer is none, and the dialplan connects nobody."""
        began = self._clock()
        if knock.meets is not None:
            self._meets[knock.leg] = knock.meets
        try:
            async with asyncio.timeout(DEADLINE):
                if knock.meets is not None and not await self._pays(knock):
                    await self._interlock.set(knock.channel, "CC_CLEAR", f"clear {knock.nonce}")
                    return
                quiet, listening = await self._quieten(knock)
                await self._interlock.set(knock.channel, "CC_CLEAR", f"clear {knock.nonce}")
        except (SwitchRefused, SwitchLost, TimeoutError) as fault:
            log.error("the payments door stays closed", uniqueid=knock.leg, reason=str(fault) or "too slow")
            return
        took = self._clock() - began
        self._tally.opened(took)
        raws = await asyncio.to_thread(lambda: sorted(self._recordings(), key=lambda raw: raw.segment))
        files = {raw.leg: raw for raw in raws}  # the newest of each leg
        self._journal.note(
            DoorOpened(
                knock.call,
                began,
                knock.leg,
                knock.about,
                took,
                tuple(_evidence(each, files.get(each.channel.id)) for each in quiet),
                tuple(channel.name for channel in listening),
            )
        )

    async def _concerned(self, knock: Knock) -> tuple[list[Channel], list[Channel]]:
        """All channels, and those that this knock concerns."""
        known = set(self._meets)  # who knocks while Asterisk answers may not be in that answer
        channels = [Channel.of(entry) for entry in await self._switch.listing("CoreShowChannels")]
        if knock.leg not in {channel.id for channel in channels}:
            raise SwitchRefused(GONE)
        for arrived in known - {channel.id for channel in channels if channel.application not in MEETINGS}:
            self._meets.pop(arrived, None)
        return channels, involved(channels, {knock.leg}, self._site().devices, knock.device, self._meets)

    async def _pays(self, knock: Knock) -> bool:
        """Is somebody who takes payments among those who are going to meet, or has one of them been there?"""
        _, concerned = await self._concerned(knock)
        if takes_payments(concerned, self._site()):
            return True
        return PAYMENTS in await asyncio.gather(*(self._interlock.get(each.name, "CC_SEALED") for each in concerned))

    async def _quieten(self, knock: Knock) -> tuple[list[Quietened], list[Channel]]:
        """Seal, stop, hang up, and look again, until Asterisk lists nothing that would be new."""
        devices = self._site().devices
        quiet: dict[tuple[str, str], Quietened] = {}
        gone: dict[str, Channel] = {}
        while True:
            channels, concerned = await self._concerned(knock)
            near = self._supervisors.near(channels, concerned)
            listening = [*near, *(each for each in listeners(channels, concerned) if each not in near)]
            fresh = [channel for channel in concerned if (channel.id, channel.name) not in quiet]
            if not fresh and not listening:
                return [*quiet.values()], [*gone.values()]
            self._calls.seal(channel.id for channel in fresh)
            await asyncio.gather(*(self._interlock.seal(each.name, devices.get(each.endpoint)) for each in fresh))
            stopped = await asyncio.gather(*(self._interlock.stop_recorders(each.name) for each in fresh))
            for channel, recorders in zip(fresh, stopped, strict=True):
                quiet[channel.id, channel.name] = Quietened(channel, recorders)
            if listening:
                await asyncio.gather(*(self._supervisors.throw_off(channel) for channel in listening))
                gone |= {channel.id: channel for channel in listening}
                await asyncio.sleep(AGAIN)


def _evidence(quiet: Quietened, raw: RawRecording | None) -> dict[str, object]:
    return {
        "leg": quiet.channel.id,
        "call": quiet.channel.call,
        "channel": quiet.channel.name,
        "recorders": quiet.recorders,
        "file": raw.path.name if raw else None,
        "bytes": raw.size if raw else None,
    }
