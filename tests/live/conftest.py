"""One contact centre for all live tests that do not break it, and what it told the world while they ran."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiomqtt
import pytest
import pytest_asyncio

from tests.lab.centre import Centre, contact_centre
from tests.lab.site import ROOT, queues

HERE = Path(__file__).parent
RUN = ROOT / ".run" / "live"
LONG = {f"test_{name}" for name in ("line_codes", "messages", "scoring", "faults", "systemd", "callers", "agents")}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All live tests of a worker share one event loop: the centre lives in it.

    Files that take four minutes or more come first, so that none of them is still running at the end; then the others,
    longest first by a guess, the size of the file. What is not live comes last: it is short, and fills the end.
    """
    for item in items:
        if item.path.parent == HERE:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
    items.sort(key=_place)


def _place(item: pytest.Item) -> tuple[int, int, Path]:
    """Where a test stands in the order: smaller comes earlier, and the tests of a file stay together."""
    if item.path.parent != HERE:
        return 2, 0, HERE
    return int(item.path.stem not in LONG), -item.path.stat().st_size, item.path


@dataclass
class Eavesdropper:
    """Everything that was published since the centre started."""

    messages: list[tuple[str, bytes]] = field(default_factory=list)

    async def listen(self, address: str) -> None:
        async with aiomqtt.Client(address) as client:
            await client.subscribe("#")
            async for message in client.messages:
                self.messages.append((message.topic.value, bytes(message.payload)))


@pytest.fixture(scope="session")
def eavesdropper() -> Eavesdropper:
    return Eavesdropper()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def centre(eavesdropper: Eavesdropper) -> AsyncIterator[Centre]:
    """The example site, open round the clock but for Refuse; agents have no wrap-up time."""
    async with contact_centre(RUN / "shared", closed=["refuse"], asterisk={"queues.conf": queues()}) as centre:
        listening = asyncio.create_task(eavesdropper.listen(centre.site.addresses.pbx))
        yield centre
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening
