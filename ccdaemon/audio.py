"""Audio of recordings: from a recorder's raw samples to FLAC (or Opus), and back.

A recorder writes samples of 16 bits, 8,000 a second, agent and caller in turn (MixMonitor's option D, which knows no
other format; apps/app_mixmonitor.c). FLAC keeps every one of them (RFC 9639); Opus is a tenth of the size, and does not
(RFC 6716).
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import soundfile

from ccdaemon.kept import Encoding, Side

RATE = 8000  # samples a second, for each side
FRAME = 4  # bytes: a sample of each side
PIECE = 1 << 18  # frames at a time
FORMATS: dict[Encoding, tuple[str, str]] = {"flac": ("FLAC", "PCM_16"), "opus": ("OGG", "OPUS")}


class AudioFault(Exception):
    """What was to be encoded could not be written, or is not audio that can be read."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """What was encoded: its length in frames, the hash of its samples, and the sides that are nothing but zeros."""

    frames: int
    samples: str
    silent: frozenset[Side]


def encode(raw: Path, sink: IO[bytes], encoding: Encoding) -> Encoded:
    """Encode a raw recording into an open file. Raises `AudioFault` or `OSError`."""
    container, codec = FORMATS[encoding]
    frames, digest = 0, hashlib.sha256()
    silent: set[Side] = {"agent", "caller"}
    try:
        with (
            raw.open("rb") as source,
            soundfile.SoundFile(os.dup(sink.fileno()), "w", RATE, 2, codec, format=container, closefd=True) as writer,
        ):
            while piece := source.read(PIECE * FRAME):
                whole = piece[: len(piece) - len(piece) % FRAME]  # a crash may leave a part of a frame at the very end
                writer.buffer_write(whole, "int16")
                digest.update(whole)
                frames += len(whole) // FRAME
                silent = {side for side in silent if not _sounds(whole, side)}
    except soundfile.SoundFileError as fault:
        message = f"{raw.name} cannot be encoded: {fault}"
        raise AudioFault(message) from None
    return Encoded(frames, digest.hexdigest(), frozenset(silent))


def samples(source: IO[bytes]) -> Iterator[bytes]:
    """The samples of encoded audio as a recorder writes them, in pieces. Raises `AudioFault`."""
    if os.fstat(source.fileno()).st_size == 0:  # libsndfile writes nothing at all where there are no samples
        return
    try:
        with soundfile.SoundFile(os.dup(source.fileno()), closefd=True) as reader:
            while piece := bytes(reader.buffer_read(PIECE, "int16")):
                yield piece
    except soundfile.SoundFileError as fault:
        message = f"this is no audio that can be read: {fault}"
        raise AudioFault(message) from None


def convert(source: IO[bytes], sink: IO[bytes], container: str, silent: Sequence[tuple[float, float]] = ()) -> None:
    """Write encoded audio in another container: `flac`, `wav` or `mp3`. Raises `AudioFault` or `OSError`.

    Between the seconds of each pair in `silent` nothing is to be heard.
    """
    codec = "MPEG_LAYER_III" if container == "mp3" else "PCM_16"
    try:
        with soundfile.SoundFile(
            os.dup(sink.fileno()), "w", RATE, 2, codec, format=container.upper(), closefd=True
        ) as writer:
            for piece in _silenced(samples(source), silent):
                writer.buffer_write(piece, "int16")
    except soundfile.SoundFileError as fault:
        message = f"nothing can be written: {fault}"
        raise AudioFault(message) from None


def write_take(samples: bytes, rate: int, file: Path) -> None:
    """One channel of 16 bits as WAV, whole or not at all. Raises `AudioFault` or `OSError`."""
    fresh = file.with_name(f".{file.name}.new")
    try:
        with soundfile.SoundFile(fresh, "w", rate, 1, "PCM_16", format="WAV") as writer:
            writer.buffer_write(samples, "int16")
    except soundfile.SoundFileError as fault:
        message = f"{file} cannot be written: {fault}"
        raise AudioFault(message) from None
    fresh.replace(file)


def read_take(file: Path) -> tuple[bytes, int, int]:
    """The samples of a file, how many a second, and of how many channels. Raises `AudioFault`."""
    try:
        with soundfile.SoundFile(file) as reader:
            return bytes(reader.buffer_read(-1, "int16")), reader.samplerate, reader.channels
    except soundfile.SoundFileError as fault:
        message = f"{file} cannot be read: {fault}"
        raise AudioFault(message) from None


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
