"""What agents ask for during a call: nothing records it again, or it is kept. They alone are told what came of it."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest_asyncio

from tests.lab.archive import voices
from tests.lab.centre import SOUNDS, Centre, contact_centre
from tests.lab.hearing import HeardPrompt, heard
from tests.lab.phones import AGENT, CALLER, CALLER_AFTER, Phone
from tests.lab.scripts import presses
from tests.lab.site import queues
from tests.lab.tones import find
from tests.lab.ways import HOUSING
from tests.live.conftest import RUN

HIGHWAYS = "01632960103"
AGENTS = ("1001", "1002")
HIGHWAYS_AGENT = "1005"
AFTERWARDS, COLLEAGUE = 1400, 2100  # Hz: the agent once the caller has objected, and who has the call then
TALK = 2.0  # seconds
CALL_DEADLINE = 120.0  # seconds
BEAT = 3.0  # seconds
SAID = 25.0  # seconds until a prompt was said


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def centre() -> AsyncIterator[Centre]:
    """Housing has two agents, and the site lets recordings go on after payments."""
    conf = {
        "queues.conf": queues(
            housing=AGENTS, housing_cy=AGENTS, highways=[HIGHWAYS_AGENT], highways_cy=[HIGHWAYS_AGENT]
        )
    }
    changes = {'resume = "never"': 'resume = "announced"', 'transferred = "never"': 'transferred = "announced"'}
    async with contact_centre(RUN / "during", asterisk=conf, changes=changes) as centre:
        yield centre


@dataclass
class Told:
    """Who heard what, and what Asterisk recorded, in one call."""

    agents: list[Phone] = field(default_factory=list)
    callers: list[Phone] = field(default_factory=list)
    who: list[str] = field(default_factory=list)  # extensions, in the order in which they answered
    objected: asyncio.Event = field(default_factory=asyncio.Event)

    async def caller(self, phone: Phone) -> None:
        self.callers.append(phone)
        await self.objected.wait()
        await phone.speak(CALLER_AFTER)
        await phone.wait_until_gone()

    async def answers(self, phone: Phone, extension: str) -> bool:
        """Are they the first one?"""
        self.agents.append(phone)
        self.who.append(extension)
        await phone.answer()
        return len(self.agents) == 1

    def said_to_callers(self) -> set[str]:
        return {each.prompt for phone in self.callers for each in heard(phone.heard, SOUNDS)}


async def _hears(phone: Phone, *prompts: str) -> HeardPrompt:
    """Wait for one of these prompts."""
    async with asyncio.timeout(SAID):
        while not (found := [each for each in heard(phone.heard, SOUNDS) if each.prompt in prompts and each.whole]):
            await phone.stay(0.5)
    return found[-1]


async def _dials(centre: Centre, code: str, via: str) -> list[str]:
    """What a phone hears that dials a code on a line of its own, to the end."""
    lines: list[Phone] = []

    async def line(phone: Phone) -> None:
        lines.append(phone)
        await phone.wait_until_gone()

    await centre.world.call(code, line, via=via, caller="")
    return [each.prompt for each in heard(await lines[0].whole(), SOUNDS)]


async def _asks(phone: Phone, code: str, *prompts: str) -> HeardPrompt:
    await phone.hush()
    await phone.press(code)
    await phone.speak(AGENT)  # as a phone does, which sends sound whether somebody speaks or not
    return await _hears(phone, *prompts)


async def _recorders(centre: Centre, extension: str) -> int:
    """How many recorders run on a phone."""
    names = [each["Channel"] for each in await centre.channels() if each["Channel"].startswith(f"PJSIP/{extension}-")]
    return sum([(await centre.pbx.cli(f"mixmonitor list {name}")).count("/recordings/") for name in names])


async def _newest(centre: Centre) -> dict[str, Any]:
    """The newest call to Housing, once its recordings are finished."""
    async with asyncio.timeout(20):
        while any(centre.site.recordings.iterdir()):
            await asyncio.sleep(0.1)
    housing = {"since": 0, "until": 1e12, "service": "housing"}
    newest = (await centre.until('it and it[0]["ended"]', 10, "calls", **housing))[0]["id"]
    told: dict[str, Any] = await centre.ask("call", call=newest)
    return told


def _moments(told: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [moment["detail"] for moment in told["timeline"] if moment["kind"] == kind]


async def _until_asked_again(centre: Centre) -> None:
    """The dialplan goes by the heartbeat. Before it, the second tier takes a transfer, and records nobody anyway."""
    async with asyncio.timeout(15), centre.manager() as ami:
        while time.time() - float((await ami.action("Getvar", {"Variable": "CC_BEAT"}))["Value"] or 0) > BEAT:
            await asyncio.sleep(0.1)


async def test_who_objects_is_not_recorded_again_nor_after_a_transfer_nor_by_any_key(centre: Centre) -> None:
    told = Told()
    recorders: list[int] = []
    said: list[HeardPrompt] = []

    def agent(extension: str) -> Any:  # noqa: ANN401 - a script
        async def script(phone: Phone) -> None:
            if not await told.answers(phone, extension):
                await phone.speak(COLLEAGUE)
                await phone.stay(TALK)
                said.append(await _asks(phone, "*54", "recording-not-resumed"))
                await phone.speak(COLLEAGUE)
                await phone.stay(TALK)
                recorders.append(await _recorders(centre, extension))
                return
            await phone.speak(AGENT)
            await phone.stay(TALK)
            recorders.append(await _recorders(centre, extension))
            said.append(await _asks(phone, "*56", "recording-stopped", "objects-unconfirmed", "call-not-recorded"))
            recorders.append(await _recorders(centre, extension))
            await centre.until_light(f"*56{extension}", "InUse")
            told.objected.set()
            await phone.speak(AFTERWARDS)
            await phone.stay(TALK)
            await phone.hush()
            await phone.refer(f"sip:6111@{centre.site.addresses.pbx}:5060")
            await phone.wait_until_gone()

        return script

    for extension in AGENTS:
        centre.world.desk(extension, agent(extension))
    async with asyncio.timeout(CALL_DEADLINE):
        await centre.world.call(HOUSING, presses("1", "0", then=told.caller))
    first = told.who[0]
    await centre.until_light(f"*56{first}", "Idle")
    language = centre.site.configuration().site.phones[first].language
    assert [(each.prompt, each.language) for each in said[:1]] == [("recording-stopped", language)]
    assert sorted(told.who) == sorted(AGENTS)
    assert recorders == [1, 0, 0]
    assert not told.said_to_callers() & {"recording-stopped", "recording-not-resumed"}
    row = await _newest(centre)
    (objection,) = _moments(row, "objection")
    assert objection["who"] == f"handset {first}"
    (recording,) = row["recordings"]
    left, right = await asyncio.to_thread(voices, centre.site, recording)
    assert find(left, AGENT).seconds > TALK - 0.5
    assert find(right, CALLER).seconds > TALK - 0.5
    for samples, hertz in ((left, AFTERWARDS), (left, COLLEAGUE), (right, CALLER_AFTER)):
        assert find(samples, hertz).pure == 0, str(find(samples, hertz))
    assert not {"recorders", "payment-guard", "recordings-faulty"} & set((await centre.ask("state"))["alarms"])


async def test_on_a_line_that_does_not_record_that_is_said_also_where_it_is_dialled(centre: Centre) -> None:
    told = Told()
    said: list[str] = []
    over = asyncio.Event()

    async def agent(phone: Phone) -> None:
        await told.answers(phone, HIGHWAYS_AGENT)
        await phone.stay(TALK)
        said.append((await _asks(phone, "*56", "call-not-recorded", "recording-stopped", "objects-unconfirmed")).prompt)
        said.extend(await _dials(centre, f"*56{HIGHWAYS_AGENT}", HIGHWAYS_AGENT))
        said.extend(await _dials(centre, "*57", AGENTS[0]))
        over.set()

    async def caller(phone: Phone) -> None:
        told.callers.append(phone)
        await over.wait()

    centre.world.desk(HIGHWAYS_AGENT, agent)
    async with asyncio.timeout(CALL_DEADLINE):
        await centre.world.call(HIGHWAYS, presses("1", "0", then=caller))
    assert said == ["call-not-recorded", "call-not-recorded", "no-call-here"]
    assert "call-not-recorded" not in told.said_to_callers()


async def test_a_threat_is_kept_at_once_by_key_and_from_another_line(centre: Centre) -> None:
    told = Told()
    said: list[str] = []

    def agent(extension: str) -> Any:  # noqa: ANN401 - a script
        async def script(phone: Phone) -> None:
            await told.answers(phone, extension)
            await phone.stay(TALK)
            said.append((await _asks(phone, "*57", "call-kept", "keep-unconfirmed", "no-call-here")).prompt)
            held.extend(await centre.ask("holds"))
            recorders.append(await _recorders(centre, extension))
            said.extend(await _dials(centre, "*57", extension))
            told.objected.set()

        return script

    held: list[dict[str, Any]] = []
    recorders: list[int] = []
    for extension in AGENTS:
        centre.world.desk(extension, agent(extension))
    async with asyncio.timeout(CALL_DEADLINE):
        await centre.world.call(HOUSING, presses("1", "0", then=told.caller))
    assert said == ["call-kept", "call-kept"]
    assert recorders == [1]
    assert "call-kept" not in told.said_to_callers()
    row = await _newest(centre)
    (hold,) = held
    assert (hold["call"], hold["reason"], hold["reference"]) == (row["call"]["id"], "safety", "*57")
    assert hold["maker"] == f"handset {told.who[0]}"
    assert len(await centre.ask("holds")) == 1
    assert {moment["hold"] for moment in _moments(row, "kept")} == {hold["id"]}


async def test_who_hangs_up_before_anybody_has_answered_has_the_call_kept_all_the_same(centre: Centre) -> None:
    """The daemon has just died, so that it is asked still; and a threat often ends with the call."""
    told = Told()
    before = {hold["id"] for hold in await centre.ask("holds")}

    def agent(extension: str) -> Any:  # noqa: ANN401 - a script
        async def script(phone: Phone) -> None:
            await told.answers(phone, extension)
            await phone.stay(TALK)
            centre.daemon.kill(signal.SIGKILL)
            await centre.daemon.wait()
            await phone.press("*57")
            await phone.stay(0.5)

        return script

    for extension in AGENTS:
        centre.world.desk(extension, agent(extension))
    told.objected.set()
    async with asyncio.timeout(CALL_DEADLINE):
        await centre.world.call(HOUSING, presses("1", "0", then=told.caller))
    await centre.restart_daemon()
    holds = await centre.until(f"len(it) == {len(before) + 1}", 15, "holds")
    row = await _newest(centre)
    (hold,) = [each for each in holds if each["id"] not in before]
    assert (hold["call"], hold["maker"]) == (row["call"]["id"], f"handset {told.who[0]}")


async def test_without_the_daemon_both_are_said_to_be_unconfirmed_and_hold_once_it_is_back(centre: Centre) -> None:
    told = Told()
    said: list[str] = []
    recorders: list[int] = []
    before = len(await centre.ask("holds"))

    def agent(extension: str) -> Any:  # noqa: ANN401 - a script
        async def script(phone: Phone) -> None:
            if not await told.answers(phone, extension):
                await phone.stay(TALK)
                recorders.append(await _recorders(centre, extension))
                return
            await phone.stay(TALK)
            centre.daemon.kill(signal.SIGKILL)
            await centre.daemon.wait()
            said.append((await _asks(phone, "*57", "call-kept", "keep-unconfirmed")).prompt)
            recorders.append(await _recorders(centre, extension))
            said.append((await _asks(phone, "*56", "recording-stopped", "objects-unconfirmed")).prompt)
            recorders.append(await _recorders(centre, extension))
            told.objected.set()
            await centre.restart_daemon()
            await _until_asked_again(centre)
            await phone.refer(f"sip:6111@{centre.site.addresses.pbx}:5060")
            await phone.wait_until_gone()

        return script

    for extension in AGENTS:
        centre.world.desk(extension, agent(extension))
    async with asyncio.timeout(CALL_DEADLINE):
        await centre.world.call(HOUSING, presses("1", "0", then=told.caller))
    assert said == ["keep-unconfirmed", "objects-unconfirmed"]
    assert recorders == [1, 0, 0]
    row = await _newest(centre)
    holds = await centre.until(f"len(it) == {before + 1}", 10, "holds")
    assert (holds[0]["call"], holds[0]["maker"]) == (row["call"]["id"], f"handset {told.who[0]}")
    assert [moment["who"] for moment in _moments(row, "objection")] == [f"handset {told.who[0]}"]
    (recording,) = row["recordings"]
    assert (recording["reason"], recording["fault"]) == ("the caller objects", None)
    async with asyncio.timeout(10):
        while any(centre.site.missed.iterdir()):
            await asyncio.sleep(0.1)
