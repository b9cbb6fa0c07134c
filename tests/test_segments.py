"""A new segment for who comes back to their caller, and none for anybody else."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from ccdaemon.faults import SwitchRefused
from ccdaemon.flows.segments import Segments
from ccdaemon.model import Event
from ccdaemon.rules.calls import Calls
from tests.builders import Noticeboard, an_event, channel_of, records

AGENT, CALLER, COLLEAGUE = "100.2", "100.1", "100.7"
CALL = CALLER
PRESS, STOP = f"PlayDTMF {channel_of(AGENT)}", f"StopMixMonitor {channel_of(AGENT)}"


def enters(leg: str, bridge: str) -> Event:
    return an_event("BridgeEnter", leg, CALL, BridgeUniqueid=bridge)


def leaves(leg: str, bridge: str) -> Event:
    return an_event("BridgeLeave", leg, CALL, BridgeUniqueid=bridge)


TOGETHER = records(AGENT, CALL), enters(AGENT, "b1"), enters(CALLER, "b1")
CONSULTS = leaves(AGENT, "b1"), enters(AGENT, "b2"), enters(COLLEAGUE, "b2")
SWAPS = leaves(AGENT, "b2"), enters(AGENT, "b1")
OVER = an_event("Hangup", COLLEAGUE, CALL)
BACK = OVER, *SWAPS


@dataclass
class Switch:
    """An Asterisk, and what it was told. A key pressed starts a recorder, unless `deaf`."""

    calls: Calls = field(default_factory=Calls)
    board: Noticeboard = field(default_factory=Noticeboard)
    refuses: str | None = None
    deaf: bool = False
    done: list[str] = field(default_factory=list)
    segments: Segments = field(init=False)

    def __post_init__(self) -> None:
        self.segments = Segments(self, self.calls, self.board)

    async def listing(self, name: str) -> list[dict[str, str]]:
        raise AssertionError(name)

    async def action(self, name: str, fields: Mapping[str, str]) -> Mapping[str, str]:
        if self.refuses is not None:
            raise SwitchRefused(self.refuses)
        told = f"{name} {fields['Channel']}"
        if told == STOP and STOP in self.done:
            message = "StopMixMonitor: Could not stop monitoring channel"
            raise SwitchRefused(message)
        self.done.append(told)
        if name == "PlayDTMF" and not self.deaf:
            assert (fields["Digit"], fields["Receive"]) == ("A", "true")
            await self.hear(an_event("MixMonitorStop", AGENT, CALL), records(AGENT, CALL, segment=2))
        return {}

    async def hear(self, *events: Event) -> None:
        for event in events:
            self.calls.apply(event, 0.0)
            await asyncio.gather(*self.segments.heard(event))


STOPPED = an_event("MixMonitorStop", AGENT, CALL)


@pytest.mark.parametrize(
    ("claim", "events", "done"),
    [
        ("the first bridge is where its recorder belongs", TOGETHER, []),
        ("in whatever order they come", [TOGETHER[0], *TOGETHER[:0:-1]], []),
        ("a consultation is not recorded", [*TOGETHER, *CONSULTS], [STOP]),
        ("nor one whose colleague is there first", [*TOGETHER, CONSULTS[0], CONSULTS[2], CONSULTS[1]], [STOP]),
        ("who waits alone is left alone", [*TOGETHER, *CONSULTS[:2]], []),
        ("who is back is recorded anew", [*TOGETHER, *CONSULTS, STOPPED, *BACK], [STOP, PRESS]),
        ("also where nobody answered", [*TOGETHER, *CONSULTS[:2], *BACK], [PRESS]),
        ("not while a colleague waits", [*TOGETHER, *CONSULTS, STOPPED, *SWAPS], [STOP]),
        ("but once they have gone", [*TOGETHER, *CONSULTS, STOPPED, *SWAPS, OVER], [STOP, PRESS]),
        ("where the colleague leaves last", [*TOGETHER, *CONSULTS[:2], *SWAPS, CONSULTS[2], OVER], [PRESS]),
        ("not whose colleague goes while they speak", [*TOGETHER, *CONSULTS, STOPPED, *SWAPS, *CONSULTS, OVER], [STOP]),
        ("and with a third", [*TOGETHER, *CONSULTS, *BACK, enters(COLLEAGUE, "b1")], [STOP, PRESS, PRESS]),
        ("and once the third has left", [*TOGETHER, enters(COLLEAGUE, "b1"), leaves(COLLEAGUE, "b1")], [PRESS, PRESS]),
        ("not of who was never recorded", [*TOGETHER[1:], enters(COLLEAGUE, "b1"), leaves(COLLEAGUE, "b1")], []),
        ("one that began in mid-conversation", [*TOGETHER[1:], TOGETHER[0], *CONSULTS, STOPPED, *BACK], [STOP, PRESS]),
        ("who was never recorded is not now", [*TOGETHER[1:], *CONSULTS, *BACK], []),
        ("a leg that hung up is forgotten", [*TOGETHER, an_event("Hangup", AGENT, CALL), enters(CALLER, "b1")], []),
    ],
)  # fmt: skip
async def test_a_recorder_follows_its_caller(
    claim: str, events: list[Event], done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ccdaemon.flows.segments.SETTLES", 0)
    switch = Switch()
    await switch.hear(*events)
    assert switch.done == done, claim
    assert switch.board.history == []


async def test_who_is_sealed_is_left_to_the_door() -> None:
    switch = Switch()
    await switch.hear(*TOGETHER)
    switch.calls.seal([AGENT])
    await switch.hear(*CONSULTS, *BACK)
    assert switch.done == []


async def test_who_objects_gets_no_new_segment_and_that_is_no_alarm() -> None:
    switch = Switch()
    await switch.hear(*TOGETHER)
    switch.calls.object_to([AGENT])
    await switch.hear(*CONSULTS, *BACK)
    assert (switch.done, switch.board.history) == ([], [])


async def test_after_a_restart_a_recorded_leg_is_where_it_belongs() -> None:
    switch = Switch()
    await switch.hear(*TOGETHER)
    switch.segments = Segments(switch, switch.calls, switch.board)
    await switch.hear(*CONSULTS)
    assert switch.done == [STOP]


@pytest.mark.parametrize(
    ("refuses", "alarms"),
    [
        ("PlayDTMF: Channel is busy", ["Channel is busy"]),
        (None, ["nothing started"]),
        ("PlayDTMF: No such channel", []),
    ],
)
async def test_that_nothing_started_is_an_alarm_until_something_does(
    refuses: str | None, alarms: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ccdaemon.flows.segments.DEADLINE", 0.01)
    switch = Switch(deaf=True)
    await switch.hear(*TOGETHER, *CONSULTS)
    switch.refuses = refuses
    await switch.hear(*BACK)
    standing = [text.partition("recorded: ")[2].partition(".")[0] for text in switch.board.standing.values()]
    assert [text.removeprefix("PlayDTMF: ") for text in standing] == alarms
    switch.refuses, switch.deaf = None, False
    await switch.hear(enters(AGENT, "b1"))
    assert switch.board.standing == {}


async def test_a_recorder_that_cannot_be_paused_is_no_alarm() -> None:
    switch = Switch()
    await switch.hear(*TOGETHER)
    switch.refuses = "StopMixMonitor: Permission denied"
    await switch.hear(*CONSULTS)
    assert switch.board.history == []
