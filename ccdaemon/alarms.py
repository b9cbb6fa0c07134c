"""Conditions that a person should look at: raised, said once in the log, published until they are gone."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import structlog

from ccdaemon.model import AlarmName
from ccdaemon.topics import Alarm, Payload

log = structlog.get_logger()


class Alarms:
    """The alarms that stand. `publish` gets each change as (topic, payload), payload None when it is gone."""

    def __init__(self, publish: Callable[[str, Payload | None], None]) -> None:
        self._publish = publish
        self._alarms: dict[AlarmName, Alarm] = {}

    @property
    def standing(self) -> dict[AlarmName, str]:
        """What each of them says."""
        return {name: alarm["text"] for name, alarm in self._alarms.items()}

    def raise_(self, name: AlarmName, text: str) -> None:
        """Raise an alarm. Raised again it is not said again, but what it says now is shown.

        That somebody is at it counts no more if it is about something else than figures.
        """
        known = self._alarms.get(name)
        if known is None:
            log.error(text, alarm=name)
            self._show(name, {"raised": int(time.time()), "text": text, "acknowledged": None})
        elif known["text"] != text:
            seen = known["acknowledged"] if _kind(known["text"]) == _kind(text) else None
            if known["acknowledged"] and seen is None:
                log.error(text, alarm=name)
            self._show(name, {**known, "text": text, "acknowledged": seen})

    def acknowledge(self, name: AlarmName) -> bool:
        """Somebody is at it. False if it does not stand."""
        if (known := self._alarms.get(name)) is None:
            return False
        self._show(name, {**known, "acknowledged": known["acknowledged"] or int(time.time())})
        return True

    def _show(self, name: AlarmName, alarm: Alarm) -> None:
        self._alarms[name] = alarm
        self._publish(f"alarms/{name}", alarm)

    def clear(self, name: AlarmName) -> None:
        """Say that an alarm is over, though it may be none of ours: a daemon that was killed left it at the broker."""
        if self._alarms.pop(name, None) is not None:
            log.info("the alarm is over", alarm=name)
        self._publish(f"alarms/{name}", None)


def _kind(text: str) -> str:
    """What an alarm says, whatever its figures are."""
    return re.sub(r"\d+", "", text)
