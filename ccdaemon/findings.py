"""What `ccdaemon doctor` finds: a line for each thing that it looked at, and for each that it could not look at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ccdaemon.model import Fault


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"  # callers lose nothing yet: a person should know
    FAULT = "fault"
    UNSEEN = "not looked at"  # never as good as ok


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and in words: what is wrong where, what callers notice, what mends it."""

    thing: str
    state: State
    text: str
    where: str = ""


class Unseen(Exception):
    """Something cannot be looked at; the text says why, and who or what could."""


def found(thing: str, faults: Iterable[Fault], well: str) -> list[Finding]:
    """A line for each fault of a thing; or one that says `well`."""
    lines = [
        Finding(thing, State.FAULT, each.text, f"{each.file}: {each.key}" if each.key else each.file) for each in faults
    ]
    return lines or [Finding(thing, State.OK, well)]


@dataclass(frozen=True, slots=True)
class Owned:
    """A file or folder as the file system has it: whose it is, and its mode without its kind."""

    path: Path
    user: int
    group: int
    mode: int


@dataclass(frozen=True, slots=True)
class Runs:
    """As whom a program runs, and which bits of a mode it withholds from what it makes."""

    user: int
    groups: frozenset[int]
    umask: int | None
