"""Supervisors in a crowd, and whoever presses anything at a handset."""

from __future__ import annotations

from pathlib import Path

from tests.lab.watched import pressed_at_random, watched
from tests.prove.proof import NotHeld

CALLS, SUPERVISORS, SECONDS = 40, 10, 120.0
SEQUENCES = 100


async def in_a_crowd(folder: Path) -> str:
    try:
        seen = await watched(folder, CALLS, SUPERVISORS, SECONDS)
        keys = await pressed_at_random(folder, SEQUENCES)
    except AssertionError as fault:
        raise NotHeld(str(fault)) from None
    return f"{SUPERVISORS} supervisors for {SECONDS:.0f} s: {seen}. {keys}"
