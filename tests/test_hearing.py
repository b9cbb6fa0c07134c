"""The laboratory's ear: prompts are found wherever they begin in a capture, and nothing else is."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.lab.hearing import PIECE, STRIDE, heard

SILENCE = b"\xd5"  # A-law
LONG = 20 * PIECE


def _noise(seed: int, length: int = LONG) -> bytes:
    return random.Random(seed).randbytes(length)


SOUNDS = {
    "cy/cc/welcome": _noise(1),
    "en/cc/welcome": _noise(2),
    "en/digits/1": _noise(3),
    "cy/cc/alike-1": _noise(5)[: LONG // 2] + _noise(6),
    "cy/cc/alike-2": _noise(5)[: LONG // 2] + _noise(7),
    "cy/cc/tone": bytes(range(100)) * (LONG // 100),
    "cy/cc/silent": SILENCE * LONG,
    "cy/cc/short": _noise(8, PIECE // 2),
    "cy/cc/paused": SILENCE * (3 * PIECE + 5) + _noise(9) + SILENCE * PIECE,
}


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    for name, content in SOUNDS.items():
        file = tmp_path / "sounds" / f"{name}.alaw"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return tmp_path / "sounds"


def _heard(sounds: Path, data: bytes) -> list[tuple[str, str, float, bool]]:
    capture = sounds.with_name("capture")
    capture.write_bytes(data)
    return [(each.language, each.prompt, each.at, each.whole) for each in heard(capture, sounds)]


@pytest.mark.parametrize("before", range(2 * STRIDE + 1))
def test_a_prompt_is_found_wherever_it_begins(sounds: Path, before: int) -> None:
    assert _heard(sounds, SILENCE * before + _noise(1)) == [("cy", "welcome", before / 8000, True)]


def test_prompts_are_told_in_their_order_as_often_as_they_were_heard(sounds: Path) -> None:
    data = _noise(3) + SILENCE * 1001 + _noise(2) + _noise(3)
    again = (2 * LONG + 1001) / 8000
    assert _heard(sounds, data) == [
        ("en", "digits/1", 0.0, True),
        ("en", "welcome", (LONG + 1001) / 8000, True),
        ("en", "digits/1", again, True),
    ]


@pytest.mark.parametrize(
    ("of_it", "found"),
    [
        (slice(0, LONG - 2 * PIECE), [("en", "welcome", 0.0, False)]),  # broken off
        (slice(2 * PIECE + 7, LONG), [("en", "welcome", (PIECE - 7) / 8000, True)]),  # the phone listened late
        (slice(9 * PIECE, LONG), []),  # of its beginning nothing was heard
        (slice(0, 0), []),
    ],
)
def test_it_is_told_what_of_a_prompt_was_heard(
    sounds: Path, of_it: slice, found: list[tuple[str, str, float, bool]]
) -> None:
    assert _heard(sounds, _noise(2)[of_it]) == found


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (_noise(5)[: LONG // 2] + _noise(6), [("cy", "alike-1", 0.0, True), ("cy", "alike-2", 0.0, False)]),
        (SILENCE * LONG, []),
        (_noise(8, PIECE // 2), []),
        (SILENCE * (3 * PIECE + 5) + _noise(9), [("cy", "paused", 3 * PIECE / 8000, True)]),
    ],
)
def test_prompts_that_begin_alike_or_are_hardly_there(
    sounds: Path, data: bytes, found: list[tuple[str, str, float, bool]]
) -> None:
    assert _heard(sounds, data) == found


def test_a_prompt_of_one_note_is_heard_from_its_beginning_to_its_end(sounds: Path) -> None:
    assert _heard(sounds, SILENCE * 99 + SOUNDS["cy/cc/tone"])[0] == ("cy", "tone", 99 / 8000, True)


def test_a_prompt_that_is_replaced_is_known_from_then_on(sounds: Path) -> None:
    assert _heard(sounds, _noise(4)) == []
    new = sounds / "en" / "cc" / ".new"
    new.write_bytes(_noise(4))
    new.rename(sounds / "en" / "cc" / "welcome.alaw")
    os.utime(new.parent, (1, 1))  # clocks of folders tick every few milliseconds only
    assert _heard(sounds, _noise(4)) == [("en", "welcome", 0.0, True)]
