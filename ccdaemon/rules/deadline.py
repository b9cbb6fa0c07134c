"""Until when must a case be answered?

One calendar month from the day on which it was received, to the same day of the next month, or its last; two more where
it was extended; later by the days for which the clock stood still, if it was stopped in time; and where that is no
working day, on the next one.
Source: UK GDPR, Article 12(3) and 12A; Regulation 1182/71, Article 3.
"""

from __future__ import annotations

from collections.abc import Container
from datetime import date, timedelta

from ccdaemon.cases import Case
from ccdaemon.rules.retention import months_later

MONTHS, EXTENDED = 1, 3
SATURDAY = 5
SOON = 5  # days before somebody is reminded
LONG = 30  # days for which a clock may stand still before somebody is reminded


def due(case: Case, holidays: Container[date]) -> date | None:
    """The last day on which an answer is in time; None while the clock stands still."""
    day = months_later(case.received, EXTENDED if case.extended else MONTHS)
    for pause in case.pauses:
        if pause.began > _working(day, holidays):
            break
        if pause.ended is None:
            return None
        day += pause.ended - pause.began
    return _working(day, holidays)


def is_pressing(case: Case, holidays: Container[date], today: date) -> bool:
    """Is an open case due in a few days, or overdue?"""
    last = due(case, holidays)
    return case.closed is None and last is not None and (last - today).days <= SOON


def is_forgotten(case: Case, today: date) -> bool:
    """Has the clock of an open case stood still for longer than a person would be asked to wait?"""
    return case.closed is None and any(each.ended is None and (today - each.began).days > LONG for each in case.pauses)


def _working(day: date, holidays: Container[date]) -> date:
    while day.weekday() >= SATURDAY or day in holidays:
        day += timedelta(days=1)
    return day
