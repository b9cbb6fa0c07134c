"""After every kind of transfer, reload and restart, our counts of each queue are Asterisk's own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.lab import ways
from tests.lab.agents import agents, logs_in, places
from tests.lab.centre import Centre, contact_centre
from tests.lab.counts import agree
from tests.lab.site import queues
from tests.lab.stage import Stage, Way
from tests.live.conftest import RUN

AGENT, OFFICERS = "1001", ["8001", "8002"]
WAYS: tuple[Way, ...] = (
    ways.blind_refer,
    ways.blind_code,
    ways.officers_extension,
    ways.attended_code,
    ways.blonde,
    ways.consult_and_back,
    ways.swap,
    ways.three_way,
    ways.second_officer,
    ways.back_to_housing,
)
NUMBERS = [f"01632960{number}" for number in range(300, 300 + len(WAYS))]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def centre() -> AsyncIterator[Centre]:
    """An agent of Housing and an officer who have logged in, and an officer whom queues.conf has."""
    conf = queues(housing=[], housing_cy=[], payments=["8002"], payments_cy=[])
    changes = agents({AGENT: ["housing"], "8001": ["payments"]})
    more = {"more_numbers": NUMBERS, "changes": changes}
    async with contact_centre(RUN / "counts", asterisk={"queues.conf": conf}, **more) as centre:  # type: ignore[arg-type]
        for extension in (AGENT, "8001"):
            await logs_in(centre, extension)
        yield centre


@pytest.mark.parametrize(
    ("way", "number"), [*zip(WAYS, NUMBERS, strict=True)], ids=lambda each: getattr(each, "__name__", "")
)
async def test_after_a_transfer(centre: Centre, way: Way, number: str) -> None:
    stage = Stage(centre, [AGENT], OFFICERS, patience=20)
    await stage.play(way, number)
    await centre.until('it["live"] == []', 30)
    await agree(centre)


@pytest.mark.parametrize("command", ["queue reload all", "core reload"])
async def test_after_a_reload(centre: Centre, command: str) -> None:
    await centre.pbx.cli(command)
    await agree(centre)


async def test_after_a_restart_of_asterisk(centre: Centre) -> None:
    """Who was answered today is counted on; Asterisk begins anew. (Its own restart finds no program in a prefix.)"""
    await centre.pbx.stop()
    await centre.pbx.start()
    await centre.until('it["synchronised"]', 30)
    await agree(centre, "waiting", "logged_in", "talking", "paused")
    assert await places(centre, AGENT) == {"housing": "-", "housing-cy": "-"}
