"""Whose voice does a recording hold? Parties speak in steady tones, looked for in frames of 20 ms to the very end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 8000  # samples a second
FRAME = 160  # samples: 20 ms
THRESHOLD = -60.0  # dBFS
NEIGHBOURS = (-260, -180, 180, 260)  # Hz; a click is as loud there as at the tone itself
PURE = 0.2  # of a frame's power
STANDS_OUT = 10.0  # dB above the louder half of its neighbours

Samples = NDArray[np.float64]
LEFT, RIGHT = 0, 1


def read_capture(file: Path) -> Samples:
    """What a phone heard, in A-law (ITU-T G.711), full scale at 1."""
    data = np.frombuffer(file.read_bytes(), dtype=np.uint8) ^ 0x55
    exponent, mantissa = (data >> 4) & 7, (data & 15).astype(np.int32)
    magnitude = np.where(exponent == 0, 16 * mantissa + 8, (16 * mantissa + 264) << np.maximum(exponent, 1) - 1)
    return np.asarray(np.where(data & 128, magnitude, -magnitude) / 32768)


def levels(samples: Samples, hertz: float) -> Samples:
    """The level of a tone in each frame, in dBFS of its amplitude. The last frame is filled up with silence."""
    frames = np.pad(samples, (0, -len(samples) % FRAME)).reshape(-1, FRAME)
    window = np.hanning(FRAME)
    carrier = np.exp(-2j * np.pi * hertz / RATE * np.arange(FRAME))
    amplitude = 2 * np.abs(frames @ (window * carrier)) / window.sum()
    return np.asarray(20 * np.log10(np.maximum(amplitude, 1e-6)))


@dataclass(frozen=True)
class Found:
    """Where a tone is in a channel: seconds from the beginning, and the loudest frame's level, in dBFS."""

    hertz: int
    frames: tuple[int, ...]
    loudest: float
    clean: tuple[int, ...] = ()  # frames of which the tone is a good part: no voice is like that

    @property
    def pure(self) -> int:
        return len(self.clean)

    @property
    def seconds(self) -> float:
        return len(self.frames) * FRAME / RATE

    @property
    def span(self) -> tuple[float, float]:
        return self.frames[0] * FRAME / RATE, (self.frames[-1] + 1) * FRAME / RATE

    def __str__(self) -> str:
        if not self.frames:
            return f"{self.hertz} Hz: nowhere (loudest frame {self.loudest:.0f} dBFS)"
        start, end = self.span
        return (
            f"{self.hertz} Hz: {self.seconds:.2f} s, from {start:.2f} to {end:.2f} s (loudest {self.loudest:.0f} dBFS)"
        )


def find(samples: Samples, hertz: int) -> Found:
    """The frames in which a tone is there: louder than the threshold, and than what lies beside it."""
    level = levels(samples, hertz)
    beside = np.sort(np.stack([levels(samples, hertz + offset) for offset in NEIGHBOURS]), axis=0)[2:].mean(axis=0)
    there = np.flatnonzero((level > THRESHOLD) & (level > beside + STANDS_OUT))
    loudest = float(level[there].max()) if there.size else float(np.max(level, initial=-120.0))
    frames = np.pad(samples, (0, -len(samples) % FRAME)).reshape(-1, FRAME)
    share = 10 ** (level / 10) / 2 / np.maximum((frames**2).mean(axis=1), 1e-12)
    clean = there[share[there] > PURE]
    return Found(hertz, tuple(int(frame) for frame in there), loudest, tuple(int(frame) for frame in clean))
