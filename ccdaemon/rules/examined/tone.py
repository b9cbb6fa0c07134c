"""Does a recording hold the tone that was played to it? 16 bits, two channels, 8,000 samples a second each.

By Goertzel's algorithm over windows of a tenth of a second: what the tone alone is, against all that is there.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Sequence

from ccdaemon.findings import Finding, State

THING = "recorder"
RATE, WINDOW = 8000, 800  # samples
HERTZ = 1000  # of PlayTones in cc-trial.conf
LEVEL, WITHIN = -13.3, 3.0  # dBFS of its amplitude: 7219 of 32768, as Asterisk's main/indications.c plays it
PURE = 0.9  # of the power that is there
SHORTEST = 2.0  # seconds, of the three for which it is recorded
FEWEST_STEPS = 2  # in which its file grows: Asterisk writes 32 KiB at a time
HELD = 0.9  # of the windows


def tone_findings(raw: bytes, steps: int, spool: str) -> list[Finding]:
    """`steps` is how often the file was seen to have grown."""
    left = _left(raw)
    seconds = len(left) / RATE
    if not seconds:
        text = "MixMonitor said that it records, and wrote nothing: no call is recorded. Is the disk full?"
        return [Finding(THING, State.FAULT, text, spool)]
    found = []
    if steps < FEWEST_STEPS or seconds < SHORTEST:
        text = (
            f"three seconds were recorded, and {seconds:.1f} are there, written in {steps} steps: recordings have "
            "gaps. Is the disk slow, or the machine overloaded?"
        )
        found.append(Finding(THING, State.FAULT, text, spool))
    windows = [*_windows(left)]
    held = [level for level, share in windows if share >= PURE and abs(level - LEVEL) <= WITHIN]
    if len(held) < HELD * len(windows):
        loudest = max((level for level, _ in windows), default=-math.inf)
        text = (
            f"{HERTZ} Hz at {LEVEL:.0f} dBFS were played, and stand in {len(held)} of {len(windows)} tenths of a "
            f"second (at most {loudest:.0f} dBFS): recordings are silent, cut, or altered. Was a codec changed?"
        )
        found.append(Finding(THING, State.FAULT, text, spool))
    well = f"{seconds:.1f} s of a {HERTZ} Hz tone were recorded, {sum(held) / len(held):.1f} dBFS" if held else ""
    return found or [Finding(THING, State.OK, well)]


def _left(raw: bytes) -> Sequence[int]:
    samples = array("h", raw[: len(raw) // 4 * 4])
    return samples[::2]


def _windows(samples: Sequence[int]) -> Iterator[tuple[float, float]]:
    """Of each: the tone's level in dBFS, and its share of the power."""
    coefficient = 2 * math.cos(2 * math.pi * HERTZ / RATE)
    for start in range(0, len(samples) - WINDOW + 1, WINDOW):
        before = before_that = 0.0
        window = samples[start : start + WINDOW]
        for sample in window:
            before, before_that = sample / 32768 + coefficient * before - before_that, before
        power = before * before + before_that * before_that - coefficient * before * before_that
        amplitude = 2 * math.sqrt(max(power, 0.0)) / WINDOW
        whole = sum((sample / 32768) ** 2 for sample in window) / WINDOW
        yield 20 * math.log10(max(amplitude, 1e-6)), amplitude**2 / 2 / max(whole, 1e-12)
