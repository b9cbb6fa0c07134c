"""Who waits in which queue, and which agents are there: the part of the graph of calls that is about queues."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ccdaemon.model import Event
from ccdaemon.notices import Notice, QueueJoined, QueueLeft

UNSEEN = "while nobody looked"  # how a visit ended, for all that we know
# Device states as QueueMemberStatus writes them (devicestate.h).
NOT_IN_USE, IN_USE, BUSY, INVALID, UNAVAILABLE, RINGING_IN_USE, ON_HOLD = "1", "2", "3", "4", "5", "7", "8"


DELIVERIES = "cc-deliver"  # the context of calls that bring an agent a message


def is_delivery(channel: str) -> bool:
    """Does it stand in a queue for a message, and is no caller?"""
    return channel.startswith("Local/") and f"@{DELIVERIES}-" in channel


@dataclass(slots=True)
class Waiting:
    """A caller in a queue."""

    call: str
    since: float


@dataclass(slots=True)
class Member:
    """An agent's device in a queue."""

    status: str
    paused: bool
    last_call: float = 0.0  # when it ended; seconds since the epoch
    wrap_up: float = 0.0  # seconds after a call in which Asterisk gives them no other; 0: those of the queue
    penalty: int = 0  # who has a lower one is rung first
    reason: str = ""  # why they are paused
    dynamic: bool = False  # they logged in; others stand in queues.conf
    in_call: bool = False  # of this queue

    @classmethod
    def of(cls, event: Event) -> Member:
        status, paused = event.get("Status", ""), event.get("Paused") == "1"
        since_call, wrap_up = float(event.get("LastCall") or 0), float(event.get("Wrapuptime") or 0)
        reason, dynamic = event.get("PausedReason", ""), event.get("Membership") == "dynamic"
        penalty, in_call = int(event.get("Penalty") or 0), event.get("InCall") == "1"
        return cls(status, paused, since_call, wrap_up, penalty, reason, dynamic, in_call)

    def is_free(self, now: float, wrap_up: float = 0.0) -> bool:
        """`wrap_up` is that of the queue."""
        return self.status == NOT_IN_USE and not self.paused and not self.wraps_up(now, wrap_up)

    def wraps_up(self, now: float, wrap_up: float = 0.0) -> bool:
        return self.status == NOT_IN_USE and now < self.last_call + (self.wrap_up or wrap_up)

    @property
    def talks(self) -> bool:
        return self.status in {IN_USE, BUSY, RINGING_IN_USE, ON_HOLD}

    @property
    def logged_in(self) -> bool:
        return self.status not in {UNAVAILABLE, INVALID}


@dataclass(slots=True)
class Queue:
    """Callers by leg, in the order in which they came; members by interface."""

    waiting: dict[str, Waiting] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)


class Queues(dict[str, Queue]):
    """Queues by name. One that nobody has spoken of yet is empty."""

    def __missing__(self, name: str) -> Queue:
        return self.setdefault(name, Queue())

    def waits(self, queue: str, leg: str) -> bool:
        return leg in self[queue].waiting

    def join(self, queue: str, leg: str, call: str, at: float) -> list[Notice]:
        if self.waits(queue, leg):
            return []
        self[queue].waiting[leg] = Waiting(call, at)
        return [QueueJoined(call, at, leg, queue)]

    def leave(self, queue: str, leg: str, call: str, at: float, outcome: str) -> list[Notice]:
        if self[queue].waiting.pop(leg, None) is None:
            return []
        return [QueueLeft(call, at, leg, queue, outcome)]

    def hang_up(self, leg: str, call: str, at: float, outcome: str) -> list[Notice]:
        """A leg that still waits has hung up between AgentConnect and bridge, or its leaving was lost."""
        return [notice for queue in self for notice in self.leave(queue, leg, call, at, outcome)]

    def resynchronise(
        self, members: Iterable[Event], entries: Iterable[Event], calls: Mapping[str, str], now: float
    ) -> list[Notice]:
        """Agree with QueueMember and QueueEntry, as QueueStatus lists them. `calls` are the live legs' calls."""
        before = {(name, leg): entry for name, queue in self.items() for leg, entry in queue.waiting.items()}
        self.clear()
        for member in members:
            self[member["Queue"]].members[member["Location"]] = Member.of(member)
        for entry in entries:
            leg = entry["Uniqueid"]
            if leg in calls and not is_delivery(entry.get("Channel", "")):
                since = now - float(entry.get("Wait", "0"))
                self[entry["Queue"]].waiting[leg] = Waiting(calls[leg], since)
        after = {(name, leg): entry for name, queue in self.items() for leg, entry in queue.waiting.items()}
        left = [QueueLeft(calls[leg], now, leg, queue, UNSEEN) for queue, leg in before if (queue, leg) not in after]
        joined = [
            QueueJoined(entry.call, entry.since, leg, queue)
            for (queue, leg), entry in after.items()
            if (queue, leg) not in before
        ]
        return [*left, *joined]
