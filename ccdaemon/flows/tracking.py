"""AMI events to calls to register and status: one consumer, in Asterisk's order.

After every login, what is live is read again before any event counts, because events that came while the link was away
are lost for ever. Reading comes after subscribing: what happens meanwhile waits in the link, and is applied afterwards
to a graph on which it changes nothing that is not so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NoReturn, Protocol

from ccdaemon.flows.inbound import Journal
from ccdaemon.flows.interlock import OBJECTED, PAYMENTS, YES
from ccdaemon.kept import Recording
from ccdaemon.model import Event
from ccdaemon.notices import CallEnded, LegEnded, QueueLeft
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.queues import UNSEEN

OUR_VARIABLES = f"CC_SERVICE,CC_LANG,CC_SEALED,{OBJECTED}"
UNSET = "(null)"


class Switch(Protocol):
    async def listing(self, name: str, fields: Mapping[str, str] = {}) -> list[dict[str, str]]: ...

    async def events(self) -> list[dict[str, str]]: ...


class Register(Protocol):
    async def open_calls(self) -> list[str]: ...

    async def open_legs(self) -> list[tuple[str, str]]: ...

    async def open_visits(self) -> list[tuple[str, str, str]]: ...

    async def unfinished_recordings(self) -> list[Recording]: ...


async def track(
    switch: Switch,
    calls: Calls,
    journal: Journal,
    clock: Callable[[], float],
    changed: Callable[[], None],
    heard: Callable[[Event], None],
) -> NoReturn:
    """Follow events until `events` raises, because the link is gone; `heard` gets each once it is applied."""
    while True:
        for event in await switch.events():
            journal.note(*calls.apply(event, clock()))
            heard(event)
        changed()


async def resynchronise(switch: Switch, calls: Calls, register: Register, journal: Journal, now: float) -> None:
    """Read what is live; close in graph and register what ended while nobody looked."""
    channels = await switch.listing("CoreShowChannels")
    queues = await switch.listing("QueueStatus")
    members = [entry for entry in queues if entry.get("Event") == "QueueMember"]
    entries = [entry for entry in queues if entry.get("Event") == "QueueEntry"]
    journal.note(*calls.resynchronise(channels, members, entries, now))
    for status in await switch.listing("Status", {"Variables": OUR_VARIABLES}):
        variables = _variables(status)
        calls.identify(status.get("Linkedid", ""), variables.get("CC_SERVICE"), variables.get("CC_LANG"))
        if variables.get("CC_SEALED") == PAYMENTS:
            calls.seal([status["Uniqueid"]])
        if variables.get(OBJECTED) == YES:
            calls.object_to([status["Uniqueid"]])
    for recording in await register.unfinished_recordings():  # Asterisk lists no recorders: one ends with its leg
        if recording.stopped is None and recording.leg in calls.legs:
            live = calls.legs[recording.leg]
            live.recorded, live.segment = not live.objected, max(live.segment, recording.segment)
    for leg, queue, call in await register.open_visits():
        if not calls.queues.waits(queue, leg):
            journal.note(QueueLeft(call, now, leg, queue, UNSEEN))
    for leg, call in await register.open_legs():
        if leg not in calls.legs:
            journal.note(LegEnded(call, now, leg, None))
    for call in await register.open_calls():
        if call not in calls.calls:
            journal.note(CallEnded(call, now, seen=False))


def _variables(status: Event) -> dict[str, str]:
    """`Variable: NAME=VALUE`, once for each; ours come one to a line, and one that is not set is `(null)`."""
    pairs = (line.partition("=") for line in status.get("Variable", "").split("\n"))
    return {name: value for name, _, value in pairs if value not in {"", UNSET}}
