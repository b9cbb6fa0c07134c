"""The words of a conversation with a handset.

A story is a generator. It yields what is said, asked or done next, is sent what came of that, and returns where the
call goes. It does nothing itself and knows no clock, so that real handsets and tables of keys lead the very same one.
Who hangs up closes it.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeAlias

from ccdaemon.model import Language, Prompt

TRIES = 3  # times that a question is asked
WAIT = 6.0  # seconds for the next key
WINDING = ("4", "5", "6")  # back, pause and on again, forward


@dataclass(frozen=True, slots=True)
class Say:
    """Say these to their end."""

    prompts: tuple[Prompt, ...]


@dataclass(frozen=True, slots=True)
class Keys:
    """Say these until a key is pressed, then take so many, or fewer that `#` or silence ends. Sent back: a `str`."""

    prompts: tuple[Prompt, ...]
    most: int
    wait: float = WAIT


@dataclass(frozen=True, slots=True)
class Hear:
    """Play a sound of so many `seconds`, wound by keys (`WINDING`), to its end or one of `stops`: that is sent back."""

    sound: str
    seconds: float
    stops: str


@dataclass(frozen=True, slots=True)
class Speak:
    """Take what they speak after a tone, until `#` or silence, or for so many seconds, into a file (without ending).

    Sent back: how it ended, in a word of Record().
    """

    file: str
    most: float
    keeps: bool = False  # what they had said before they hung up


@dataclass(frozen=True, slots=True)
class Do:
    """Something that only the world can do: each kind says what is sent back."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """The conversation is over."""


@dataclass(frozen=True, slots=True)
class GoTo:
    """The dialplan goes on: `words` are a verb of `cc-do` and its fields."""

    words: tuple[str, ...]


Action: TypeAlias = Say | Keys | Hear | Speak | Do
End: TypeAlias = HangUp | GoTo
Story: TypeAlias = Generator[Action, Any, End]


def say(language: Language, *prompts: str) -> Say:
    return Say(said(language, *prompts))


def said(language: Language, *prompts: str) -> tuple[Prompt, ...]:
    return tuple(Prompt(each, language) for each in prompts)


def digits(number: str) -> tuple[str, ...]:
    """The prompts that say a number digit by digit."""
    return tuple(f"digits/{digit}" for digit in number if digit.isdecimal())
