"""Callers who press anything or nothing, on every line; and calls amid a crowd of connections that are none."""

from __future__ import annotations

import asyncio
import random
import resource
import time
from pathlib import Path
from typing import Any

from tests.lab.centre import Centre, contact_centre
from tests.lab.phones import Phone
from tests.lab.scripts import lets_it_ring, presses
from tests.prove.proof import NotHeld

KEYS = "0123456789*#"
TEN_MINUTES = 600.0
REGISTERED = 5.0  # seconds until the register has what happened
SEED = 20261123
HALF_OPEN = 1000
LONG_LINE = 20 * 1024 * 1024  # bytes
CALLS = 20
HOUSING = "01632960111"


async def anything_or_nothing(folder: Path) -> str:
    """On each line one caller who presses keys at random for ten minutes, and one who presses nothing."""
    async with contact_centre(folder, closed=["refuse"], level="info") as centre:
        centre.world.desk("*", lets_it_ring())
        services = centre.site.configuration().site.services.values()
        began = time.monotonic()
        landed: dict[str, tuple[str, float]] = {}
        async with asyncio.TaskGroup() as calls:
            for index, service in enumerate(services):
                number = "0" + service.numbers[0].removeprefix("+44")
                for kind, keys in ((0, KEYS), (1, "")):
                    caller = f"0770090{kind}{index:03d}"
                    calls.create_task(_one(centre, number, caller, keys, landed))
        if len(landed) != 2 * len(services):
            message = f"only {len(landed)} callers had come to a person or a goodbye after ten minutes"
            raise NotHeld(message)
        ends = [end for end, _ in landed.values()]
        longest = max(after for _, after in landed.values())
        return (
            f"{len(landed)} callers: {ends.count('person')} came to a person, {ends.count('goodbye')} to a goodbye, "
            f"the last after {longest:.0f} s; {time.monotonic() - began:.0f} s in all"
        )


async def _one(centre: Centre, number: str, caller: str, keys: str, landed: dict[str, tuple[str, float]]) -> None:
    chance = random.Random(f"{SEED}{caller}")

    async def fidget(phone: Phone) -> None:
        began = time.monotonic()
        try:
            while time.monotonic() - began < TEN_MINUTES and await _end(centre, caller) is None:
                await (phone.press(chance.choice(keys)) if keys else phone.stay(1))
                await asyncio.sleep(chance.uniform(0, 2))
        finally:  # CallerGone, too: the goodbye was said, and will soon be in the register
            async with asyncio.timeout(REGISTERED):
                while (end := await _end(centre, caller)) is None:
                    await asyncio.sleep(0.1)
            landed[caller] = end, time.monotonic() - began

    await centre.world.call(number, fidget, caller=caller)


async def _end(centre: Centre, caller: str) -> str | None:
    """Where a call has landed, as the register has it."""
    row = next((row for row in await centre.calls() if row["number"] == f"+44{caller[1:]}"), None)
    if row is None:
        return None
    timeline = (await centre.ask("call", call=row["id"]))["timeline"]
    if any(moment["kind"] == "joined queue" for moment in timeline):
        return "person"
    decided = [moment["detail"]["result"] for moment in timeline if moment["kind"] == "decision"]
    return "goodbye" if "goodbye" in decided else None


async def amid_a_crowd(folder: Path) -> str:
    """Calls reach their queue while a thousand connections say nothing, others come and go, and lines never end."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    async with contact_centre(folder, level="info") as centre:
        centre.world.desk("*", lets_it_ring())
        gateway = centre.site.configuration().main.gateway
        crowd = [await asyncio.open_connection(gateway.host, gateway.port) for _ in range(HALF_OPEN)]
        noise = asyncio.create_task(_noise(gateway.host, gateway.port))
        over = asyncio.Event()
        began = time.monotonic()

        async def stay(_: Phone) -> None:
            await over.wait()

        async with asyncio.TaskGroup() as calls:
            for number in range(CALLS):
                script = presses("2", "0", then=stay)
                calls.create_task(centre.world.call(HOUSING, script, caller=f"0770090{number:04d}"))
            try:
                await centre.until(f'it["queues"].get("housing") == {CALLS}', 60)
            finally:
                over.set()
        took = time.monotonic() - began
        noise.cancel()
        for _, writer in crowd:
            writer.close()
        rows: list[dict[str, Any]] = await centre.calls()
        if [row["tier"] for row in rows] != [1] * CALLS:
            message = f"not every call was answered by the daemon: {[row['tier'] for row in rows]}"
            raise NotHeld(message)
        return f"{CALLS} of {CALLS} calls answered by the daemon and in their queue after {took:.0f} s"


async def _noise(host: str, port: int) -> None:
    """A port scan, and a line of 20 MiB, again and again."""
    while True:
        _, scan = await asyncio.open_connection(host, port)
        scan.close()
        _, writer = await asyncio.open_connection(host, port)
        try:
            for _ in range(LONG_LINE // 65536):
                writer.write(b"agi_request: " + b"x" * 65523)
                await writer.drain()
        except ConnectionError:
            pass  # the daemon has let go, as it should
        finally:
            writer.close()
