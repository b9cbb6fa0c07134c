"""Where phones send callers, and what they dial among themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.lab.centre import SOUNDS, Centre, contact_centre
from tests.lab.hearing import heard
from tests.lab.phones import AGENT, OFFICER, Phone, Script
from tests.lab.scripts import PAYMENTS, presses, talks
from tests.lab.site import queues
from tests.live.conftest import RUN

HIGHWAYS, HOUSING, CITIZEN = "01632960103", "6111", "01597827460"
AGENT_OF_HIGHWAYS, AGENT_OF_HOUSING, COLLEAGUE, NOBODY = "1005", "1001", "1003", "9999"
OFFICERS_PHONE, RECEPTION = "8001", "1006"
CALL_DEADLINE = 60.0  # seconds


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def centre() -> AsyncIterator[Centre]:
    """One agent each for Highways, Housing and the general line."""
    conf = queues(highways=[AGENT_OF_HIGHWAYS], housing=[AGENT_OF_HOUSING], reception=[RECEPTION])
    async with contact_centre(RUN / "transfers", asterisk={"queues.conf": conf}) as centre:
        yield centre


def _address(centre: Centre, extension: str) -> str:
    return f"sip:{extension}@{centre.site.addresses.pbx}:5060"


def _until(enough: asyncio.Event) -> Script:
    async def script(_: Phone) -> None:
        await enough.wait()

    return script


async def _told(centre: Centre) -> dict[str, Any]:
    """The newest call, once it is over and in the register."""
    newest = (await centre.until('it and it[0]["ended"]', 10, "calls", since=0, until=1e12))[0]["id"]
    told: dict[str, Any] = await centre.ask("call", call=newest)
    return told


def _queues(told: dict[str, Any], kind: str) -> list[str]:
    return [moment["detail"]["queue"] for moment in told["timeline"] if moment["kind"] == kind]


async def test_a_transfer_to_nowhere_is_refused_and_the_agent_still_has_the_caller(centre: Centre) -> None:
    with_officer = asyncio.Event()
    answers: list[bool] = []

    async def agent(phone: Phone) -> None:
        await phone.answer()
        await phone.refer(_address(centre, NOBODY))
        answers.append(await phone.refused())
        await phone.refer(_address(centre, PAYMENTS))
        await phone.wait_until_gone()

    async def officer(phone: Phone) -> None:
        await phone.answer()
        with_officer.set()
        await phone.wait_until_gone()

    centre.world.desk(AGENT_OF_HIGHWAYS, agent)
    for extension in ("8001", "8002"):
        centre.world.desk(extension, officer)
    async with asyncio.timeout(CALL_DEADLINE):
        await centre.world.call(HIGHWAYS, presses("2", "0", then=_until(with_officer)))
    assert answers == [True]
    assert _queues(await _told(centre), "joined queue") == ["highways", "payments"]


@pytest.mark.parametrize("extension", [COLLEAGUE, OFFICERS_PHONE])
async def test_a_caller_whom_no_colleague_answers_is_back_with_a_person_of_the_service(
    centre: Centre, extension: str
) -> None:
    back = asyncio.Event()
    conversations: list[Phone] = []

    async def agent(phone: Phone) -> None:
        conversations.append(phone)
        await phone.answer()
        await phone.speak(AGENT)
        if len(conversations) == 1:
            await phone.refer(_address(centre, extension))
        else:
            back.set()
        await phone.wait_until_gone()

    async def colleague(phone: Phone) -> None:
        phone.hang_up()  # refuses the call

    centre.world.desk(AGENT_OF_HIGHWAYS, agent)
    centre.world.desk(extension, colleague)
    async with asyncio.timeout(CALL_DEADLINE):
        await centre.world.call(HIGHWAYS, presses("2", "0", then=_until(back)))
    assert _queues(await _told(centre), "joined queue") == ["highways", "highways"]


async def test_a_call_from_a_phone_to_a_recording_line_is_neither_announced_nor_recorded(centre: Centre) -> None:
    """It is how an attended transfer begins: the caller who is joined to it later would not have heard a word of it."""
    answered = asyncio.Event()
    phones: list[Phone] = []

    async def agent(phone: Phone) -> None:
        await phone.answer()
        await phone.speak(OFFICER)
        answered.set()
        await phone.wait_until_gone()

    async def consults(phone: Phone) -> None:
        phones.append(phone)
        await answered.wait()
        await phone.stay(1)

    centre.world.desk(AGENT_OF_HOUSING, agent)
    async with asyncio.timeout(CALL_DEADLINE):
        await centre.world.call(HOUSING, consults, via=AGENT_OF_HIGHWAYS, caller=AGENT_OF_HIGHWAYS)
    told = await _told(centre)
    assert _queues(told, "joined queue") == ["housing"]
    assert told["recordings"] == []
    assert [*centre.site.recordings.iterdir()] == []
    prompts = {each.prompt for each in heard(phones[0].heard, SOUNDS)}
    assert "connecting" in prompts
    assert "recording-announcement" not in prompts


async def test_phones_reach_each_other(centre: Centre) -> None:
    shown: list[str] = []

    async def colleague(phone: Phone) -> None:
        shown.append(phone.shown)
        await talks()(phone)

    centre.world.desk(COLLEAGUE, colleague)

    async def speaks(phone: Phone) -> None:
        await phone.stay(0.5)

    async with asyncio.timeout(CALL_DEADLINE):
        await centre.world.call(COLLEAGUE, speaks, via=AGENT_OF_HIGHWAYS, caller=AGENT_OF_HIGHWAYS)
    assert shown == [AGENT_OF_HIGHWAYS]


async def test_somebody_whom_an_agent_rang_comes_to_a_person_too_where_no_colleague_answers(centre: Centre) -> None:
    back = asyncio.Event()

    async def citizen(phone: Phone) -> None:
        await phone.answer()
        await phone.wait_until_gone()

    async def colleague(phone: Phone) -> None:
        phone.hang_up()

    async def reception(phone: Phone) -> None:
        await phone.answer()
        back.set()
        await phone.stay(1)

    async def agent(phone: Phone) -> None:
        await phone.stay(1)
        await phone.refer(_address(centre, COLLEAGUE))
        await back.wait()

    centre.world.desk(CITIZEN, citizen)
    centre.world.desk(COLLEAGUE, colleague)
    centre.world.desk(RECEPTION, reception)
    async with asyncio.timeout(CALL_DEADLINE):
        await centre.world.call(CITIZEN, agent, via=AGENT_OF_HIGHWAYS, caller=AGENT_OF_HIGHWAYS)
    assert _queues(await _told(centre), "joined queue") == ["reception"]


async def test_who_has_been_with_an_officer_is_not_recorded_any_more(centre: Centre) -> None:
    spoken = asyncio.Event()
    phones: list[Phone] = []

    async def agent(phone: Phone) -> None:
        await phone.answer()
        await phone.refer(_address(centre, OFFICERS_PHONE))
        await phone.wait_until_gone()

    async def officer(phone: Phone) -> None:
        await phone.answer()
        await phone.refer(_address(centre, HOUSING))
        await phone.wait_until_gone()

    async def agent_of_housing(phone: Phone) -> None:
        await phone.answer()
        await phone.stay(1)
        spoken.set()
        await phone.wait_until_gone()

    async def listens(phone: Phone) -> None:
        phones.append(phone)
        await spoken.wait()

    centre.world.desk(AGENT_OF_HIGHWAYS, agent)
    centre.world.desk(OFFICERS_PHONE, officer)
    centre.world.desk(AGENT_OF_HOUSING, agent_of_housing)
    async with asyncio.timeout(CALL_DEADLINE):
        await centre.world.call(HIGHWAYS, presses("2", "0", then=listens))
    told = await _told(centre)
    assert _queues(told, "joined queue") == ["highways", "housing"]
    assert told["recordings"] == []
    assert [*centre.site.recordings.iterdir()] == []
    assert "recording-announcement" not in {each.prompt for each in heard(phones[0].heard, SOUNDS)}
