"""When is the nightly run? At one time of the site's own clock, once a day, also on the days on which clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta


def latest(now: datetime, at: time) -> datetime:
    """The newest moment up to now at which it should have begun. `now` has the site's time zone.

    A time that the clock skips is that long after midnight all the same; of one that it has twice, the first counts.
    """
    today = _on(now, at)
    return today if today <= now.astimezone(UTC) else _on(now - timedelta(days=1), at)


def following(now: datetime, at: time) -> datetime:
    """The next moment at which it should begin."""
    today = _on(now, at)
    return today if today > now.astimezone(UTC) else _on(now + timedelta(days=1), at)


def _on(day: datetime, at: time) -> datetime:
    return datetime.combine(day.date(), at, day.tzinfo).astimezone(UTC)
