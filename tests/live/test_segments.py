"""A recording that is whole: agents consult colleagues and come back, and both voices go on."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.lab.centre import Centre, contact_centre
from tests.lab.phones import AGENT, CALLER_AFTER, Phone
from tests.lab.site import queues
from tests.lab.stage import Act, Stage
from tests.lab.tones import find, read
from tests.live.conftest import RUN

CALLS = 6
AGENTS = [f"12{number:02d}" for number in range(1, CALLS + 1)]
NUMBERS = [f"01632960{number}" for number in range(300, 300 + CALLS)]
COLLEAGUE = 1400  # Hz
TALK = 2.0  # seconds of each part of a call
LOST = 0.5  # seconds: a frame where a tone begins or ends, and the pause in which the new recorder begins


async def _consults_twice(act: Act, phone: Phone) -> None:
    for _ in range(2):
        await phone.hush()
        await phone.press("*2")
        await asyncio.sleep(1.2)
        await phone.press(f"13{act.agent[2:]}")
        await phone.speak(AGENT)
        await asyncio.sleep(3 * TALK)  # with the colleague, who hangs up, and with the caller again


async def _colleague(phone: Phone) -> None:
    await phone.answer()
    await phone.speak(COLLEAGUE)
    await asyncio.sleep(TALK)
    phone.hang_up()


async def _played(centre: Centre) -> list[dict[str, Any]]:
    stage = Stage(centre, AGENTS, [])
    for agent in AGENTS:
        centre.world.desk(f"13{agent[2:]}", _colleague)
    async with asyncio.TaskGroup() as calls:
        for number in NUMBERS:
            calls.create_task(stage.play(_consults_twice, number, officer=False))
    await stage.heard_after()
    return [
        recording
        for row in await centre.calls()
        for recording in (await centre.ask("call", call=row["id"]))["recordings"]
    ]


async def test_who_consults_and_comes_back_is_recorded_with_both_voices_and_the_consultation_is_not() -> None:
    phones = [*AGENTS, *(f"13{agent[2:]}" for agent in AGENTS)]
    conf = {"queues.conf": queues(housing=AGENTS)}
    async with contact_centre(RUN / "segments", more_phones=phones, more_numbers=NUMBERS, asterisk=conf) as centre:
        recordings = await _played(centre)
        assert sorted(int(each["segment"]) for each in recordings) == sorted([1, 2, 3] * CALLS)
        for each in recordings:
            left, right = read(centre.site.folder / "state" / "recordings" / str(each["file"]))
            together = 1.5 if each["segment"] == 1 else TALK  # seconds, at least
            assert each["fault"] is None, each
            assert find(left, AGENT).seconds > together - LOST, each
            assert find(right, CALLER_AFTER).seconds > together - LOST, each
            assert not find(right, COLLEAGUE).frames, each
        assert not {"recorders", "recordings-faulty"} & set((await centre.ask("state"))["alarms"])
