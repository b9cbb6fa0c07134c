"""How today has been in a queue: a table of visits, and what monitoring counts of them."""

from __future__ import annotations

from datetime import datetime

import pytest

from ccdaemon.kept import Visit
from ccdaemon.notices import LegEnded, Notice, QueueJoined, QueueLeft
from ccdaemon.rules.today import Today
from tests.builders import LONDON, example_site

NOON = datetime(2026, 7, 6, 12, tzinfo=LONDON).timestamp()
TARGET = 20.0  # seconds, as the example has it


def visit(waited: float, outcome: str, leg: str = "1.1", at: float = NOON) -> list[Notice]:
    return [QueueJoined("1.1", at, leg, "housing"), QueueLeft("1.1", at + waited, leg, "housing", outcome)]


def counted(notices: list[Notice], now: float = NOON + 3600) -> tuple[int, int, float | None]:
    today = Today(example_site)
    today.begin([], NOON)
    today.note(notices)
    day = today.of("housing", now)
    return day.answered, day.abandoned, day.service_level


@pytest.mark.parametrize(
    ("claim", "notices", "expected"),
    [
        ("nobody called", [], (0, 0, None)),
        ("in time", visit(TARGET, "answered"), (1, 0, 100.0)),
        ("too late", visit(TARGET + 1, "answered"), (1, 0, 0.0)),
        ("gave up when they should have been answered", visit(TARGET + 1, "abandoned"), (0, 1, 0.0)),
        ("gave up before", visit(3, "abandoned"), (0, 1, None)),
        ("the queue was full", visit(0, "unanswered"), (0, 0, None)),
        ("it took too long", visit(900, "unanswered"), (0, 0, 0.0)),
        ("nobody looked", visit(900, "while nobody looked"), (0, 0, None)),
        (
            "they waited for a speaker of Welsh before",
            [
                QueueJoined("1.1", NOON - 45, "1.1", "housing-cy"),
                QueueLeft("1.1", NOON, "1.1", "housing-cy", "unanswered"),
                *visit(5, "answered"),
            ],
            (1, 0, 0.0),
        ),
        (
            "answered too late, of which Asterisk tells twice",
            [*visit(60, "unanswered"), QueueLeft("1.1", NOON + 60, "1.1", "housing", "answered", "PJSIP/1001")],
            (1, 0, 0.0),
        ),
        (
            "who spoke with an agent and comes back waits anew",
            [*visit(5, "answered"), *visit(10, "answered", at=NOON + 600)],
            (2, 0, 100.0),
        ),
        ("two of three", visit(5, "answered") + visit(5, "answered") + visit(60, "answered"), (3, 0, 66.7)),
        (
            "Asterisk tells first that they left, then who answered",
            [*visit(5, "unanswered"), QueueLeft("1.1", NOON + 5, "1.1", "housing", "answered", "PJSIP/1001")],
            (1, 0, 100.0),
        ),
        (
            "a leg that is used again begins anew",
            [QueueJoined("1.1", NOON - 500, "1.1", "housing"), LegEnded("1.1", NOON, "1.1", 16), *visit(5, "answered")],
            (1, 0, 100.0),
        ),
    ],
)
def test_visits_are_counted_and_judged_by_the_target(
    claim: str, notices: list[Notice], expected: tuple[int, int, float | None]
) -> None:
    assert counted(notices) == expected, claim


def test_at_midnight_by_the_sites_clocks_a_new_day_begins() -> None:
    midnight = datetime(2026, 7, 7, tzinfo=LONDON).timestamp()
    assert counted(visit(5, "answered"), midnight - 1) == (1, 0, 100.0)
    assert counted(visit(5, "answered"), midnight) == (0, 0, None)
    assert Today(example_site).midnight(NOON) == midnight - 86_400


def test_what_the_register_has_of_today_counts_after_a_restart() -> None:
    today = Today(example_site)
    visits = [
        Visit("1.1", "housing", NOON, NOON + 5, "answered"),
        Visit("2.1", "housing", NOON, NOON + 50, "abandoned"),
        Visit("3.1", "housing-cy", NOON, NOON + 45, "unanswered"),
        Visit("3.1", "housing", NOON + 45, NOON + 50, "answered"),
    ]
    today.begin(visits, NOON)
    day = today.of("housing", NOON + 60)
    assert (day.answered, day.abandoned, day.service_level) == (2, 1, 33.3)
    assert today.of("housing-cy", NOON + 60).service_level == 0.0
