"""Audio of recordings: from a recorder's raw samples to FLAC (or Opus), and back.

A recorder writes samples of 16 bits, 8,000 a second, agent and caller in turn (MixMonitor's option D, which knows no
other format; apps/app_mixmonitor.c). FLAC keeps every one of them (RFC 9639); Opus is a tenth of the size, and does not
(RFC 6716).
"""

from __future__ import annotations

import hashlib
import importlib
import math
import os
import wave
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import IO, Any

from ccdaemon import disk
from ccdaemon.faults import SoundFault
from ccdaemon.kept import Encoding, Recorded, Side

RATE = 8000  # samples a second, for each side
FRAME = 4  # bytes: a sample of each side
SAMPLE = FRAME // 2
BLOCK = RATE // 50  # samples: 20 ms
QUIET = 330  # of 32,768: -40 dBFS
LOUDEST = 23197  # -3 dBFS
PIECE = 1 << 18  # frames at a time
FORMATS: dict[Encoding, tuple[str, str]] = {"flac": ("FLAC", "PCM_16"), "opus": ("OGG", "OPUS")}


class AudioFault(SoundFault):
    """What was to be encoded could not be written, or is not audio that can be read."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """What was encoded: its length in frames, the hash of its samples, and the sides that are nothing but zeros."""

    frames: int
    samples: str
    silent: frozenset[Side]


def encode(raw: Path, sink: IO[bytes], encoding: Encoding, kind: Recorded = "recording") -> Encoded:
    """Encode a raw recording into an open file; of one voice alone, as the caller's. Raises `AudioFault`, `OSError`."""
    container, codec = FORMATS[encoding]
    frames, digest = 0, hashlib.sha256()
    silent: set[Side] = {"agent", "caller"}
    with (
        raw.open("rb") as source,
        _sound(f"{raw.name} cannot be encoded", sink, "w", RATE, 2, codec, format=container) as writer,
    ):
        while piece := source.read(PIECE * FRAME):
            if kind != "recording":
                piece = _of_caller(piece)
            whole = piece[: len(piece) - len(piece) % FRAME]  # a crash may leave a part of a frame at the very end
            writer.buffer_write(whole, "int16")
            digest.update(whole)
            frames += len(whole) // FRAME
            silent = {side for side in silent if not _sounds(whole, side)}
    return Encoded(frames, digest.hexdigest(), frozenset(silent))


def sounding(raw: Path) -> tuple[float, float]:
    """How long a message is, and how much of that is not quiet, in seconds: by the peak of each 20 ms."""
    content = raw.read_bytes()
    levels = memoryview(content[: len(content) - len(content) % SAMPLE]).cast("h")
    pieces = (levels[first : first + BLOCK].tolist() for first in range(0, len(levels), BLOCK))
    loud = sum(max(map(abs, piece)) > QUIET for piece in pieces)
    return len(levels) / RATE, loud * BLOCK / RATE


def write_mixed(source: IO[bytes], sink: IO[bytes]) -> None:
    """Both sides of encoded audio in one, as Asterisk plays it: 16 bits a sample. Raises `AudioFault` or `OSError`."""
    import numpy as np  # noqa: PLC0415 - it would be a tenth of a start that has no sound

    for piece in samples(source):
        frames = np.frombuffer(piece, np.int16).reshape(-1, 2).sum(axis=1, dtype=np.int32)
        sink.write(frames.clip(-(1 << 15), (1 << 15) - 1).astype(np.int16).tobytes())


def samples(source: IO[bytes]) -> Iterator[bytes]:
    """The samples of encoded audio as a recorder writes them, in pieces. Raises `AudioFault`."""
    if os.fstat(source.fileno()).st_size == 0:  # libsndfile writes nothing at all where there are no samples
        return
    with _sound("this is no audio that can be read", source) as reader:
        while piece := bytes(reader.buffer_read(PIECE, "int16")):
            yield piece


def convert(source: IO[bytes], sink: IO[bytes], container: str, silent: Sequence[tuple[float, float]] = ()) -> None:
    """Write encoded audio in another container: `flac`, `wav` or `mp3`. Raises `AudioFault` or `OSError`.

    Between the seconds of each pair in `silent` nothing is to be heard.
    """
    codec = "MPEG_LAYER_III" if container == "mp3" else "PCM_16"
    with _sound("nothing can be written", sink, "w", RATE, 2, codec, format=container.upper()) as writer:
        for piece in _silenced(samples(source), silent):
            writer.buffer_write(piece, "int16")


def write_take(samples: bytes, rate: int, file: Path) -> None:
    """One channel of 16 bits as WAV, whole or not at all. Raises `AudioFault` or `OSError`."""
    fresh = file.with_name(f".{file.name}.new")
    with _sound(f"{file} cannot be written", fresh, "w", rate, 1, "PCM_16", format="WAV") as writer:
        writer.buffer_write(samples, "int16")
    fresh.replace(file)


def wav(samples: bytes) -> bytes:
    """The same of a handset, at `RATE`, as what a file holds."""
    content = BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(SAMPLE)
        file.setframerate(RATE)
        file.writeframes(samples)
    return content.getvalue()


def normalised(samples: bytes) -> bytes:
    """As loud as prompts are: its loudest sample at -3 dBFS."""
    values = array("h", samples)
    loudest = max(max(values, default=0), -min(values, default=0))
    return array("h", (round(value * LOUDEST / loudest) for value in values)).tobytes() if loudest else samples


def alaw(samples: bytes) -> bytes:
    """In the trunk's codec (ITU-T G.711), without any header, as Asterisk plays it. Raises `AudioFault`."""
    with disk.in_memory() as file:
        with _sound("it cannot be encoded", file, "w", RATE, 1, "ALAW", format="RAW") as writer:
            writer.buffer_write(samples, "int16")
        file.seek(0)
        return file.read()


def of_alaw(content: bytes) -> bytes:
    """The samples of what `alaw` made. Raises `AudioFault`."""
    with disk.in_memory() as file:
        file.write(content)
        file.seek(0)
        with _sound("it cannot be decoded", file, "r", RATE, 1, "ALAW", format="RAW") as reader:
            return bytes(reader.buffer_read(-1, "int16"))


def read_take(file: Path) -> tuple[bytes, int, int]:
    """The samples of a file, how many a second, and of how many channels. Raises `AudioFault`."""
    with _sound(f"{file} cannot be read", file) as reader:
        return bytes(reader.buffer_read(-1, "int16")), reader.samplerate, reader.channels


def library() -> ModuleType:
    """Imported here alone: numpy comes with it, and both take as long as a fifth of a start that has no sound."""
    return importlib.import_module("soundfile")


@contextmanager
def _sound(fault: str, file: Path | IO[bytes], *form: Any, **more: Any) -> Iterator[Any]:  # noqa: ANN401 - soundfile has no types
    """A sound file of this form; of an open one, what is open stays so. What goes wrong with it is an `AudioFault`."""
    soundfile = library()
    try:
        with soundfile.SoundFile(
            file if isinstance(file, Path) else os.dup(file.fileno()), *form, **more, closefd=True
        ) as opened:
            yield opened
    except soundfile.SoundFileError as wrong:
        message = f"{fault}: {wrong}"
        raise AudioFault(message) from None


def _of_caller(samples: bytes) -> bytes:
    """One side's samples as frames in which the agent is silent."""
    frames = bytearray(len(samples) // SAMPLE * FRAME)
    memoryview(frames).cast("h")[1::2] = memoryview(samples[: len(frames) // 2]).cast("h")
    return bytes(frames)


def _silenced(pieces: Iterable[bytes], silent: Sequence[tuple[float, float]]) -> Iterator[bytes]:
    """Zeros in the place of what is not to be heard: from the frame in which it begins to that in which it ends."""
    spans = [(math.floor(begins * RATE) * FRAME, math.ceil(ends * RATE) * FRAME) for begins, ends in silent]
    at = 0
    for piece in pieces:
        heard = bytearray(piece)
        for begins, ends in spans:
            first, last = max(begins - at, 0), min(ends - at, len(heard))
            if first < last:
                heard[first:last] = bytes(last - first)
        at += len(heard)
        yield bytes(heard)


def _sounds(piece: bytes, side: Side) -> bool:
    """Is any sample of a side something else than zero? (Where Asterisk has no frame, it writes zeros.)"""
    first = 0 if side == "agent" else FRAME // 2
    return any(bytes_.count(0) < len(bytes_) for bytes_ in (piece[first::FRAME], piece[first + 1 :: FRAME]))
