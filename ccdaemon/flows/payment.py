"""The payments door: nobody is connected to an officer before nothing records the call and nobody listens in.

The dialplan knocks (`cc-door`) and waits; an answer that does not come is a refusal. What is closed here is closed in
Asterisk and asked of Asterisk: our own graph of the calls may lag, so no step rests on it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog

from ccdaemon.flows.inbound import Journal
from ccdaemon.model import Channel, Event, RawRecording, Site, SwitchLost, SwitchRefused
from ccdaemon.notices import DoorOpened
from ccdaemon.rules.payment import Knock, involved, listeners

DEADLINE = 2.0  # seconds for one knock; the dialplan knocks again
MOST_RECORDERS = 50  # on one channel; more is no recording but a fault
AGAIN = 0.002  # seconds until we look again whether who listened has gone
SEALED, GROUP = "__CC_SEALED", "GROUP(cc-payments)"
NONE_LEFT, GONE = "Could not stop monitoring channel", "No such channel"  # as app_mixmonitor.c and manager.c say it

log = structlog.get_logger()


class Switch(Protocol):
    """Asterisk. Raises `SwitchRefused` or `SwitchLost`."""

    async def action(self, name: str, fields: Mapping[str, str]) -> object: ...

    async def listing(self, name: str) -> list[dict[str, str]]: ...


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
    return Knock(channel, leg, call, nonce, about, event.get("Device") or None)


class Door:
    """Answers knocks, any number of them at a time."""

    def __init__(
        self,
        switch: Switch,
        site: Callable[[], Site],
        journal: Journal,
        recordings: Callable[[], Iterable[RawRecording]],
        clock: Callable[[], float],
    ) -> None:
        self._switch = switch
        self._site = site
        self._journal = journal
        self._recordings = recordings
        self._clock = clock

    async def answer(self, knock: Knock) -> None:
        """Open to one who knocks. Whatever hinders that, the answer is none, and the dialplan connects nobody."""
        began = self._clock()
        try:
            async with asyncio.timeout(DEADLINE):
                quiet, listening = await self._quieten(knock)
                await self._set(knock.channel, "CC_CLEAR", f"clear {knock.nonce}")
        except (SwitchRefused, SwitchLost, TimeoutError) as fault:
            log.error("the payments door stays closed", uniqueid=knock.leg, reason=str(fault) or "too slow")
            return
        took = self._clock() - began
        files = {raw.leg: raw for raw in await asyncio.to_thread(lambda: list(self._recordings()))}
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

    async def _quieten(self, knock: Knock) -> tuple[list[Quietened], list[Channel]]:
        """Seal, stop, hang up, and look again, until Asterisk lists nothing that would be new."""
        devices = self._site().devices
        quiet: dict[tuple[str, str], Quietened] = {}
        gone: dict[str, Channel] = {}
        while True:
            channels = [Channel.of(entry) for entry in await self._switch.listing("CoreShowChannels")]
            if knock.leg not in {channel.id for channel in channels}:
                raise SwitchRefused(GONE)
            concerned = involved(channels, {knock.leg}, devices, knock.device)
            listening = listeners(channels, concerned)
            fresh = [channel for channel in concerned if (channel.id, channel.name) not in quiet]
            if not fresh and not listening:
                return [*quiet.values()], [*gone.values()]
            await asyncio.gather(*(self._seal(channel, devices) for channel in fresh))
            stopped = await asyncio.gather(*(self.stop_recorders(channel.name) for channel in fresh))
            for channel, recorders in zip(fresh, stopped, strict=True):
                quiet[channel.id, channel.name] = Quietened(channel, recorders)
            if listening:
                await asyncio.gather(*(self._hang_up(channel) for channel in listening))
                gone |= {channel.id: channel for channel in listening}
                await asyncio.sleep(AGAIN)

    async def _seal(self, channel: Channel, devices: Mapping[str, str]) -> None:
        """From now on `cc-connected` starts no recorder on this call, nor on this phone while the channel lasts."""
        await self._set(channel.name, SEALED, "payments")
        if (device := devices.get(channel.endpoint)) is not None:
            await self._set(channel.name, GROUP, device)

    async def _set(self, channel: str, variable: str, value: str) -> None:
        await self._unless_gone("Setvar", {"Channel": channel, "Variable": variable, "Value": value})

    async def _hang_up(self, channel: Channel) -> None:
        await self._unless_gone("Hangup", {"Channel": channel.name})

    async def _unless_gone(self, name: str, fields: Mapping[str, str]) -> None:
        try:
            await self._switch.action(name, fields)
        except SwitchRefused as refusal:
            if not refusal.says(GONE):
                raise

    async def stop_recorders(self, channel: str) -> int:
        """Stop the newest recorder of a channel until Asterisk says that there is none. Returns how many there were."""
        for stopped in range(MOST_RECORDERS):
            try:
                await self._switch.action("StopMixMonitor", {"Channel": channel})
            except SwitchRefused as refusal:
                if not refusal.says(NONE_LEFT, GONE):
                    raise
                return stopped
        message = f"{channel} has more than {MOST_RECORDERS} recorders"
        raise SwitchRefused(message)


def _evidence(quiet: Quietened, raw: RawRecording | None) -> dict[str, object]:
    return {
        "leg": quiet.channel.id,
        "channel": quiet.channel.name,
        "recorders": quiet.recorders,
        "file": raw.path.name if raw else None,
        "bytes": raw.size if raw else None,
    }
