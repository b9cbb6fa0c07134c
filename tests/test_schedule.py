"""The nightly run is once a night, whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccdaemon.rules.schedule import following, latest
from tests.builders import LONDON


@pytest.mark.parametrize(
    ("now", "at", "was", "comes"),
    [  # the last two in UTC
        ("2026-11-25 02:59", "03:00", "2026-11-24 03:00", "2026-11-25 03:00"),
        ("2026-11-25 03:00", "03:00", "2026-11-25 03:00", "2026-11-26 03:00"),
        ("2026-07-06 12:00", "03:00", "2026-07-06 02:00", "2026-07-07 02:00"),
        ("2026-03-28 12:00", "03:00", "2026-03-28 03:00", "2026-03-29 02:00"),  # 23 hours later
        ("2026-10-24 12:00", "03:00", "2026-10-24 02:00", "2026-10-25 03:00"),  # 25 hours later
        ("2026-03-28 12:00", "01:30", "2026-03-28 01:30", "2026-03-29 01:30"),  # a time that the clock skips
        ("2026-10-24 12:00", "01:30", "2026-10-24 00:30", "2026-10-25 00:30"),  # one that it has twice
        ("2026-11-25 10:00", "00:00", "2026-11-25 00:00", "2026-11-26 00:00"),
    ],
)
def test_the_run_is_at_its_time_of_the_local_clock(now: str, at: str, was: str, comes: str) -> None:
    here = datetime.fromisoformat(now).replace(tzinfo=LONDON)
    assert f"{latest(here, time.fromisoformat(at)):%Y-%m-%d %H:%M}" == was
    assert f"{following(here, time.fromisoformat(at)):%Y-%m-%d %H:%M}" == comes


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds it
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
)
def test_from_one_run_to_the_next_it_is_a_day_give_or_take_an_hour(now: datetime, at: time) -> None:
    here = now.astimezone(LONDON)
    before, after = latest(here, at), following(here, at)
    assert before <= now < after
    assert timedelta(hours=23) <= after - before <= timedelta(hours=25)
