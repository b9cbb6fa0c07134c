"""Every way to a payments officer, for real: no frame of any recording holds what followed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio

from tests.lab.centre import Centre, contact_centre
from tests.lab.routes import DOOR_WAYS, Stage
from tests.lab.site import queues
from tests.live.conftest import RUN

AGENTS = [f"12{number:02d}" for number in range(1, 13)]
NUMBERS = [f"01632960{number}" for number in range(300, 330)]
OFFICERS = ["8001", "8002", *(f"81{number:02d}" for number in range(1, 13))]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def centre() -> AsyncIterator[Centre]:
    conf = queues(housing=AGENTS, payments=OFFICERS)
    async with contact_centre(
        RUN / "interlock", more_phones=AGENTS + OFFICERS[2:], more_numbers=NUMBERS, asterisk={"queues.conf": conf}
    ) as centre:
        yield centre


async def test_no_way_by_the_door_leaves_a_frame_of_what_followed(centre: Centre) -> None:
    stage = Stage(centre, AGENTS, OFFICERS)
    async with asyncio.TaskGroup() as calls:
        for number, way in zip(NUMBERS, DOOR_WAYS.values(), strict=False):
            calls.create_task(stage.play(way, number), name=way.__name__)
    await centre.until('not it["live"]', 15)
    found = await stage.heard_after()
    assert len(found) == len(DOOR_WAYS)
    assert {name: tones for name, tones in found.items() if tones} == {}
