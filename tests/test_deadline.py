"""Until when a case must be answered: a table for whoever knows the law, and not Python."""

from __future__ import annotations

from datetime import date

import pytest

from ccdaemon.cases import Case, Pause
from ccdaemon.rules.deadline import due, is_forgotten, is_pressing
from tests.builders import example_site

HOLIDAYS = example_site().bank_holidays


def a_case(received: str, *pauses: tuple[str, str | None], extended: bool = False, closed: str | None = None) -> Case:
    stood = tuple(Pause(day(began), None if ended is None else day(ended)) for began, ended in pauses)
    gone = None if closed is None else day(closed)
    return Case(1, "access", "SAR-1", day(received), "dai", extended, stood, gone)


def day(written: str) -> date:
    return date.fromisoformat(written)


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (a_case("2026-09-03"), "2026-10-05"),  # the 3rd is a Saturday
        (a_case("2026-03-31"), "2026-04-30"),  # April has no 31st
        (a_case("2027-01-31"), "2027-03-01"),  # nor February, and its 28th is a Sunday
        (a_case("2028-01-31"), "2028-02-29"),  # a leap year
        (a_case("2026-11-25"), "2026-12-29"),  # Christmas, its weekend, and Boxing Day's substitute
        (a_case("2026-12-01"), "2027-01-04"),  # New Year, and the weekend behind it
        (a_case("2026-09-03", extended=True), "2026-12-03"),
        (a_case("2026-11-30", extended=True), "2027-03-01"),
        (a_case("2026-09-03", ("2026-09-07", "2026-09-17")), "2026-10-13"),
        (a_case("2026-09-03", ("2026-09-07", "2026-09-17"), ("2026-09-20", "2026-09-21")), "2026-10-14"),
        (a_case("2026-09-03", ("2026-09-07", "2026-09-07")), "2026-10-05"),
        (a_case("2026-09-03", ("2026-09-07", None)), None),
        (a_case("2026-09-03", ("2026-10-05", None)), None),  # in time, on the last day
        (a_case("2026-09-03", ("2026-10-06", None)), "2026-10-05"),  # too late to stop it
        (a_case("2026-09-03", ("2026-10-06", "2026-10-20")), "2026-10-05"),
        (a_case("2026-09-03", ("2026-09-07", "2026-09-17"), ("2026-10-13", None)), None),
        (a_case("2026-09-03", ("2026-09-07", "2026-09-17"), ("2026-10-14", None)), "2026-10-13"),
    ],
)
def test_one_month_from_the_day_it_was_received_and_never_on_a_day_without_work(
    case: Case, expected: str | None
) -> None:
    assert due(case, HOLIDAYS) == (None if expected is None else day(expected))


@pytest.mark.parametrize(
    ("case", "today", "pressing"),
    [
        (a_case("2026-09-03"), "2026-09-29", False),
        (a_case("2026-09-03"), "2026-09-30", True),
        (a_case("2026-09-03"), "2026-11-30", True),
        (a_case("2026-09-03", ("2026-09-07", None)), "2026-11-30", False),
        (a_case("2026-09-03", closed="2026-09-30"), "2026-11-30", False),
    ],
)
def test_five_days_before_somebody_is_reminded(case: Case, today: str, *, pressing: bool) -> None:
    assert is_pressing(case, HOLIDAYS, day(today)) is pressing


@pytest.mark.parametrize(
    ("case", "today", "forgotten"),
    [
        (a_case("2026-09-03", ("2026-09-07", None)), "2026-10-07", False),
        (a_case("2026-09-03", ("2026-09-07", None)), "2026-10-08", True),
        (a_case("2026-09-03", ("2026-09-07", "2026-09-08")), "2026-10-08", False),
        (a_case("2026-09-03", ("2026-09-07", None), closed="2026-09-30"), "2026-10-08", False),
        (a_case("2026-09-03"), "2026-11-30", False),
    ],
)
def test_a_clock_that_has_stood_still_for_a_month_is_remembered(case: Case, today: str, *, forgotten: bool) -> None:
    assert is_forgotten(case, day(today)) is forgotten
