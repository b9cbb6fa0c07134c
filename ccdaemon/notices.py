"""What happened, in our own words: the notices from which register, status and timeline are made.

A call is named by the Linkedid that its channels share, a leg by its channel's Uniqueid. `at` is seconds since the
epoch, by Asterisk's clock where an event brought it. (They are not frozen: that would double the cost of an event.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(slots=True)
class CallBegan:
    call: str
    at: float


@dataclass(slots=True)
class CallIdentified:
    """Who called what, as the conversation or the lower tiers know it. None leaves what was known before."""

    call: str
    at: float
    dialled: str | None = None
    number: str | None = None
    service: str | None = None
    language: str | None = None
    tier: int | None = None


@dataclass(slots=True)
class CallEnded:
    """The last leg is gone. `seen` is False where we were away when it went, and `at` is when we found out."""

    call: str
    at: float
    seen: bool = True


@dataclass(slots=True)
class CallMerged:
    """Two calls became one, as after an attended transfer; the older one goes on."""

    call: str
    at: float
    into: str


@dataclass(slots=True)
class LegBegan:
    call: str
    at: float
    leg: str
    channel: str


@dataclass(slots=True)
class LegEnded:
    call: str
    at: float
    leg: str
    cause: int | None


@dataclass(slots=True)
class Bridged:
    """A leg came into a bridge, or left it (`apart`)."""

    call: str
    at: float
    leg: str
    bridge: str
    apart: bool = False


@dataclass(slots=True)
class QueueJoined:
    call: str
    at: float
    leg: str
    queue: str


@dataclass(slots=True)
class QueueLeft:
    """`outcome` is `answered`, `abandoned`, `unanswered`, or that nobody saw it."""

    call: str
    at: float
    leg: str
    queue: str
    outcome: str
    member: str | None = None


@dataclass(slots=True)
class Transferred:
    """`kind` is `blind` or `attended`; `to` the extension, or the leg that was joined."""

    call: str
    at: float
    leg: str
    kind: str
    to: str


@dataclass(slots=True)
class RecorderStarted:
    """`segment` counts the recorders of a leg: it gets a new one when it comes back to its caller."""

    call: str
    at: float
    leg: str
    segment: int = 1


@dataclass(slots=True)
class RecorderStopped:
    """`reason` in a few words: the leg ended, it was told to stop, it was gone when we came back."""

    call: str
    at: float
    leg: str
    reason: str


@dataclass(slots=True)
class Heard:
    """A step of a caller's conversation: which menu of which service they were at and what they did there."""

    call: str
    at: float
    service: str
    menu: str
    language: str | None
    did: str


@dataclass(slots=True)
class Announced:
    """The recording announcement was played; `whole` says whether to its end."""

    call: str
    at: float
    language: str | None
    whole: bool


@dataclass(slots=True)
class Decided:
    """Where the conversation sent the call and why it is, or is not, recorded there."""

    call: str
    at: float
    result: str
    reason: str


@dataclass(slots=True)
class DoorOpened:
    """The payments door opened to `leg`, after `took` seconds. `channels` tell what ran on each."""

    call: str
    at: float
    leg: str
    about: str
    took: float
    channels: tuple[dict[str, object], ...]
    supervisors: tuple[str, ...]


@dataclass(slots=True)
class Resumed:
    """`leg` asked for the recording to go on after a payment: these channels are no longer sealed."""

    call: str
    at: float
    leg: str
    channels: tuple[str, ...]


@dataclass(slots=True)
class DoorRefused:
    """The dialplan let `leg` pass no door. `about` is what had knocked, as of `DoorOpened`.

    `service` is where a caller for payments came from, and is taken back to.
    """

    call: str
    at: float
    leg: str
    about: str
    service: str


@dataclass(slots=True)
class Guarded:
    """Something went round the payments door, and `exposure` seconds later the guard had stopped recorders, or not."""

    call: str
    at: float
    leg: str
    event: str
    exposure: float
    channels: tuple[str, ...]
    stopped: bool = True


@dataclass(slots=True)
class Objected:
    """The caller objects to being recorded, as an agent at handset `who` has said on `leg`.

    `recorders` is how many were stopped that the agent's own channel had not stopped itself.
    """

    call: str
    at: float
    leg: str
    who: str
    recorders: int = 0


@dataclass(slots=True)
class KeptSafe:
    """An agent at handset `who` has a call kept for somebody's safety, by `hold`; None where it is still to be made."""

    call: str
    at: float
    leg: str
    who: str
    hold: int | None = None


@dataclass(slots=True)
class Supervised:
    """A supervisor at a handset, on `leg`: `did` is refused, joined, changed, left or thrown off.

    `call` is that which they joined or asked for, and else their own; `agent` the leg that they hear.
    """

    call: str
    at: float
    leg: str
    who: str
    did: str
    agent: str | None = None
    service: str | None = None
    mode: str | None = None
    reason: str | None = None
    seconds: float | None = None


Notice: TypeAlias = (
    CallBegan
    | CallIdentified
    | CallEnded
    | CallMerged
    | LegBegan
    | LegEnded
    | Bridged
    | QueueJoined
    | QueueLeft
    | Transferred
    | RecorderStarted
    | RecorderStopped
    | Heard
    | Announced
    | Decided
    | DoorOpened
    | DoorRefused
    | Resumed
    | Guarded
    | Objected
    | KeptSafe
    | Supervised
)
