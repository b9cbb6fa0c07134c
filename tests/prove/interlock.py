"""Every route by the payments door, again and again, and with each fault in its middle: a table of all of it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.lab.faults import FAULTS, small_disk
from tests.lab.interlock import Tried, fragile, interlocked, tried, tried_amid
from tests.lab.routes import ROUTES
from tests.prove.proof import NotHeld

TIMES = 20
MOMENTS = (0.0, 2.0)  # seconds after all callers speak with an agent, and the ways begin
EARLY, MIDDLE = MOMENTS


async def matrix(folder: Path, table: Path) -> str:
    """Try all, write the table, and say how many of the runs held."""
    began = time.monotonic()
    plain = await _plain(folder)
    _progress("no fault", plain)
    amid = {}
    for name in FAULTS:
        amid[name] = await _amid(folder, name)
        _progress(name, amid[name])
    table.write_text(_table(plain, amid))
    runs = [*plain, *(run for moments in amid.values() for run in moments)]
    failed = {f"{each.route.name}: {', '.join(map(str, each.found))}" for run in runs for each in run if not each.holds}
    lost = {each.route.name for run in plain for each in run if each.connected != each.route.connects}
    unrecorded = {each.route.name for run in runs for each in run if each.route.recorded and not each.recorded}
    if failed or lost or unrecorded:
        message = f"recorded what followed: {sorted(failed)}; not connected: {sorted(lost)}; no recording to look at: "
        raise NotHeld(message + str(sorted(unrecorded)))
    minutes = (time.monotonic() - began) / 60
    return (
        f"{len(ROUTES)} routes, {len(plain)} of {len(plain)} times without a frame; {len(FAULTS)} faults at "
        f"{len(MOMENTS)} moments: nobody connected, or no frame; {minutes:.0f} min"
    )


def _progress(fault: str, runs: Sequence[Sequence[Tried]]) -> None:
    everything = [each for run in runs for each in run]
    words = ", ".join(
        f"{sum(_word(each) == word for each in everything)} {word}" for word in ("clean", "refused", "NOT")
    )
    print(f"  {fault.replace('_', ' ')}: {words}", flush=True)


async def _plain(folder: Path) -> list[list[Tried]]:
    async with interlocked(folder) as centre:
        return [await tried(centre) for _ in range(TIMES)]


async def _amid(folder: Path, name: str) -> list[list[Tried]]:
    """At each moment, in a centre of its own."""
    runs = []
    for after in MOMENTS:
        with small_disk(folder) as small:
            if name == "disk_full" and not small:
                message = "this machine allows no file system of one's own (mount), so no disk can be filled"
                raise NotHeld(message)
            async with fragile(folder) as it:
                runs.append(await tried_amid(it, FAULTS[name], after))
    return runs


def _table(plain: Sequence[Sequence[Tried]], amid: Mapping[str, Sequence[Sequence[Tried]]]) -> str:
    lines = [
        "# What `./dev prove interlock` saw",
        "",
        "No fault: how many times no frame of 20 ms above -60 dBFS held the officer, or the caller after the door.",
        f"Faults: {EARLY:.0f} s / {MIDDLE:.0f} s after the ways began; `refused` where nobody was connected, `clean`",
        "where an officer was and no frame held it, `NOT` else.",
        "",
        f"| route | no fault | {' | '.join(name.replace('_', ' ') for name in amid)} |",
        f"| --- | --- | {' | '.join('---' for _ in amid)} |",
    ]
    for number, route in enumerate(ROUTES):
        held = sum(run[number].holds for run in plain)
        faults = [" / ".join(_word(run[number]) for run in moments) for moments in amid.values()]
        lines.append(f"| {route.name.replace('_', ' ')} | {held} of {len(plain)} | {' | '.join(faults)} |")
    return "\n".join([*lines, ""])


def _word(one: Tried) -> str:
    if not one.holds:
        return "NOT"
    return "clean" if one.connected else "refused"
