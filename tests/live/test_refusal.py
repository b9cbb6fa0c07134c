"""Where the payments door cannot be sure, nobody is connected to an officer, and nobody is stranded."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator

import pytest_asyncio

from tests.lab.centre import SOUNDS, Centre, contact_centre
from tests.lab.hearing import heard
from tests.lab.phones import AGENT, Phone
from tests.lab.scripts import presses, talks
from tests.lab.site import queues
from tests.live.conftest import RUN

HOUSING, PAYMENTS_NUMBER, PAYMENTS = "01632960111", "01632960109", "8000"
AGENT_OF_HOUSING, RECEPTION, OFFICERS = "1001", "1006", ("8001", "8002")
DEADLINE = 90.0  # seconds


@pytest_asyncio.fixture(loop_scope="session")
async def centre() -> AsyncIterator[Centre]:
    """A centre of its own for each test, because its daemon is stopped."""
    conf = queues(housing=[AGENT_OF_HOUSING], reception=[RECEPTION])
    async with contact_centre(RUN / "refusal", asterisk={"queues.conf": conf}) as centre:
        yield centre


def _prompts(phone: Phone) -> list[str]:
    return [f"{each.language}/{each.prompt}" for each in heard(phone.heard, SOUNDS)] if phone.heard.exists() else []


async def test_a_caller_whom_an_agent_transfers_is_back_with_the_agent_and_no_officer_rang(centre: Centre) -> None:
    back, rang = asyncio.Event(), asyncio.Event()
    conversations: list[Phone] = []
    callers: list[Phone] = []

    async def agent(phone: Phone) -> None:
        conversations.append(phone)
        await phone.answer()
        await phone.speak(AGENT)
        if len(conversations) == 1:
            await phone.stay(1)
            centre.daemon.kill(signal.SIGSTOP)  # in its tracks: its heartbeat is still young
            await phone.refer(f"sip:{PAYMENTS}@{centre.site.addresses.pbx}:5060")
        else:
            back.set()
        await phone.wait_until_gone()

    async def officer(phone: Phone) -> None:
        rang.set()
        await phone.wait_until_gone()

    async def listens(phone: Phone) -> None:
        callers.append(phone)
        await back.wait()
        await phone.stay(1)

    centre.world.desk(AGENT_OF_HOUSING, agent)
    for extension in OFFICERS:
        centre.world.desk(extension, officer)
    async with asyncio.timeout(DEADLINE):
        await centre.world.call(HOUSING, presses("2", "0", then=listens))
    centre.daemon.kill(signal.SIGCONT)
    said = _prompts(callers[0])
    assert said.index("en/payment-wait") < said.index("en/payment-refused")
    assert not rang.is_set()
    assert len(conversations) == 2
    await centre.until('not it["live"]', 15)
    (row,) = await centre.calls()
    told = await centre.until('all(r["file"] for r in it["recordings"])', 15, "call", call=row["id"])
    assert len(told["recordings"]) == 1, "what follows a knock is not recorded any more"


async def test_who_dialled_payments_is_offered_a_person(centre: Centre) -> None:
    answered = asyncio.Event()
    callers: list[Phone] = []

    async def reception(phone: Phone) -> None:
        answered.set()
        await talks()(phone)

    async def listens(phone: Phone) -> None:
        callers.append(phone)
        async with asyncio.timeout(DEADLINE):
            while "en/payment-refused-person" not in _prompts(phone):
                await asyncio.sleep(0.2)
        await phone.press("1")
        await answered.wait()

    centre.world.desk(RECEPTION, reception)
    centre.world.desk("*", talks())
    await centre.pbx.cli("dialplan set global CC_DOOR_WAIT 2")
    centre.daemon.kill(signal.SIGKILL)
    await centre.daemon.wait()
    async with asyncio.timeout(DEADLINE):
        await centre.world.call(PAYMENTS_NUMBER, presses("2", then=listens))
    assert answered.is_set()
