"""A new segment whenever a recorded agent comes back to their caller.

While an agent consults a colleague, nothing is recorded: that is no part of the caller's conversation, nor is it
recorded while they swap between the two. When they are back for good, `cc-connected` starts a recorder anew, and
refuses where it must not run. It has to be a new one: an old one may lose all that the agent hears after a change of
bridge, because its translator goes on counting from the sequence numbers of another sender (measured on the Asterisk
22.10.1 of Debian, whose `ast_translate` conceals lost packets).
That translator is every listener's: where somebody spies on the agent meanwhile it stays, and what may be lost for it
is told when the recording is finished (`rules.recording.fault_of`).

Only the dialplan starts recorders, and only a key reaches it on a channel that is in a bridge: the daemon presses one
that no handset has, which leads to `cc-connected` (applicationmap in features.conf). In a consultation it does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from typing import Any

import structlog

from ccdaemon.faults import SwitchLost, SwitchRefused
from ccdaemon.flows.interlock import GONE, Interlock, Switch
from ccdaemon.flows.journal import Alarms
from ccdaemon.model import Event
from ccdaemon.rules.calls import STARTED, Calls, Leg
from ccdaemon.rules.payment import is_half, parties

KEY = "A"
DEADLINE = 5.0  # seconds until the new recorder runs
AGAIN = 1.0  # seconds until the key is pressed once more: none is heard while Asterisk plays a sound to the agent
SETTLES = 0.2  # seconds
PAIR = 2

log = structlog.get_logger()


class Segments:
    """Follows recorded legs from bridge to bridge. Legs that are recorded already are where they belong."""

    def __init__(self, switch: Switch, calls: Calls, alarms: Alarms) -> None:
        self._switch = switch
        self._interlock = Interlock(switch)
        self._calls = calls
        self._alarms = alarms
        legs = calls.legs.values()
        self._homes: dict[str, str | None] = {leg.id: leg.bridge for leg in legs if leg.segment and leg.bridge}
        self._awaited: dict[str, asyncio.Event] = {}
        self._swapped: set[str] = set()  # back with their caller, while a colleague waits

    def heard(self, event: Event) -> Iterator[Coroutine[Any, Any, None]]:
        """What is to be done since this event."""
        leg = event.get("Uniqueid", "")
        match event["Event"]:
            case "Hangup":
                self._homes.pop(leg, None)
                self._swapped.discard(leg)
                yield from map(self._settled, self._alone_again(event.get("Linkedid", "")))
            case "UserEvent" if event.get("UserEvent") == STARTED and leg in self._calls.legs:
                bridge = self._calls.legs[leg].bridge
                if bridge is not None:  # it began in mid-conversation: with its caller
                    self._homes[leg] = bridge
                if leg in self._awaited:
                    self._awaited[leg].set()
            case "BridgeLeave":
                here = [each for each in self._calls.legs.values() if each.bridge == event["BridgeUniqueid"]]
                if len(here) == PAIR:  # of three, who are mixed in another way than two
                    yield from map(self._settled, filter(self._is_home, here))
            case "BridgeEnter" if leg in self._calls.legs:
                bridge = self._calls.legs[leg].bridge
                here = [each for each in self._calls.legs.values() if each.bridge == bridge]
                if len(here) > 1:
                    yield from filter(None, map(self._turn, here))

    def _turn(self, leg: Leg) -> Coroutine[Any, Any, None] | None:
        """Somebody has come to this leg, or it to them: what becomes of its recorder?"""
        if not leg.segment or leg.quiet:
            return None
        if leg.id not in self._homes:
            self._homes[leg.id] = leg.bridge
            return None
        self._swapped.discard(leg.id)
        if self._homes[leg.id] == leg.bridge:
            if self._consults(leg):
                self._swapped.add(leg.id)
                return None
            return None if leg.id in self._awaited else self.again(leg)
        return self._pause(leg) if leg.recorded else None

    def _consults(self, leg: Leg) -> bool:
        """Is a colleague still there, so that the agent may swap to them again?"""
        legs = self._calls.legs.values()
        here = parties(legs, leg)
        others = [each for each in legs if each.call == leg.call and each.bridge and not is_half(each.channel)]
        return any(each not in here for each in others)

    def _alone_again(self, call: str) -> list[Leg]:
        """Agents of a call whom no colleague waits for any more."""
        legs = [self._calls.legs[leg] for leg in self._swapped if leg in self._calls.legs]
        done = [leg for leg in legs if leg.call == call and not self._consults(leg)]
        self._swapped -= {leg.id for leg in done}
        return done

    def _is_home(self, leg: Leg) -> bool:
        """Is this a recorded agent with their caller?"""
        return bool(leg.segment) and leg.bridge is not None and leg.bridge == self._homes.get(leg.id)

    async def _settled(self, leg: Leg) -> None:
        """While agents may swap Asterisk hears no keys of ours, and for a moment after any change."""
        await asyncio.sleep(SETTLES)
        if leg.id in self._calls.legs and self._is_home(leg) and not leg.quiet and leg.id not in self._awaited:
            await self.again(leg)

    async def _pause(self, leg: Leg) -> None:
        try:
            async with asyncio.timeout(DEADLINE):
                await self._interlock.stop_recorders(leg.channel)
        except (SwitchRefused, SwitchLost, TimeoutError) as fault:
            log.warning("a consultation is recorded", uniqueid=leg.id, reason=str(fault) or "too slow")

    async def again(self, leg: Leg) -> None:
        """Begin a recorder, if `cc-connected` finds that it may run, and raise an alarm if none began."""
        self._awaited[leg.id] = started = asyncio.Event()
        try:
            async with asyncio.timeout(DEADLINE):
                while not started.is_set():
                    await self._switch.action("PlayDTMF", {"Channel": leg.channel, "Digit": KEY, "Receive": "true"})
                    with suppress(TimeoutError):
                        await asyncio.wait_for(started.wait(), AGAIN)
        except (SwitchRefused, SwitchLost, TimeoutError) as fault:
            gone = isinstance(fault, SwitchRefused) and fault.says(GONE)
            if leg.id in self._calls.legs and not leg.quiet and not gone:
                self._alarms.raise_(
                    "recorders",
                    f"{leg.channel} is back with its caller and no longer recorded: {str(fault) or 'nothing started'}. "
                    "Has features.conf cc-record, and has the phone DYNAMIC_FEATURES? `ccdaemon check`",
                )
        else:
            self._alarms.clear("recorders")
        finally:
            del self._awaited[leg.id]
