"""Recording that begins in the middle of a conversation: only once the caller has heard so, there and then.

It does so where the site wants it: for an agent whose call came back from payments, by their key (`payment.resume`),
and for a caller whom an attended transfer brought to a line that records (`recording.transferred`). The announcement is
played to the caller by a key that the daemon presses on the agent's channel, and the recorder begins by another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import structlog

from ccdaemon.faults import SwitchLost, SwitchRefused
from ccdaemon.flows.inbound import Journal
from ccdaemon.flows.interlock import OBJECTED, SEALED, YES, Interlock, Switch
from ccdaemon.flows.segments import Segments
from ccdaemon.model import Channel, Event, Site
from ccdaemon.notices import Resumed
from ccdaemon.rules.calls import Calls, Leg
from ccdaemon.rules.payment import involved, parties, takes_payments

KEY = "B"
CONVERSATION = "basic"  # type of a bridge: not a conference's
DEADLINE = 2.0  # seconds, for all that is asked of Asterisk
LONGEST_ANNOUNCEMENT = 90.0  # seconds

log = structlog.get_logger()


class Announcing:
    """Hears who asks for a recording to go on, and sees who was joined to an agent without having been told."""

    def __init__(
        self,
        switch: Switch,
        calls: Calls,
        site: Callable[[], Site],
        journal: Journal,
        segments: Segments,
        clock: Callable[[], float],
    ) -> None:
        self._switch = switch
        self._interlock = Interlock(switch)
        self._calls = calls
        self._site = site
        self._journal = journal
        self._segments = segments
        self._clock = clock
        self._met = {leg.id for leg in calls.legs.values() if leg.bridge}
        self._awaited: dict[str, asyncio.Event] = {}  # by agents' legs

    def heard(self, event: Event) -> Iterator[Coroutine[Any, Any, None]]:
        """What is to be done since this event."""
        leg = self._calls.legs.get(event.get("Uniqueid", ""))
        match event["Event"], event.get("UserEvent"):
            case "Hangup", _:
                self._met.discard(event["Uniqueid"])
            case "UserEvent", "CCAnnounced" if leg is not None:
                for agent, announced in self._awaited.items():
                    if agent in self._calls.legs and self._calls.legs[agent].bridge == leg.bridge:
                        announced.set()
            case "UserEvent", "CCResume" if leg is not None:
                yield self._resume(leg, event.get("Nonce", ""))
            case "BridgeEnter", _ if leg is not None and event.get("BridgeType") == CONVERSATION:
                match parties(self._calls.legs.values(), leg):
                    case [one, other]:
                        yield from self._joined(one, other)
                        self._met |= {one.id, other.id}

    def _joined(self, *both: Leg) -> Iterator[Coroutine[Any, Any, None]]:
        """Somebody from outside who has spoken with another before, and an agent who is not recorded."""
        site = self._site()
        agents = [leg for leg in both if leg.endpoint in site.devices and not leg.segment]
        callers = [leg for leg in both if leg.endpoint not in site.devices and leg.id in self._met]
        if site.announces_transferred and agents and callers and not any(leg.quiet for leg in both):
            yield self._follow(agents[0], callers[0])

    async def _follow(self, agent: Leg, caller: Leg) -> None:
        try:
            async with asyncio.timeout(DEADLINE):
                service = self._site().services.get(await self._interlock.get(agent.channel, "CC_SERVICE"))
                lifted = await self._interlock.get(agent.channel, "CC_SEALED")
                outside, sealed, objected, language = [
                    await self._interlock.get(caller.channel, name)
                    for name in ("CC_OUTSIDE", "CC_SEALED", OBJECTED, "CC_LANG")
                ]
                if service is None or not service.records or not outside or lifted not in {"", "phone"}:
                    return
                if sealed or objected:
                    return
                if agent.sealed:  # meanwhile; a seal that comes later is sent later, too, and stays
                    return
                await self._interlock.set(agent.channel, SEALED, "")
        except (SwitchRefused, SwitchLost, TimeoutError) as fault:
            log.info("who was transferred is not recorded", uniqueid=agent.id, reason=str(fault) or "too slow")
            return
        await self._announce(agent, language)

    async def _resume(self, agent: Leg, nonce: str) -> None:
        try:
            async with asyncio.timeout(DEADLINE):
                service = self._site().services.get(await self._interlock.get(agent.channel, "CC_SERVICE"))
                if not (self._site().resumes and service is not None and service.records):
                    log.info(
                        "a recording is not resumed: payment.resume does not allow it, or the line does not record",
                        uniqueid=agent.id,
                    )
                    return
                seals = self._calls.seals
                channels = [Channel.of(entry) for entry in await self._switch.listing("CoreShowChannels")]
                concerned = involved(channels, {agent.id}, self._site().devices)
                if YES in await asyncio.gather(*(self._interlock.get(each.name, OBJECTED) for each in concerned)):
                    log.info("a recording is not resumed: the caller objects to it", uniqueid=agent.id)
                    return
                going_on = takes_payments(concerned, self._site()) or self._on_the_way(concerned)
                if going_on or self._calls.seals != seals:  # the door is at work at this very moment
                    log.warning("a recording is not resumed: payments are still there", uniqueid=agent.id)
                    return
                self._calls.unseal(channel.id for channel in concerned)
                await asyncio.gather(*(self._interlock.unseal(channel.name) for channel in concerned))
                await self._interlock.set(agent.channel, "CC_CLEAR", f"resumed {nonce}")
        except (SwitchRefused, SwitchLost, TimeoutError) as fault:
            log.error("a recording is not resumed", uniqueid=agent.id, reason=str(fault) or "too slow")
            return
        self._journal.note(Resumed(agent.call, self._clock(), agent.id, tuple(each.name for each in concerned)))
        await self._announce(agent)

    def _on_the_way(self, channels: list[Channel]) -> bool:
        """Does one of these wait for an officer?"""
        queues = self._site().services[self._site().payments].queue.names
        return any(self._calls.queues.waits(queue, channel.id) for queue in queues for channel in channels)

    async def _announce(self, agent: Leg, language: str | None = None) -> None:
        """To whoever speaks with the agent; then the recorder. Whatever hinders that: nothing is recorded.

        `language` is the caller's, where a Local channel may stand for them, which knows of none.
        """
        if agent.id in self._awaited:
            return
        self._awaited[agent.id] = announced = asyncio.Event()
        try:
            if language is not None:
                peers = [leg for leg in self._calls.legs.values() if leg.bridge == agent.bridge and leg is not agent]
                await asyncio.gather(*(self._interlock.set(peer.channel, "CC_LANG", language) for peer in peers))
            await self._switch.action("PlayDTMF", {"Channel": agent.channel, "Digit": KEY, "Receive": "true"})
            async with asyncio.timeout(LONGEST_ANNOUNCEMENT):
                await announced.wait()
            async with asyncio.timeout(DEADLINE):
                for variable in ("CC_RECORD", "CC_ANNOUNCED"):
                    await self._interlock.set(agent.channel, variable, "1")
        except (SwitchRefused, SwitchLost, TimeoutError) as fault:
            log.info(
                "a conversation is not recorded from here", uniqueid=agent.id, reason=str(fault) or "not announced"
            )
            return
        finally:
            del self._awaited[agent.id]
        if agent.id in self._calls.legs and not agent.quiet:
            await self._segments.again(agent)
