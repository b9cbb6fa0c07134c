"""From the graph of calls to status topics: made anew just before they are told, and only then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NoReturn, Protocol, TypeAlias

from ccdaemon.model import Site
from ccdaemon.notices import CallIdentified, Notice
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.status import calls_topic, queue_topics, service_topic
from ccdaemon.rules.today import Today
from ccdaemon.topics import Payload

TICK = 1.0  # seconds; some of it changes by time alone: lines close, agents have wrapped up

Publish: TypeAlias = Callable[[str, Payload | None], None]


class Board(Protocol):
    """Where topics are shown."""

    def publish(self, topic: str, payload: Payload | None) -> None: ...

    def wake(self) -> None: ...


class Topics:
    """Of calls, queues and services."""

    def __init__(
        self, board: Board, calls: Calls, today: Today, site: Callable[[], Site], clock: Callable[[], float]
    ) -> None:
        self._board = board
        self._calls = calls
        self._today = today
        self._site = site
        self._clock = clock
        self._told: set[str] = set()
        self.wrap_ups: Mapping[str, float] = {}  # seconds by queue, as Asterisk's files have them
        self.linked = False  # with an Asterisk of which all that is live is known

    def changed(self) -> None:
        """Say that calls, queues or the site have changed."""
        self._board.wake()

    def note(self, notices: Sequence[Notice]) -> None:
        """What happened, from conversations too: they alone know what a call is about."""
        self._today.note(notices)
        for notice in notices:
            if isinstance(notice, CallIdentified):
                self._calls.identify(notice.call, notice.service, notice.language)
        self.changed()

    async def run(self) -> NoReturn:
        while True:
            self._board.wake()
            await asyncio.sleep(TICK)

    def refresh(self) -> None:
        """Bring them up to date, and clear those of what is no more, or of which nobody knows now."""
        site, now = self._site(), self._clock()
        local = datetime.fromtimestamp(now, site.timezone)
        queues = {name for service in site.services.values() for name in service.queue.names}
        topics: dict[str, Payload] = {
            f"services/{name}": service_topic(site, service, local) for name, service in site.services.items()
        }
        if self.linked:
            topics |= {"calls": calls_topic(self._calls), "recorders": {"running": self._calls.recorders}}
            topics |= queue_topics(self._calls, sorted(queues), self._today, now, self.wrap_ups)
        for topic, payload in topics.items():
            self._board.publish(topic, payload)
        for gone in self._told - topics.keys():
            self._board.publish(gone, None)
        self._told = {*topics}
