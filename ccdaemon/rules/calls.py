"""The graph of channels, bridges and queues, as Asterisk's events draw it: (calls, event) to (calls, notices).

What is here is a model, and may lag behind Asterisk by as much as events are on their way: it serves register and
status. Nothing that must be safe rests on it alone. Events may come twice, late, or about channels that nobody
announced; each leaves the graph in a state that agrees with it.
Source: the Asterisk documentation on AMI events.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from ccdaemon.model import Event, endpoint_of
from ccdaemon.notices import (
    Bridged,
    CallBegan,
    CallEnded,
    CallMerged,
    LegBegan,
    LegEnded,
    Notice,
    QueueLeft,
    RecorderStarted,
    RecorderStopped,
    Transferred,
)
from ccdaemon.rules.queues import UNSEEN, Member, Queues, is_delivery

STARTED = "CCRecorder"  # the user event of cc-connected
HOLDING = "holding_bridge"  # who is parked shares it with strangers, and hears none of them
APART = ("Park", "Parked Call", "BridgeWait")  # applications in which one is in such a bridge
OF_CALLERS = frozenset({"QueueCallerJoin", "QueueCallerLeave", "QueueCallerAbandon", "AgentConnect"})
_MADE = re.compile(r"(\d+)\.(\d+)$")  # the end of a Uniqueid: [SYSTEM-]EPOCH.NUMBER


@dataclass(slots=True)
class Leg:
    """A channel that is up."""

    id: str
    call: str
    channel: str
    bridge: str | None = None
    recorded: bool = False
    segment: int = 0  # how many recorders of ours it has had
    sealed: bool = False  # by the payments door: nothing may record it any more
    objected: bool = False  # the caller objects: nothing records it again

    @property
    def endpoint(self) -> str:
        return endpoint_of(self.channel)

    @property
    def quiet(self) -> bool:
        return self.sealed or self.objected


@dataclass(slots=True)
class Call:
    """All legs that share a Linkedid."""

    id: str
    began: float
    service: str | None = None
    language: str | None = None
    legs: set[str] = field(default_factory=set)


class Calls:
    """Everything that is live. `apply` takes it on by one event."""

    def __init__(self) -> None:
        self.legs: dict[str, Leg] = {}
        self.calls: dict[str, Call] = {}
        self.queues = Queues()
        self.seals = 0  # how often something was sealed
        self._handlers = {
            "Newchannel": self._new_channel,
            "Hangup": self._hangup,
            "BridgeEnter": self._bridge_enter,
            "BridgeLeave": self._bridge_leave,
            "BlindTransfer": self._blind_transfer,
            "AttendedTransfer": self._attended_transfer,
            "QueueCallerJoin": self._queue_join,
            "QueueCallerLeave": self._queue_leave,
            "QueueCallerAbandon": self._queue_abandon,
            "AgentConnect": self._agent_connect,
            "MixMonitorStart": self._recorder_start,
            "MixMonitorStop": self._recorder_stop,
            "UserEvent": self._told,
            "QueueMemberStatus": self._member,
            "QueueMemberAdded": self._member,
            "QueueMemberPause": self._member,
            "QueueMemberRemoved": self._member_removed,
        }

    @property
    def recorders(self) -> int:
        return sum(leg.recorded for leg in self.legs.values())

    def apply(self, event: Event, now: float) -> list[Notice]:
        """Take the graph on by one event and say what happened. `now` counts for events that bring no time."""
        handler = self._handlers.get(event.get("Event", ""))
        if handler is None or (event["Event"] in OF_CALLERS and is_delivery(event["Channel"])):
            return []
        notices: list[Notice] = []
        stamp = event.get("Timestamp")
        handler(event, float(stamp) if stamp else now, notices)
        return notices

    def identify(self, call: str, service: str | None, language: str | None) -> None:
        """What the caller's conversation knows of a call, for the status."""
        if (known := self.calls.get(call)) is not None:
            known.service, known.language = service or known.service, language or known.language

    def seal(self, legs: Iterable[str]) -> None:
        """The payments door has sealed these."""
        self.seals += 1
        for leg in self.legs.keys() & set(legs):
            self.legs[leg].sealed = True

    def unseal(self, legs: Iterable[str]) -> None:
        """What they say may be recorded again: nobody who takes payments is with them."""
        for leg in self.legs.keys() & set(legs):
            self.legs[leg].sealed = False

    def object_to(self, legs: Iterable[str]) -> None:
        for leg in self.legs.keys() & set(legs):
            self.legs[leg].objected = True

    # --- channels and bridges ----------------------------------------------------------------------------------------

    def _leg(self, event: Event, at: float, notices: list[Notice]) -> Leg:
        """The leg that an event speaks of: made if nobody announced it, its call merged into an older one."""
        leg = self._known(event, at, notices)
        # A younger Linkedid than the one that we know is that of an event from before a merger.
        if event["Linkedid"] != leg.call and _is_older(event["Linkedid"], leg.call):
            self._move(self.calls[leg.call].legs, event["Linkedid"], at, notices)
        return leg

    def _known(self, event: Event, at: float, notices: list[Notice]) -> Leg:
        uniqueid, call = event["Uniqueid"], event["Linkedid"]
        leg = self.legs.get(uniqueid)
        if leg is None:
            if call not in self.calls:
                self.calls[call] = Call(call, at)
                notices.append(CallBegan(call, at))
            leg = self.legs[uniqueid] = Leg(uniqueid, call, event["Channel"])
            for other in map(self.legs.__getitem__, self.calls[call].legs):  # as in Asterisk both are inherited
                leg.sealed, leg.objected = leg.sealed or other.sealed, leg.objected or other.objected
            self.calls[call].legs.add(uniqueid)
            notices.append(LegBegan(call, at, uniqueid, leg.channel))
        return leg

    def _move(self, legs: Collection[str], call: str, at: float, notices: list[Notice]) -> None:
        """Give legs of one call to another. When they are all that it had, two calls have become one."""
        moved = [self.legs[leg] for leg in legs]
        old = self.calls[moved[0].call]
        if call not in self.calls:
            self.calls[call] = Call(call, old.began, old.service, old.language)
            notices.append(CallBegan(call, old.began))
        for leg in moved:
            leg.call = call
            self.calls[call].legs.add(leg.id)
            old.legs.discard(leg.id)
        if old.legs:
            notices += [LegBegan(call, at, leg.id, leg.channel) for leg in moved]
        else:
            into = self.calls[call]
            self.identify(call, into.service or old.service, into.language or old.language)
            notices.append(CallMerged(old.id, at, call))
            del self.calls[old.id]

    def _new_channel(self, event: Event, at: float, notices: list[Notice]) -> None:
        self._leg(event, at, notices)

    def _hangup(self, event: Event, at: float, notices: list[Notice]) -> None:
        leg = self.legs.get(event["Uniqueid"])
        if leg is not None:
            cause = event.get("Cause", "")
            self._end(leg, at, int(cause) if cause.isdecimal() else None, notices)

    def _end(self, leg: Leg, at: float, cause: int | None, notices: list[Notice], *, seen: bool = True) -> None:
        call = self.calls[leg.call]
        notices += self.queues.hang_up(leg.id, leg.call, at, "abandoned" if seen else UNSEEN)
        if leg.recorded:
            notices.append(
                RecorderStopped(leg.call, at, leg.id, "the leg ended" if seen else "ended while we were away")
            )
        notices.append(LegEnded(leg.call, at, leg.id, cause))
        del self.legs[leg.id]
        call.legs.discard(leg.id)
        if not call.legs:
            notices.append(CallEnded(call.id, at, seen))
            del self.calls[call.id]

    def _bridge_enter(self, event: Event, at: float, notices: list[Notice]) -> None:
        leg = self._leg(event, at, notices)
        if event.get("BridgeTechnology") == HOLDING:
            return
        leg.bridge = event["BridgeUniqueid"]
        notices.append(Bridged(leg.call, at, leg.id, leg.bridge))

    def _bridge_leave(self, event: Event, at: float, notices: list[Notice]) -> None:
        leg = self._leg(event, at, notices)
        if leg.bridge == event["BridgeUniqueid"]:
            leg.bridge = None
            notices.append(Bridged(leg.call, at, leg.id, event["BridgeUniqueid"], apart=True))

    def _blind_transfer(self, event: Event, at: float, notices: list[Notice]) -> None:
        if event.get("Result") == "Success":
            self._transferred(event, "Transferer", at, "blind", event.get("Extension", ""), notices)

    def _attended_transfer(self, event: Event, at: float, notices: list[Notice]) -> None:
        if event.get("Result") == "Success":
            target = event.get("SecondTransfererUniqueid", "")
            self._transferred(event, "OrigTransferer", at, "attended", target, notices)

    def _transferred(self, event: Event, prefix: str, at: float, kind: str, to: str, notices: list[Notice]) -> None:
        """Who transfers may have hung up already: their leg is not made anew, and a call that is over has no news."""
        uniqueid = event.get(f"{prefix}Uniqueid", "")
        leg = self.legs.get(uniqueid)
        call = leg.call if leg is not None else event.get(f"{prefix}Linkedid", "")
        if call in self.calls:
            notices.append(Transferred(call, at, uniqueid, kind, to))

    # --- queues ------------------------------------------------------------------------------------------------------

    def _queue_join(self, event: Event, at: float, notices: list[Notice]) -> None:
        leg = self._leg(event, at, notices)
        notices += self.queues.join(event["Queue"], leg.id, leg.call, at)

    def _queue_leave(self, event: Event, at: float, notices: list[Notice]) -> None:
        """Comes before AgentConnect where an agent answers; then that says how it ended, and else the next event."""
        if self.queues.waits(event["Queue"], event["Uniqueid"]):
            leg = self._leg(event, at, notices)
            notices += self.queues.leave(event["Queue"], leg.id, leg.call, at, "unanswered")

    def _queue_abandon(self, event: Event, at: float, notices: list[Notice]) -> None:
        """Comes before QueueCallerLeave."""
        leg = self._leg(event, at, notices)
        notices += self.queues.leave(event["Queue"], leg.id, leg.call, at, "abandoned")

    def _agent_connect(self, event: Event, at: float, notices: list[Notice]) -> None:
        caller = self._leg(event, at, notices)
        self.queues[event["Queue"]].waiting.pop(caller.id, None)
        notices.append(QueueLeft(caller.call, at, caller.id, event["Queue"], "answered", event.get("Interface")))

    def _member(self, event: Event, _at: float, _notices: list[Notice]) -> None:
        self.queues[event["Queue"]].members[event["Interface"]] = Member.of(event)

    def _member_removed(self, event: Event, _at: float, _notices: list[Notice]) -> None:
        self.queues[event["Queue"]].members.pop(event["Interface"], None)

    # --- recorders ---------------------------------------------------------------------------------------------------

    def _recorder_start(self, event: Event, at: float, notices: list[Notice]) -> None:
        """Anybody's; what ours records is told by `cc-connected`."""
        self._leg(event, at, notices).recorded = True

    def _told(self, event: Event, at: float, notices: list[Notice]) -> None:
        segment = event.get("Segment", "")
        if event.get("UserEvent") == STARTED and segment.isdecimal():
            leg = self._leg(event, at, notices)
            leg.recorded, leg.segment = True, int(segment)
            notices.append(RecorderStarted(leg.call, at, leg.id, leg.segment))

    def _recorder_stop(self, event: Event, at: float, notices: list[Notice]) -> None:
        leg = self.legs.get(event["Uniqueid"])
        if leg is not None and leg.recorded:
            leg.recorded = False
            notices.append(RecorderStopped(leg.call, at, leg.id, "it was told to stop"))

    # --- after the link was away -------------------------------------------------------------------------------------

    def resynchronise(
        self, channels: Iterable[Event], members: Iterable[Event], entries: Iterable[Event], now: float
    ) -> list[Notice]:
        """Make the graph agree with what Asterisk lists now: CoreShowChannel, QueueMember and QueueEntry."""
        notices: list[Notice] = []
        live = {channel["Uniqueid"]: channel for channel in channels}
        for channel in live.values():
            leg = self._known(channel, now, notices)
            if leg.call != channel["Linkedid"]:
                self._move({leg.id}, channel["Linkedid"], now, notices)
            leg.bridge = (channel.get("Application") not in APART and channel.get("BridgeId")) or None
        for leg in [leg for leg in self.legs.values() if leg.id not in live]:
            self._end(leg, now, None, notices, seen=False)
        legs = {leg.id: leg.call for leg in self.legs.values()}
        return [*notices, *self.queues.resynchronise(members, entries, legs, now)]


def _is_older(one: str, other: str) -> bool:
    """Of two Linkedids Asterisk keeps the older (ast_channel_internal_oldest_linkedid)."""
    made, made_other = _MADE.search(one), _MADE.search(other)
    if made is None or made_other is None:  # given by hand: nothing to compare, so the event is believed
        return one != other
    return (int(made[1]), int(made[2])) < (int(made_other[1]), int(made_other[2]))
