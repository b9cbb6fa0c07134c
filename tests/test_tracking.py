"""The manager link's stories: what is live is read again, events are followed, the dialplan hears our pulse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ccdaemon.asterisk.ami import AmiDisconnected
from ccdaemon.flows.heartbeat import beat, stop_beating
from ccdaemon.flows.journal import Journal
from ccdaemon.flows.tracking import OUR_VARIABLES, resynchronise, track
from ccdaemon.model import Event
from ccdaemon.notices import (
    CallBegan,
    LegBegan,
    Notice,
    QueueJoined,
    RecorderStarted,
    RecorderStopped,
)
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.queues import UNSEEN
from ccdaemon.store import Register
from tests.builders import Noticeboard, a_register, an_event, channel_of, in_queue, listed

CALLER, AGENT, CALL = "1783328400.1", "1783328400.2", "1783328400.1"
OTHER = "1783328460.6"
AT, NOW = 1783328400.0, 1783329000.0


@dataclass
class Switch:
    """An Asterisk that lists what it is told to, has these reads of events, and then is gone."""

    channels: list[Event] = field(default_factory=list)
    queues: list[Event] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)  # leg -> `Variable` as Status has it
    reads: list[list[Event]] = field(default_factory=list)
    beats: int = 0
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    async def listing(self, name: str, fields: Mapping[str, str] = {}) -> list[dict[str, str]]:
        self.asked.append((name, dict(fields)))
        match name:
            case "CoreShowChannels":
                return [dict(each) for each in self.channels]
            case "QueueStatus":
                return [dict(each) for each in self.queues]
            case "Status":
                return [self._status(each) for each in self.channels]
        raise AssertionError(name)

    def _status(self, channel: Event) -> dict[str, str]:
        variable = self.variables.get(channel["Uniqueid"], "")
        ids = {"Uniqueid": channel["Uniqueid"], "Linkedid": channel["Linkedid"]}
        return {"Event": "Status", **ids, "Variable": variable}

    async def events(self) -> list[dict[str, str]]:
        if not self.reads:
            raise AmiDisconnected
        return [dict(event) for event in self.reads.pop(0)]

    async def action(self, name: str, fields: Mapping[str, str]) -> None:
        self.asked.append((name, dict(fields)))
        self.beats -= 1
        if self.beats < 0:
            raise AmiDisconnected


class Notes:
    """What was noted, and after which of it monitoring was told that something changed."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self.changes: list[int] = []

    def note(self, *notices: Notice) -> None:
        self.notices += notices

    def changed(self) -> None:
        self.changes.append(len(self.notices))


@pytest.fixture
async def register(tmp_path: Path) -> AsyncIterator[Register]:
    async with a_register(tmp_path / "register.sqlite3") as register:
        yield register


async def agree(switch: Switch, calls: Calls, register: Register) -> None:
    """Log in, and write down what that brings to light."""
    journal = Journal(register, Noticeboard())
    await resynchronise(switch, calls, register, journal, NOW)
    assert await journal.flush()


# --- events ----------------------------------------------------------------------------------------------------------


async def test_events_are_followed_in_their_order_and_told_of_once_for_each_read() -> None:
    reads = [
        [an_event("Newchannel", CALLER, CALL, AT), an_event("QueueCallerJoin", CALLER, CALL, AT + 5, Queue="housing")],
        [],
        [an_event("Newchannel", AGENT, CALL), {"Event": "Unheard of"}],
    ]
    notes, calls, heard = Notes(), Calls(), list[Event]()
    with pytest.raises(AmiDisconnected):
        await track(Switch(reads=reads), calls, notes, lambda: NOW, notes.changed, heard.append)
    assert notes.notices == [
        CallBegan(CALL, AT),
        LegBegan(CALL, AT, CALLER, channel_of(CALLER)),
        QueueJoined(CALL, AT + 5, CALLER, "housing"),
        LegBegan(CALL, NOW, AGENT, channel_of(AGENT)),  # an event without a time happened now
    ]
    assert notes.changes == [3, 3, 4]
    assert [event["Event"] for event in heard] == ["Newchannel", "QueueCallerJoin", "Newchannel", "Unheard of"]
    assert set(calls.legs) == {CALLER, AGENT}


# --- what is live ----------------------------------------------------------------------------------------------------


async def test_what_is_live_at_the_first_login_is_known_and_entered(register: Register) -> None:
    switch = Switch(
        channels=[listed(CALLER, CALL, "b1"), listed(AGENT, CALL, "b1"), listed(OTHER, OTHER)],
        queues=[
            {"Event": "QueueParams", "Queue": "housing", "Calls": "1"},
            {"Event": "QueueMember", "Queue": "housing", "Location": "PJSIP/1001", "Status": "2", "Paused": "0"},
            dict(in_queue("housing", OTHER, 30)),
        ],
        variables={CALLER: "CC_SERVICE=housing\nCC_LANG=cy", OTHER: "CC_SERVICE=\nCC_LANG="},
    )
    calls = Calls()
    await agree(switch, calls, register)
    assert sorted(await register.open_calls()) == [CALL, OTHER]
    assert {leg for leg, _ in await register.open_legs()} == {CALLER, AGENT, OTHER}
    assert [(each.at, each.kind) for each in await register.timeline(OTHER)] == [
        (NOW - 30, "joined queue"),
        (NOW, "leg began"),
    ]
    assert calls.legs[AGENT].bridge == "b1"
    assert calls.queues["housing"].members["PJSIP/1001"].logged_in
    assert list(calls.queues["housing"].waiting) == [OTHER]
    assert ("Status", {"Variables": OUR_VARIABLES}) in switch.asked


@pytest.mark.parametrize(
    ("variable", "service", "language"),
    [
        ("CC_SERVICE=housing\nCC_LANG=cy", "housing", "cy"),
        ("CC_LANG=cy\nCC_SERVICE=housing", "housing", "cy"),
        ("CC_SERVICE=housing\nCC_LANG=", "housing", None),
        ("CC_SERVICE=\nCC_LANG=", None, None),
        ("CC_SERVICE=housing\nCC_LANG=(null)", "housing", None),
        ("", None, None),
        ("CC_SERVICE=a=b", "a=b", None),
        ("nonsense", None, None),
    ],
)
async def test_a_live_call_says_itself_what_it_is_about(
    register: Register, variable: str, service: str | None, language: str | None
) -> None:
    calls = Calls()
    await agree(Switch(channels=[listed(CALLER, CALL)], variables={CALLER: variable}), calls, register)
    assert (calls.calls[CALL].service, calls.calls[CALL].language) == (service, language)


@pytest.mark.parametrize(("sealed", "so"), [("payments", True), ("phone", False), ("", False)])
async def test_a_live_call_that_is_sealed_is_known_to_be(register: Register, *, sealed: str, so: bool) -> None:
    calls = Calls()
    variables = {CALLER: f"CC_SERVICE=housing\nCC_LANG=cy\nCC_SEALED={sealed}"}
    await agree(Switch(channels=[listed(CALLER, CALL)], variables=variables), calls, register)
    assert calls.legs[CALLER].sealed is so


async def test_what_ended_while_the_daemon_was_away_is_closed_and_said_to_be_unseen(register: Register) -> None:
    """The graph is a new one: only the register remembers these calls."""
    await register.write(
        [
            CallBegan(CALL, AT),
            LegBegan(CALL, AT, CALLER, "PJSIP/trunk-1"),
            LegBegan(CALL, AT, AGENT, "PJSIP/1001-2"),
            RecorderStarted(CALL, AT + 9, AGENT),
            CallBegan(OTHER, AT + 60),
            LegBegan(OTHER, AT + 60, OTHER, "PJSIP/trunk-6"),
        ]
    )
    await agree(Switch(channels=[listed(OTHER, OTHER)]), Calls(), register)
    assert await register.open_calls() == [OTHER]
    assert await register.open_legs() == [(OTHER, OTHER)]
    row = await register.call(CALL)
    assert row is not None
    assert (row.ended, row.seen_end) == (NOW, False)
    (recording,) = await register.recordings(CALL)
    assert (recording.stopped, recording.reason) == (NOW, "the leg ended")


async def test_who_was_answered_or_left_while_the_daemon_was_away_does_not_wait_for_ever(register: Register) -> None:
    await register.write(
        [
            *(LegBegan(CALL, AT, leg, f"PJSIP/trunk-{leg}") for leg in (CALLER, OTHER, AGENT)),
            *(QueueJoined(CALL, AT + 1, leg, "housing") for leg in (CALLER, OTHER, AGENT)),
        ]
    )
    queues = [in_queue("housing", CALLER, 30)]
    live = [listed(CALLER, CALL), listed(OTHER, CALL)]  # one waits still, one speaks with somebody, one has gone
    await agree(Switch(channels=live, queues=queues), Calls(), register)
    assert await register.open_visits() == [(CALLER, "housing", CALL)]
    left = [moment for moment in await register.timeline(CALL) if moment.kind == "left queue"]
    assert {(moment.leg, moment.detail["outcome"]) for moment in left} == {(OTHER, UNSEEN), (AGENT, UNSEEN)}


async def test_what_ended_while_the_link_was_away_is_closed_once(register: Register) -> None:
    """The daemon lived on: graph and register both remember, and say the same."""
    calls = Calls()
    await agree(Switch(channels=[listed(CALLER, CALL)]), calls, register)
    await agree(Switch(), calls, register)
    await agree(Switch(), calls, register)
    assert (calls.calls, calls.legs) == ({}, {})
    assert [each.kind for each in await register.timeline(CALL)] == ["leg began", "leg ended"]
    assert await register.open_calls() == []


async def test_a_call_that_the_register_held_to_be_over_and_is_live_goes_on(register: Register) -> None:
    calls = Calls()
    await agree(Switch(channels=[listed(CALLER, CALL)]), calls, register)
    await agree(Switch(), calls, register)
    await agree(Switch(channels=[listed(CALLER, CALL)]), calls, register)
    assert await register.open_calls() == [CALL]


async def test_a_call_that_went_on_while_the_daemon_was_away_stays_one_call(register: Register) -> None:
    calls = Calls()
    await agree(Switch(channels=[listed(CALLER, CALL)]), calls, register)
    await agree(Switch(channels=[listed(CALLER, CALL)]), Calls(), register)
    row = await register.call(CALL)
    assert row is not None
    assert (row.began, row.ended) == (NOW, None)
    assert [each.kind for each in await register.timeline(CALL)] == ["leg began"]


async def test_a_recorder_that_ran_before_the_daemon_started_is_counted_until_its_leg_ends(register: Register) -> None:
    await register.write(
        [CallBegan(CALL, AT), LegBegan(CALL, AT, AGENT, "PJSIP/1001-2"), RecorderStarted(CALL, AT, AGENT)]
    )
    calls = Calls()
    await agree(Switch(channels=[listed(AGENT, CALL)]), calls, register)
    assert calls.recorders == 1
    await register.write(calls.apply(an_event("Hangup", AGENT, CALL, NOW + 9, Cause="16"), NOW))
    assert calls.recorders == 0
    (recording,) = await register.recordings(CALL)
    assert (recording.stopped, recording.reason) == (NOW + 9, "the leg ended")


async def test_a_recorder_that_was_told_to_stop_is_not_counted_though_its_leg_is_up(register: Register) -> None:
    await register.write(
        [RecorderStarted(CALL, AT, AGENT), RecorderStopped(CALL, AT + 9, AGENT, "it was told to stop")]
    )
    calls = Calls()
    await agree(Switch(channels=[listed(AGENT, CALL)]), calls, register)
    assert calls.recorders == 0


# --- heartbeat -------------------------------------------------------------------------------------------------------


async def test_every_beat_tells_the_time_until_the_link_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ccdaemon.flows.heartbeat.INTERVAL", 0)
    switch = Switch(beats=3)
    clock = iter([AT + 0.9, AT + 2.1, AT + 4.5, AT + 6])
    with pytest.raises(AmiDisconnected):
        await beat(switch, lambda: next(clock))
    assert switch.asked == [
        ("Setvar", {"Variable": "CC_BEAT", "Value": value})
        for value in ("1783328400", "1783328402", "1783328404", "1783328406")
    ]


async def test_between_two_beats_there_is_a_pause() -> None:
    switch = Switch(beats=9)
    beating = asyncio.create_task(beat(switch, lambda: AT))
    for _ in range(20):
        await asyncio.sleep(0)
    beating.cancel()
    assert len(switch.asked) == 1


async def test_who_goes_says_so_with_a_beat_of_long_ago() -> None:
    switch = Switch(beats=1)
    await stop_beating(switch)
    assert switch.asked == [("Setvar", {"Variable": "CC_BEAT", "Value": "0"})]
    with pytest.raises(AmiDisconnected):  # and the daemon knows what to think of that
        await stop_beating(switch)
