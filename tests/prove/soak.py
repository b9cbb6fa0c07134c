"""Two hours of calls: what the daemon holds at their end is what it held after the first half."""

from __future__ import annotations

from pathlib import Path

from tests.lab.soak import soak
from tests.prove.proof import NotHeld

HOURS, RATE = 2.0, 3.0  # calls a second
MOST = {"MiB": 8.0, "descriptors": 4.0, "threads": 1.0, "tasks": 4.0}  # that each may grow by in an hour


async def two_hours(folder: Path) -> str:
    try:
        seen = await soak(folder, HOURS * 3600, RATE)
    except AssertionError as fault:
        raise NotHeld(str(fault)) from None
    if growing := {name: slope for name, slope in seen.slopes().items() if slope > MOST[name]}:
        message = f"{growing} grow: {seen}"
        raise NotHeld(message)
    return str(seen)
