"""Sixty live calls and a daemon that is killed or hangs: none is dropped, and who calls then is answered."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from tests.lab.centre import SOUNDS, Centre, contact_centre
from tests.lab.hearing import heard
from tests.lab.phones import Phone
from tests.lab.scripts import lets_it_ring, presses, talks
from tests.lab.site import queues
from tests.live.conftest import RUN

TALKERS = [f"11{number:02d}" for number in range(1, 25)]
RECEPTION, HOUSING, HIGHWAYS, CARELINE = "01632960100", "01632960111", "01632960103", "01632960107"
EACH = 20  # calls in menus, in queues, in talk


@dataclass
class Sixty:
    """The callers of sixty calls that stay on the line."""

    centre: Centre
    phones: list[Phone] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def place(self, number: str, *keys: str) -> None:
        async def stay(phone: Phone) -> None:
            self.phones.append(phone)
            await phone.wait_until_gone()

        self.tasks.append(asyncio.create_task(self.centre.world.call(number, presses(*keys, then=stay))))

    async def all_on_the_line(self) -> bool:
        """Asked of Asterisk itself."""
        channels = await self.centre.pbx.cli("core show channels concise")
        callers = [line for line in channels.splitlines() if line.startswith("PJSIP/trunk-")]
        return len(callers) >= 3 * EACH and not any(phone.gone.is_set() for phone in self.phones)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sixty() -> AsyncIterator[Sixty]:
    conf = queues(
        reception=TALKERS[:EACH], reception_cy=TALKERS[:EACH], careline=TALKERS[EACH:], careline_cy=TALKERS[EACH:]
    )
    async with contact_centre(
        RUN / "tiers", more_phones=TALKERS, asterisk={"queues.conf": conf}, level="info"
    ) as centre:
        for extension in TALKERS:
            centre.world.desk(extension, talks())
        centre.world.desk("*", lets_it_ring())
        calls = Sixty(centre)
        for _ in range(EACH):
            calls.place(RECEPTION, "2", "0")  # talks with an agent
            calls.place(HOUSING, "2", "0")  # waits: no phone is picked up
        await _until(centre, lambda it: it["queues"].get("housing") == EACH and it["bridged"] == 2 * EACH)
        for _ in range(EACH):
            calls.place(HIGHWAYS, "2")  # listens to the main menu
        await centre.until(f'len(it["live"]) == {3 * EACH}', 30)
        yield calls
        for task in calls.tasks:
            task.cancel()
        await asyncio.gather(*calls.tasks, return_exceptions=True)


async def _until(centre: Centre, holds: Callable[[dict[str, Any]], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds(await centre.ask("state")):
            await asyncio.sleep(0.1)


async def test_a_killed_daemon_drops_no_call_and_the_next_is_answered_by_the_script(sixty: Sixty) -> None:
    centre = sixty.centre
    before = set((await centre.ask("state"))["live"])
    async with _killed(centre):
        prompts = await _call_without_the_daemon(centre, "07700900901", "1")
        assert ("cy", "hold") in prompts
        assert all(language == "cy" for language, prompt in prompts if prompt == "hold")
        assert await sixty.all_on_the_line()
    began = time.monotonic()
    await centre.until(f'set(it["live"]) >= {before!r}', 2)
    assert time.monotonic() - began < 2
    await _expect_in_register(centre, "+447700900901", tier=2, language="cy")


async def test_a_hanging_daemon_drops_no_call_and_the_next_is_answered_by_the_script(sixty: Sixty) -> None:
    centre = sixty.centre
    centre.daemon.kill(signal.SIGSTOP)
    try:
        at_once = asyncio.create_task(_call_without_the_daemon(centre, "07700900902", "2"))  # while the beat is fresh
        assert ("en", "hold") in await at_once
        assert ("cy", "hold") in await _call_without_the_daemon(centre, "07700900903", "1")
        assert await sixty.all_on_the_line()
    finally:
        centre.daemon.kill(signal.SIGCONT)
    await _expect_in_register(centre, "+447700900902", tier=2, language="en")
    await _expect_in_register(centre, "+447700900903", tier=2, language="cy")
    assert await sixty.all_on_the_line()


async def test_where_python_is_broken_too_the_dialplan_answers_alone(sixty: Sixty) -> None:
    centre = sixty.centre
    script = centre.site.folder / "pbx" / "agi-bin" / "cc-second-tier"
    async with _killed(centre):
        script.chmod(0o000)
        try:
            prompts = await _call_without_the_daemon(centre, "07700900904")
        finally:
            script.chmod(0o755)
        assert [each for each in prompts if each[1] == "hold"] == [("cy", "hold"), ("en", "hold")]
        assert await sixty.all_on_the_line()
    await _expect_in_register(centre, "+447700900904", tier=3, language=None)


@pytest.mark.parametrize("number", [HOUSING, RECEPTION])
async def test_after_all_that_the_register_has_no_call_twice(sixty: Sixty, number: str) -> None:
    rows = [row for row in await sixty.centre.calls() if row["dialled"] == f"+44{number[1:]}"]
    assert len(rows) == EACH
    assert len({row["id"] for row in rows}) == EACH


@asynccontextmanager
async def _killed(centre: Centre) -> AsyncIterator[None]:
    """Without the daemon; it is up again afterwards, whatever was seen meanwhile."""
    centre.daemon.kill(signal.SIGKILL)
    await centre.daemon.wait()
    try:
        yield
    finally:
        await centre.restart_daemon()


async def _call_without_the_daemon(centre: Centre, caller: str, *keys: str) -> list[tuple[str, str]]:
    """Call Careline until an agent has answered; return what was heard."""
    phones: list[Phone] = []

    async def until_answered(phone: Phone) -> None:
        phones.append(phone)
        async with asyncio.timeout(60):
            for key in keys:
                await phone.until_spoken_to()
                await phone.press(key)
            while f"PJSIP/{TALKERS[EACH][:2]}" not in await _bridged_with(centre, caller):
                await asyncio.sleep(0.2)

    await centre.world.call(CARELINE, until_answered, caller=caller)
    return _heard(phones[0])


def _heard(phone: Phone) -> list[tuple[str, str]]:
    return [(each.language, each.prompt) for each in heard(phone.heard, SOUNDS)] if phone.heard.exists() else []


async def _bridged_with(centre: Centre, caller: str) -> str:
    """The channel that a caller talks with, as Asterisk tells it."""
    for line in (await centre.pbx.cli("core show channels concise")).splitlines():
        fields = line.split("!")
        if len(fields) > 7 and fields[7] == caller and fields[5] == "Queue":
            bridge = fields[12]
            others = [
                other for other in (await centre.pbx.cli(f"bridge show {bridge}")).splitlines() if "PJSIP/" in other
            ]
            return " ".join(others) if bridge else ""
    return ""


async def _expect_in_register(centre: Centre, number: str, tier: int, language: str | None) -> None:
    """The end may be there first, as an event, and what the caller chose with the note that is read a second later."""

    async def known() -> list[tuple[Any, ...]]:
        rows = [row for row in await centre.calls() if row["number"] == number]
        return [(row["tier"], row["language"], row["service"], row["ended"] is not None) for row in rows]

    expected = [(tier, language, "careline", True)]
    with suppress(TimeoutError):
        async with asyncio.timeout(15):
            while await known() != expected:
                await asyncio.sleep(0.1)
    assert await known() == expected
