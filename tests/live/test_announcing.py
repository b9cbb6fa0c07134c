"""Recording that begins in mid-conversation: the caller is told first, there and then, and in their language."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from tests.lab.archive import voices
from tests.lab.centre import SOUNDS, Centre, contact_centre
from tests.lab.hearing import heard
from tests.lab.phones import AGENT, CALLER, CALLER_AFTER, OFFICER, Phone
from tests.lab.scripts import presses
from tests.lab.site import queues
from tests.lab.tones import find
from tests.lab.ways import HOUSING, KEYS_HEARD
from tests.live.conftest import RUN

HIGHWAYS = "01632960103"
HOUSING_AGENT, HIGHWAYS_AGENT, OFFICERS = "1001", "1005", ("8001", "8002")
CALL_DEADLINE = 90.0  # seconds
TOLD = 20.0  # seconds in which the announcement has been heard
TALK = 2.0


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def centre() -> AsyncIterator[Centre]:
    """A site that wants both kinds, with one agent of Housing and one of Highways."""
    conf = {
        "queues.conf": queues(
            housing=[HOUSING_AGENT],
            housing_cy=[HOUSING_AGENT],
            highways=[HIGHWAYS_AGENT],
            highways_cy=[HIGHWAYS_AGENT],
        )
    }
    changes = {'resume = "never"': 'resume = "announced"', 'transferred = "never"': 'transferred = "announced"'}
    async with contact_centre(RUN / "announcing", asterisk=conf, changes=changes) as centre:
        yield centre


async def _until_recorder(centre: Centre) -> None:
    await centre.until('it["recorders"] == 1', TOLD)


async def _told(centre: Centre) -> dict[str, Any]:
    """The newest call, once its recordings are finished."""
    async with asyncio.timeout(20):
        while any(centre.site.recordings.iterdir()):
            await asyncio.sleep(0.1)
    newest = (await centre.until('it and it[0]["ended"]', 10, "calls", since=0, until=1e12))[0]["id"]
    told: dict[str, Any] = await centre.ask("call", call=newest)
    return told


def _voices(centre: Centre, recording: dict[str, Any]) -> list[float]:
    """For how many seconds agent, caller, caller beside the officer, and officer are in a recording."""
    assert recording["fault"] is None, recording
    left, right = voices(centre.site, recording)
    return [find(left, AGENT).seconds, *(find(right, tone).seconds for tone in (CALLER, CALLER_AFTER, OFFICER))]


async def test_after_a_payment_the_recording_goes_on_once_the_caller_was_told_again(centre: Centre) -> None:
    callers: list[Phone] = []
    with_officer, back = asyncio.Event(), asyncio.Event()

    async def agent(phone: Phone) -> None:
        await phone.answer()
        await phone.speak(AGENT)
        await phone.stay(TALK)
        await phone.hush()
        await phone.press("*2")
        await asyncio.sleep(KEYS_HEARD)
        await phone.press("8000")
        await with_officer.wait()
        await phone.press("*54")  # while the officer is there: nothing
        await asyncio.sleep(TALK)
        back.set()
        await phone.stay(TALK)
        await phone.press("*54")
        await phone.speak(AGENT)
        await _until_recorder(centre)
        await phone.stay(TALK)

    async def officer(phone: Phone) -> None:
        await phone.answer()
        await phone.speak(OFFICER)
        with_officer.set()
        await back.wait()
        phone.hang_up()

    async def caller(phone: Phone) -> None:
        callers.append(phone)
        await phone.speak(CALLER)
        await with_officer.wait()
        await phone.speak(CALLER_AFTER)
        await back.wait()
        await phone.speak(CALLER)
        await phone.wait_until_gone()

    centre.world.desk(HOUSING_AGENT, agent)
    for extension in OFFICERS:
        centre.world.desk(extension, officer)
    async with asyncio.timeout(CALL_DEADLINE):
        await centre.world.call(HOUSING, presses("1", "0", then=caller))
    told = await _told(centre)
    voices = [_voices(centre, recording) for recording in told["recordings"]]
    assert [len(voices), *(each[2:] for each in voices)] == [2, [0, 0], [0, 0]]
    assert min(voices[1][:2]) > TALK - 0.5
    assert [moment["kind"] for moment in told["timeline"] if moment["kind"] in {"door", "resumed"}][-1] == "resumed"
    prompts = [(each.prompt, each.language, each.whole) for each in heard(callers[0].heard, SOUNDS)]
    assert prompts.count(("recording-announcement", "cy", True)) == 2


async def test_who_comes_by_an_attended_transfer_is_told_and_recorded_from_then_on(centre: Centre) -> None:
    callers: list[Phone] = []
    answered = asyncio.Event()

    async def first(phone: Phone) -> None:
        await phone.answer()
        await phone.stay(TALK)
        await phone.press("*2")
        await asyncio.sleep(KEYS_HEARD)
        await phone.press("6111")
        await answered.wait()
        await phone.stay(TALK)
        phone.hang_up()

    async def second(phone: Phone) -> None:
        await phone.answer()
        await phone.speak(AGENT)
        answered.set()
        await phone.stay(TALK)
        await _until_recorder(centre)
        await phone.stay(TALK)

    async def caller(phone: Phone) -> None:
        callers.append(phone)
        await phone.speak(CALLER)
        await phone.wait_until_gone()

    centre.world.desk(HIGHWAYS_AGENT, first)
    centre.world.desk(HOUSING_AGENT, second)
    async with asyncio.timeout(CALL_DEADLINE):
        await centre.world.call(HIGHWAYS, presses("1", "0", then=caller))
    told = await _told(centre)
    (recording,) = told["recordings"]
    assert min(_voices(centre, recording)[:2]) > TALK - 0.5
    prompts = [(each.prompt, each.language, each.whole) for each in heard(callers[0].heard, SOUNDS)]
    assert prompts.count(("recording-announcement", "cy", True)) == 1
