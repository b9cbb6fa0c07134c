"""Calls that take their ways side by side, and what the recordings hold of them afterwards.

The caller speaks at 440 Hz, and at 880 Hz from the moment when an officer is there; the agent at 620 Hz, the officer at
2600 Hz. Whatever the way, no frame of any recording may hold 880 or 2600 Hz.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from ccdaemon.asterisk.agi import CallerGone
from tests.lab.archive import finished, voices, whose
from tests.lab.centre import Centre
from tests.lab.phones import AGENT, CALLER, CALLER_AFTER, OFFICER, Phone, Script
from tests.lab.tones import Found, find

DEADLINE = 90.0  # seconds for one call
FINISHED = 15.0  # seconds until the last recording has left the spool
TALK = 1.5  # seconds of conversation before anything happens, and after an officer is there
APART = 0.1  # seconds between ways that begin: two cores play all the phones, too
SOON = 20.0  # seconds in which a channel that must come is there


Way: TypeAlias = Callable[["Act", Phone], Awaitable[None]]


@dataclass
class Act:
    """One call on its way to an officer."""

    centre: Centre
    caller: str
    patience: float  # seconds for which anybody waits for an officer
    agent: str = ""
    leg: str = ""  # the Uniqueid of the agent's channel
    connected: asyncio.Event = field(default_factory=asyncio.Event)  # an officer is on the line
    over: asyncio.Event = field(default_factory=asyncio.Event)
    alone: bool = False  # no agent is there who would say when it is over
    officers: list[Phone] = field(default_factory=list)
    way: Way | None = None  # what the agent does who answers
    forwards: str | None = None  # where the first phone that rings forwards the call (302) instead of answering

    def sip(self, extension: str) -> str:
        return f"sip:{extension}@{self.centre.site.addresses.pbx}:5060"

    async def manage(self, action: str, fields: Mapping[str, str]) -> None:
        async with self.centre.manager() as ami:
            await ami.action(action, fields)

    async def channel(self, beginning: str, *, bridged: bool = False, doing: str = "") -> dict[str, str]:
        """The channel whose name begins so, once it is there, in a bridge and in an application if need be."""
        async with asyncio.timeout(SOON):
            while True:
                for each in await self.centre.channels():
                    there = each["Channel"].startswith(beginning) and (each["BridgeId"] or not bridged)
                    if there and (each["Application"] == doing or not doing):
                        return each
                await asyncio.sleep(0.2)

    async def met(self, beginning: str) -> bool:
        """Wait until somebody else is in the bridge of the channel whose name begins so, or all is over."""
        async with asyncio.timeout(self.patience):
            while not self.over.is_set():
                bridges = {each["Channel"]: each["BridgeId"] for each in await self.centre.channels()}
                theirs = next((bridge for name, bridge in bridges.items() if name.startswith(beginning)), "")
                if theirs and [*bridges.values()].count(theirs) > 1:
                    return True
                await asyncio.sleep(0.2)
        return False

    async def caller_of(self, agent: str) -> str:
        """Who is in a bridge with this agent."""
        channels = await self.centre.channels()
        bridge = next(each["BridgeId"] for each in channels if each["Channel"].startswith(f"PJSIP/{agent}-"))
        return next(each["Channel"] for each in channels if each["BridgeId"] == bridge and "trunk" in each["Channel"])

    async def with_officer(self) -> bool:
        """An officer speaks, for a while; or none comes."""
        try:
            async with asyncio.timeout(self.patience):
                await self.connected.wait()
        except TimeoutError:
            return False
        await asyncio.sleep(TALK)
        return True

    async def line(self, number: str, script: Script, via: str) -> None:
        """Call a number on another line, until that ends; one that is never answered is given up in the end."""
        call = asyncio.create_task(self.centre.world.call(number, script, via=via, caller=via))
        try:
            await asyncio.wait([call], timeout=2 * self.patience)
        finally:
            call.cancel()
            await asyncio.wait([call])
        if not call.cancelled():
            call.result()


class Stage:
    """A centre in which any number of calls take their ways. Who rings is known by the number that is shown."""

    def __init__(self, centre: Centre, agents: list[str], officers: list[str], patience: float = DEADLINE) -> None:
        self._centre = centre
        self._patience = patience
        self._acts: dict[str, Act] = {}
        self._ready = 0
        self._all_ready = asyncio.Condition()
        self._one_by_one = asyncio.Lock()
        self.gate = asyncio.Event()  # nobody takes their way before it is set
        self.gate.set()
        self._before = finished(centre.site)
        for extension in agents:
            centre.world.desk(extension, self._agent(extension))
        for extension in officers:
            centre.world.desk(extension, self._officer)

    def act(self, number: str, *known_as: str, forwards: str | None = None) -> Act:
        """A call that will be made to a number; whom an officer may see are the caller, and `known_as`."""
        act = Act(self._centre, f"07700900{number[-3:]}", self._patience, forwards=forwards)
        self._acts |= dict.fromkeys((act.caller, *known_as), act)
        return act

    async def play(
        self, way: Way, number: str, keys: str = "20", *, officer: bool = True, forwards: str | None = None
    ) -> Act:
        """A caller dials a number, and whoever answers takes the way, which may lead to no `officer`."""
        act = self.act(number, number, forwards=forwards)  # an officer who is consulted sees what was dialled
        if not officer:
            act.connected.set()
        await self.call(act, way, number, keys)
        return act

    async def arrive(self, number: str, keys: str) -> Act:
        """A caller comes to an officer by a number and keys alone."""
        act = self.act(number)
        await self.pass_gate()
        act.alone = True
        await self.call(act, None, number, keys)
        return act

    async def call(self, act: Act, way: Way | None, number: str, keys: str = "20") -> None:
        act.way = way
        async with asyncio.timeout(DEADLINE):
            await self._centre.world.call(number, lambda phone: self._caller(act, phone, keys), caller=act.caller)

    async def all_ready(self, calls: int) -> None:
        """Wait until so many calls stand before the gate."""
        async with self._all_ready:
            await self._all_ready.wait_for(lambda: self._ready >= calls)

    async def pass_gate(self) -> None:
        async with self._all_ready:
            self._ready += 1
            self._all_ready.notify_all()
        await self.gate.wait()
        async with self._one_by_one:
            await asyncio.sleep(APART)

    async def _caller(self, act: Act, phone: Phone, keys: str) -> None:
        for key in keys:
            await asyncio.sleep(0.8)  # after a key, until the next voice
            await phone.until_spoken_to()
            await phone.press(key)
        await phone.speak(CALLER)
        ends = [asyncio.create_task(each.wait()) for each in (act.connected, act.over)]
        patience = self._patience if act.alone else DEADLINE
        await asyncio.wait(ends, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        for each in ends:
            each.cancel()
        if act.connected.is_set():
            await phone.speak(CALLER_AFTER)
            await act.over.wait()

    def _agent(self, extension: str) -> Script:
        async def script(phone: Phone) -> None:
            act = self._acts[phone.shown]
            if act.forwards is not None:
                where, act.forwards = act.forwards, None
                await phone.refer(act.sip(where))
                return
            await phone.answer()
            await phone.speak(AGENT)
            if act.agent or act.way is None:  # the caller is back
                await act.over.wait()
                return
            act.agent = extension
            self._acts[extension] = act
            try:
                act.leg = (await act.channel(f"PJSIP/{extension}-"))["Uniqueid"]
                await asyncio.sleep(TALK)
                await self.pass_gate()
                await act.way(act, phone)
            except* (CallerGone, TimeoutError):
                pass  # the way led nowhere: `connected` tells
            finally:
                act.over.set()

        return script

    async def _officer(self, phone: Phone) -> None:
        act = self._acts[phone.shown]
        act.officers.append(phone)
        await phone.answer()
        await phone.speak(OFFICER)
        act.connected.set()
        if act.alone:
            await asyncio.sleep(TALK)
            act.over.set()
        await act.over.wait()  # where both others hang up in the same moment, Asterisk leaves whom they swapped alone

    async def heard_after(self) -> Mapping[str, list[Found]]:
        """What is in the recordings since we began that must not be there, by file, once all of them are finished."""
        async with asyncio.timeout(FINISHED):
            while any(self._centre.site.recordings.iterdir()):
                await asyncio.sleep(0.1)
        site = self._centre.site
        found = {}
        for file in sorted(finished(site) - self._before):
            heard = await asyncio.to_thread(voices, site, whose(file))
            found[file.name] = [find(channel, hertz) for channel in heard for hertz in (OFFICER, CALLER_AFTER)]
        return {name: [each for each in tones if each.frames] for name, tones in found.items()}
