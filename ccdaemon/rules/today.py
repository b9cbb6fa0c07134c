"""How today has been in each queue: who was answered, in time or not, and who gave up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime

from ccdaemon.model import Site, Visit
from ccdaemon.notices import LegEnded, Notice, QueueJoined, QueueLeft


@dataclass(slots=True)
class Day:
    """Visits to one queue that have ended. Who gives up sooner than they had to be answered says nothing about us."""

    answered: int = 0
    in_time: int = 0
    abandoned: int = 0
    too_late: int = 0  # of those abandoned: they had waited for longer than the target

    @property
    def service_level(self) -> float | None:
        """Per cent of those who were answered in time, or should have been."""
        judged = self.answered + self.too_late
        return round(100 * self.in_time / judged, 1) if judged else None


class Today:
    """Counts from midnight to midnight by the site's clocks."""

    def __init__(self, site: Callable[[], Site]) -> None:
        self._site = site
        self._day: date | None = None
        self._joined: defaultdict[str, dict[str, float]] = defaultdict(dict)  # when, by leg and queue
        self._queues: defaultdict[str, Day] = defaultdict(Day)

    def midnight(self, now: float) -> float:
        """When today began."""
        local = datetime.fromtimestamp(now, self._site().timezone)
        return local.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()

    def begin(self, visits: Iterable[Visit], now: float) -> None:
        """What the register has of today."""
        self._turn(now)
        for visit in visits:
            self._count(visit.queue, visit.outcome, visit.ended - visit.joined)

    def note(self, notices: Iterable[Notice]) -> None:
        for notice in notices:
            match notice:
                case QueueJoined():
                    self._joined[notice.leg][notice.queue] = notice.at
                case QueueLeft(_, at, leg, queue, outcome):
                    self._turn(at)
                    self._count(queue, outcome, at - self._joined[leg].get(queue, at))
                case LegEnded():
                    self._joined.pop(notice.leg, None)

    def of(self, queue: str, now: float) -> Day:
        self._turn(now)
        return self._queues[queue]

    def _count(self, queue: str, outcome: str, waited: float) -> None:
        day, in_time = self._queues[queue], waited <= self._site().answer_within(queue)
        match outcome:
            case "answered":
                day.answered += 1
                day.in_time += in_time
            case "abandoned":
                day.abandoned += 1
                day.too_late += not in_time

    def _turn(self, now: float) -> None:
        if (day := datetime.fromtimestamp(now, self._site().timezone).date()) != self._day:
            self._day = day
            self._queues.clear()
