"""How long a call stands before the payments door, beside the same dialplan without one, among recorded calls.

A second line of an agent's phone goes to payments; the door has the recorder of the first line to stop. Measured by
Asterisk itself, from `cc-payments` to its answer.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Sequence

from ccdaemon.asterisk.ami import Ami
from tests.bench.ratios import ratio
from tests.lab.centre import Centre, contact_centre
from tests.lab.phones import Phone
from tests.lab.site import ROOT, SAMPLES, queues
from tests.lab.stage import Act, Stage

MANY = 40  # recorded calls with all their phones are what two cores can play
ALONE_ROUNDS, MANY_ROUNDS = 20, 2
AIMS = {1: 6.0, MANY: 40.0}  # ms, at the median
AGENTS = [f"12{number:02d}" for number in range(1, MANY + 1)]
NUMBERS = [f"01632960{number}" for number in range(300, 300 + MANY)]
DOOR, OPEN = "*88", "*89"
MEASURED = """
[cc-internal](+)
exten => _*8[89],1,Answer()
 same => n,Set(BEGAN=${STRFTIME(,,%s.%6q)})
 same => n,Gosub(${IF($["${EXTEN}"="*88"]?cc-payments:cc-payments-open)},enter,1(queue))
 same => n,UserEvent(CCBench,Way: ${EXTEN},Began: ${BEGAN},Ended: ${STRFTIME(,,%s.%6q)})
 same => n,Hangup()
[cc-open]
exten => s,1,Return(clear)
"""


async def main(rounds: int) -> int:
    way_in = (ROOT / "dialplan" / "cc-payments.conf").read_text().partition("[cc-answered]")[0]
    without = way_in.replace("[cc-payments]", "[cc-payments-open]").replace("Gosub(cc-door,", "Gosub(cc-open,")
    conf = (SAMPLES / "extensions.conf").read_text() + MEASURED + without
    files = {"extensions.conf": conf, "queues.conf": queues(housing=AGENTS)}
    folder = ROOT / ".run" / "bench-interlock"
    async with contact_centre(folder, more_phones=AGENTS, more_numbers=NUMBERS, asterisk=files, level="info") as centre:
        reached = [
            await _measured(centre, 1, rounds or ALONE_ROUNDS),
            await _measured(centre, MANY, rounds or MANY_ROUNDS),
        ]
    return 0 if all(reached) else 1


async def _measured(centre: Centre, calls: int, rounds: int) -> bool:
    """Print what was measured, and say whether the aim was reached."""
    took: dict[str, list[float]] = {DOOR: [], OPEN: []}
    async with centre.manager() as ami:
        listening = asyncio.create_task(_listen(ami, took))
        for _ in range(rounds):
            await _played(centre, calls)
        async with asyncio.timeout(10):
            while min(map(len, took.values())) < calls * rounds:
                await asyncio.sleep(0.1)
        listening.cancel()
    print(f"{calls} recorded call{'s' if calls > 1 else ''}, {len(took[DOOR])} knocks, in ms")
    for name, way in (("with the door", DOOR), ("without", OPEN)):
        print(f"  {name:<14} median {statistics.median(took[way]):6.2f}  99th percentile {_late(took[way]):6.2f}")
    median = statistics.median(took[DOOR])
    print(f"  ratio          {ratio(took[DOOR], took[OPEN])}")
    print(f"  of the aim     {median / AIMS[calls]:.2f} of {AIMS[calls]:.0f} ms")
    return median <= AIMS[calls]


def _late(values: Sequence[float]) -> float:
    return sorted(values)[max(0, round(0.99 * len(values)) - 1)]


async def _listen(ami: Ami, took: dict[str, list[float]]) -> None:
    while True:
        for event in await ami.events():
            if event.get("UserEvent") == "CCBench":
                took[event["Way"]].append(1000 * (float(event["Ended"]) - float(event["Began"])))


async def _played(centre: Centre, calls: int) -> None:
    """So many recorded calls at a time; then one agent after the other knocks."""
    turn = asyncio.Lock()
    over = asyncio.Event()
    left = calls

    async def knocks(act: Act, _: Phone) -> None:
        nonlocal left
        async with turn:
            for way in (OPEN, DOOR):
                await act.line(way, _waits, act.agent)
        left -= 1
        if not left:
            over.set()
        await over.wait()  # so that as many calls as before are live

    stage = Stage(centre, AGENTS, [])
    stage.gate.clear()
    async with asyncio.TaskGroup() as tasks:
        for number in NUMBERS[:calls]:
            tasks.create_task(stage.play(knocks, number, officer=False))
        await stage.all_ready(calls)
        stage.gate.set()
    await centre.until('not it["live"]', 30)


async def _waits(phone: Phone) -> None:
    await phone.wait_until_gone()
