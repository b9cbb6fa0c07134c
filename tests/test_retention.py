"""What is kept is kept for whole calendar months of the local clock, and not a day longer."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccdaemon.kept import Keep
from ccdaemon.rules.retention import cutoff, cutoff_at, due, is_over, period, period_of
from tests.builders import LONDON, example_site

YEAR = Keep(months=12)


@pytest.mark.parametrize(
    ("began", "keep", "expected"),
    [
        ("2026-11-25", YEAR, "2027-11-25"),
        ("2026-01-31", Keep(months=1), "2026-02-28"),
        ("2027-12-31", Keep(months=2), "2028-02-29"),
        ("2028-02-29", YEAR, "2029-02-28"),
        ("2027-02-28", YEAR, "2028-02-28"),
        ("2026-12-31", YEAR, "2027-12-31"),
        ("2026-08-31", Keep(months=6), "2027-02-28"),
        ("2026-11-25", Keep(months=13), "2027-12-25"),
        ("2026-11-25", Keep(days=14), "2026-12-09"),
        ("2028-02-28", Keep(days=1), "2028-02-29"),
    ],
)
def test_the_last_day_of_something_is_that_of_the_calendar(began: str, keep: Keep, expected: str) -> None:
    assert due(date.fromisoformat(began), keep) == date.fromisoformat(expected)


@pytest.mark.parametrize(
    ("today", "keep", "expected"),
    [
        ("2027-11-25", YEAR, "2026-11-25"),  # of that day a year ago nothing goes yet
        ("2027-11-26", YEAR, "2026-11-26"),
        ("2027-03-01", Keep(months=1), "2027-02-01"),  # the last days of January were all due with February
        ("2027-02-28", Keep(months=1), "2027-01-28"),
        ("2029-03-01", YEAR, "2028-03-01"),  # the 29th of February was due with the 28th
        ("2026-12-09", Keep(days=14), "2026-11-25"),
    ],
)
def test_what_began_before_a_day_goes(today: str, keep: Keep, expected: str) -> None:
    assert cutoff(date.fromisoformat(today), keep) == date.fromisoformat(expected)


DAYS = st.dates(date(2020, 1, 1), date(2045, 12, 31))
KEEPS = st.builds(Keep, months=st.integers(1, 120)) | st.builds(Keep, days=st.integers(1, 4000))


@given(DAYS, st.integers(1, 120))
def test_nothing_is_kept_for_more_nor_less_than_so_many_months_of_the_calendar(began: date, months: int) -> None:
    end = due(began, Keep(months=months))
    assert first_of_month(began, months) <= end < first_of_month(began, months + 1)
    tomorrow = end + timedelta(days=1)
    assert end.day == began.day or (tomorrow.day == 1 and end.day < began.day)


def first_of_month(day: date, months: int) -> date:
    """Counted up one by one, as on the knuckles of a hand."""
    for _ in range(months):
        day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return day.replace(day=1)


@given(DAYS, st.integers(-400, 400), KEEPS)
def test_on_any_day_that_goes_whose_last_day_is_past_and_nothing_else(today: date, near: int, keep: Keep) -> None:
    """As somebody would decide who looks at each by itself."""
    began = cutoff(today, keep) + timedelta(days=near)
    assert (began < cutoff(today, keep)) == (due(began, keep) < today)


@pytest.mark.parametrize(
    ("now", "first_kept"),
    [
        ("2027-11-25 03:00", "2026-11-25 00:00"),
        ("2027-03-28 03:00", "2026-03-28 00:00"),  # the clocks have gone forward tonight; not yet a year ago
        ("2026-10-25 03:00", "2025-10-25 00:00"),
    ],
)
def test_a_day_begins_at_midnight_of_the_sites_clock(now: str, first_kept: str) -> None:
    at = cutoff_at(datetime.fromisoformat(now).replace(tzinfo=LONDON), YEAR)
    assert at == datetime.fromisoformat(first_kept).replace(tzinfo=LONDON).timestamp()


@pytest.mark.parametrize(
    ("today", "over"), [("2027-11-01", False), ("2027-11-30", False), ("2027-12-01", True), ("2028-01-01", True)]
)
def test_a_period_is_over_once_the_last_of_its_days_is(today: str, *, over: bool) -> None:
    name = period("recording", due(date(2026, 11, 25), YEAR))
    assert name == "recording-2027-11"
    assert is_over(name, date.fromisoformat(today)) is over


@pytest.mark.parametrize(
    ("began", "keep", "expected"),
    [
        ("2026-07-31 23:59", YEAR, "call-2027-07"),  # in UTC that was still before eleven
        ("2026-08-01 00:00", YEAR, "call-2027-08"),
        ("2026-07-31 12:00", Keep(days=1), "call-2026-08"),
    ],
)
def test_the_month_of_a_key_is_that_of_the_sites_clock(began: str, keep: Keep, expected: str) -> None:
    site = replace(example_site(), retention={"call": keep})
    at = datetime.fromisoformat(began).replace(tzinfo=LONDON).timestamp()
    assert period_of("call", at, site) == expected
