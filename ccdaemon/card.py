"""The sound card of this machine, for whoever sits before it: by PortAudio, and never in the daemon.

A stream is written and read in blocks: each comes back when its time is over, and where the card is gone, with a fault.
Source: https://python-sounddevice.readthedocs.io, https://portaudio.com/docs
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

T = TypeVar("T")

TAKE = 48_000  # samples a second of what is recorded
BLOCK = 0.1  # seconds


class NoSound(Exception):
    """Nothing can be heard or recorded here. The text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Device:
    """What can be spoken into, or heard, by its name."""

    name: str
    inputs: int
    outputs: int
    default_input: bool
    default_output: bool


def devices() -> list[Device]:
    """All that PortAudio knows. Raises `NoSound`."""
    with _portaudio() as sound:
        chosen = sound.default.device
        return [
            Device(
                *(each["name"], each["max_input_channels"], each["max_output_channels"]),
                *(each["index"] == chosen[0], each["index"] == chosen[1]),
            )
            for each in _quietly(sound.query_devices)
        ]


def check(rate: int, channels: int, device: str | None) -> None:
    """Can something be heard on a device? Raises `NoSound`."""
    with _portaudio() as sound:
        _quietly(sound.check_output_settings, device, channels, "int16", samplerate=rate)


def play(pieces: Iterable[bytes], rate: int, channels: int, device: str | None) -> Iterator[float]:
    """Play samples of 16 bits, and say how many seconds of them were. Raises `NoSound`."""
    size, played = 2 * channels, 0
    with _portaudio() as sound, _opened(sound.RawOutputStream, rate, channels, device) as stream:
        for piece in pieces:
            step = round(rate * BLOCK) * size
            for first in range(0, len(piece), step):
                block = piece[first : first + step]
                _quietly(stream.write, block)
                played += len(block) // size
                yield played / rate


def record(device: str | None) -> Generator[bytes, None, None]:
    """Samples of 16 bits, `TAKE` a second, one channel, until nobody asks for more. Raises `NoSound`."""
    with _portaudio() as sound, _opened(sound.RawInputStream, TAKE, 1, device) as stream:
        while True:
            block, _ = _quietly(stream.read, round(TAKE * BLOCK))
            yield bytes(block)


@contextmanager
def _portaudio() -> Iterator[ModuleType]:
    """Imported here alone, because it looks for a library that a server does not have."""
    try:
        sounddevice = _quietly(importlib.import_module, "sounddevice")
    except OSError:
        message = "PortAudio is not installed: it is needed to play and record (Debian: apt install libportaudio2)"
        raise NoSound(message) from None
    try:
        yield sounddevice
    except sounddevice.PortAudioError as fault:
        raise NoSound(_words(fault)) from None
    except ValueError as fault:  # a name that is none, or none with such a direction
        message = f"{fault}: `ccdaemon prompts devices` lists them"
        raise NoSound(message) from None


@contextmanager
def _opened(kind: Any, rate: int, channels: int, device: str | None) -> Iterator[Any]:  # noqa: ANN401 - sounddevice has no types
    stream = _quietly(kind, rate, channels=channels, dtype="int16", device=device)
    try:
        _quietly(stream.start)
        yield stream
        _quietly(stream.stop)  # once all of it was heard
    finally:
        _quietly(stream.close)


def _quietly(do: Callable[..., T], *values: Any, **named: Any) -> T:  # noqa: ANN401 - whatever it takes
    """PortAudio and ALSA write what is wrong to standard error, by lines of their own source, before they say it."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        return do(*values, **named)
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _words(fault: Any) -> str:  # noqa: ANN401 - sounddevice has no types
    said = str(fault.args[0])
    if said.startswith("Error querying device"):
        return "there is no sound card here: `ccdaemon prompts devices` lists what PortAudio knows"
    detail = fault.args[2][2] if len(fault.args) > 2 else said  # noqa: PLR2004 - the host's own text comes third
    return f"the sound card is gone, or will not do this: {detail}"
