"""How long is something kept, and on which key does it hang?

By calendar months of the site's own clock: what came on 25 November at 10:00 is due on 25 November a year later at
10:00, whatever summer time did in between. Where a month has no such day, its last one counts: nothing is ever kept for
longer than was promised.
"""

from __future__ import annotations

import calendar
from datetime import datetime, timedelta

from ccdaemon.kept import ItemClass, Keep
from ccdaemon.model import Site

HELD = "hold-{}"


def due(began: datetime, keep: Keep) -> datetime:
    """From when on something that began at this local time is kept no longer."""
    months = began.month - 1 + keep.months
    year, month = began.year + months // 12, months % 12 + 1
    day = min(began.day, calendar.monthrange(year, month)[1])
    return began.replace(year=year, month=month, day=day, fold=0) + timedelta(days=keep.days)


def period(kind: ItemClass, due: datetime) -> str:
    """The key on which it hangs, together with all of its class that is due in the same month."""
    return f"{kind}-{due:%Y-%m}"


def period_of(kind: ItemClass, began: float, site: Site) -> str:
    """The key on which something hangs that began so many seconds after the epoch."""
    return period(kind, due(datetime.fromtimestamp(began, site.timezone), site.retention[kind]))


def is_over(period: str, now: datetime) -> bool:
    """Has all that hangs on the key of this period been due?"""
    return period[-7:] < f"{now:%Y-%m}"
