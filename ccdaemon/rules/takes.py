"""Is what somebody spoke for a prompt good enough, and where does it begin and end?

It is judged by the peak of each hundredth of a second. Full scale is 32,768; half of that is -6 dBFS.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

FRAME = 0.01  # seconds
FULL = 32767
QUIET = 184  # -45 dBFS: a room in which nobody speaks
SPOKEN = 583  # -35 dBFS: whoever speaks is louder somewhere
SHORTEST = 0.2  # seconds
BEFORE, AFTER = 0.1, 0.2  # seconds that stay around what is spoken
CLIPPED = 3  # samples at full scale in one frame: a single one may be chance


class Refusal(Enum):
    SILENT = "nothing is to be heard: look whether it is the right device, and not muted"
    SHORT = "it is too short to be a prompt"
    CLIPPED = "it is too loud and distorted: speak from further away, or turn the level down"


@dataclass(frozen=True, slots=True)
class Frame:
    """A hundredth of a second: its peak, and how many samples are at full scale."""

    peak: int
    full: int = 0


@dataclass(frozen=True, slots=True)
class Spoken:
    """What stays of a take, in seconds."""

    begins: float
    ends: float


def frames(samples: bytes, rate: int) -> list[Frame]:
    """Of samples of 16 bits, in this machine's order; what is less than a frame at the end counts for nothing."""
    values, step = array("h", samples), round(rate * FRAME)
    found = []
    for first in range(0, len(values) - step + 1, step):
        frame = values[first : first + step]
        full = sum(frame.count(level) for level in (FULL, -FULL, -FULL - 1))
        found.append(Frame(peak=max(*frame, -min(frame)), full=full))
    return found


def judge(frames: Sequence[Frame]) -> Spoken | Refusal:
    """The part that is spoken, with a breath before and after it."""
    loud = [number for number, frame in enumerate(frames) if frame.peak > QUIET]
    if not loud or max(frame.peak for frame in frames) < SPOKEN:
        return Refusal.SILENT
    if any(frame.full >= CLIPPED for frame in frames):
        return Refusal.CLIPPED
    first, last = loud[0], loud[-1] + 1
    if (last - first) * FRAME < SHORTEST:
        return Refusal.SHORT
    whole = len(frames) * FRAME
    return Spoken(max(0.0, first * FRAME - BEFORE), min(whole, last * FRAME + AFTER))
