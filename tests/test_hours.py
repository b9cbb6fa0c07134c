"""When a service is open: week, bank holidays of Wales, days of its own, and clocks that change."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccdaemon.model import Hours, Span
from ccdaemon.rules.hours import ROUND_THE_CLOCK, Opening, opening, overlapping
from tests.builders import LONDON, example_site, london, utc, with_service

OPEN, CLOSED, HOLIDAY = Opening.OPEN, Opening.CLOSED, Opening.BANK_HOLIDAY


@pytest.mark.parametrize(
    ("service", "when", "expected"),
    [
        ("housing", "2026-07-06 08:59:59", CLOSED),  # a Monday
        ("housing", "2026-07-06 09:00", OPEN),
        ("housing", "2026-07-06 16:59:59", OPEN),
        ("housing", "2026-07-06 17:00", CLOSED),
        ("housing", "2026-07-10 16:00", OPEN),  # Friday
        ("housing", "2026-07-11 12:00", CLOSED),  # Saturday
        ("housing", "2026-07-12 12:00", CLOSED),  # Sunday
        ("highways", "2026-07-06 08:00", OPEN),
        ("blue-badge", "2026-07-06 16:30", CLOSED),
        ("ict", "2026-07-06 17:59", OPEN),
        ("careline", "2026-07-12 03:00", OPEN),
        ("careline", "2026-07-12 00:00", OPEN),
        ("careline", "2026-07-12 23:59:59.999999", OPEN),
        ("careline", "2026-12-25 12:00", OPEN),
        ("housing", "2026-12-25 12:00", HOLIDAY),
        ("housing", "2026-12-25 03:00", HOLIDAY),  # and callers at night hear why nobody will come in the morning
    ],
)
def test_a_service_is_open_in_its_hours_and_at_no_other_time(service: str, when: str, expected: Opening) -> None:
    site = example_site()
    assert opening(site, site.services[service], london(when)) is expected


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2026-01-01", HOLIDAY),
        ("2026-04-03", HOLIDAY),  # Good Friday
        ("2026-04-06", HOLIDAY),  # Easter Monday: none in Scotland
        ("2026-05-04", HOLIDAY),
        ("2026-05-25", HOLIDAY),
        ("2026-08-31", HOLIDAY),  # the late summer one of England and Wales
        ("2026-12-25", HOLIDAY),
        ("2026-12-28", HOLIDAY),  # Boxing Day is a Saturday
        ("2027-12-27", HOLIDAY),  # Christmas Day is a Saturday
        ("2027-12-28", HOLIDAY),
        ("2026-01-02", OPEN),  # Scotland's
        ("2026-03-02", OPEN),  # the Monday after St David's Day
        ("2026-03-17", OPEN),  # Northern Ireland's
        ("2026-08-03", OPEN),  # Scotland's
        ("2026-11-30", OPEN),  # Scotland's
    ],
)
def test_the_bank_holidays_are_those_of_wales(day: str, expected: Opening) -> None:
    site = example_site()
    assert opening(site, site.services["housing"], london(f"{day} 11:00")) is expected


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("2026-03-27 08:30", CLOSED),  # Friday, winter time: 08:30 in Wales
        ("2026-03-27 09:00", OPEN),
        ("2026-03-30 07:59", CLOSED),  # Monday, summer time: 08:59 in Wales
        ("2026-03-30 08:00", OPEN),
        ("2026-03-30 16:00", CLOSED),
        ("2026-10-23 08:00", OPEN),  # Friday, summer time
        ("2026-10-26 08:00", CLOSED),  # Monday, winter time
        ("2026-10-26 09:00", OPEN),
        ("2026-10-26 16:59", OPEN),
    ],
)
def test_the_hours_follow_the_clock_on_the_wall_when_it_changes(when: str, expected: Opening) -> None:
    """Moments in UTC."""
    site = example_site()
    assert opening(site, site.services["housing"], utc(when)) is expected


@pytest.mark.parametrize("midnight", ["2026-03-29 00:00", "2026-10-25 00:00"])
def test_round_the_clock_means_every_second_of_a_day_of_23_or_25_hours(midnight: str) -> None:
    site = example_site()
    begin = london(midnight).timestamp()
    shut = [
        second
        for second in range(0, 26 * 3600, 60)
        if opening(site, site.services["careline"], datetime.fromtimestamp(begin + second, LONDON)) is not OPEN
    ]
    assert not shut


@pytest.mark.parametrize(
    ("day", "expected"),
    [("2026-12-23", OPEN), ("2026-12-24", CLOSED), ("2026-12-25", HOLIDAY)],
)
def test_a_day_of_its_own_shuts_a_service_as_on_any_evening(day: str, expected: Opening) -> None:
    housing = example_site().services["housing"]
    shut = replace(housing, hours=replace(housing.hours, closures=frozenset({date(2026, 12, 24), date(2026, 12, 25)})))
    assert opening(with_service(example_site(), shut), shut, london(f"{day} 11:00")) is expected


@pytest.mark.parametrize(
    ("clock", "expected"),
    [("08:59", CLOSED), ("09:00", OPEN), ("12:00", CLOSED), ("12:59", CLOSED), ("13:00", OPEN), ("23:59:59", OPEN)],
)
def test_a_day_may_have_a_break_and_end_at_midnight(clock: str, expected: Opening) -> None:
    housing = example_site().services["housing"]
    spans = (Span(time(9), time(12)), Span(time(13), time.max))
    split = replace(housing, hours=Hours(dict.fromkeys(range(7), spans), on_bank_holidays=False, closures=frozenset()))
    assert opening(example_site(), split, london(f"2026-07-06 {clock}")) is expected


@pytest.mark.parametrize(
    ("spans", "pairs"),
    [
        ([], 0),
        (["09:00-12:00"], 0),
        (["09:00-12:00", "12:00-17:00"], 0),  # one ends where the other begins
        (["13:00-17:00", "09:00-12:00"], 0),  # in any order
        (["09:00-12:01", "12:00-17:00"], 1),
        (["09:00-17:00", "10:00-11:00"], 1),  # one within the other
        (["09:00-17:00", "09:00-17:00"], 1),  # twice the same
        (["17:00-09:00"], 1),  # ends before it begins
        (["09:00-09:00"], 1),  # no time at all
        (["09:00-17:00", "10:00-11:00", "15:00-16:00"], 2),  # both within the first
    ],
)
def test_spans_of_a_day_may_not_share_time_or_end_before_they_begin(spans: list[str], pairs: int) -> None:
    assert len(overlapping(map(a_span, spans))) == pairs


def a_span(written: str) -> Span:
    start, end = written.split("-")
    return Span(time.fromisoformat(start), time.fromisoformat(end))


quarters = st.integers(0, 95).map(lambda quarter: time(quarter // 4, quarter % 4 * 15))
spans_of_a_day = st.lists(st.builds(Span, quarters, quarters), max_size=4)


@settings(max_examples=300, deadline=None)
@given(spans_of_a_day)
def test_spans_are_sound_exactly_if_no_quarter_of_an_hour_lies_in_two_of_them(spans: list[Span]) -> None:
    day = [(datetime(2026, 7, 6) + timedelta(minutes=15 * quarter)).time() for quarter in range(96)]  # noqa: DTZ001 - only its time counts
    twice = any(sum(span.start <= clock < span.end for span in spans) > 1 for clock in day)
    empty = any(span.end <= span.start for span in spans)
    assert bool(overlapping(spans)) == (twice or empty)


def test_a_whole_day_overlaps_with_anything() -> None:
    assert overlapping([ROUND_THE_CLOCK, a_span("09:00-10:00")])
