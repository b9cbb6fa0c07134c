"""Which prompts did a phone hear? Sounds travel in the trunk's own codec and arrive as the very bytes of the file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PIECE = 800  # bytes of A-law: 100 ms
BEGINNING = 8  # pieces
MIN_SOUND = 10  # different values in a piece that is not silence


@dataclass(frozen=True)
class HeardPrompt:
    """A prompt in what a phone heard: from which second on, and whether to its last piece."""

    language: str
    prompt: str
    at: float
    whole: bool


def heard(capture: Path, sounds: Path) -> list[HeardPrompt]:
    """All prompts in a capture, in the order in which they were heard."""
    data = capture.read_bytes()
    found = []
    for file in sorted(sounds.glob("*/**/*.alaw")):
        language, *name = file.relative_to(sounds).with_suffix("").parts
        pieces = _pieces(file.read_bytes())
        at = _first(data, pieces, 0)
        while at is not None:
            whole = all(data.find(piece, at) >= 0 for piece in [*pieces.values()][-2:])
            found.append(HeardPrompt(language, "/".join(name).removeprefix("cc/"), at / 8000, whole))
            at = _first(data, pieces, at + [*pieces][:BEGINNING][-1] + PIECE)
    return sorted(found, key=lambda each: each.at)


def _first(data: bytes, pieces: dict[int, bytes], start: int) -> int | None:
    """Where a sound begins; the very first of a call may come before the phone listens, so a later piece will do."""
    places = (data.find(piece, start) for piece in [*pieces.values()][:BEGINNING])
    return min((place for place in places if place >= 0), default=None)


def _pieces(sound: bytes) -> dict[int, bytes]:
    """What is not silence, in pieces of 100 ms by where they are. Prompts that begin alike differ in loudness."""
    pieces = {start: sound[start : start + PIECE] for start in range(0, len(sound) - PIECE, PIECE)}
    return {start: piece for start, piece in pieces.items() if len(set(piece)) > MIN_SOUND}
