"""What network monitoring sees: the payloads of the status topics, made from the graph of calls. Nothing personal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TypeAlias

from ccdaemon.rules.calls import Calls

Payload: TypeAlias = dict[str, object]


def calls_topic(calls: Calls) -> Payload:
    """Live calls, in all, by service and by language; a call that no conversation has named yet counts in all only."""
    services = Counter(call.service for call in calls.calls.values() if call.service)
    languages = Counter(call.language for call in calls.calls.values() if call.language)
    return {"live": len(calls.calls), "by_service": dict(services), "by_language": dict(languages)}


def queue_topics(calls: Calls, queues: Iterable[str]) -> dict[str, Payload]:
    """For each queue who waits since when, and how many agents are logged in and free. `since` is an epoch."""
    topics: dict[str, Payload] = {}
    for queue in queues:
        waiting = calls.queues[queue].waiting.values()
        members = calls.queues[queue].members.values()
        topics[f"queues/{queue}"] = {
            "waiting": len(waiting),
            "longest_since": round(min((entry.since for entry in waiting), default=0)) or None,
            "logged_in": sum(member.logged_in for member in members),
            "free": sum(member.free for member in members),
            "paused": sum(member.paused for member in members),
        }
    return topics
