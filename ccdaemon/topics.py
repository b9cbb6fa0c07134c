"""What network monitoring is told: the topics below `ccdaemon/SITE/`, and what the payload of each says.

Nothing here is personal: figures, states, and the names that the site gives to its lines and queues. Moments are whole
seconds since the epoch. `ccdaemon status --topics` prints the same as JSON Schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field
from typing_extensions import TypedDict

Payload: TypeAlias = Mapping[str, object]


def _is(what: str) -> Any:  # noqa: ANN401 - pydantic's own type is private
    return Field(description=what)


Count: TypeAlias = Annotated[int, Field(ge=0)]
Moment: TypeAlias = Annotated[int, _is("seconds since the epoch")]


class Daemon(TypedDict):
    state: Annotated[Literal["online", "draining", "offline"], _is("offline is also its last will")]
    version: str
    since: Moment


class Ami(TypedDict):
    state: Literal["up", "down"]
    reason: Annotated[str | None, _is("why there is no link")]
    asterisk: Annotated[str | None, _is("version, once it has told")]


class Calls(TypedDict):
    live: Count
    by_service: dict[str, int]
    by_language: dict[str, int]


class Trunk(TypedDict):
    reachable: Annotated[bool | None, _is("does the carrier answer OPTIONS; null where Asterisk does not ask")]
    registered: Annotated[bool | None, _is("null where the carrier wants no registration")]
    round_trip_ms: float | None
    calls: Count


class Endpoints(TypedDict):
    phones: Annotated[int, _is("of the site")]
    idle: Count
    busy: Annotated[int, _is("that ring, talk or hold")]
    unavailable: Annotated[int, _is("not registered, or not there")]


class Queue(TypedDict):
    waiting: Count
    longest_since: Annotated[int | None, _is("when who has waited longest came")]
    by_language: Annotated[dict[str, int], _is("of those who wait, the language that they chose")]
    logged_in: Annotated[int, _is("agents whose phone is there")]
    free: Count
    talking: Count
    wrapping_up: Count
    paused: Count
    answered: Annotated[int, _is("today")]
    abandoned: Annotated[int, _is("today")]
    service_level: Annotated[
        float | None, _is("per cent of today's calls that were answered within answer_within; null before the first")
    ]


class Service(TypedDict):
    state: Literal["open", "closed", "bank-holiday", "emergency"]
    why: Annotated[Literal["timetable", "site file", "command"], _is("what it rests on")]


class Recorders(TypedDict):
    running: Count


class Payments(TypedDict):
    """Since the daemon's start."""

    opened: Count
    refused: Count
    guarded: Annotated[int, _is("how often something went round the door")]
    slowest_ms: float


class Register(TypedDict):
    bytes: Count
    oldest: Annotated[int | None, _is("when the oldest of what is kept, and under no hold, began")]
    holds: Count
    cases_due: Annotated[str | None, _is("the next day on which somebody must be answered")]
    messages: Annotated[dict[str, int], _is("of callers, that wait for an agent, by service")]
    messages_dropped: Annotated[int, _is("since the daemon's start: nothing was said in them")]
    expired: Annotated[int | None, _is("when the last nightly run began that came to its end")]
    whole: Annotated[bool | None, _is("did it delete all that was due")]


class Disk(TypedDict):
    """Of the file system on which a folder lies."""

    free_bytes: Count
    used_percent: float


class Clock(TypedDict):
    synchronised: Annotated[bool | None, _is("does anything set it; null where nobody may ask")]
    error_ms: Annotated[float | None, _is("how wrong it may be, as the kernel estimates")]


class Audit(TypedDict):
    """The head of the audit chain, to hold the register against."""

    seq: Count
    hash: str


class Alarm(TypedDict):
    raised: Moment
    text: str
    acknowledged: Annotated[int | None, _is("when somebody said that they are at it")]


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic, or one for each of the site's things of a kind (`NAME`)."""

    pattern: str
    payload: type
    says: str


TOPICS = (
    Topic("daemon", Daemon, "how the daemon is"),
    Topic("ami", Ami, "the link to Asterisk's manager port"),
    Topic("calls", Calls, "live calls"),
    Topic("trunks/NAME", Trunk, "the way to the carrier; asked every 5 s"),
    Topic("endpoints", Endpoints, "the site's phones in sum; asked every 5 s"),
    Topic("queues/NAME", Queue, "who waits, which agents are there, how today has been"),
    Topic("services/NAME", Service, "is the line open"),
    Topic("recorders", Recorders, "recorders that run"),
    Topic("payments", Payments, "what the payments door did"),
    Topic("register", Register, "what is kept; looked at every minute"),
    Topic("disk/NAME", Disk, "`state` and `spool`; looked at every 5 s"),
    Topic("clock", Clock, "the machine's own; looked at every minute"),
    Topic("audit", Audit, "the head of the audit chain"),
    Topic("alarms/NAME", Alarm, "what a person should look at; gone when it is over"),
)
