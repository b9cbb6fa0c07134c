"""What network monitoring sees of lines, queues and calls, made from the graph of calls. Nothing personal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from ccdaemon import topics
from ccdaemon.model import Service, Site, endpoint_of
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.hours import Opening, opening
from ccdaemon.rules.today import Today

UNAVAILABLE, IDLE = frozenset({"UNAVAILABLE", "INVALID", "UNKNOWN"}), "NOT_INUSE"  # as DeviceStateList writes them


def calls_topic(calls: Calls) -> topics.Calls:
    """A call that no conversation has named yet counts in all only."""
    services = Counter(call.service for call in calls.calls.values() if call.service)
    languages = Counter(call.language for call in calls.calls.values() if call.language)
    return {"live": len(calls.calls), "by_service": dict(services), "by_language": dict(languages)}


def queue_topics(
    calls: Calls, queues: Iterable[str], today: Today, now: float, wrap_ups: Mapping[str, float]
) -> dict[str, topics.Queue]:
    """By topic. Moments come from Asterisk's clock, which is this machine's; `wrap_ups` are seconds by queue."""
    told: dict[str, topics.Queue] = {}
    for queue in queues:
        waiting = calls.queues[queue].waiting.values()
        members = calls.queues[queue].members.values()
        here = [calls.calls[calls.legs[leg].call] for leg in calls.queues[queue].waiting if leg in calls.legs]
        languages = [call.language for call in here if call.language]
        day, rest = today.of(queue, now), wrap_ups.get(queue, 0.0)
        told[f"queues/{queue}"] = {
            "waiting": len(waiting),
            "longest_since": round(min((entry.since for entry in waiting), default=0)) or None,
            "by_language": dict(Counter(languages)),
            "logged_in": sum(member.logged_in for member in members),
            "free": sum(member.is_free(now, rest) for member in members),
            "talking": sum(member.talks for member in members),
            "wrapping_up": sum(member.wraps_up(now, rest) for member in members),
            "paused": sum(member.paused for member in members),
            "answered": day.answered,
            "abandoned": day.abandoned,
            "service_level": day.service_level,
        }
    return told


def service_topic(site: Site, service: Service, now: datetime) -> topics.Service:
    ruling = site.rulings.get(service.id)
    if ruling is not None:
        return {"state": "emergency" if ruling.message else ruling.state, "why": "command"}
    if service.emergency is not None:
        return {"state": "emergency", "why": "site file"}
    match opening(site, service, now):
        case Opening.OPEN:
            return {"state": "open", "why": "timetable"}
        case Opening.BANK_HOLIDAY:
            return {"state": "bank-holiday", "why": "timetable"}
        case Opening.CLOSED:
            return {"state": "closed", "why": "timetable"}


def endpoints_topic(site: Site, states: dict[str, str]) -> topics.Endpoints:
    """From Asterisk's device states, by device as `PJSIP/1001`."""
    told = [states.get(f"PJSIP/{phone.endpoint}", "UNKNOWN") for phone in site.phones.values()]
    unavailable, idle = sum(state in UNAVAILABLE for state in told), sum(state == IDLE for state in told)
    return {
        "phones": len(told),
        "idle": idle,
        "busy": len(told) - idle - unavailable,
        "unavailable": unavailable,
    }


def calls_through(calls: Calls, trunk: str) -> int:
    """Legs that are up at an endpoint."""
    return sum(endpoint_of(leg.channel) == trunk for leg in calls.legs.values())


def live(calls: Calls, site: Site, now: float) -> list[dict[str, object]]:
    """Each call, the longest first: where it is, since when, and which of our phones are in it.

    No number, and no name: other channels than those of our phones may be called by one.
    """
    queued = {leg: (name, entry.since) for name, queue in calls.queues.items() for leg, entry in queue.waiting.items()}
    told: list[dict[str, object]] = []
    for call in sorted(calls.calls.values(), key=lambda each: each.began):
        legs = [calls.legs[leg] for leg in call.legs]
        waits = [queued[leg.id] for leg in legs if leg.id in queued]
        bridged = any(leg.bridge for leg in legs)
        told.append(
            {
                "id": call.id,
                "service": call.service,
                "language": call.language,
                "seconds": round(now - call.began),
                "at": "talks" if bridged else f"queue {waits[0][0]}" if waits else "elsewhere",
                "waiting": round(now - waits[0][1]) if waits else None,
                "phones": sorted({leg.endpoint for leg in legs if leg.endpoint in site.devices}),
                "recorded": any(leg.recorded for leg in legs),
                "sealed": any(leg.sealed for leg in legs),
            }
        )
    return told
