"""Calls for a long time with everything on: what the daemon holds stays what it was, and its counts are Asterisk's."""

from __future__ import annotations

import asyncio
import itertools
import random
import re
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

import numpy as np

from tests.lab.centre import Centre, contact_centre
from tests.lab.phones import AGENT, Phone, Script
from tests.lab.scripts import PAYMENTS, presses, stays
from tests.lab.site import queues

EVERY = 5.0  # seconds between two looks
SETTLES = 0.25  # of the time, before what is held is compared
NUMBERS = ("01632960111", "01632960103", "01632960105", "01632960100")  # Housing, and lines that do not record
TRANSFERRED = 0.05  # of the answered calls, to payments
OFFICERS = ("8001", "8002")
OVER = 90.0  # seconds for the last calls
SLICE = 300.0  # seconds of calls that are listed at once
REGISTERED = 10.0  # seconds until the register has what happened
SEED = 20261126
MIB = 2**20
METRICS = "\n[metrics]\nsocket = "


Look: TypeAlias = tuple[float, float, int, int, int]  # seconds since the first one, MiB, descriptors, threads, tasks


@dataclass
class Seen:
    looks: list[Look]
    calls: int

    def slopes(self) -> dict[str, float]:
        """What each grows by in an hour, fitted to all looks but the first quarter's."""
        looks = np.array(self.looks[int(SETTLES * len(self.looks)) :], dtype=float)
        names = ("MiB", "descriptors", "threads", "tasks")
        return {name: float(np.polyfit(looks[:, 0], looks[:, 1 + at], 1)[0]) * 3600 for at, name in enumerate(names)}

    def __str__(self) -> str:
        first, last = self.looks[int(SETTLES * len(self.looks))], self.looks[-1]
        grows = ", ".join(f"{slope:+.2f} {name}" for name, slope in self.slopes().items())
        return f"{self.calls} calls in {last[0] / 60:.0f} min; {first[1]:.1f} to {last[1]:.1f} MiB; an hour: {grows}"


async def soak(folder: Path, seconds: float, rate: float) -> Seen:
    """So many calls a second; raises `AssertionError` for a call that is left, or counts that differ."""
    chance = random.Random(SEED)
    conf = re.sub(r"wrapuptime = \d+", "wrapuptime = 0", queues())
    async with contact_centre(
        folder, level="info", asterisk={"queues.conf": conf}, changes=_with_metrics(folder)
    ) as it:
        it.world.desk("*", _talks_briefly(chance, f"sip:{PAYMENTS}@{it.site.addresses.pbx}:5060"))
        for officer in OFFICERS:
            it.world.desk(officer, _talks_briefly(chance))
        day = datetime.now(it.site.configuration().site.timezone).date()
        looks: list[Look] = []
        tasks = (await it.ask("state"))["tasks"]
        looking = asyncio.create_task(_look(it, looks))
        since, began, calls = time.time(), time.monotonic(), 0
        async with asyncio.TaskGroup() as going:
            for calls in itertools.count(1):
                if time.monotonic() - began > seconds:
                    break
                keys = chance.choice([("2", "0"), ("1", "0"), ("1", "2", "0"), ("2",)])
                script = presses(*keys, then=stays(chance.uniform(4, 10)))
                number = chance.choice(NUMBERS)
                going.create_task(it.world.call(number, script, caller=f"07700{calls % 1_000_000:06d}"))
                await asyncio.sleep(max(0.0, calls / rate - (time.monotonic() - began)))
        looking.cancel()
        await it.until('it["live"] == [] and it["recorders"] == 0', OVER)
        assert await it.channels() == []
        await it.until(f'it["tasks"] <= {tasks}', REGISTERED)
        for start in np.arange(since, time.time(), SLICE):
            wanted = {"since": float(start), "until": float(start + SLICE), "limit": int(2 * rate * SLICE) + 1}
            await it.until('all(row["ended"] for row in it)', REGISTERED, "calls", **wanted)
        if datetime.now(it.site.configuration().site.timezone).date() == day:  # at midnight our counts begin anew
            await _compare(it)
        return Seen(looks, calls - 1)


async def _look(it: Centre, looks: list[Look]) -> NoReturn:
    process, began = Path("/proc") / str(it.daemon.pid), time.monotonic()
    while True:
        status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
        tasks = (await it.ask("state"))["tasks"]
        memory = int(status["VmRSS"].split()[0]) * 1024 / MIB
        descriptors = len(list((process / "fd").iterdir()))
        looks.append((time.monotonic() - began, memory, descriptors, int(status["Threads"]), tasks))
        with (it.site.folder / "looks").open(
            "a"
        ) as file:  # what was seen outlives a soak that does not come to its end
            print(*looks[-1], file=file)
        await _scrape(it.site.folder / "run" / "metrics")
        await asyncio.sleep(EVERY)


async def _scrape(socket: Path) -> None:
    reader, writer = await asyncio.open_unix_connection(socket)
    writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 200 OK")
    writer.close()


async def _compare(it: Centre) -> None:
    """Who was answered and who gave up, by our count and by Asterisk's own."""
    async with it.manager() as ami:
        entries = await ami.listing("QueueStatus")
    asterisk = {
        each["Queue"]: (int(each["Completed"]), int(each["Abandoned"]))
        for each in entries
        if each.get("Event") == "QueueParams"
    }
    topics: dict[str, Any] = (await it.ask("status"))["topics"]
    ours = {
        topic.partition("/")[2]: (each["answered"], each["abandoned"])
        for topic, each in topics.items()
        if topic.startswith("queues/")
    }
    differing = {queue: (ours[queue], asterisk[queue]) for queue in ours if ours[queue] != asterisk[queue]}
    assert not differing, f"our count and Asterisk's: {differing}"


def _with_metrics(folder: Path) -> dict[str, str]:
    return {"\n[retention]": f'{METRICS}"{folder}/run/metrics"\n\n[retention]'}


def _talks_briefly(chance: random.Random, sends_to: str = "") -> Script:
    async def script(phone: Phone) -> None:
        await phone.answer()
        await phone.speak(AGENT)
        await phone.stay(chance.uniform(1, 6))
        if sends_to and chance.random() < TRANSFERRED:
            await phone.refer(sends_to)
        phone.hang_up()

    return script
