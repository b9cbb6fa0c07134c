"""The ways in which a call reaches a payments officer, as agents take them; and what the recordings hold afterwards.

The caller speaks at 440 Hz, and at 880 Hz from the moment when an officer is there; the agent at 620 Hz, the officer at
2600 Hz. Whatever the way, no frame of any recording may hold 880 or 2600 Hz.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from tests.lab.centre import Centre
from tests.lab.phones import AGENT, CALLER, CALLER_AFTER, OFFICER, Phone
from tests.lab.tones import Found, find, read

HOUSING = "01632960111"
PAYMENTS, PAYMENTS_NUMBER = "8000", "01632960109"
DEADLINE = 60.0  # seconds for one call
FINISHED = 15.0  # seconds until the last recording has left the spool
OFFICER_WHO_CALLS = "8199"
TALK = 1.5  # seconds of conversation before anything happens, and after an officer is there
KEYS_HEARD = 1.2  # seconds until Asterisk listens for the number, after a feature code


@dataclass
class Act:
    """One call on its way to an officer."""

    centre: Centre
    caller: str
    agent: str = ""
    connected: asyncio.Event = field(default_factory=asyncio.Event)  # an officer is on the line
    over: asyncio.Event = field(default_factory=asyncio.Event)
    officers: list[Phone] = field(default_factory=list)

    def sip(self, extension: str) -> str:
        return f"sip:{extension}@{self.centre.site.addresses.pbx}:5060"

    async def manage(self, action: str, fields: Mapping[str, str]) -> None:
        async with self.centre.manager() as ami:
            await ami.action(action, fields)

    async def channel(self, beginning: str) -> str:
        """The channel whose name begins so."""
        return next(each["Channel"] for each in await self.centre.channels() if each["Channel"].startswith(beginning))

    async def caller_of(self, agent: str) -> str:
        """Who is in a bridge with this agent."""
        channels = await self.centre.channels()
        bridge = next(each["BridgeId"] for each in channels if each["Channel"].startswith(f"PJSIP/{agent}-"))
        return next(each["Channel"] for each in channels if each["BridgeId"] == bridge and "trunk" in each["Channel"])

    async def with_officer(self) -> None:
        """An officer speaks, for a while."""
        await self.connected.wait()
        await asyncio.sleep(TALK)

    async def second_line(self, number: str, script: Callable[[Phone], Awaitable[None]]) -> None:
        """Call a number on another line of the agent's phone."""
        await self.centre.world.call(number, script, via=self.agent, caller=self.agent)


Way: TypeAlias = Callable[[Act, Phone], Awaitable[None]]


class Stage:
    """A centre in which any number of calls take their ways. Who rings is known by the number that is shown."""

    def __init__(self, centre: Centre, agents: list[str], officers: list[str]) -> None:
        self._centre = centre
        self._acts: dict[str, tuple[Act, Way]] = {}
        for extension in agents:
            centre.world.desk(extension, self._agent(extension))
        for extension in officers:
            centre.world.desk(extension, self._officer)

    async def play(self, way: Way, number: str, keys: str = "20", *, officer: bool = True) -> Act:
        """A caller dials a number of their own, and whoever answers takes the way, which may lead to no `officer`."""
        caller = f"07700900{number[-3:]}"
        act = Act(self._centre, caller)
        if not officer:
            act.connected.set()
        self._acts[caller] = self._acts[number] = (
            act,
            way,
        )  # an officer who is consulted sees the number that was dialled
        async with asyncio.timeout(DEADLINE):
            await self._centre.world.call(number, lambda phone: self._caller(act, phone, keys), caller=caller)
        return act

    async def _caller(self, act: Act, phone: Phone, keys: str) -> None:
        for key in keys:
            await asyncio.sleep(0.8)  # after a key, until the next voice
            await phone.until_spoken_to()
            await phone.press(key)
        await phone.speak(CALLER)
        await act.connected.wait()
        await phone.speak(CALLER_AFTER)
        await act.over.wait()

    def _agent(self, extension: str) -> Callable[[Phone], Awaitable[None]]:
        async def script(phone: Phone) -> None:
            act, way = self._acts[phone.shown]
            act.agent = extension
            self._acts[extension] = act, way
            await phone.answer()
            await phone.speak(AGENT)
            await asyncio.sleep(TALK)
            try:
                await way(act, phone)
            finally:
                act.over.set()

        return script

    async def _officer(self, phone: Phone) -> None:
        act, _ = self._acts[phone.shown]
        act.officers.append(phone)
        await phone.answer()
        await phone.speak(OFFICER)
        act.connected.set()
        await act.over.wait()  # where both others hang up in the same moment, Asterisk leaves whom they swapped alone

    async def heard_after(self) -> Mapping[str, list[Found]]:
        """What is in the recordings that must not be there, by file, once all of them are finished."""
        async with asyncio.timeout(FINISHED):
            while any(self._centre.site.recordings.iterdir()):
                await asyncio.sleep(0.1)
        files = sorted((self._centre.site.folder / "state" / "recordings").rglob("*.wav"))
        found = {
            file.name: [find(channel, hertz) for channel in read(file) for hertz in (OFFICER, CALLER_AFTER)]
            for file in files
        }
        return {name: [each for each in tones if each.frames] for name, tones in found.items()}


# --- what agents do --------------------------------------------------------------------------------------------------


async def _by_code(phone: Phone, code: str, number: str) -> None:
    await phone.hush()
    await phone.press(code)
    await asyncio.sleep(KEYS_HEARD)
    await phone.press(number)
    await phone.speak(AGENT)


async def blind_refer(act: Act, phone: Phone) -> None:
    await phone.refer(act.sip(PAYMENTS))
    await act.with_officer()


async def blind_code(act: Act, phone: Phone) -> None:
    await _by_code(phone, "#1", PAYMENTS)
    await act.with_officer()


async def officers_extension(act: Act, phone: Phone) -> None:
    await phone.refer(act.sip("8001"))
    await act.with_officer()


async def attended_code(act: Act, phone: Phone) -> None:
    await _by_code(phone, "*2", PAYMENTS)
    await act.with_officer()
    phone.hang_up()
    await asyncio.sleep(TALK)


async def blonde(act: Act, phone: Phone) -> None:
    await phone.hush()
    await phone.press("*2")
    await asyncio.sleep(KEYS_HEARD)
    await phone.press(PAYMENTS)
    phone.hang_up()
    await act.with_officer()


async def consult_and_back(act: Act, phone: Phone) -> None:
    await _by_code(phone, "*2", PAYMENTS)
    await act.with_officer()
    act.officers[0].hang_up()
    await asyncio.sleep(2 * TALK)  # with the caller again


async def swap(act: Act, phone: Phone) -> None:
    await _by_code(phone, "*2", PAYMENTS)
    await act.with_officer()
    for _ in range(2):
        await phone.hush()
        await phone.press("*4")
        await phone.speak(AGENT)
        await asyncio.sleep(TALK)


async def three_way(act: Act, phone: Phone) -> None:
    await _by_code(phone, "*2", PAYMENTS)
    await act.with_officer()
    await phone.hush()
    await phone.press("*3")
    await phone.speak(AGENT)
    await asyncio.sleep(2 * TALK)


async def second_officer(act: Act, phone: Phone) -> None:
    await phone.refer(act.sip(PAYMENTS))
    await act.with_officer()
    await act.officers[0].refer(act.sip("8002"))
    await asyncio.sleep(2 * TALK)


async def _consults(act: Act, then: Callable[[Phone], Awaitable[None]]) -> None:
    """Call payments on a second line, and do something once the officer is there."""

    async def line_2(second: Phone) -> None:
        await second.speak(AGENT)
        await act.with_officer()
        await then(second)

    await act.second_line(PAYMENTS, line_2)


async def replaces_from_line_2(act: Act, phone: Phone) -> None:
    async def complete(second: Phone) -> None:
        await phone.refer(f"{act.sip(PAYMENTS)}?Replaces={await second.replaces()}")
        await asyncio.sleep(2 * TALK)

    await _consults(act, complete)


async def mixed_in_the_phone(act: Act, phone: Phone) -> None:
    async def mix(second: Phone) -> None:
        mixing = [asyncio.create_task(each.mix(act.agent)) for each in (phone, second)]
        await asyncio.sleep(2 * TALK)
        for task in mixing:
            task.cancel()
        await asyncio.gather(*mixing, return_exceptions=True)

    await phone.hush()
    await _consults(act, mix)


async def officer_rings_the_agent(act: Act, phone: Phone) -> None:
    """While the agent speaks with the caller; the agent's phone mixes the two."""

    async def mixes(second: Phone) -> None:
        await second.answer()
        await second.speak(AGENT)
        await asyncio.gather(phone.mix(act.agent), second.mix(act.agent), return_exceptions=True)

    async def rings(officer: Phone) -> None:
        await officer.speak(OFFICER)
        act.connected.set()
        await asyncio.sleep(2 * TALK)

    await phone.hush()
    act.centre.world.desk(act.agent, mixes)
    await act.centre.world.call(act.agent, rings, via=OFFICER_WHO_CALLS, caller=OFFICER_WHO_CALLS)


async def sealed_by_key(act: Act, phone: Phone) -> None:
    """The agent takes the card details; nobody is transferred."""
    await phone.hush()
    await phone.press("*55")
    await asyncio.sleep(KEYS_HEARD)
    act.connected.set()
    await phone.speak(AGENT)
    await asyncio.sleep(2 * TALK)


async def sealed_on_line_2(act: Act, phone: Phone) -> None:
    """The same, by the key of the light, while the caller waits on the first line."""

    async def light(_: Phone) -> None:
        await asyncio.sleep(KEYS_HEARD)
        act.connected.set()

    await phone.hush()
    await act.second_line(f"*55{act.agent}", light)
    await phone.speak(AGENT)
    await asyncio.sleep(2 * TALK)


def by_manager(action: str, **fields: str) -> Way:
    """A transfer that another program makes through the manager port. `{agent}` and `{caller}` are the channels."""

    async def way(act: Act, phone: Phone) -> None:
        channels = {"agent": await act.channel(f"PJSIP/{act.agent}-"), "caller": await act.caller_of(act.agent)}
        await act.manage(action, {key: value.format(**channels) for key, value in fields.items()})
        await act.with_officer()
        phone.hang_up()
        await asyncio.sleep(TALK)

    way.__name__ = f"manager_{action.lower()}_{'_'.join(fields.get('Channel', '').strip('{}').split())}"
    return way


DOOR_WAYS: Mapping[str, Way] = {
    way.__name__: way
    for way in (
        blind_refer,
        blind_code,
        officers_extension,
        attended_code,
        blonde,
        consult_and_back,
        swap,
        three_way,
        second_officer,
        replaces_from_line_2,
        mixed_in_the_phone,
        officer_rings_the_agent,
        sealed_by_key,
        sealed_on_line_2,
        by_manager("BlindTransfer", Channel="{agent}", Exten=PAYMENTS, Context="cc-transfer"),
        by_manager("Atxfer", Channel="{agent}", Exten=PAYMENTS, Context="cc-transfer"),
        by_manager("Redirect", Channel="{caller}", Exten=PAYMENTS, Context="cc-transfer", Priority="1"),
        by_manager("Redirect", Channel="{agent}", Exten=PAYMENTS, Context="cc-transfer", Priority="1"),
    )
}
