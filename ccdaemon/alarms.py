"""Conditions that a person should look at: raised, said once in the log, published until they are gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import structlog

from ccdaemon.model import AlarmName

log = structlog.get_logger()


class Alarms:
    """The alarms that stand. `publish` gets each change as (topic, payload), payload None when it is gone."""

    def __init__(self, publish: Callable[[str, Mapping[str, object] | None], None]) -> None:
        self._publish = publish
        self.standing: dict[AlarmName, str] = {}

    def raise_(self, name: AlarmName, text: str) -> None:
        """Raise an alarm. Raised again it is not said again."""
        if name not in self.standing:
            log.error(text, alarm=name)
            self._publish(f"alarms/{name}", {"raised": int(time.time()), "text": text})
        self.standing[name] = text

    def clear(self, name: AlarmName) -> None:
        """Say that an alarm is over, though it may be none of ours: a daemon that was killed left it at the broker."""
        if self.standing.pop(name, None) is not None:
            log.info("the alarm is over", alarm=name)
        self._publish(f"alarms/{name}", None)
