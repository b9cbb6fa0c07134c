"""The payments door: whom it concerns, and what it does before it opens. The scripted Asterisk takes nothing wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccdaemon.faults import SwitchLost, SwitchRefused
from ccdaemon.flows import payment as room
from ccdaemon.flows.guard import Guard
from ccdaemon.flows.interlock import Interlock
from ccdaemon.flows.payment import Door, Tally, knock_of, refusal_of
from ccdaemon.flows.supervise import Supervising
from ccdaemon.kept import RawRecording
from ccdaemon.model import Channel, Phone, Site
from ccdaemon.notices import DoorOpened, DoorRefused, Guarded, Notice
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.payment import Knock, exposed, involved, listeners
from tests.builders import Noticeboard, example_site

DEVICES = {"1001": "desk", "1011": "desk", "1002": "1002", "8001": "8001"}


def a_channel(
    name: str, number: int, *, call: int | None = None, bridge: str = "", doing: str = "AppQueue()"
) -> Channel:
    """`PJSIP/1001` gets its suffix; the call is its own where none is named."""
    application, _, data = doing.rstrip(")").partition("(")
    whole = name if ";" in name or name.count("-") else f"{name}-{number:08x}"
    return Channel(whole, f"9.{number}", f"9.{number if call is None else call}", bridge, application, data)


CALLER = a_channel("PJSIP/trunk", 1, bridge="b1")
AGENT = a_channel("PJSIP/1001", 2, call=1, bridge="b1")
LINE_2 = a_channel("PJSIP/1011", 3, doing="UserEvent(CCDoor)")
STRANGER = a_channel("PJSIP/trunk", 4, bridge="b2")
OTHER_AGENT = a_channel("PJSIP/1002", 5, call=4, bridge="b2")


# --- whom it concerns ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "channels", "first", "found"),
    [
        ("nobody else", [LINE_2, STRANGER, OTHER_AGENT], LINE_2, {LINE_2}),
        ("the other line of the phone, and who speaks on it", [CALLER, AGENT, LINE_2], LINE_2, {CALLER, AGENT, LINE_2}),
        (
            "the same call",
            [a_channel("PJSIP/8001", 6, call=1), CALLER],
            CALLER,
            {a_channel("PJSIP/8001", 6, call=1), CALLER},
        ),
        ("never who comes by the same trunk", [CALLER, AGENT, STRANGER, OTHER_AGENT], CALLER, {CALLER, AGENT}),
        (
            "through both halves of a Local channel",
            [
                AGENT,
                CALLER,
                a_channel("Local/8000@cc-transfer-00000001;1", 7, call=7, bridge="b3"),
                a_channel("Local/8000@cc-transfer-00000001;2", 8, call=8),
                a_channel("PJSIP/1002", 9, bridge="b3"),
            ],
            a_channel("Local/8000@cc-transfer-00000001;2", 8, call=8),
            {
                a_channel("Local/8000@cc-transfer-00000001;1", 7, call=7, bridge="b3"),
                a_channel("Local/8000@cc-transfer-00000001;2", 8, call=8),
                a_channel("PJSIP/1002", 9, bridge="b3"),
            },
        ),
        (
            "not who is parked beside",
            [
                replace(CALLER, bridge="lot", application="Park"),
                a_channel("PJSIP/trunk", 6, bridge="lot", doing="Park()"),
            ],
            CALLER,
            {replace(CALLER, bridge="lot", application="Park")},
        ),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_the_door_concerns(claim: str, channels: list[Channel], first: Channel, found: set[Channel]) -> None:
    assert set(involved(channels, {first.id}, DEVICES)) == found, claim


def test_a_phone_that_is_going_to_be_rung_is_concerned_with_all_its_lines() -> None:
    officer = a_channel("PJSIP/8001", 6)
    assert set(involved([CALLER, AGENT, officer, STRANGER], {officer.id}, DEVICES, "desk")) == {CALLER, AGENT, officer}


IN_ROOM = a_channel("PJSIP/8001", 6, bridge="room", doing="ConfBridge(cc-3,,,)")
IN_NEXT_ROOM = a_channel("PJSIP/1002", 7, bridge="next", doing="ConfBridge(cc-33)")
PARKED = replace(CALLER, bridge="lot", application="Park")


@pytest.mark.parametrize(
    ("meets", "found"),
    [
        ({LINE_2.id: "cc-3"}, {LINE_2, IN_ROOM}),
        ({LINE_2.id: "cc-3", STRANGER.id: "cc-3"}, {LINE_2, IN_ROOM, STRANGER}),  # on the way there at the same time
        ({LINE_2.id: "cc-4", STRANGER.id: "cc-3"}, {LINE_2}),
        ({LINE_2.id: PARKED.name}, {LINE_2, PARKED}),
    ],
)
def test_who_is_going_to_be_met_is_concerned(meets: Mapping[str, str], found: set[Channel]) -> None:
    channels = [LINE_2, IN_ROOM, IN_NEXT_ROOM, STRANGER, PARKED]
    assert set(involved(channels, {LINE_2.id}, DEVICES, meets=meets)) == found


channels_of_all_kinds = st.lists(
    st.builds(
        lambda number, name, call, bridge: a_channel(name, number, call=call, bridge=bridge),
        st.integers(10, 60),
        st.sampled_from(["PJSIP/trunk", "PJSIP/1001", "PJSIP/1011", "PJSIP/8001", "Local/1@c-1;1", "Local/1@c-1;2"]),
        st.integers(1, 6),
        st.sampled_from(["", "", "x", "y", "z"]),
    ),
    max_size=12,
    unique_by=lambda channel: channel.id,
)


@settings(max_examples=300, deadline=None)
@given(channels_of_all_kinds, st.data())
def test_whom_the_door_concerns_does_not_depend_on_who_of_them_knocks(
    channels: list[Channel], data: st.DataObject
) -> None:
    if not channels:
        return
    one = data.draw(st.sampled_from(channels))
    found = involved(channels, {one.id}, DEVICES)
    other = data.draw(st.sampled_from(found))
    assert one in found
    assert set(involved(channels, {other.id}, DEVICES)) == set(found)


@pytest.mark.parametrize(
    ("doing", "hears"),
    [
        ("ChanSpy(PJSIP/1001-00000002,qw)", True),
        ("ChanSpy(PJSIP/1001)", True),
        ("ChanSpy()", True),  # anybody
        ("ChanSpy(,g(housing))", True),  # a group, and who is in it nobody says
        ("ExtenSpy(1001@cc-internal)", True),
        ("ChanSpy(PJSIP/1002,q)", False),
        ("Playback(hold)", False),
    ],
)
def test_a_supervisor_who_may_hear_is_found(doing: str, *, hears: bool) -> None:
    supervisor = a_channel("PJSIP/1009", 6, doing=doing)
    assert listeners([CALLER, AGENT, supervisor], [CALLER, AGENT]) == ([supervisor] if hears else [])


@pytest.mark.parametrize(
    ("name", "bridge", "hears"),
    [
        ("CBRec/conf-7001-uid-1;1", "b1", True),
        ("Recorder/ARI-00000001;1", "b1", True),
        ("CBRec/conf-7002-uid-1;1", "b9", False),
        ("Snoop/9.2-00000001", "", True),
        ("Snoop/9.22-00000001", "", False),
    ],
)
def test_a_recorder_that_is_a_channel_is_found(name: str, bridge: str, *, hears: bool) -> None:
    tap = a_channel(name, 6, bridge=bridge, doing="()")
    channels = [CALLER, AGENT, tap]
    assert listeners(channels, involved(channels, {CALLER.id}, DEVICES)) == ([tap] if hears else [])


# --- what has met round it -------------------------------------------------------------------------------------------

OFFICER = a_channel("PJSIP/8001", 6, call=6, bridge="b1")


def a_graph(*channels: Channel, sealed: tuple[str, ...] = ()) -> Calls:
    calls = Calls()
    for channel in channels:
        named = {"Uniqueid": channel.id, "Linkedid": channel.call, "Channel": channel.name}
        calls.apply({"Event": "Newchannel", **named}, 0.0)
        if channel.bridge:
            calls.apply({"Event": "BridgeEnter", "BridgeUniqueid": channel.bridge, **named}, 0.0)
    calls.seal(sealed)
    return calls


def a_site() -> Site:
    services = {each: "payments" if each[0] == "8" else "housing" for each in DEVICES}
    phones = {each: Phone(each, each, services[each], device, "cy") for each, device in DEVICES.items()}
    return replace(example_site(), phones=phones)


@pytest.mark.parametrize(
    ("claim", "event", "channels", "sealed", "found"),
    [
        ("an ordinary conversation", "BridgeEnter", [CALLER, AGENT], (), set()),
        ("an officer comes into the bridge", "BridgeEnter", [CALLER, AGENT, OFFICER], (), {CALLER, AGENT, OFFICER}),
        ("whom the door has seen to is left alone", "BridgeEnter", [CALLER, OFFICER], (CALLER.id, OFFICER.id), set()),
        ("somebody meets one who is sealed", "BridgeEnter", [CALLER, AGENT], (CALLER.id,), {AGENT}),
        (
            "on another line of a phone in the bridge",
            "BridgeEnter",
            [replace(STRANGER, bridge="b2"), replace(LINE_2, call=STRANGER.call, bridge="b2"), AGENT, OFFICER],
            (),
            {AGENT, OFFICER, replace(LINE_2, call=STRANGER.call, bridge="b2")},
        ),
        ("a recorder on one who is sealed", "MixMonitorStart", [CALLER], (CALLER.id,), {CALLER}),
        ("a recorder in an officer's bridge", "MixMonitorStart", [OFFICER, CALLER], (), {CALLER}),
        ("a recorder on a phone that pays on another line", "MixMonitorStart", [LINE_2, AGENT], (LINE_2.id,), {AGENT}),
        ("an ordinary recorder", "MixMonitorStart", [CALLER, AGENT], (), set()),
        ("anything else", "Hangup", [CALLER, OFFICER], (), set()),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_the_guard_finds(
    claim: str, event: str, channels: list[Channel], sealed: tuple[str, ...], found: set[Channel]
) -> None:
    calls = a_graph(*channels, sealed=sealed)
    legs = exposed(calls, {"Event": event, "Uniqueid": channels[-1].id}, a_site())
    assert {leg.id for leg in legs} == {channel.id for channel in found}, claim


def test_the_guard_finds_whose_place_an_officer_takes() -> None:
    calls = a_graph(CALLER, replace(AGENT, bridge=""), OFFICER)
    event = {"Event": "BridgeEnter", "Uniqueid": OFFICER.id, "SwapUniqueid": AGENT.id}
    assert {leg.id for leg in exposed(calls, event, a_site())} == {CALLER.id, AGENT.id, OFFICER.id}
    assert {leg.id for leg in exposed(calls, event | {"SwapUniqueid": "9.99"}, a_site())} == {CALLER.id, OFFICER.id}


def test_whoever_is_called_on_a_sealed_call_is_sealed_as_well() -> None:
    calls = a_graph(CALLER, sealed=(CALLER.id,))
    calls.apply({"Event": "Newchannel", "Uniqueid": AGENT.id, "Linkedid": CALLER.call, "Channel": AGENT.name}, 0.0)
    assert calls.legs[AGENT.id].sealed


@pytest.mark.parametrize(
    ("recorders", "seen", "alarm"),
    [
        ({AGENT.name: 2}, False, "something went round the payments door"),
        ({}, True, "something went round the payments door"),  # it ended with its leg in that moment
        ({}, False, None),
    ],
)
async def test_the_guard_stops_seals_and_says_so_where_there_was_a_recorder(
    recorders: dict[str, int], alarm: str | None, *, seen: bool
) -> None:
    switch, calls = Switch([CALLER, AGENT], dict(recorders)), a_graph(CALLER, AGENT)
    calls.legs[AGENT.id].recorded = seen
    notes, board = Notes(), Noticeboard()
    tally = Topics()
    guard = Guard(Interlock(switch), calls, a_site, notes, board, Tally(tally.publish), lambda: 100.25)
    event = {"Event": "BridgeEnter", "Uniqueid": AGENT.id, "Channel": AGENT.name, "Timestamp": "100.000000"}
    await guard.stop(event, [calls.legs[AGENT.id]])
    assert not switch.recorders.get(AGENT.name)
    assert ("Setvar", AGENT.name, "__CC_SEALED", "payments") in switch.done
    assert calls.legs[AGENT.id].sealed
    assert [text.startswith(alarm or "") for text in board.standing.values()] == ([True] if alarm else [])
    expected = [Guarded(AGENT.call, 100.0, AGENT.id, "BridgeEnter", 0.25, (AGENT.name,))] if alarm else []
    assert notes == expected
    assert tally["payments"] == {"opened": 0, "refused": 0, "guarded": len(expected), "slowest_ms": 0}


async def test_a_recorder_that_the_guard_cannot_stop_is_an_alarm_too() -> None:
    switch = Switch([CALLER, AGENT], refuses={"StopMixMonitor": "StopMixMonitor: Permission denied"})
    calls, notes, board = a_graph(CALLER, AGENT), Notes(), Noticeboard()
    tally = Topics()
    guard = Guard(Interlock(switch), calls, a_site, notes, board, Tally(tally.publish), lambda: 100.25)
    await guard.stop({"Event": "BridgeEnter", "Uniqueid": AGENT.id}, [calls.legs[AGENT.id]])
    assert "could not be stopped: StopMixMonitor: Permission denied" in board.standing["payment-guard"]
    assert [(type(note), note.call, getattr(note, "stopped", None)) for note in notes] == [(Guarded, AGENT.call, False)]


# --- what it does ----------------------------------------------------------------------------------------------------


@dataclass
class Switch:
    """An Asterisk with these channels, recorders (how many on which) and faults."""

    channels: list[Channel]
    recorders: dict[str, int] = field(default_factory=dict)
    appears: list[Channel] = field(default_factory=list)  # after the first look
    refuses: dict[str, str] = field(default_factory=dict)
    hangs: str | None = None
    lost: str | None = None
    stubborn: int = 0  # looks that a listener who was hung up is still there
    variables: dict[str, str] = field(default_factory=dict)  # CC_SEALED of these channels
    done: list[tuple[str, ...]] = field(default_factory=list)

    async def listing(self, name: str) -> list[dict[str, str]]:
        assert name == "CoreShowChannels"
        await self._ought("CoreShowChannels")
        listed = [
            {
                "Channel": each.name,
                "Uniqueid": each.id,
                "Linkedid": each.call,
                "BridgeId": each.bridge,
                "Application": each.application,
                "ApplicationData": each.data,
            }
            for each in self.channels
        ]
        self.channels += self.appears
        self.appears = []
        return listed

    async def action(self, name: str, fields: Mapping[str, str]) -> Mapping[str, str]:
        await self._ought(name)
        channel = fields["Channel"]
        if channel not in {each.name for each in self.channels}:
            message = f"{name}: No such channel"
            raise SwitchRefused(message)
        match name:
            case "Getvar":
                assert fields["Variable"] == "CC_SEALED"
                return {"Value": self.variables.get(channel, "")}
            case "Setvar":
                self.done.append((name, channel, fields["Variable"], fields["Value"]))
            case "StopMixMonitor":
                if not self.recorders.get(channel):
                    message = f"{name}: Could not stop monitoring channel"
                    raise SwitchRefused(message)
                self.recorders[channel] -= 1
                self.done.append((name, channel))
            case "Hangup":
                self.done.append((name, channel))
                self.stubborn -= 1
                if self.stubborn < 0:
                    self.channels = [each for each in self.channels if each.name != channel]
            case _:
                raise AssertionError(name)
        return {}

    async def _ought(self, name: str) -> None:
        if self.hangs == name:
            await asyncio.Event().wait()
        if self.lost == name:
            message = "Asterisk closed the connection"
            raise SwitchLost(message)
        if name in self.refuses:
            raise SwitchRefused(self.refuses[name])


class Topics(dict[str, object]):
    """The newest payload of each topic."""

    def publish(self, topic: str, payload: Mapping[str, object] | None) -> None:
        self[topic] = payload


class Notes(list[Notice]):
    def __init__(self) -> None:
        super().__init__()
        self.topics = Topics()

    def note(self, *notices: Notice) -> None:
        self.extend(notices)


def knocks(channel: Channel, device: str | None = None) -> Knock:
    return Knock(channel.name, channel.id, channel.call, "nonce-7", "queue", device)


def a_door(switch: Switch, notes: Notes, raw: tuple[RawRecording, ...] = ()) -> Door:
    supervising = Supervising(Calls(), a_site, notes, lambda: 100.0)
    supervising.linked(switch)
    return Door(
        *(switch, Calls(), a_site, notes, lambda: raw, Tally(notes.topics.publish), supervising, lambda: 100.0),
    )


async def open_to(switch: Switch, knock: Knock, *raw: RawRecording) -> Notes:
    notes = Notes()
    await a_door(switch, notes, raw).answer(knock)
    return notes


async def test_everything_is_sealed_before_anything_is_stopped_and_the_answer_comes_last() -> None:
    switch = Switch([CALLER, AGENT, LINE_2, STRANGER, OTHER_AGENT], {AGENT.name: 2, OTHER_AGENT.name: 1})
    raw = RawRecording(Path("/spool/a.raw"), AGENT.call, AGENT.id, 1, "housing", 32_000, 0)
    (notice,) = await open_to(switch, knocks(LINE_2), raw)
    steps = [step[:3] for step in switch.done]
    sealed = [("Setvar", each.name, "__CC_SEALED") for each in (CALLER, AGENT, LINE_2)]
    stops = [("StopMixMonitor", AGENT.name)] * 2
    assert set(sealed) <= set(steps)
    assert max(map(steps.index, sealed)) < steps.index(stops[0])
    assert [step for step in steps if step[0] == "StopMixMonitor"] == stops
    assert switch.done[-1] == ("Setvar", LINE_2.name, "CC_CLEAR", "clear nonce-7")
    assert switch.recorders[OTHER_AGENT.name] == 1
    assert isinstance(notice, DoorOpened)
    evidence = {each["leg"]: (each["recorders"], each["file"], each["bytes"]) for each in notice.channels}
    assert evidence == {CALLER.id: (0, None, None), AGENT.id: (2, "a.raw", 32_000), LINE_2.id: (0, None, None)}


async def test_each_line_of_a_phone_marks_the_phone_as_being_with_payments() -> None:
    switch = Switch([CALLER, AGENT, LINE_2])
    await open_to(switch, knocks(LINE_2))
    groups = {step[1:] for step in switch.done if step[2:3] == ("GROUP(cc-payments)",)}
    assert groups == {(AGENT.name, "GROUP(cc-payments)", "desk"), (LINE_2.name, "GROUP(cc-payments)", "desk")}


async def test_who_joins_meanwhile_is_quietened_too() -> None:
    late = a_channel("PJSIP/1002", 7, call=3, bridge="b9")
    switch = Switch([LINE_2], {late.name: 1}, appears=[late])
    (notice,) = await open_to(switch, knocks(LINE_2))
    assert isinstance(notice, DoorOpened)
    assert {each["leg"] for each in notice.channels} == {LINE_2.id, late.id}
    assert switch.recorders[late.name] == 0


async def test_no_answer_before_every_supervisor_is_off_the_line() -> None:
    supervisor = a_channel("PJSIP/1009", 7, doing="ChanSpy(PJSIP/1001,qw)")
    switch = Switch([CALLER, AGENT, supervisor], stubborn=3)
    (notice,) = await open_to(switch, knocks(CALLER))
    assert isinstance(notice, DoorOpened)
    assert notice.supervisors == (supervisor.name,)
    assert switch.done.count(("Hangup", supervisor.name)) == 4
    assert switch.done.index(("Setvar", CALLER.name, "CC_CLEAR", "clear nonce-7")) == len(switch.done) - 1


JOINS = Knock(LINE_2.name, LINE_2.id, LINE_2.call, "nonce-7", "conference", meets="cc-3")
COLLEAGUE = replace(IN_ROOM, name="PJSIP/1002-00000006")


@pytest.mark.parametrize(
    ("there", "sealed", "seals"),
    [
        (COLLEAGUE, {}, False),
        (COLLEAGUE, {COLLEAGUE.name: "phone"}, False),
        (COLLEAGUE, {COLLEAGUE.name: "payments"}, True),
        (COLLEAGUE, {CALLER.name: "payments"}, True),  # on another line of the phone that joins
        (IN_ROOM, {}, True),  # an officer
    ],
)
async def test_a_conference_is_sealed_only_if_payments_are_among_those_who_meet(
    there: Channel, sealed: dict[str, str], *, seals: bool
) -> None:
    switch = Switch([LINE_2, CALLER, AGENT, there, STRANGER], {AGENT.name: 1}, variables=sealed)
    notes = await open_to(switch, JOINS)
    assert switch.done[-1] == ("Setvar", LINE_2.name, "CC_CLEAR", "clear nonce-7")
    assert {step[1] for step in switch.done if step[2:] == ("__CC_SEALED", "payments")} == (
        {LINE_2.name, CALLER.name, AGENT.name, there.name} if seals else set()
    )
    assert switch.recorders[AGENT.name] == (0 if seals else 1)
    assert len(notes) == seals


async def test_who_joins_a_conference_at_the_same_time_as_an_officer_is_seen() -> None:
    """Neither is in it yet, so Asterisk lists neither as there."""
    officer, switch = replace(OFFICER, bridge=""), Switch([OFFICER, LINE_2, CALLER, AGENT], {AGENT.name: 1})
    notes = Notes()
    door = a_door(switch, notes)
    knock = Knock(officer.name, officer.id, officer.call, "nonce-8", "conference", meets="cc-3")
    await asyncio.gather(door.answer(knock), door.answer(JOINS))
    assert switch.recorders[AGENT.name] == 0
    assert len(notes) == 2


@dataclass
class Slow(Switch):
    """Somebody else may act between a look and its answer."""

    async def listing(self, name: str) -> list[dict[str, str]]:
        listed = await super().listing(name)
        await asyncio.sleep(0)
        return listed


async def test_who_knocks_while_another_is_answered_is_not_forgotten() -> None:
    officer = replace(OFFICER, bridge="")
    switch, notes = Slow([LINE_2, CALLER, AGENT], {AGENT.name: 1}, appears=[officer]), Notes()
    door = a_door(switch, notes)
    knock = Knock(officer.name, officer.id, officer.call, "nonce-8", "conference", meets="cc-3")
    await asyncio.gather(door.answer(JOINS), door.answer(knock))
    assert switch.recorders[AGENT.name] == 0


async def test_who_is_in_a_conference_is_no_longer_on_the_way_to_it_and_free_once_they_leave() -> None:
    switch, notes = Switch([LINE_2, CALLER, AGENT]), Notes()
    door = a_door(switch, notes)
    await door.answer(JOINS)
    officer = replace(OFFICER, bridge="")
    knock = Knock(officer.name, officer.id, officer.call, "nonce-8", "conference", meets="cc-3")
    for there in (replace(LINE_2, application="ConfBridge", data="cc-3", bridge="room"), replace(LINE_2, bridge="b7")):
        switch.channels = [there, officer]
        switch.done.clear()
        await door.answer(knock)
        sealed = {step[1] for step in switch.done if step[2:] == ("__CC_SEALED", "payments")}
        assert sealed == ({LINE_2.name, officer.name} if there.application == "ConfBridge" else {officer.name})


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"refuses": {"Getvar": "Getvar: Permission denied"}}, id="may not ask"),
        pytest.param({"lost": "Getvar"}, id="link lost"),
        pytest.param({"hangs": "Getvar"}, id="no answer"),
    ],
)
async def test_nobody_is_let_into_a_conference_on_a_doubt(
    fault: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "DEADLINE", 0.2)
    switch = replace(Switch([LINE_2, COLLEAGUE]), **fault)  # type: ignore[arg-type]  # a field by its name
    assert await open_to(switch, JOINS) == []
    assert switch.done == []


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"refuses": {"StopMixMonitor": "StopMixMonitor: Permission denied"}}, id="may not stop"),
        pytest.param({"refuses": {"Setvar": "Setvar: Permission denied"}}, id="may not seal"),
        pytest.param({"refuses": {"CoreShowChannels": "CoreShowChannels: Permission denied"}}, id="may not look"),
        pytest.param({"hangs": "CoreShowChannels"}, id="no list"),
        pytest.param({"hangs": "StopMixMonitor"}, id="no answer to a stop"),
        pytest.param({"lost": "StopMixMonitor"}, id="link lost"),
        pytest.param({"recorders": {AGENT.name: 1000}}, id="recorders without end"),
        pytest.param({"stubborn": 10**9}, id="a supervisor who does not go"),
    ],
)
async def test_on_any_doubt_there_is_no_answer(fault: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "DEADLINE", 0.2)
    supervisor = a_channel("PJSIP/1009", 7, doing="ChanSpy(PJSIP/1001,qw)")
    switch = replace(Switch([CALLER, AGENT, supervisor]), **fault)  # type: ignore[arg-type]  # a field by its name
    notes = await open_to(switch, knocks(CALLER))
    assert notes == []
    assert notes.topics["payments"] == {"opened": 0, "refused": 0, "guarded": 0, "slowest_ms": 0}
    assert not [step for step in switch.done if "CC_CLEAR" in step]


async def test_who_is_not_listed_any_more_gets_no_answer() -> None:
    switch = Switch([CALLER, AGENT])
    assert await open_to(switch, knocks(LINE_2)) == []
    assert switch.done == []


def test_a_refusal_of_the_dialplan_is_heard_with_where_the_caller_came_from() -> None:
    event = {"Event": "UserEvent", "UserEvent": "CCRefused", "Uniqueid": "9.1", "Linkedid": "9.0", "About": "queue"}
    event |= {"From": "housing"}
    assert refusal_of(event, 7.0) == DoorRefused("9.0", 7.0, "9.1", "queue", "housing")
    assert refusal_of(event | {"Timestamp": "8.5", "From": ""}, 7.0) == DoorRefused("9.0", 8.5, "9.1", "queue", "")
    assert refusal_of(event | {"UserEvent": "CCDoor"}, 7.0) is None


def test_the_tally_tells_how_often_and_how_slow() -> None:
    topics = Topics()
    tally = Tally(topics.publish)
    tally.opened(0.0034)
    tally.opened(0.0012)
    tally.refused()
    tally.guarded()
    assert topics == {"payments": {"opened": 2, "refused": 1, "guarded": 1, "slowest_ms": 3.4}}


def test_only_a_knock_is_taken_for_one() -> None:
    event = {"Event": "UserEvent", "UserEvent": "CCDoor", "Channel": LINE_2.name, "Uniqueid": LINE_2.id}
    event |= {"Linkedid": LINE_2.call, "Nonce": "nonce-7", "About": "queue", "Device": ""}
    assert knock_of(event) == knocks(LINE_2)
    assert knock_of(event | {"Device": "desk"}) == knocks(LINE_2, "desk")
    assert knock_of(event | {"Meets": "cc-3", "About": "conference"}) == JOINS
    assert knock_of(event | {"UserEvent": "Other"}) is None
    assert knock_of({"Event": "Hangup"}) is None
