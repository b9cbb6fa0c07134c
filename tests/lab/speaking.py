"""Supervisors who speak at a handset: they record emergency messages and prompts, in tones."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from ccdaemon.places import TAKES
from tests.lab.centre import Centre
from tests.lab.phones import Phone
from tests.lab.supervisors import a_supervisor
from tests.lab.tones import FRAME, RATE, find, read_capture

WELSH, ENGLISH, OTHER = 1750, 2100, 2350  # Hz
SPOKEN = 2.0  # seconds
KEEPER, COLLEAGUE, ENGLISH_DESK, OTHERS = "1005", "1006", "1007", "1008"  # handsets; who has the last may do neither
AGAIN = 1.5  # seconds until a key is pressed once more: what is said may not be over
DEADLINE = 90.0  # seconds
GAP = 5  # frames in which the other tone's end, or a lost packet, may hide one


def keepers() -> dict[str, str]:
    """Changes to a site's files: who rules lines, of whom some record prompts, and one who may neither."""
    may, lines = '["lines", "prompts"]', '["lines"]'
    tables = a_supervisor("keeper", KEEPER, may, '["housing", "highways"]')
    tables += a_supervisor("colleague", COLLEAGUE, lines) + a_supervisor("english", ENGLISH_DESK, may)
    tables += a_supervisor("others", OTHERS)
    return {
        "\n[phones]\n": f"\n{tables}[phones]\n",
        '1007 = { service = "income" }': '1007 = { service = "income", language = "en" }',
    }


async def presses_until(phone: Phone, key: str, true: Callable[[], Awaitable[bool]]) -> None:
    """Press a key as often as it takes: while something is said to its end, keys count for nothing."""
    async with asyncio.timeout(DEADLINE):
        while not await true():
            if phone.over:
                message = f"the handset was hung up on; what it heard is in {phone.heard}"
                raise AssertionError(message)
            await phone.press(key)
            for _ in range(round(AGAIN / 0.1)):
                if await true():
                    return
                await asyncio.sleep(0.1)


def records(centre: Centre) -> Callable[[], Awaitable[bool]]:
    """Does Asterisk take what is spoken? (It says so of a channel long after it has.)"""

    async def is_so() -> bool:
        return any((centre.site.folder / "spool" / TAKES).iterdir())

    return is_so


def over(centre: Centre) -> Callable[[], Awaitable[bool]]:
    """Has it taken it, and the daemon judged it?"""

    async def is_so() -> bool:
        return not await records(centre)()

    return is_so


async def speaks(centre: Centre, phone: Phone, hertz: int, seconds: float = SPOKEN) -> None:
    """Wait for the tone, speak, and end it by `#`."""
    async with asyncio.timeout(DEADLINE):
        while not await records(centre)():
            await asyncio.sleep(0.1)
    if hertz:
        await phone.speak(hertz)
    await asyncio.sleep(seconds)
    await phone.hush()
    await presses_until(phone, "#", over(centre))


def tones(capture: Path, hertz: int) -> list[tuple[float, float]]:
    """Each time that a tone is heard, frame by frame: from when on, and for how many seconds."""
    runs: list[list[int]] = []
    for frame in find(read_capture(capture), hertz).clean:
        if not runs or frame > runs[-1][1] + GAP:
            runs.append([frame, frame])
        runs[-1][1] = frame
    seconds = FRAME / RATE
    return [(first * seconds, (last + 1 - first) * seconds) for first, last in runs if last + 1 - first > GAP]
