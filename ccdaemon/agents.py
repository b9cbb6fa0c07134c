"""Agents who log in and out at their handsets: what a site says of them, and what is known of one who is logged in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Agent:
    """Whose calls ring a phone once somebody has logged in there.

    Where a service has a queue of its own for one of their `languages`, they are in that one too, and by default come
    second in the common one: who speaks a language that few speak is free more often for callers who need it.
    """

    extension: str
    services: tuple[str, ...]
    languages: frozenset[str] = frozenset()
    penalties: Mapping[str, int] = field(default_factory=dict)  # by service, in its common queue


@dataclass(frozen=True, slots=True)
class Pauses:
    """How agents pause, and are paused."""

    reasons: Mapping[str, str] = field(default_factory=dict)  # what is dialled -> a word, whose prompt is pause-WORD
    wrap_up: float = 300.0  # seconds by which *47 puts off the next call
    unanswered: int = 3  # calls in a row that a phone may let ring


@dataclass(frozen=True, slots=True)
class Shift:
    """From an agent's logging in to their logging out."""

    extension: str
    endpoint: str
    since: float
    paused: str = ""  # why they take no calls; empty, if they do
    until: float = 0.0  # when that ends by itself; 0, if they end it
    unanswered: int = 0  # calls in a row that they let ring
