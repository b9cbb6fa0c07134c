"""Payments that are taken without a transfer: the agent seals the call, hears that it holds, and sees it by a light."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator

import pytest_asyncio

from tests.lab.centre import SOUNDS, Centre, contact_centre
from tests.lab.hearing import heard
from tests.lab.phones import Phone
from tests.lab.scripts import presses
from tests.lab.site import queues
from tests.lab.ways import HOUSING
from tests.live.conftest import RUN

ONE = "1001"
CALL_DEADLINE = 60.0  # seconds
SAID = 14.0  # seconds for the confirmation, in both languages
LIGHT = f"*55{ONE}"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def centre() -> AsyncIterator[Centre]:
    """Housing has one agent."""
    async with contact_centre(RUN / "seal", asterisk={"queues.conf": queues(housing=[ONE])}) as centre:
        yield centre


async def test_the_agent_alone_is_told_and_sees_a_light_and_the_call_stays_sealed(centre: Centre) -> None:
    lights: list[str] = []
    agents: list[Phone] = []
    callers: list[Phone] = []

    async def agent(phone: Phone) -> None:
        agents.append(phone)
        await phone.answer()
        if len(agents) == 2:  # the caller is back, at the same line
            await phone.stay(2)
            return
        lights.append(await centre.light(LIGHT))
        await phone.press("*55")
        await centre.until_light(LIGHT, "InUse")
        await phone.stay(SAID)
        await phone.refer(f"sip:6111@{centre.site.addresses.pbx}:5060")
        await phone.wait_until_gone()

    async def caller(phone: Phone) -> None:
        callers.append(phone)
        await phone.wait_until_gone()

    centre.world.desk(ONE, agent)
    async with asyncio.timeout(CALL_DEADLINE):
        await centre.world.call(HOUSING, presses("2", "0", then=caller))
    await centre.until_light(LIGHT, "Idle")
    assert lights == ["Idle"]
    said = [{each.prompt for each in heard(phone.heard, SOUNDS)} for phone in [*agents, *callers]]
    assert [("payment-sealed" in each) for each in said] == [True, False, False]
    (row,) = await centre.calls()
    told = await centre.ask("call", call=row["id"])
    assert len(told["recordings"]) == 1
    (door,) = [moment["detail"] for moment in told["timeline"] if moment["kind"] == "door"]
    assert door["about"] == "here"


async def test_without_the_daemon_the_agents_own_recorder_stops_and_they_are_told_not_to_go_on(centre: Centre) -> None:
    phones: list[Phone] = []
    over = asyncio.Event()

    async def agent(phone: Phone) -> None:
        phones.append(phone)
        await phone.answer()
        await phone.stay(1)
        centre.daemon.kill(signal.SIGKILL)
        await centre.daemon.wait()
        assert "recordings" in await _recorders(centre)
        await phone.press("*55")
        await phone.stay(8 + SAID)
        assert "recordings" not in await _recorders(centre)
        over.set()

    async def caller(_: Phone) -> None:
        await over.wait()

    centre.world.desk(ONE, agent)
    async with asyncio.timeout(CALL_DEADLINE):
        await centre.world.call(HOUSING, presses("2", "0", then=caller))
    assert "payment-not-sealed" in {each.prompt for each in heard(phones[0].heard, SOUNDS)}
    await centre.restart_daemon()


async def _recorders(centre: Centre) -> str:
    (channel,) = [each["Channel"] for each in await centre.channels() if each["Channel"].startswith(f"PJSIP/{ONE}-")]
    return await centre.pbx.cli(f"mixmonitor list {channel}")
