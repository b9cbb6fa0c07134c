"""Callers who press anything or nothing, on every line; and calls amid a crowd of connections that are none."""

from __future__ import annotations

import asyncio
import random
import re
import resource
import time
from pathlib import Path
from typing import Any

from ccdaemon.asterisk.agi import CallerGone
from tests.lab.centre import Centre, contact_centre
from tests.lab.phones import Phone
from tests.lab.scripts import lets_it_ring, presses
from tests.lab.site import queues
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
    """On each line one caller who presses keys at random for ten minutes, and one who presses nothing.

    Once where phones are answered, and once where nobody is logged in to any queue: a goodbye is all that is left then.
    """
    staffed = await _fidgeting(folder, queues())
    empty = await _fidgeting(folder, re.sub(r"member => .*\n", "", queues()))
    return f"with agents: {staffed}; with nobody logged in: {empty}"


async def _fidgeting(folder: Path, conf: str) -> str:
    async with contact_centre(folder, closed=["refuse"], level="info", asterisk={"queues.conf": conf}) as centre:
        centre.world.desk("*", _answers_briefly)
        services = centre.site.configuration().site.services.values()
        over: dict[str, float] = {}
        async with asyncio.TaskGroup() as calls:
            for index, service in enumerate(services):
                number = "0" + service.numbers[0].removeprefix("+44")
                for kind, keys in ((0, KEYS), (1, "")):
                    caller = f"0770090{kind}{index:03d}"
                    calls.create_task(_one(centre, number, caller, keys, over))
        if len(over) != 2 * len(services):
            message = f"only {len(over)} of {2 * len(services)} calls were over after ten minutes"
            raise NotHeld(message)
        await centre.until('all(row["ended"] for row in it)', REGISTERED, "calls", since=0, until=1e12)
        persons = [await _spoke(centre, row["id"]) for row in await centre.calls()]
        spoke, last = sum(persons), max(over.values())
        return f"{spoke} spoke with a person, {len(persons) - spoke} heard a goodbye, the last after {last:.0f} s"


async def _answers_briefly(phone: Phone) -> None:
    await phone.answer()
    await phone.stay(1)
    phone.hang_up()


async def _one(centre: Centre, number: str, caller: str, keys: str, over: dict[str, float]) -> None:
    """Fidget until the call is over; who is on the line after ten minutes still is not in `over`."""
    chance = random.Random(f"{SEED}{caller}")

    async def fidget(phone: Phone) -> None:
        began = time.monotonic()
        try:
            while time.monotonic() - began < TEN_MINUTES:
                await (phone.press(chance.choice(keys)) if keys else phone.stay(1))
                await asyncio.sleep(chance.uniform(0, 2))
        except CallerGone:
            over[caller] = time.monotonic() - began
            raise

    await centre.world.call(number, fidget, caller=caller)


async def _spoke(centre: Centre, call: str) -> bool:
    """Has an agent answered? If not, the last thing that was decided must have been the end of the call."""
    timeline = (await centre.ask("call", call=call))["timeline"]
    if any(moment["detail"].get("outcome") == "answered" for moment in timeline):
        return True
    decided = [moment["detail"]["result"] for moment in timeline if moment["kind"] == "decision"]
    if not decided[-1].startswith(("goodbye", "fallback")):
        message = f"a call ended in mid-way: {decided}"
        raise NotHeld(message)
    return False


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
