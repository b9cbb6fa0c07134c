"""Agents' keys during a call: the caller objects to being recorded (`*56`), and the call is to be kept (`*57`).

The dialplan (`cc-during`) asks and waits; an answer names the prompt that the agent hears. Where none comes they are
told that nothing is confirmed, and a note is left for `flows.missed`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Protocol

import structlog

from ccdaemon.faults import KeyUnusable, RegisterFull, SwitchLost, SwitchRefused
from ccdaemon.flows.inbound import Journal
from ccdaemon.flows.interlock import GONE, OBJECTED, YES, Interlock, Switch
from ccdaemon.kept import Hold
from ccdaemon.model import Channel, Event, Site
from ccdaemon.notices import KeptSafe, Objected
from ccdaemon.rules.calls import Calls, Leg
from ccdaemon.rules.during_call import (
    KEPT,
    NO_CALL,
    NOT_RECORDED,
    SAFETY,
    STOPPED,
    Asked,
    asked,
    handset,
    meant,
    taps,
    unwanted,
    was_recorded,
)
from ccdaemon.rules.payment import involved

DEADLINE = 3.0  # seconds for one answer; the dialplan waits a little longer
AGAIN = 0.002  # seconds until we look again whether a recorder that is a channel has gone
REVIEW = 28 * 86_400.0  # seconds until somebody is asked whether such a hold is needed still

log = structlog.get_logger()


class Register(Protocol):
    """Raises `RegisterFull`, `KeyUnusable` or `OSError` where nothing is held."""

    async def hold_once(self, hold: Hold, maker: str, now: float) -> int: ...


def safety_hold(call: str, now: float) -> Hold:
    return Hold("safety", SAFETY, call=call, review=now + REVIEW)


class DuringCall:
    """Answers what agents ask, any number of them at a time."""

    def __init__(
        self,
        switch: Switch,
        calls: Calls,
        site: Callable[[], Site],
        journal: Journal,
        register: Register,
        clock: Callable[[], float],
    ) -> None:
        self._switch = switch
        self._interlock = Interlock(switch)
        self._calls = calls
        self._site = site
        self._journal = journal
        self._register = register
        self._clock = clock

    def heard(self, event: Event) -> Iterator[Coroutine[Any, Any, None]]:
        """What is to be done since this event."""
        if (wish := asked(event)) is not None:
            yield self.answer(wish)
        elif legs := unwanted(self._calls, event):
            yield self._stop(legs)

    async def answer(self, wish: Asked) -> None:
        """Do it, and say so once it is done."""
        try:
            async with asyncio.timeout(DEADLINE):
                prompt = await (self._object(wish) if wish.about == "objects" else self._keep(wish))
                await self._interlock.set(wish.channel, "CC_CLEAR", f"{prompt}:{wish.nonce}")
        except (SwitchRefused, SwitchLost, RegisterFull, KeyUnusable, OSError) as fault:  # TimeoutError is an OSError
            reason = str(fault) or "too slow"
            log.error("an agent hears that it is not confirmed", about=wish.about, uniqueid=wish.leg, reason=reason)

    async def _meant(self, wish: Asked) -> tuple[list[Channel], list[Channel]]:
        """What an agent means, and which channels record that."""
        channels = [Channel.of(entry) for entry in await self._switch.listing("CoreShowChannels")]
        if wish.leg not in {channel.id for channel in channels}:
            raise SwitchRefused(GONE)
        about = meant(wish, channels, self._site().devices)
        tapping = taps(channels, about)
        return [each for each in about if each not in tapping], tapping

    # --- the caller objects ------------------------------------------------------------------------------------------

    async def _object(self, wish: Asked) -> str:
        """First the mark, so that nothing starts behind our back; then the recorders; until there is nobody new."""
        began, quiet, stopped = self._clock(), dict[str, Channel](), 0
        ended = set[str]()
        while True:
            about, tapping = await self._meant(wish)
            fresh = [each for each in about if each.id not in quiet]
            if not fresh and not tapping:
                break
            stopped += await self._quieten(fresh)
            quiet |= {each.id: each for each in fresh}
            if tapping:
                await asyncio.gather(*(self._interlock.hang_up(each.name) for each in tapping))
                stopped += len({each.id for each in tapping} - ended)
                ended |= {each.id for each in tapping}
                await asyncio.sleep(AGAIN)
        who = handset(wish.channel, self._site())
        for call in sorted({each.call for each in quiet.values()}):
            self._journal.note(Objected(call, began, wish.leg, who, stopped))
        if not quiet:
            return NO_CALL
        return STOPPED if was_recorded(self._calls, quiet.values(), stopped) else NOT_RECORDED

    async def _quieten(self, channels: list[Channel]) -> int:
        """Nothing records them any more, nor again; how many recorders there were."""
        self._calls.object_to(each.id for each in channels)
        await asyncio.gather(*(self._interlock.set(each.name, f"__{OBJECTED}", YES) for each in channels))
        return sum(await asyncio.gather(*(self._interlock.stop_recorders(each.name) for each in channels)))

    async def resume(self) -> None:
        """Who objected while nobody was here: the dialplan has stopped the agent's own recorder, and now the rest."""
        objected = {leg.id for leg in self._calls.legs.values() if leg.objected}
        if not objected:
            return
        channels = [Channel.of(entry) for entry in await self._switch.listing("CoreShowChannels")]
        try:
            await self._quieten(involved(channels, objected, {}))
        except SwitchRefused as fault:
            log.error("somebody who objects may be recorded", reason=str(fault))

    async def _stop(self, legs: list[Leg]) -> None:
        """Who speaks with somebody who objects is not recorded while they do, whatever brought them together."""
        try:
            async with asyncio.timeout(DEADLINE):
                await asyncio.gather(*(self._interlock.stop_recorders(leg.channel) for leg in legs))
        except (SwitchRefused, SwitchLost, TimeoutError) as fault:
            log.error("somebody who objects may be recorded", uniqueid=legs[0].id, reason=str(fault) or "too slow")

    # --- the call is to be kept --------------------------------------------------------------------------------------

    async def _keep(self, wish: Asked) -> str:
        """A hold for each call: two that become one by a transfer are kept as one."""
        now, who = self._clock(), handset(wish.channel, self._site())
        about, _ = await self._meant(wish)
        calls = sorted({each.call for each in about})
        for call in calls:
            hold = await self._register.hold_once(safety_hold(call, now), who, now)
            self._journal.note(KeptSafe(call, now, wish.leg, who, hold))
        return KEPT if calls else NO_CALL
