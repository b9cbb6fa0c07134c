"""What is kept is kept for whole calendar months of the local clock, and not a day longer."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccdaemon.kept import Keep
from ccdaemon.rules.retention import due, is_over, period
from tests.builders import LONDON

YEAR = Keep(months=12)


@pytest.mark.parametrize(
    ("began", "keep", "expected"),
    [
        ("2026-11-25 10:00", YEAR, "2027-11-25 10:00"),
        ("2026-01-31 23:59", Keep(months=1), "2026-02-28 23:59"),
        ("2027-12-31 12:00", Keep(months=2), "2028-02-29 12:00"),
        ("2028-02-29 08:00", YEAR, "2029-02-28 08:00"),
        ("2027-02-28 08:00", YEAR, "2028-02-28 08:00"),
        ("2026-12-31 00:00", YEAR, "2027-12-31 00:00"),
        ("2026-08-31 00:00", Keep(months=6), "2027-02-28 00:00"),
        ("2026-06-15 10:00", Keep(months=6), "2026-12-15 10:00"),  # summer time began with it and ended
        ("2026-10-25 00:30", Keep(days=1), "2026-10-26 00:30"),  # a day of 25 hours
        ("2026-03-28 10:00", Keep(days=1), "2026-03-29 10:00"),  # a day of 23 hours
        ("2026-11-25 10:00", Keep(months=13), "2027-12-25 10:00"),
        ("2026-11-25 10:00", Keep(days=14), "2026-12-09 10:00"),
    ],
)
def test_the_day_on_which_something_is_due_is_that_of_the_calendar(began: str, keep: Keep, expected: str) -> None:
    local = datetime.fromisoformat(began).replace(tzinfo=LONDON)
    assert f"{due(local, keep):%Y-%m-%d %H:%M}" == expected


MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2045, 12, 31), timezones=st.just(LONDON))  # noqa: DTZ001 - hypothesis adds it


@given(MOMENTS, st.integers(1, 120))
def test_nothing_is_kept_for_longer_than_so_many_months_nor_a_day_less_than_the_calendar_allows(
    began: datetime, months: int
) -> None:
    end = due(began, Keep(months=months)).date()
    whole = [first_of_month(began.date(), months + more) for more in (0, 1)]
    assert whole[0] <= end < whole[1]  # in the month that so many months lead to
    tomorrow = end + timedelta(days=1)
    assert end.day == began.day or (tomorrow.day == 1 and end.day < began.day)


def first_of_month(day: date, months: int) -> date:
    """Counted up one by one, as on the knuckles of a hand."""
    for _ in range(months):
        day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return day.replace(day=1)


@given(MOMENTS, MOMENTS, st.integers(1, 24))
def test_what_came_later_is_not_due_earlier(one: datetime, other: datetime, months: int) -> None:
    first, second = sorted((one, other), key=lambda at: at.astimezone(UTC).replace(tzinfo=None))
    keep = Keep(months=months)
    assert due(first, keep).date() <= due(second, keep).date()


@pytest.mark.parametrize(
    ("now", "over"),
    [("2027-11-01 00:00", False), ("2027-11-30 23:59", False), ("2027-12-01 00:00", True), ("2028-01-01 00:00", True)],
)
def test_a_period_is_over_once_the_last_of_its_days_is(now: str, *, over: bool) -> None:
    came = datetime(2026, 11, 25, 10, tzinfo=LONDON)
    name = period("recording", due(came, YEAR))
    assert name == "recording-2027-11"
    assert is_over(name, datetime.fromisoformat(now).replace(tzinfo=LONDON)) is over
