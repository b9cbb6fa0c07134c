"""Somebody speaks at a handset, hears what callers would hear, and approves it, speaks again, or leaves it.

Nothing counts that was not approved by a key: who hangs up, or presses nothing, has not approved it.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ccdaemon.model import Language, Phone, Prompt, Site
from ccdaemon.rules.handset.talk import TRIES, Action, Do, Keys, Say, Speak, digits, said, say

LONGEST = 120.0  # seconds; the prompt `take-long` says so
TAKES = 5  # in one language, so that a conversation ends
WHOLE, CUT_OFF = frozenset({"DTMF", "SILENCE"}), "TIMEOUT"  # how Record() ends; else, as on a full disk, it failed
APPROVED, HEAR, AGAIN, LEAVE = "1", "2", "3", "4"


class Wrong(Enum):
    """Why a take is none; as a prompt says it."""

    SILENT = "take-silent"
    SHORT = "take-short"
    CLIPPED = "take-distorted"
    LONG = "take-long"
    NOT_KEPT = "take-not-kept"


PROMPTS = ("take-speak", "take-heard", "take-choices", "invalid-key", "goodbye", *(each.value for each in Wrong))


@dataclass(frozen=True, slots=True)
class Room:
    """For what is spoken in one conversation: its name as a prompt, and where Asterisk writes it, without ending."""

    name: str
    file: str


@dataclass(frozen=True, slots=True)
class MakeRoom(Do):
    """Sent back: `Room`."""


@dataclass(frozen=True, slots=True)
class TakeIn(Do):
    """Make a sound of what was spoken last, in this language. Sent back: `Prompt | Wrong`."""

    room: Room
    language: Language
    ended: str


def take(phone: Phone, room: Room, language: Language) -> Generator[Action, Any, Prompt | None]:
    """Until it is approved; None where it is left, or nothing can be recorded."""
    for _ in range(TAKES):
        yield say(phone.language, f"spoken-{language}", "take-speak")
        ended = yield Speak(room.file, LONGEST)
        match (yield TakeIn(room, language, ended)):
            case Prompt() as taken:
                key = yield from _judged(phone, taken)
                if key == APPROVED:
                    return taken
                if key != AGAIN:
                    return None
            case Wrong() as wrong:
                yield say(phone.language, wrong.value)
                if wrong is Wrong.NOT_KEPT:
                    return None
            case answer:
                raise AssertionError(answer)
    return None


def _judged(phone: Phone, taken: Prompt) -> Generator[Action, Any, str]:
    """The key that says what becomes of it, once it was heard to its end."""
    heard = (*said(phone.language, "take-heard"), taken)
    tries = 0
    while tries < TRIES:
        if heard:
            yield Say(heard)
        key = yield Keys(said(phone.language, "take-choices"), 1)
        if key in {APPROVED, AGAIN, LEAVE}:
            return str(key)
        tries += 1
        heard = (taken,) if key == HEAR else said(phone.language, "invalid-key") if key else ()
    return LEAVE


def language_of(site: Site, phone: Phone, among: tuple[Language, ...]) -> Generator[Action, Any, Language | None]:
    """Which of these, as they are asked by number; None for who presses none of them."""
    languages = [language for language in site.languages if language in among]
    if len(languages) == 1:
        return languages[0]
    numbers = {str(number): language for number, language in enumerate(languages, 1)}
    offered = [each for number, language in numbers.items() for each in (*digits(number), f"spoken-{language}")]
    wrong: list[str] = []
    for _ in range(TRIES):
        key = yield Keys(said(phone.language, *wrong, "prompt-language", *offered), 1)
        if key in numbers:
            return numbers[key]
        wrong = ["invalid-key"] if key else []
    return None
