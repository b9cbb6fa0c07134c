"""In which queues should an agent's phone be, paused or not? And what is to be done where Asterisk has it otherwise?

One answer for every occasion: after a code at a handset, after a restart of the daemon or of Asterisk, for a phone that
cannot be reached, and for a site whose files were changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from ccdaemon.agents import Agent, Shift
from ccdaemon.model import Site
from ccdaemon.rules.queues import INVALID, UNAVAILABLE, Member, Queues

WRAP_UP, UNANSWERED, UNREACHABLE, LOGGED_OUT = "wrap-up", "unanswered", "unreachable", "logged-out"
RESERVED = frozenset({WRAP_UP, UNANSWERED, UNREACHABLE, LOGGED_OUT})  # no reason of a site's own
LONGEST_WRAP_UP = 3600.0  # seconds after a call for which Asterisk may give an agent no other


@dataclass(frozen=True, slots=True)
class Place:
    """An agent's place in a queue."""

    penalty: int
    wrap_up: int  # seconds; 0: those of the queue


@dataclass(frozen=True, slots=True)
class Add:
    queue: str
    place: Place
    paused: str  # why; empty, if they take calls


@dataclass(frozen=True, slots=True)
class Remove:
    queue: str


@dataclass(frozen=True, slots=True)
class Pause:
    """`why` is empty for one who takes calls again."""

    queue: str
    why: str


Step: TypeAlias = Add | Remove | Pause


def interface(endpoint: str) -> str:
    """A device, and never a Local channel: a recorder would outlive the agent's leg."""
    return f"PJSIP/{endpoint}"


def places(site: Site, agent: Agent) -> dict[str, Place]:
    """Their queues, if they are logged in."""
    found: dict[str, Place] = {}
    for service in (site.services[name] for name in agent.services if name in site.services):
        queue, wrap_up = service.queue, round(service.queue.wrap_up)
        own = [name for language, name in queue.by_language.items() if language in agent.languages]
        found.setdefault(queue.name, Place(agent.penalties.get(service.id, 1 if own else 0), wrap_up))
        for name in own:
            found.setdefault(name, Place(0, wrap_up))
    return found


def services_in(site: Site, agent: Agent, there: Mapping[str, Member]) -> tuple[str, ...]:
    """Of which services they take calls, by the queues in which they are."""
    return tuple(name for name in agent.services if name in site.services and site.services[name].queue.name in there)


def memberships(site: Site, queues: Queues, endpoint: str) -> dict[str, Member]:
    """A phone's places in all queues of the site, as events have told of them."""
    ours = {name for service in site.services.values() for name in service.queue.names}
    who = interface(endpoint)
    return {name: queue.members[who] for name, queue in queues.items() if name in ours and who in queue.members}


def differences(site: Site, agent: Agent | None, shift: Shift | None, there: Mapping[str, Member]) -> list[Step]:
    """What makes Asterisk agree, which has the phone in the queues `there`."""
    wanted = places(site, agent) if agent is not None and shift is not None else {}
    why = _why_paused(shift, there) if shift is not None else LOGGED_OUT
    return [*_leaving(wanted, there, why), *_staying(wanted, there, why)]


def _why_paused(shift: Shift, there: Mapping[str, Member]) -> str:
    if shift.paused:
        return shift.paused
    gone = any(member.status in {UNAVAILABLE, INVALID} for member in there.values())
    return UNREACHABLE if gone else ""


def _leaving(wanted: Mapping[str, Place], there: Mapping[str, Member], why: str) -> Iterator[Step]:
    """Whom queues.conf itself put into a queue cannot be taken out: there they are paused, or not, as elsewhere."""
    for queue, member in there.items():
        if queue not in wanted:
            if member.dynamic:
                yield Remove(queue)
            elif not _is_paused(member, why):
                yield Pause(queue, why)


def _staying(wanted: Mapping[str, Place], there: Mapping[str, Member], why: str) -> Iterator[Step]:
    for queue, place in wanted.items():
        member = there.get(queue)
        if member is None:
            yield Add(queue, place, why)
        elif member.dynamic and Place(member.penalty, round(member.wrap_up)) != place:
            yield Remove(queue)
            yield Add(queue, place, why)
        elif not _is_paused(member, why):
            yield Pause(queue, why)


def _is_paused(member: Member, why: str) -> bool:
    return (member.paused, member.reason if member.paused else "") == (bool(why), why)


def anew(there: Mapping[str, Member], now: float) -> list[Step]:
    """Wrap-up time ends: Asterisk counts it from the last call, which one who comes anew has not had.

    Their phone is in use meanwhile: they dial on it.
    """
    again: list[Step] = []
    for queue, member in there.items():
        if member.dynamic and not member.in_call and now < member.last_call + LONGEST_WRAP_UP:
            place = Place(member.penalty, round(member.wrap_up))
            again += [Remove(queue), Add(queue, place, member.reason if member.paused else "")]
    return again


# --- what time and calls do to a shift -------------------------------------------------------------------------------


def paused(shift: Shift, why: str, until: float = 0.0) -> Shift:
    """Whoever says that they pause is there: what rang before counts no more. `why` is empty for who takes calls."""
    return replace(shift, paused=why, until=until, unanswered=0)


def rung(shift: Shift, limit: int, *, answered: bool) -> Shift:
    """A call rang their phone."""
    if answered or shift.paused:
        return replace(shift, unanswered=0) if answered else shift
    so_many = shift.unanswered + 1
    return replace(shift, unanswered=so_many, paused=UNANSWERED if so_many >= limit else "", until=0.0)


def later(shift: Shift, now: float) -> Shift:
    """A pause that ends by itself is over."""
    return paused(shift, "") if shift.paused and 0 < shift.until <= now else shift
