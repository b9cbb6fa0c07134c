"""Which prompts did a phone hear? Sounds travel in the trunk's own codec and arrive as the very bytes of the file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TypeAlias

PIECE = 800  # bytes of A-law: 100 ms
BEGINNING, END = 8, 2  # pieces
MIN_SOUND = 10  # different values in a piece that is not silence
KEY = 40  # bytes by which a piece is looked up
STRIDE = 16  # bytes: we look at every sixteenth only, and know each piece by as many keys in a row: one lies there

_ByKey: TypeAlias = Mapping[bytes, Sequence[tuple[int, bytes]]]  # pieces, each with where in it the key is
_Places: TypeAlias = Mapping[bytes, Sequence[int]]  # of pieces


@dataclass(frozen=True)
class HeardPrompt:
    """A prompt in what a phone heard: from which second on, and whether to its last piece."""

    language: str
    prompt: str
    at: float
    whole: bool


@dataclass(frozen=True)
class _Sound:
    language: str
    prompt: str
    beginning: Sequence[bytes]
    end: Sequence[bytes]
    begun: int  # bytes until its beginning is over


def heard(capture: Path, sounds: Path) -> list[HeardPrompt]:
    """All prompts in a capture, in the order in which they were heard."""
    folders = (sounds, *sounds.rglob("*/"))
    known, pieces = _known(sounds, tuple(folder.stat().st_mtime_ns for folder in folders))
    places = _places(capture.read_bytes(), pieces)
    found = []
    for sound in known:
        at = _first(places, sound.beginning, 0)
        while at is not None:
            whole = all(_first(places, [piece], at) is not None for piece in sound.end)
            found.append(HeardPrompt(sound.language, sound.prompt, at / 8000, whole))
            at = _first(places, sound.beginning, at + sound.begun)
    return sorted(found, key=lambda each: each.at)


def _first(places: _Places, pieces: Iterable[bytes], start: int) -> int | None:
    """Where a sound begins; the very first of a call may come before the phone listens, so a later piece will do."""
    return min((place for piece in pieces for place in places.get(piece, ()) if place >= start), default=None)


def _places(data: bytes, pieces: _ByKey) -> _Places:
    """Where each piece is, by the keys in it."""
    places = defaultdict(list)
    for at in range(0, len(data) - KEY + 1, STRIDE):
        for before, piece in pieces.get(data[at : at + KEY], ()):
            if at >= before and data.startswith(piece, at - before):
                places[piece].append(at - before)
    return places


@lru_cache(maxsize=4)
def _known(sounds: Path, _changed: tuple[int, ...]) -> tuple[list[_Sound], _ByKey]:
    """All sounds, and their pieces by key. That one is replaced changes its folder; written in place it is not seen."""
    known = [_sound(sounds, file) for file in sorted(sounds.glob("*/**/*.alaw"))]
    by_key = defaultdict(list)
    for piece in {piece for sound in known for piece in (*sound.beginning, *sound.end)}:
        liveliest = max(range(0, PIECE - KEY - STRIDE, KEY), key=lambda at: len({*piece[at : at + KEY]}))
        for before in range(liveliest, liveliest + STRIDE):
            by_key[piece[before : before + KEY]].append((before, piece))
    return known, by_key


def _sound(sounds: Path, file: Path) -> _Sound:
    language, *name = file.relative_to(sounds).with_suffix("").parts
    data = file.read_bytes()
    starts = range(0, len(data) - PIECE, PIECE)
    beginning = [*islice(_not_silent(data, starts), BEGINNING)]
    return _Sound(
        language=language,
        prompt="/".join(name).removeprefix("cc/"),
        beginning=[data[at : at + PIECE] for at in beginning],
        end=[data[at : at + PIECE] for at in islice(_not_silent(data, reversed(starts)), END)],
        begun=max(beginning, default=0) + PIECE,
    )


def _not_silent(data: bytes, starts: Iterable[int]) -> Iterator[int]:
    """Where such pieces begin. Prompts that begin alike differ in loudness."""
    return (at for at in starts if len({*data[at : at + PIECE]}) > MIN_SOUND)
