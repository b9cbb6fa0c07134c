"""How long is something kept, and on which key does it hang?

By calendar months, and whole days of the site's own clock: what came on 25 November is kept through 25 November a year
later, and goes in the night after, whatever summer time did in between. Where a month has no such day, its last one
counts.
"""

from __future__ import annotations

import calendar
from datetime import date, datetime, time, timedelta

from ccdaemon.kept import ItemClass, Keep
from ccdaemon.model import Site

LONGEST_MONTH = 31  # days


def due(began: date, keep: Keep) -> date:
    """The last day on which something that began on a day is kept."""
    return months_later(began, keep.months) + timedelta(days=keep.days)


def cutoff(today: date, keep: Keep) -> date:
    """Whatever began before this day has been kept for its whole time."""
    day = months_later(today, -keep.months) - timedelta(days=keep.days) + timedelta(days=LONGEST_MONTH)
    while due(day, keep) >= today:
        day -= timedelta(days=1)
    return day + timedelta(days=1)


def cutoff_at(now: datetime, keep: Keep) -> float:
    """The same as a moment, in seconds since the epoch: midnight of the site's clock, which is that of `now`."""
    return datetime.combine(cutoff(now.date(), keep), time.min, now.tzinfo).timestamp()


def period(kind: ItemClass, due: date) -> str:
    """The key on which it hangs, together with all of its class that is due in the same month."""
    return f"{kind}-{due:%Y-%m}"


def period_of(kind: ItemClass, began: float, site: Site) -> str:
    """The key on which something hangs that began so many seconds after the epoch."""
    return period(kind, due(datetime.fromtimestamp(began, site.timezone).date(), site.retention[kind]))


def hold_of(period: str) -> int | None:
    """The hold whose key this is, if it is one's."""
    kind, _, number = period.partition("-")
    return int(number) if kind == "hold" else None


def is_over(period: str, today: date) -> bool:
    """Has all that hangs on the key of this period been due?"""
    return period[-7:] < f"{today:%Y-%m}"


def months_later(day: date, months: int) -> date:
    count = day.year * 12 + day.month - 1 + months
    year, month = count // 12, count % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))
