"""Supervisors who hear calls: let in on what Asterisk says, thrown off before a payment, written down all the way.

A supervisor is known here from before they may hear anything until they hear nothing any more. The payments door seals
first and then asks who listens; here somebody is known first, and then asked of Asterisk whether the call is sealed. So
of two that come at once, at least one sees the other. The dialplan (`cc-supervise`) looks at the seal once more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import structlog

from ccdaemon.faults import SwitchLost, SwitchRefused
from ccdaemon.flows.handset import Doing
from ccdaemon.flows.inbound import Journal
from ccdaemon.flows.interlock import PAYMENTS, Interlock, Switch
from ccdaemon.model import Channel, Event, Mode, Site, Supervisor
from ccdaemon.notices import Supervised
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.handset.line import Line
from ccdaemon.rules.handset.supervisor import Join, Leave, WhoSpies
from ccdaemon.rules.handset.talk import Do
from ccdaemon.rules.payment import CHANSPY, SPIES
from ccdaemon.rules.supervision import MODES, Target, Verdict, at_phone, longest

DEADLINE = 2.0  # seconds, for all that is asked of Asterisk
LOOKS, BETWEEN_LOOKS = 10, 0.05  # times, and seconds: by then it is clear where a call went that somebody heard
OBEYS = 0.3  # seconds in which a channel that is moved does so; it takes a frame
TO_PAYMENTS = "the call goes to payments"
TOLD, AGAIN = "thrown-off", "again"  # extensions of cc-supervise
KEY = "C"  # that the daemon presses on the agent's channel: the tone (cc-watched in features.conf)

log = structlog.get_logger()


@dataclass
class Spy:
    """A supervisor on a line, and the agent's leg that they may hear."""

    who: str
    channel: str
    leg: str
    mode: Mode
    target: Target
    heard: list[str] = field(default_factory=list)  # legs, on this line
    since: float | None = None  # when Asterisk said that they hear it
    done: bool = False  # they hear it no more, and are asked what next


class Supervising:
    """Lets supervisors in and follows them; one for the daemon's whole life, on one link after the other."""

    def __init__(self, calls: Calls, site: Callable[[], Site], journal: Journal, clock: Callable[[], float]) -> None:
        self._calls = calls
        self._site = site
        self._journal = journal
        self._clock = clock
        self._switch: Switch | None = None
        self._spies: dict[str, Spy] = {}  # by their own leg
        self._thrown: dict[str, float] = {}  # those legs who are being moved, and since when

    def doing(self) -> dict[type[Do], Doing]:
        return {Join: self.join, WhoSpies: self.who_spies, Leave: self.leave}

    # --- what their story asks ---------------------------------------------------------------------------------------

    async def join(self, wanted: Join, line: Line) -> Target | Verdict:
        """Let a supervisor in on a call, if that may be."""
        old = self._spies.get(line.leg)
        heard = [*old.heard, old.target.leg] if old else []
        found = (
            at_phone(self._calls, self._site(), wanted.who, wanted.extension)
            if wanted.extension
            else longest(self._calls, self._site(), wanted.who, heard, line.phone.device)
        )
        if isinstance(found, Target):
            spy = self._spies[line.leg] = Spy(wanted.who.id, line.channel, line.leg, wanted.mode, found, heard)
            if await self._is_sealed(found):
                self._forget(spy)
                found = Verdict.PAYMENTS
        if isinstance(found, Verdict):
            notice = Supervised(line.call, self._clock(), line.leg, wanted.who.id, "refused", mode=wanted.mode)
            notice.reason = found.value
            self._journal.note(notice)
        return found

    async def who_spies(self, _: WhoSpies, line: Line) -> tuple[Supervisor, Mode] | None:
        spy = self._spies.get(line.leg)
        who = self._site().supervisors.get(spy.who) if spy is not None else None
        return (who, spy.mode) if spy is not None and who is not None else None

    async def leave(self, _: Leave, line: Line) -> bool:
        """Does the call that they have left go to payments? Its agent may be gone before the door throws them off.

        And before the door is asked: that is another conversation, which comes in its own time.
        """
        spy = self._spies.get(line.leg)
        if spy is None:
            return False
        for _look in range(LOOKS):
            if self._pays(spy.target.call):
                break
            await asyncio.sleep(BETWEEN_LOOKS)
        pays = self._pays(spy.target.call)
        self._left(spy, "left", TO_PAYMENTS if pays else None)
        return pays

    def _pays(self, call: str) -> bool:
        known = self._calls.calls.get(call)
        return known is not None and any(self._calls.legs[leg].sealed for leg in known.legs)

    async def _is_sealed(self, target: Target) -> bool:
        """Whatever hinders the answer, it is yes."""
        if self._switch is None:
            return True
        try:
            async with asyncio.timeout(DEADLINE):
                sealed = await Interlock(self._switch).get(target.channel, "CC_SEALED")
                group = await self._switch.action("Getvar", {"Variable": f"GROUP_COUNT({target.device}@cc-payments)"})
        except (SwitchRefused, SwitchLost, TimeoutError) as fault:
            log.warning("nobody can say whether a call is sealed: it is not joined", reason=str(fault) or "too slow")
            return True
        return sealed == PAYMENTS or group.get("Value", "") not in {"", "0"}

    # --- what Asterisk says ------------------------------------------------------------------------------------------

    def heard(self, event: Event) -> Iterator[Coroutine[Any, Any, None]]:
        """What is to be done since this event."""
        match event["Event"], event.get("UserEvent"):
            case "ChanSpyStart", _:
                if (spy := self._spies.get(event.get("SpyerUniqueid", ""))) is not None:
                    yield from self._started(spy)
                elif (leg := self._calls.legs.get(event.get("SpyeeUniqueid", ""))) is not None and leg.sealed:
                    yield self._hang_up(event["SpyerChannel"])  # round the door
            case "UserEvent", "CCSpying" if (spy := self._spies.get(event.get("Uniqueid", ""))) is not None:
                self._changes(spy, event.get("Mode", ""))
            case "Hangup", _:
                self._thrown.pop(event["Uniqueid"], None)
                if (spy := self._spies.get(event["Uniqueid"])) is not None:
                    self._left(spy, "left")
                    self._forget(spy)
            case "BridgeEnter" | "BridgeLeave", _:
                yield from (
                    self._send(spy, AGAIN)
                    for spy in [*self._spies.values()]
                    if spy.mode == "barge" and spy.since is not None and spy.target.leg == event.get("Uniqueid")
                )

    def _started(self, spy: Spy) -> Iterator[Coroutine[Any, Any, None]]:
        if spy.since is None:
            spy.since = self._clock()
            self._note(spy, "joined")
            if self._site().tells_agents:
                yield self._tell_agent(spy)

    def _changes(self, spy: Spy, mode: str) -> None:
        """The dialplan says how they are going to hear it, before they do."""
        before = spy.mode
        spy.mode = next((each for each in MODES if each == mode), before)
        if spy.since is not None and spy.mode != before:
            self._note(spy, "changed")

    async def _tell_agent(self, spy: Spy) -> None:
        if self._switch is not None:
            try:
                fields = {"Channel": spy.target.channel, "Digit": KEY, "Receive": "true"}
                await self._switch.action("PlayDTMF", fields)
            except (SwitchRefused, SwitchLost) as fault:
                log.warning("an agent was not told that somebody listens", uniqueid=spy.target.leg, reason=str(fault))

    async def _hang_up(self, channel: str) -> None:
        log.warning("somebody listens who was not let in, and is hung up", channel=channel)
        if self._switch is not None:
            try:
                await Interlock(self._switch).hang_up(channel)
            except (SwitchRefused, SwitchLost) as fault:
                log.error("somebody listens who was not let in, and stays", channel=channel, reason=str(fault))

    async def _send(self, spy: Spy, extension: str) -> None:
        """To another place of `cc-supervise`; Asterisk drops what they hear at once."""
        if self._switch is not None:
            fields = {"Channel": spy.channel, "Context": "cc-supervise", "Exten": extension, "Priority": "1"}
            try:
                await self._switch.action("Redirect", fields)
            except (SwitchRefused, SwitchLost) as fault:
                log.info("a supervisor could not be moved", uniqueid=spy.leg, reason=str(fault))

    # --- what the payments door asks ---------------------------------------------------------------------------------

    def near(self, channels: Iterable[Channel], concerned: Collection[Channel]) -> list[Channel]:
        """Supervisors who may hear one of these, or are just about to."""
        legs = {channel.id for channel in concerned}
        spying = {spy.leg for spy in self._spies.values() if spy.target.leg in legs and not spy.done}
        return [channel for channel in channels if channel.id in spying]

    async def throw_off(self, channel: Channel) -> None:
        """With a word of why, or, whom that does not move, without one. Raises as the switch does."""
        if self._switch is None:
            message = "no link"
            raise SwitchLost(message)
        spy = self._spies.get(channel.id)
        if spy is None:
            if self._clock() > self._thrown.get(channel.id, 0.0) + OBEYS:
                await Interlock(self._switch).hang_up(channel.name)
            return
        self._left(spy, "thrown off", TO_PAYMENTS)
        self._forget(spy)
        self._thrown[channel.id] = self._clock()
        fields = {"Channel": channel.name, "Context": "cc-supervise", "Exten": TOLD, "Priority": "1"}
        try:
            await self._switch.action("Redirect", fields)
        except SwitchRefused:
            await Interlock(self._switch).hang_up(channel.name)

    # --- after a link, or the daemon, was away -----------------------------------------------------------------------

    async def resume(self, switch: Switch) -> None:
        """Keep those who hear what they were let in on; whoever listens to nobody knows whom is hung up."""
        self.linked(switch)
        channels = {channel.id: channel for channel in map(Channel.of, await switch.listing("CoreShowChannels"))}
        for spy in [each for each in self._spies.values() if each.leg not in channels]:
            self._left(spy, "left", "while nobody looked")
            self._forget(spy)
        for channel in channels.values():
            if channel.application in SPIES and not await self._is_known(channel, channels):
                await self._hang_up(channel.name)
                reason = "nobody knows whom they hear"
                self._journal.note(Supervised(channel.call, self._clock(), channel.id, "", "thrown off", reason=reason))

    def linked(self, switch: Switch) -> None:
        """From now on this is Asterisk."""
        self._switch = switch

    def away(self) -> None:
        """There is no link any more."""
        self._switch = None

    async def _is_known(self, channel: Channel, channels: dict[str, Channel]) -> bool:
        """By what the dialplan keeps of our own word, if the agent's leg is what it was, and nothing is sealed."""
        assert self._switch is not None
        word = (await Interlock(self._switch).get(channel.name, "CC_SPY")).split(":")
        match word:
            case ["spy", mode, _, name, device, leg, who] if mode in MODES and channel.application == CHANSPY:
                agent = channels.get(leg)
                if agent is None or agent.name != name or channel.data.partition(",")[0] != name:
                    return False
            case _:
                return False
        service = self._calls.calls[agent.call].service if agent.call in self._calls.calls else None
        target = Target(leg, name, device, agent.call, service or "")
        spy = self._spies.get(channel.id)
        if spy is None or spy.target.leg != leg:
            spy = self._spies[channel.id] = Spy(who, channel.name, channel.id, mode, target, since=self._clock())
            self._note(spy, "joined", "found after a restart")
        if await self._is_sealed(target):
            self._left(spy, "thrown off", "the call is with payments")
            self._forget(spy)
            return False
        return True

    # --- what is written down ----------------------------------------------------------------------------------------

    def _left(self, spy: Spy, did: str, reason: str | None = None) -> None:
        if spy.since is not None:
            self._note(spy, did, reason, self._clock() - spy.since)
        spy.since, spy.done = None, True

    def _forget(self, spy: Spy) -> None:
        if self._spies.get(spy.leg) is spy:
            del self._spies[spy.leg]

    def _note(self, spy: Spy, did: str, reason: str | None = None, seconds: float | None = None) -> None:
        target = spy.target
        leg = self._calls.legs.get(target.leg)
        call = leg.call if leg is not None else target.call
        self._journal.note(
            Supervised(
                *(call, self._clock(), spy.leg, spy.who, did, target.leg, target.service or None, spy.mode),
                *(reason, seconds),
            )
        )
