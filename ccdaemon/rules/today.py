"""How today has been in each queue: who was answered, in time or not, and who gave up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime

from ccdaemon.kept import Visit
from ccdaemon.model import Site
from ccdaemon.notices import LegEnded, Notice, QueueJoined, QueueLeft


@dataclass(slots=True)
class Day:
    """Visits to one queue that have ended. Who gives up sooner than they had to be answered says nothing about us."""

    answered: int = 0
    in_time: int = 0
    abandoned: int = 0
    too_late: int = 0  # of those whom nobody answered: they had waited for longer than the target

    @property
    def service_level(self) -> float | None:
        """Per cent of those who were answered in time, or should have been."""
        judged = self.answered + self.too_late
        return round(100 * self.in_time / judged, 1) if judged else None


@dataclass(slots=True)
class _Stay:
    """A leg in a queue: since when it has waited for this service, in whichever of its queues."""

    since: float
    late: bool = False  # counted as too late, for all that is known


class Today:
    """Counts from midnight to midnight by the site's clocks."""

    def __init__(self, site: Callable[[], Site]) -> None:
        self._site = site
        self._day: date | None = None
        self._stays: defaultdict[str, dict[str, _Stay]] = defaultdict(dict)  # by leg and queue
        self._queues: defaultdict[str, Day] = defaultdict(Day)

    def midnight(self, now: float) -> float:
        """When today began."""
        local = datetime.fromtimestamp(now, self._site().timezone)
        return local.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()

    def begin(self, visits: Iterable[Visit], now: float) -> None:
        """What the register has of today, in the order in which they began."""
        self._turn(now)
        for visit in visits:
            self._joined(visit.leg, visit.queue, visit.joined)
            self._left(visit.leg, visit.queue, visit.outcome, visit.ended)
        self._stays.clear()

    def note(self, notices: Iterable[Notice]) -> None:
        for notice in notices:
            match notice:
                case QueueJoined(_, at, leg, queue):
                    self._joined(leg, queue, at)
                case QueueLeft(_, at, leg, queue, outcome):
                    self._turn(at)
                    self._left(leg, queue, outcome, at)
                case LegEnded():
                    self._stays.pop(notice.leg, None)

    def of(self, queue: str, now: float) -> Day:
        self._turn(now)
        return self._queues[queue]

    def _joined(self, leg: str, queue: str, at: float) -> None:
        """Who goes on to another queue of the same service waits on; who speaks in between begins anew."""
        together = next((each.queue.names for each in self._site().services.values() if queue in each.queue.names), ())
        stays = self._stays[leg]
        stays[queue] = _Stay(min((stays[name].since for name in together if name in stays), default=at))

    def _left(self, leg: str, queue: str, outcome: str, at: float) -> None:
        """Where an agent answers, Asterisk tells first that the caller left, and then who answered."""
        day, stay = self._queues[queue], self._stays[leg].setdefault(queue, _Stay(at))
        late = at - stay.since > self._site().answer_within(queue)
        if stay.late and outcome == "answered":
            day.too_late -= 1
        match outcome:
            case "answered":
                day.answered += 1
                day.in_time += not late
                self._stays.pop(leg)
            case "abandoned":
                day.abandoned += 1
                day.too_late += late
            case "unanswered" if late and not stay.late:
                day.too_late += 1
                stay.late = True

    def _turn(self, now: float) -> None:
        if (day := datetime.fromtimestamp(now, self._site().timezone).date()) != self._day:
            self._day = day
            self._queues.clear()
