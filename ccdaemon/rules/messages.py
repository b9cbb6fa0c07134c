"""Messages that callers leave: what they are told first, whether anything was said, and when an agent is brought one.

A message is a task until an agent has done it. It is brought as a call to the queue of its service, callers first:
to those who speak the caller's language as long as one of them is at work, and then to anybody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from ccdaemon.kept import Keep, Messages, Task
from ccdaemon.model import Queue, Service, Site
from ccdaemon.rules.hours import Opening, opening
from ccdaemon.rules.queues import DELIVERIES, Queues

NOTICE, HOW, REFUSED = "message-notice", "message-how", "message-refused"
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
TODAY, YESTERDAY, EARLIER = "message-left-today", "message-left-yesterday", "message-left-earlier"
OF_DIALPLAN = (  # cc-message and cc-hear
    *("message-nothing", "message-choices", "message-saved", "message-deleted"),
    *(
        "message-for-you",
        "message-keys",
        "message-done",
        "message-number",
        "message-no-number",
        TODAY,
        YESTERDAY,
        EARLIER,
    ),
    *(f"message-left-{day}" for day in WEEKDAYS),
    *(f"digits/{digit}" for digit in range(10)),
)

SHORT = 10.0  # seconds; a longer message is never taken for silence: Record() had heard something
SOUNDING = 0.3  # seconds of sound, shorter than any word
TO_SPEAKERS = 2  # tries today that go to nobody else, while one who speaks the language is at work
PATIENCE = 3600.0  # seconds for which one of them is waited for then
A_WEEK = 7  # days
_DELIVERY = re.compile(rf"Local/(?P<message>[^/@]+-\d+)@{DELIVERIES}-[0-9a-f]+;(?P<half>[12])")


# --- the caller ------------------------------------------------------------------------------------------------------


def kept_for(keep: Keep) -> str:
    """The prompt that tells for how long a message is kept: each site needs the one that is true there."""
    return f"message-kept-{keep.months}-months" if keep.months else f"message-kept-{keep.days}-days"


def notice(keep: Keep) -> tuple[str, ...]:
    """All that a caller has heard to its end whose message is taken."""
    return NOTICE, kept_for(keep), HOW


def prompts_of_messages(keep: Keep) -> tuple[str, ...]:
    """All that a service says which takes messages."""
    return *notice(keep), REFUSED, *OF_DIALPLAN


def nothing_said(seconds: float, sounding: float) -> bool:
    """Is this the silence of somebody who waited, and hung up? `sounding` are the seconds of it that are not quiet."""
    return seconds < SHORT and sounding < SOUNDING


# --- the agent -------------------------------------------------------------------------------------------------------


def is_due(task: Task, rule: Messages, now: datetime) -> bool:
    """May it be brought now? Not again at once, and not too often on one day."""
    if task.tried is None:
        return True
    return now.timestamp() - task.tried >= rule.again and tries_today(task, now) < rule.tries


def tries_today(task: Task, now: datetime) -> int:
    if task.tried is None or datetime.fromtimestamp(task.tried, now.tzinfo).date() != now.date():
        return 0
    return task.tries


def open_for(task: Task, site: Site, now: datetime) -> Service | None:
    """Its service, if that is there still and people are at work now."""
    service = site.services.get(task.service)
    return service if service is not None and opening(site, service, now) is Opening.OPEN else None


def queue_for(
    task: Task, queue: Queue, queues: Queues, waited: float, now: datetime, wrap_ups: Mapping[str, float]
) -> str | None:
    """To which queue it is brought now, if to any. `waited` is for how long it might have been brought to speakers."""
    if any(queues[name].waiting for name in queue.names):
        return None
    at = now.timestamp()

    def free(name: str) -> bool:
        return any(member.is_free(at, wrap_ups.get(name, 0.0)) for member in queues[name].members.values())

    speakers = queue.by_language.get(task.language or "")
    if speakers is not None and tries_today(task, now) < TO_SPEAKERS:
        if free(speakers):
            return speakers
        if waited < PATIENCE and any(each.logged_in and not each.paused for each in queues[speakers].members.values()):
            return None
    return queue.name if free(queue.name) else None


def delivery_of(channel: str) -> tuple[str, str] | None:
    """Which message a channel brings, and which half of it this is: agents listen to 1, 2 stands in the queue."""
    found = _DELIVERY.fullmatch(channel)
    return (found["message"], found["half"]) if found else None


def when_left(left: datetime, now: datetime) -> tuple[str, str]:
    """When it was left, as an agent is told: a prompt, and the digits of the time behind it."""
    days = (now.date() - left.date()).days
    if days <= 1:
        day = TODAY if days <= 0 else YESTERDAY
    else:
        day = f"message-left-{WEEKDAYS[left.weekday()]}" if days < A_WEEK else EARLIER
    return day, f"{left:%H%M}"


def is_overdue(task: Task, site: Site, now: datetime) -> bool:
    """Have as many whole days gone by on which its service was open as somebody may have to wait?"""
    service, day = site.services.get(task.service), datetime.fromtimestamp(task.left, now.tzinfo).date()
    days = [day + timedelta(days=each) for each in range(1, (now.date() - day).days)]
    return service is None or sum(_opens(site, service, each) for each in days) >= site.messages.overdue


def _opens(site: Site, service: Service, day: date) -> bool:
    hours = service.hours
    closed = day in hours.closures or (day in site.bank_holidays and not hours.on_bank_holidays)
    return bool(hours.week[day.weekday()]) and not closed
