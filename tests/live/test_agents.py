"""Agents at real handsets: who logs in is rung, who pauses is not, and a restart of either side forgets nobody."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest_asyncio

from tests.lab.agents import LONGER, agents, dials, logs_in, places, until_places
from tests.lab.centre import Centre, contact_centre
from tests.lab.phones import Phone
from tests.lab.scripts import lets_it_ring, presses, stays
from tests.lab.site import queues
from tests.lab.ways import HOUSING
from tests.live.conftest import RUN

AGENT, WRAPS_UP, OFFICER = "1001", "1003", "8001"
HIGHWAYS = "01632960103"
WRAP_UP = 60  # seconds, of Highways
QUEUES = ("housing", "housing-cy")
SHORT_RINGS = ("timeout = 15", "timeout = 2")
MENDED = 15.0  # seconds
TALK = 1.0


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def centre() -> AsyncIterator[Centre]:
    """Housing and Payments have nobody but who logs in."""
    conf = queues(housing=[], housing_cy=[], payments=["8002"], highways=[], highways_cy=[], assist=[]).replace(
        *SHORT_RINGS
    )
    changes = agents({AGENT: ["housing"], WRAPS_UP: ["highways"], OFFICER: ["payments"]})
    changes['name = "highways"\n'] = f'name = "highways"\nwrap_up = {WRAP_UP}\n'
    async with contact_centre(RUN / "agents", asterisk={"queues.conf": conf}, changes=changes) as centre:
        yield centre


def everywhere(paused: str = "-") -> dict[str, str]:
    return dict.fromkeys(QUEUES, paused)


async def answered(centre: Centre, within: float = 12.0, number: str = HOUSING, agent: str = AGENT) -> bool:
    """Does a caller reach an agent, and speak with them for a moment?"""
    rung = asyncio.Event()

    async def answers(phone: Phone) -> None:
        await phone.answer()
        await phone.stay(TALK)
        rung.set()
        await phone.wait_until_gone()

    async def waits(_: Phone) -> None:
        try:
            async with asyncio.timeout(within):
                await rung.wait()
        except TimeoutError:
            pass

    centre.world.desk(agent, answers)
    await centre.world.call(number, presses("2", "0", then=waits))
    await centre.until('it["live"] == []', 15)
    return rung.is_set()


async def test_who_logs_in_is_rung_who_pauses_is_not_and_who_comes_back_is_again(centre: Centre) -> None:
    assert await places(centre, AGENT) == {}
    assert await dials(centre, AGENT, "*46") == ["agent-not-logged-in"]
    assert await dials(centre, AGENT, "*45") == ["agent-logged-in", "service-housing"]
    assert await places(centre, AGENT) == everywhere()
    assert await answered(centre)
    assert await dials(centre, AGENT, "*462") == ["agent-paused", "pause-lunch"]
    assert await places(centre, AGENT) == everywhere("lunch")
    assert not await answered(centre, 6)
    assert await dials(centre, AGENT, "*46") == ["agent-takes-calls"]
    assert await answered(centre)
    asked = await dials(centre, AGENT, "*46", "1")
    assert asked[-2:] == ["agent-paused", "pause-break"]
    assert await dials(centre, AGENT, "*460") == ["agent-takes-calls"]
    assert await dials(centre, AGENT, "*45") == ["agent-logged-out"]
    assert await places(centre, AGENT) == {}


async def test_an_officer_logs_in_as_the_device_that_the_door_knows(centre: Centre) -> None:
    assert await dials(centre, OFFICER, "*45") == ["agent-logged-in", "service-payments"]
    assert await places(centre, OFFICER) == {"payments": "-", "payments-cy": "-"}
    assert await dials(centre, OFFICER, "*45") == ["agent-logged-out"]
    assert await dials(centre, "1004", "*45") == ["handset-not-allowed"]


async def test_time_after_a_call_is_made_longer_and_ended(centre: Centre) -> None:
    await logs_in(centre, AGENT)
    assert await dials(centre, AGENT, "*47") == ["agent-wrap-up-longer"]
    assert await places(centre, AGENT) == everywhere("wrap-up")
    await until_places(centre, AGENT, everywhere(), LONGER + 5)
    await dials(centre, AGENT, "*47")
    assert await dials(centre, AGENT, "*48") == ["agent-takes-calls"]
    assert await places(centre, AGENT) == everywhere()


async def test_after_a_call_asterisk_gives_the_time_of_the_service_until_the_agent_has_done(centre: Centre) -> None:
    await logs_in(centre, WRAPS_UP)
    assert await answered(centre, number=HIGHWAYS, agent=WRAPS_UP)
    assert not await answered(centre, 5, HIGHWAYS, WRAPS_UP)
    assert await dials(centre, WRAPS_UP, "*48") == ["agent-takes-calls"]
    assert await answered(centre, number=HIGHWAYS, agent=WRAPS_UP)


async def test_a_killed_daemon_and_a_restart_of_asterisk_forget_nobody(centre: Centre) -> None:
    await logs_in(centre, AGENT)
    await dials(centre, AGENT, "*462")
    await logs_in(centre, WRAPS_UP)
    housing, highways = everywhere("lunch"), {"highways": "-", "highways-cy": "-"}
    centre.daemon.kill(signal.SIGKILL)
    await centre.daemon.wait()
    assert (await places(centre, AGENT), await places(centre, WRAPS_UP)) == (housing, highways)
    async with centre.manager() as ami:  # somebody meddles meanwhile
        await ami.action("QueueRemove", {"Queue": "highways-cy", "Interface": f"PJSIP/{WRAPS_UP}"})
        await ami.action("QueuePause", {"Interface": f"PJSIP/{AGENT}", "Paused": "false"})
        await ami.action("QueueAdd", {"Queue": "payments", "Interface": f"PJSIP/{OFFICER}"})
    await centre.restart_daemon()
    await until_places(centre, WRAPS_UP, highways, MENDED)
    await until_places(centre, AGENT, housing, MENDED)
    await until_places(centre, OFFICER, {}, MENDED)
    await centre.pbx.stop()
    await centre.pbx.start()
    assert (await places(centre, AGENT), await places(centre, WRAPS_UP)) == (housing, highways)
    await centre.until('it["synchronised"]', 30)
    os.killpg(centre.pbx.pid, signal.SIGKILL)
    await centre.pbx.stop()
    await centre.pbx.start()
    await until_places(centre, WRAPS_UP, highways, MENDED)
    await until_places(centre, AGENT, housing, MENDED)
    await centre.until('it["synchronised"]', 30)
    assert await dials(centre, AGENT, "*46") == ["agent-takes-calls"]
    assert await answered(centre)
    for extension in (AGENT, WRAPS_UP):
        assert await dials(centre, extension, "*45") == ["agent-logged-out"]
        assert await places(centre, extension) == {}


async def test_who_lets_calls_ring_is_paused_and_hears_so_when_they_dial(centre: Centre) -> None:
    await logs_in(centre, AGENT)
    centre.world.desk(AGENT, lets_it_ring())
    async with asyncio.TaskGroup() as going:
        calling = going.create_task(centre.world.call(HOUSING, presses("2", "0", then=stays(30))))
        await until_places(centre, AGENT, everywhere("unanswered"), 25)
        calling.cancel()
    await _no_calls(centre)
    await centre.until_light(f"*46{AGENT}", "InUse")
    await centre.until_light(f"*45{AGENT}", "InUse")
    assert await dials(centre, AGENT, "*46") == ["agent-unanswered", "agent-takes-calls"]
    assert await places(centre, AGENT) == everywhere()
    await centre.until_light(f"*46{AGENT}", "Idle")
    await dials(centre, AGENT, "*45")
    await centre.until_light(f"*45{AGENT}", "Idle")


async def test_a_phone_that_is_gone_is_paused_until_it_is_back(centre: Centre) -> None:
    await logs_in(centre, AGENT)
    conf = (centre.pbx.folder / "etc" / "pjsip.conf").read_text()
    there = f"contact = sip:{AGENT}@{centre.site.addresses.phones}:5060\n"
    assert there in conf
    asked = "qualify_frequency = 1\nqualify_timeout = 0.5\n"
    for contact, why in ((there.replace("5060", "5999"), "unreachable"), (there, "-")):
        centre.pbx.rewrite({"pjsip.conf": conf.replace(there, contact + asked)})
        await centre.pbx.cli("module reload res_pjsip.so")
        await until_places(centre, AGENT, everywhere(why), 20)
    centre.pbx.rewrite({"pjsip.conf": conf})
    await centre.pbx.cli("module reload res_pjsip.so")


async def _no_calls(centre: Centre) -> None:
    for channel in await centre.channels():
        if channel["Channel"].startswith("PJSIP/trunk"):
            async with centre.manager() as ami:
                await ami.action("Hangup", {"Channel": channel["Channel"]})
    await centre.until('it["live"] == []', 15)
