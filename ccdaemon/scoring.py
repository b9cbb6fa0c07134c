"""Calls that supervisors score: what a site asks for, and a recording that is to be scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scoring:
    """The score card, and what is drawn for it: of each agent so many recordings a month, neither short nor old.

    The prompt of a criterion is `score-CRITERION`. A 1 in one that is `fatal` fails the whole call.
    """

    criteria: tuple[str, ...] = ()
    fatal: frozenset[str] = frozenset()
    monthly: int = 4
    shortest: float = 30.0  # seconds
    days: int = 31


@dataclass(frozen=True, slots=True)
class Sample:
    """A recording that may be scored: what the agent at an endpoint said and heard, on one leg of a call."""

    leg: str
    segment: int
    call: str
    service: str
    endpoint: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Score:
    """A card that is filled in: 1 to 5 for each criterion, 0 where it did not apply. `total` is in per cent.

    `total` is 0 if a fatal criterion failed, and None if nothing applied. What the scorer says about it, if they say
    anything, is the recording `comment_leg`, `comment_segment`.
    """

    leg: str
    segment: int
    at: float
    scorer: str
    agent: str  # extension
    points: Mapping[str, int]
    total: int | None
    failed: bool
    comment_leg: str
    comment_segment: int
