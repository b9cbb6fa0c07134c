"""From the graph of calls to status topics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import NoReturn, TypeAlias

from ccdaemon.model import Site
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.status import calls_topic, queue_topics

REFRESH = 0.5  # seconds between a change and its topics

Publish: TypeAlias = Callable[[str, Mapping[str, object] | None], None]


class Topics:
    """Keeps the topics about calls and queues up to date, a little after they have changed."""

    def __init__(self, publish: Publish, calls: Calls, site: Callable[[], Site]) -> None:
        self._publish = publish
        self._calls = calls
        self._site = site
        self._stale = asyncio.Event()
        self._queues: set[str] = set()

    def changed(self) -> None:
        """Say that calls, queues or the site have changed."""
        self._stale.set()

    async def run(self) -> NoReturn:
        while True:
            await self._stale.wait()
            await asyncio.sleep(REFRESH)
            self._stale.clear()
            self._refresh()

    def _refresh(self) -> None:
        self._publish("calls", calls_topic(self._calls))
        self._publish("recorders", {"running": self._calls.recorders})
        queues = {name for service in self._site().services.values() for name in service.queue.names}
        for gone in self._queues - queues:
            self._publish(f"queues/{gone}", None)
        for topic, payload in queue_topics(self._calls, sorted(queues)).items():
            self._publish(topic, payload)
        self._queues = queues
