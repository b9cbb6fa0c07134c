"""Is a service open at this moment?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time
from enum import Enum, auto
from itertools import combinations

from ccdaemon.model import Hours, Service, Site, Span

ROUND_THE_CLOCK = Span(time.min, time.max)


class Opening(Enum):
    OPEN = auto()
    CLOSED = auto()
    BANK_HOLIDAY = auto()


def opening(site: Site, service: Service, now: datetime) -> Opening:
    """Open, closed as on any evening, or closed for a bank holiday, which callers are told of.

    What somebody has ruled counts before the timetable.
    """
    if (ruling := site.rulings.get(service.id)) is not None:
        return Opening.OPEN if ruling.state == "open" else Opening.CLOSED
    local = now.astimezone(site.timezone)
    today, hours = local.date(), service.hours
    if not hours.on_bank_holidays and today in site.bank_holidays:
        return Opening.BANK_HOLIDAY
    if today in hours.closures:
        return Opening.CLOSED
    return Opening.OPEN if _within(hours, local) else Opening.CLOSED


def _within(hours: Hours, local: datetime) -> bool:
    clock = local.time()
    return any(span.start <= clock < span.end or span.end == clock == time.max for span in hours.week[local.weekday()])


def overlapping(spans: Iterable[Span]) -> list[tuple[Span, Span]]:
    """Pairs of spans of one day that share time, or of which one ends before it begins."""
    ordered = sorted(spans, key=lambda span: (span.start, span.end))
    twisted = [(span, span) for span in ordered if span.end <= span.start]
    return twisted + [(one, other) for one, other in combinations(ordered, 2) if other.start < one.end]
