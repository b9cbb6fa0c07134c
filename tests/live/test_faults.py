"""Whatever fails while somebody goes to an officer: nobody is connected, or nothing of it is in the recording."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.lab.faults import FAULTS, Fragile, small_disk
from tests.lab.interlock import fragile, tried_amid
from tests.lab.routes import ROUTES
from tests.live.conftest import RUN

# By the one a recorder could go on, the other asks the daemon, or who answers in its place, where to go.
TRIED = [route for route in ROUTES if route.name in {"attended_code", "menu_choice"}]
DEADLINE = 3  # seconds for which the door is knocked at, instead of 15
PATIENCE = 6.0  # seconds
HARMLESS = {"disk_full", "register_locked"}  # the door needs neither


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def it() -> AsyncIterator[Fragile]:
    with small_disk(RUN / "faults") as small:
        async with fragile(RUN / "faults", {"deadline = 15": f"deadline = {DEADLINE}"}) as it:
            it.small_disk = small
            yield it


@pytest.mark.parametrize("name", FAULTS)
async def test_amid_any_fault_nobody_is_connected_or_no_frame_of_it_is_recorded(it: Fragile, name: str) -> None:
    if name == "disk_full" and not it.small_disk:
        pytest.skip("this machine allows no file system of one's own, so nothing can be filled")
    outcome = await tried_amid(it, FAULTS[name], 0, TRIED, PATIENCE)
    assert [each.recorded for each in outcome] == [each.route.recorded for each in outcome]
    assert [each.found for each in outcome if not each.holds] == []
    assert [each.connected for each in outcome] == [name in HARMLESS] * len(TRIED)
