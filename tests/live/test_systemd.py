"""As a service of a real systemd: put there, started, reloaded, killed, stopped and taken away. It takes root."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from tests.lab.installed import Installed, installed
from tests.lab.machine import CannotBoot, why_not
from tests.lab.service import SHORT, Step
from tests.live.conftest import RUN

HINDERED = why_not()
pytestmark = pytest.mark.skipif(HINDERED is not None, reason=str(HINDERED))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def it() -> AsyncIterator[Installed]:
    async with AsyncExitStack() as stack:
        try:
            it = await stack.enter_async_context(installed(RUN / "systemd"))
        except CannotBoot as fault:
            pytest.skip(str(fault))
        yield it


@pytest.mark.parametrize("step", [step for _, step in SHORT], ids=[name for name, _ in SHORT])
async def test_systemd_runs_the_daemon_and_callers_notice_nothing_worse_than_the_second_tier(
    it: Installed, step: Step
) -> None:
    """One after the other."""
    print(await step(it))
