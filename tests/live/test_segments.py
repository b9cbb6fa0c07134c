"""A recording that is whole: agents consult colleagues and come back, and both voices go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.lab.archive import voices
from tests.lab.centre import Centre, contact_centre
from tests.lab.phones import AGENT, CALLER_AFTER, Phone
from tests.lab.site import queues
from tests.lab.stage import Act, Stage, Way
from tests.lab.tones import find
from tests.lab.ways import by_code
from tests.live.conftest import RUN

CALLS = 6
AGENTS = [f"12{number:02d}" for number in range(1, CALLS + 1)]
NUMBERS = [f"01632960{number}" for number in range(300, 300 + CALLS)]
COLLEAGUE = 1400  # Hz
TALK = 2.0  # seconds of each part of a call
LOST = 0.5  # seconds: a frame where a tone begins or ends, and the pause in which the new recorder begins


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def centre() -> AsyncIterator[Centre]:
    phones = [*AGENTS, *map(_colleague_of, AGENTS)]
    conf = {"queues.conf": queues(housing=AGENTS)}
    async with contact_centre(RUN / "segments", more_phones=phones, more_numbers=NUMBERS, asterisk=conf) as centre:
        yield centre


def _colleague_of(agent: str) -> str:
    return f"13{agent[2:]}"


async def _consults(act: Act, phone: Phone) -> asyncio.Event:
    """Speak with a colleague for a while, who stays until told to go."""
    may_go = asyncio.Event()

    async def colleague(other: Phone) -> None:
        await other.answer()
        await other.speak(COLLEAGUE)
        await may_go.wait()
        other.hang_up()

    act.centre.world.desk(_colleague_of(act.agent), colleague)
    await by_code(phone, "*2", _colleague_of(act.agent))
    await asyncio.sleep(TALK)
    return may_go


async def _with_the_caller_again(act: Act, colleague_may_go: asyncio.Event) -> None:
    colleague_may_go.set()
    act.connected.set()  # who is back is known by their voice
    await asyncio.sleep(2 * TALK)


async def _presses(phone: Phone, code: str) -> None:
    await phone.hush()
    await phone.press(code)
    await phone.speak(AGENT)
    await asyncio.sleep(TALK)


async def twice(act: Act, phone: Phone) -> None:
    for _ in range(2):
        await _with_the_caller_again(act, await _consults(act, phone))


async def swaps(act: Act, phone: Phone) -> None:
    """To the caller, to the colleague, to the caller: and then the colleague hangs up."""
    may_go = await _consults(act, phone)
    for _ in range(3):
        await _presses(phone, "*4")
    await _with_the_caller_again(act, may_go)


async def three(act: Act, phone: Phone) -> None:
    """All three speak; then the colleague hangs up."""
    may_go = await _consults(act, phone)
    await _presses(phone, "*3")
    await _with_the_caller_again(act, may_go)


@pytest.mark.parametrize(("way", "segments"), [(twice, [1, 2, 3]), (swaps, [1, 2]), (three, [1, 2, 3])])
async def test_who_consults_and_comes_back_is_recorded_with_both_voices(
    centre: Centre, way: Way, segments: list[int]
) -> None:
    stage = Stage(centre, AGENTS, [])
    async with asyncio.TaskGroup() as calls:
        playing = [calls.create_task(stage.play(way, number)) for number in NUMBERS]
    await stage.heard_after()
    recordings = [each for row in await centre.calls() for each in await _recordings(centre, row["id"])]
    mine = [each for each in recordings if each["leg"] in {task.result().leg for task in playing}]
    assert sorted(int(each["segment"]) for each in mine) == sorted(segments * CALLS)
    for each in mine:
        left, right = voices(centre.site, each)
        assert each["fault"] is None, each
        if each["segment"] > 1 and (each["segment"] == max(segments) or way is twice):
            assert find(left, AGENT).seconds > TALK - LOST, each
            assert find(right, CALLER_AFTER).seconds > TALK - LOST, each
        assert way is three or not find(right, COLLEAGUE).frames, each
    assert not {"recorders", "recordings-faulty"} & set((await centre.ask("state"))["alarms"])


async def _recordings(centre: Centre, call: str) -> list[dict[str, Any]]:
    recordings: list[dict[str, Any]] = (await centre.ask("call", call=call))["recordings"]
    return recordings
