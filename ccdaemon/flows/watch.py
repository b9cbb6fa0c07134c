"""What each event of Asterisk sets in motion beside the register: door, guard, and new segments of recordings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ccdaemon.flows.announcing import Announcing
from ccdaemon.flows.during_call import DuringCall, Register
from ccdaemon.flows.guard import Guard
from ccdaemon.flows.inbound import Journal
from ccdaemon.flows.interlock import Interlock, Switch
from ccdaemon.flows.journal import Alarms
from ccdaemon.flows.payment import Door, Tally, knock_of, refusal_of
from ccdaemon.flows.segments import Segments
from ccdaemon.flows.supervise import Supervising
from ccdaemon.kept import RawRecording
from ccdaemon.model import Event, Site
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.payment import exposed


@dataclass(frozen=True)
class Watch:
    """Hears every event once the graph of the calls has it."""

    door: Door
    guard: Guard
    segments: Segments
    announcing: Announcing
    supervising: Supervising
    during: DuringCall
    calls: Calls
    site: Callable[[], Site]
    journal: Journal
    tally: Tally
    clock: Callable[[], float]
    news: asyncio.Event  # something was sealed, or somebody has objected, perhaps

    def heard(self, event: Event) -> Iterator[Coroutine[Any, Any, None]]:
        """What is to be done since this event, each by itself and at once."""
        if (knock := knock_of(event)) is not None:
            yield self._told(self.door.answer(knock))
        elif (refusal := refusal_of(event, self.clock())) is not None:
            self.journal.note(refusal)
            self.tally.refused()
        elif legs := exposed(self.calls, event, self.site()):
            yield self._told(self.guard.stop(event, legs))
        else:
            yield from self.segments.heard(event)
            yield from map(self._told, self.announcing.heard(event))
            yield from self.supervising.heard(event)
            yield from map(self._told, self.during.heard(event))

    async def _told(self, doing: Coroutine[Any, Any, None]) -> None:
        await doing
        self.news.set()


def watching(
    switch: Switch,
    calls: Calls,
    site: Callable[[], Site],
    journal: Journal,
    alarms: Alarms,
    tally: Tally,
    supervising: Supervising,
    raw: Callable[[], Iterable[RawRecording]],
    clock: Callable[[], float],
    news: asyncio.Event,
    register: Register,
) -> Watch:
    """All of it, on a link that has just come up."""
    door = Door(switch, calls, site, journal, raw, tally, supervising, clock)
    guard = Guard(Interlock(switch), calls, site, journal, alarms, tally, clock)
    segments = Segments(switch, calls, alarms)
    announcing = Announcing(switch, calls, site, journal, segments, clock)
    during = DuringCall(switch, calls, site, journal, register, clock)
    return Watch(door, guard, segments, announcing, supervising, during, calls, site, journal, tally, clock, news)
