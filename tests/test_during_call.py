"""What agents ask for during a call: which calls they mean, what stops or is kept, and when they hear that it is so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ccdaemon.faults import KeyUnusable, RegisterFull, SwitchRefused
from ccdaemon.flows.during_call import DuringCall, safety_hold
from ccdaemon.flows.missed import read_missed
from ccdaemon.flows.tracking import resynchronise
from ccdaemon.kept import Hold
from ccdaemon.model import Channel, Event, Phone
from ccdaemon.notices import (
    CallEnded,
    CallIdentified,
    CallMerged,
    KeptSafe,
    LegEnded,
    Notice,
    Objected,
    RecorderStarted,
    RecorderStopped,
)
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.during_call import About, Asked, asked, handset, meant, settled, unwanted
from ccdaemon.rules.missed import missed
from ccdaemon.rules.recording import Verdict, may_record
from ccdaemon.spool import Missed
from ccdaemon.store import Register
from tests.builders import a_register, example_site

NOW = 1_783_328_400.0
CALLER, AGENT, HELD, LINE_2, COLLEAGUE, OTHER = "9.1", "9.2", "9.3", "9.4", "9.5", "9.6"
NAMES = {
    CALLER: "PJSIP/trunk-00000001",
    AGENT: "PJSIP/1001-00000002",
    HELD: "PJSIP/1001-00000003",  # another caller of the same agent, on another line
    LINE_2: "PJSIP/1011-00000004",  # another account of that phone, which dials
    COLLEAGUE: "PJSIP/1002-00000005",
    OTHER: "PJSIP/1002-00000006",
}
SITE = replace(
    example_site(),
    phones={
        each: Phone(each, each, "housing", device, "cy")
        for each, device in {"1001": "desk", "1011": "desk", "1002": "1002"}.items()
    },
)


def a_channel(leg: str, call: str, bridge: str = "") -> Channel:
    return Channel(NAMES[leg], leg, call, bridge, "AppQueue", "")


TALK = [a_channel(CALLER, CALLER, "b1"), a_channel(AGENT, CALLER, "b1")]
ON_HOLD = a_channel(HELD, "8.1", "b2")
DIALS = a_channel(LINE_2, LINE_2)
THIRD = a_channel(COLLEAGUE, "7.1", "b1")  # brought into the conversation by another call
ELSEWHERE = a_channel(OTHER, "6.1", "b6")


def wishes(about: About = "objects", leg: str = AGENT, *, dialled: bool = False) -> Asked:
    return Asked(about, NAMES[leg], leg, CALLER, "n-7", dialled=dialled)


# --- which calls are meant -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "wish", "others", "found"),
    [
        ("by key, the conversation in which it is pressed", wishes(), [], {CALLER, AGENT}),
        ("and whoever else is in it", wishes(), [THIRD, ELSEWHERE], {CALLER, AGENT, COLLEAGUE}),
        ("not another caller whom the same phone holds", wishes(), [ON_HOLD, DIALS], {CALLER, AGENT}),
        ("dialled, the conversation on that phone", wishes(leg=LINE_2, dialled=True), [DIALS], {CALLER, AGENT}),
        (
            "dialled, each of them: nobody can say which",
            wishes(leg=LINE_2, dialled=True),
            [DIALS, ON_HOLD, ELSEWHERE],
            {CALLER, AGENT, HELD},
        ),
        (
            "among colleagues, the caller who waits on another line",
            wishes(leg=LINE_2),
            [replace(DIALS, bridge="b4"), replace(ELSEWHERE, call=LINE_2, bridge="b4")],
            {CALLER, AGENT},
        ),
        ("dialled on a phone that is in no call", wishes(leg=OTHER, dialled=True), [a_channel(OTHER, OTHER)], set()),
    ],
)
def test_what_an_agent_means(claim: str, wish: Asked, others: list[Channel], found: set[str]) -> None:
    assert {each.id for each in meant(wish, [*TALK, *others], SITE.devices)} == found, claim


def test_among_colleagues_alone_it_is_their_own_conversation() -> None:
    both = [replace(DIALS, bridge="b4"), replace(ELSEWHERE, call=LINE_2, bridge="b4")]
    assert {each.id for each in meant(wishes(leg=LINE_2), both, SITE.devices)} == {LINE_2, OTHER}


def test_only_what_the_dialplan_asks_is_heard() -> None:
    event = {"Event": "UserEvent", "UserEvent": "CCDuring", "Channel": NAMES[AGENT], "Uniqueid": AGENT}
    event |= {"Linkedid": CALLER, "Nonce": "n-7", "About": "objects", "Dialled": ""}
    assert asked(event) == wishes()
    assert asked(event | {"About": "keep", "Dialled": "1"}) == wishes("keep", dialled=True)
    assert asked(event | {"About": "sing"}) is None
    assert asked(event | {"UserEvent": "CCDoor"}) is None


def test_who_asks_is_a_handset() -> None:
    site = replace(SITE, phones={"1001": Phone("1001", "desk-7", "housing", "desk", "cy")})
    assert [handset(f"PJSIP/{name}-00000001", site) for name in ("desk-7", "other")] == [
        "handset 1001",
        "handset other",
    ]


# --- nothing records them again --------------------------------------------------------------------------------------


def a_graph(*channels: Channel, objected: tuple[str, ...] = (), recorded: tuple[str, ...] = ()) -> Calls:
    calls = Calls()
    for channel in channels:
        named = {"Uniqueid": channel.id, "Linkedid": channel.call, "Channel": channel.name}
        calls.apply({"Event": "Newchannel", **named}, 0.0)
        if channel.bridge:
            calls.apply({"Event": "BridgeEnter", "BridgeUniqueid": channel.bridge, **named}, 0.0)
    calls.object_to(objected)
    for leg in recorded:
        calls.legs[leg].recorded, calls.legs[leg].segment = True, 1
    return calls


def test_whoever_is_called_on_a_call_of_somebody_who_objects_is_not_recorded_either() -> None:
    calls = a_graph(*TALK, objected=(CALLER, "gone"))
    calls.apply({"Event": "Newchannel", "Uniqueid": OTHER, "Linkedid": CALLER, "Channel": NAMES[OTHER]}, 0.0)
    assert (calls.legs[OTHER].objected, calls.legs[OTHER].quiet, calls.legs[OTHER].sealed) == (True, True, False)
    assert not calls.legs[AGENT].objected


@pytest.mark.parametrize(
    ("claim", "event", "leg", "objected", "stops"),
    [
        ("a recorder begins on such a call", "MixMonitorStart", AGENT, (CALLER,), [AGENT]),
        ("who is recorded meets one who objects", "BridgeEnter", CALLER, (CALLER,), [AGENT]),
        ("nobody objects", "MixMonitorStart", AGENT, (), []),
        ("somebody else does", "BridgeEnter", CALLER, (OTHER,), []),
        ("anything else", "BridgeLeave", CALLER, (CALLER,), []),
        ("of a leg that nobody knows", "BridgeEnter", "1.1", (CALLER,), []),
    ],
)
def test_recorders_stop_where_somebody_objects(
    claim: str, event: str, leg: str, objected: tuple[str, ...], stops: list[str]
) -> None:
    calls = a_graph(*TALK, ELSEWHERE, objected=objected, recorded=(AGENT,))
    assert [each.id for each in unwanted(calls, {"Event": event, "Uniqueid": leg})] == stops, claim


def test_that_somebody_objects_is_a_reason_of_its_own_for_no_recording() -> None:
    """The dialplan brings both marks as one (`cc-ask`)."""
    verdict = may_record(SITE.services["housing"], announced=True, sealed=True)
    assert (verdict, "objects" in verdict.value) == (Verdict.SEALED, True)


# --- what is done ----------------------------------------------------------------------------------------------------


@dataclass
class World:
    """An Asterisk with these channels and recorders, and a register, either of which may not do as it is told."""

    channels: list[Channel]
    recorders: dict[str, int] = field(default_factory=dict)
    appears: list[Channel] = field(default_factory=list)  # after the first look
    refuses: str = ""
    fault: Exception | None = None  # of the register
    calls: Calls = field(default_factory=Calls)
    done: list[tuple[str, ...]] = field(default_factory=list)
    noted: list[Notice] = field(default_factory=list)
    held: list[tuple[Hold, str]] = field(default_factory=list)

    def note(self, *notices: Notice) -> None:
        self.noted += notices

    async def hold_once(self, hold: Hold, maker: str, now: float) -> int:
        assert now == NOW
        if self.fault is not None:
            raise self.fault
        self.held.append((hold, maker))
        return len(self.held)

    async def listing(self, name: str) -> list[dict[str, str]]:
        assert name == "CoreShowChannels"
        names = ("Channel", "Uniqueid", "Linkedid", "BridgeId", "Application", "ApplicationData")
        listed = [
            dict(zip(names, (c.name, c.id, c.call, c.bridge, c.application, c.data), strict=True))
            for c in self.channels
        ]
        self.channels += self.appears
        self.appears = []
        return listed

    async def action(self, name: str, fields: Mapping[str, str]) -> Mapping[str, str]:
        channel = fields["Channel"]
        if name == self.refuses:
            message = f"{name}: Permission denied"
            raise SwitchRefused(message)
        if name == "StopMixMonitor":
            if not self.recorders.get(channel):
                message = f"{name}: Could not stop monitoring channel"
                raise SwitchRefused(message)
            self.recorders[channel] -= 1
        if name == "Hangup":
            self.channels = [each for each in self.channels if each.name != channel]
        self.done.append((name, channel, *(fields[key] for key in ("Variable", "Value") if key in fields)))
        return {}

    async def hear(self, event: Event) -> None:
        during = DuringCall(self, self.calls, lambda: SITE, self, self, lambda: NOW)
        await asyncio.gather(*during.heard(event))

    async def asks(self, wish: Asked) -> str:
        """What the agent hears."""
        during = DuringCall(self, self.calls, lambda: SITE, self, self, lambda: NOW)
        await during.answer(wish)
        answers = [step[3] for step in self.done if step[2:3] == ("CC_CLEAR",)]
        assert all(step.endswith(f":{wish.nonce}") for step in answers)
        return answers[0].partition(":")[0] if answers else ""


def marks(*legs: str) -> set[tuple[str, ...]]:
    return {("Setvar", NAMES[leg], "__CC_OBJECTED", "1") for leg in legs}


async def test_who_objects_is_marked_before_anything_stops_and_the_agent_hears_so_last() -> None:
    world = World([*TALK, ON_HOLD], {NAMES[AGENT]: 2, NAMES[HELD]: 1}, calls=a_graph(*TALK, recorded=(AGENT,)))
    assert await world.asks(wishes()) == "recording-stopped"
    assert set(world.done[:2]) == marks(CALLER, AGENT)
    assert world.done[2:4] == [("StopMixMonitor", NAMES[AGENT])] * 2
    assert world.done[4:] == [("Setvar", NAMES[AGENT], "CC_CLEAR", "recording-stopped:n-7")]
    assert world.recorders[NAMES[HELD]] == 1
    assert world.noted == [Objected(CALLER, NOW, AGENT, "handset 1001", 2)]
    assert {leg.id for leg in world.calls.legs.values() if leg.objected} == {CALLER, AGENT}


async def test_who_comes_to_the_call_meanwhile_is_quietened_too() -> None:
    world = World([*TALK], {NAMES[COLLEAGUE]: 1}, appears=[THIRD])
    assert await world.asks(wishes()) == "recording-stopped"
    assert world.recorders[NAMES[COLLEAGUE]] == 0
    assert sorted(each.call for each in world.noted) == sorted([CALLER, THIRD.call])


@pytest.mark.parametrize(
    ("name", "application", "data", "goes"),
    [
        ("CBRec/conf-1-uid-1;1", "", "", True),  # a conference's
        ("Snoop/9.2-00000001", "Stasis", "", True),  # of a program at ARI
        ("PJSIP/1009-00000007", "ChanSpy", "PJSIP/1001-00000002,qESX", False),  # a supervisor
    ],
)
async def test_a_recorder_that_is_a_channel_is_hung_up_and_a_supervisor_goes_on_hearing(
    name: str, application: str, data: str, *, goes: bool
) -> None:
    bridge = "b1" if name.startswith("CBRec/") else ""
    world = World([*TALK, Channel(name, "4.4", "4.4", bridge, application, data)])
    assert await world.asks(wishes()) == ("recording-stopped" if goes else "call-not-recorded")
    assert (("Hangup", name) in world.done) is goes
    assert [each.call for each in world.noted] == [CALLER]


@pytest.mark.parametrize(
    ("claim", "channels", "segment", "wish", "hears"),
    [
        ("its recorder was stopped by the dialplan", TALK, 1, wishes(), "recording-stopped"),
        ("a line that does not record", TALK, 0, wishes(), "call-not-recorded"),
        ("there is no call", [DIALS], 0, wishes(leg=LINE_2, dialled=True), "no-call-here"),
        ("who asks has gone", [ELSEWHERE], 0, wishes(), ""),
    ],
)
async def test_the_agent_hears_what_is_so(
    claim: str, channels: list[Channel], segment: int, wish: Asked, hears: str
) -> None:
    calls = a_graph(*channels)
    if AGENT in calls.legs:
        calls.legs[AGENT].segment = segment
    world = World([*channels], calls=calls)
    assert await world.asks(wish) == hears, claim
    assert [type(each) for each in world.noted] == ([Objected] if channels is TALK else []), claim


@pytest.mark.parametrize("refuses", ["StopMixMonitor", "Setvar"])
async def test_what_asterisk_will_not_do_is_not_said_to_be_done(refuses: str) -> None:
    world = World([*TALK], {NAMES[AGENT]: 1}, refuses=refuses)
    assert await world.asks(wishes()) == ""
    assert world.noted == []


async def test_a_recorder_that_begins_all_the_same_is_stopped() -> None:
    world = World([*TALK], {NAMES[AGENT]: 1}, calls=a_graph(*TALK, objected=(CALLER,), recorded=(AGENT,)))
    await world.hear({"Event": "MixMonitorStart", "Uniqueid": AGENT})
    assert world.recorders[NAMES[AGENT]] == 0


async def test_a_threat_is_kept_and_nothing_stops() -> None:
    world = World([*TALK, THIRD, ON_HOLD], {NAMES[AGENT]: 1})
    assert await world.asks(wishes("keep")) == "call-kept"
    assert [(hold.call, hold.reason, hold.reference, who) for hold, who in world.held] == [
        (call, "safety", "*57", "handset 1001") for call in sorted([CALLER, THIRD.call])
    ]
    assert all(hold.review is not None and hold.review > NOW for hold, _ in world.held)
    assert [type(each) for each in world.noted] == [KeptSafe, KeptSafe]
    assert world.recorders[NAMES[AGENT]] == 1
    assert not [step for step in world.done if "OBJECTED" in str(step)]


@pytest.mark.parametrize("fault", [RegisterFull("full"), KeyUnusable("no key"), OSError("no space")])
async def test_what_the_register_does_not_take_is_not_said_to_be_kept(fault: Exception) -> None:
    world = World([*TALK], fault=fault)
    assert await world.asks(wishes("keep")) == ""
    assert world.noted == []


# --- while the daemon was away ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "notice"),
    [
        ("objects 1783328400 9.1 9.2 1001", Objected(CALLER, NOW, AGENT, "1001")),
        ("keep 1783328400 9.1 9.2 1001\n", KeptSafe(CALLER, NOW, AGENT, "1001")),
        ("keep 1783328400 9.1 9.2", None),
        ("sings 1783328400 9.1 9.2 1001", None),
    ],
)
@pytest.mark.parametrize("live", [True, False])
def test_what_the_dialplan_noted_is_understood(line: str, notice: Notice | None, *, live: bool) -> None:
    """It ends no call."""
    assert missed([line], "GB", live=live, now=NOW + 9) == (([notice], True) if notice else ([], False))


@pytest.mark.parametrize("kind", [KeptSafe, Objected])
def test_what_was_noted_counts_for_what_the_call_has_become_since(kind: type[KeptSafe | Objected]) -> None:
    """Of an attended transfer that nobody saw, the older call goes on."""
    site = replace(SITE, phones={"1001": Phone("1001", "desk-7", "housing", "desk", "cy")})
    note = kind(CALLER, NOW, AGENT, "desk-7")
    named = replace(note, who="handset 1001")
    live, merged = a_graph(*TALK), a_graph(*(replace(each, call="1.1") for each in TALK))
    over = CallEnded(CALLER, NOW + 9, seen=False)
    other = CallEnded("7.7", NOW)
    assert [*settled([note, other], live, site, NOW + 9)] == [named, other]
    assert [*settled([note], merged, site, NOW + 9)] == [named, replace(named, call="1.1"), over]
    assert [*settled([note], Calls(), site, NOW + 9)] == [named, over]


async def test_a_note_becomes_a_hold_of_both_calls_and_none_of_them_is_live_for_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ccdaemon.flows.missed.LOOK", 0.01)
    calls = a_graph(*(replace(each, call="1.1") for each in TALK))
    spool = tmp_path / "missed"
    spool.mkdir()
    (spool / f"{AGENT}-keep").write_text(f"keep {NOW:.0f} {CALLER} {AGENT} 1001\n")
    async with a_register(tmp_path / "register.sqlite3") as register:
        reading = read_missed(Missed(spool), register, calls, lambda: calls.legs, lambda: SITE, lambda: NOW + 9)
        with capture_logs():
            task = asyncio.create_task(reading)
            async with asyncio.timeout(5):
                while any(spool.iterdir()):
                    await asyncio.sleep(0.01)
            task.cancel()
        assert {(hold.call, hold.maker) for hold in await register.holds()} == {
            (CALLER, "handset 1001"),
            ("1.1", "handset 1001"),
        }
        assert await register.open_calls() == ["1.1"]


@pytest.mark.parametrize(("objected", "stops"), [((AGENT,), True), ((), False)])
async def test_once_the_daemon_is_back_all_else_of_the_call_stops(objected: tuple[str, ...], *, stops: bool) -> None:
    channels = [*TALK, THIRD, ELSEWHERE]
    recorders = {NAMES[COLLEAGUE]: 1, NAMES[OTHER]: 1}
    world = World(channels, recorders, calls=a_graph(*channels, objected=objected))
    await DuringCall(world, world.calls, lambda: SITE, world, world, lambda: NOW).resume()
    assert recorders == {NAMES[COLLEAGUE]: 0 if stops else 1, NAMES[OTHER]: 1}
    assert set(world.done) & marks(CALLER, AGENT, COLLEAGUE) == (marks(CALLER, AGENT, COLLEAGUE) if stops else set())


@pytest.mark.parametrize(("said", "so"), [("1", True), ("", False)])
async def test_a_live_call_of_somebody_who_objects_is_known_to_be(tmp_path: Path, said: str, *, so: bool) -> None:
    class Switch:
        async def listing(self, name: str, fields: Mapping[str, str] = {}) -> list[dict[str, str]]:
            channel = {"Channel": NAMES[CALLER], "Uniqueid": CALLER, "Linkedid": CALLER}
            if name == "Status":
                assert "CC_OBJECTED" in fields["Variables"]
                return [channel | {"Variable": f"CC_SERVICE=housing\nCC_OBJECTED={said or '(null)'}"}]
            return [channel] if name == "CoreShowChannels" else []

        async def events(self) -> list[dict[str, str]]:
            raise AssertionError

    calls, world = Calls(), World([])
    async with a_register(tmp_path / "register.sqlite3") as register:
        await resynchronise(Switch(), calls, register, world, NOW)
    assert calls.legs[CALLER].objected is so


# --- in the register -------------------------------------------------------------------------------------------------


@pytest.fixture
async def register(tmp_path: Path) -> AsyncIterator[Register]:
    async with a_register(tmp_path / "register.sqlite3") as register:
        for call in ("1.1", "2.1", "3.1"):
            known = CallIdentified(call, NOW, number="+441632960777", service="housing")
            await register.write([known, CallEnded(call, NOW + 60)])
        yield register


async def keep(register: Register, call: str) -> int:
    return await register.hold_once(safety_hold(call, NOW), "handset 1001", NOW)


async def _still_there(register: Register) -> set[str]:
    """Calls that keep their caller though all are due."""
    await register.expire_calls(NOW + 1e9, 100)
    return {row.id for row in await register.calls(0, 1e12) if row.number is not None}


@pytest.mark.parametrize("merged_before", [True, False])
@pytest.mark.parametrize("pressed_on", ["1.1", "2.1"])
async def test_expiry_keeps_what_is_held_whatever_call_it_became_part_of(
    register: Register, pressed_on: str, *, merged_before: bool
) -> None:
    merger = CallMerged("2.1", NOW + 30, "1.1")
    if merged_before:
        await register.write([merger])
    await keep(register, pressed_on)
    if not merged_before:
        await register.write([merger])
    await keep(register, "1.1")
    await keep(register, "2.1")
    assert len(await register.holds()) == 1  # once is enough, for what has become one call
    assert await _still_there(register) == {"1.1"}
    assert await register.empty_calls(["1.1"]) == 0  # nor on request


async def test_what_is_asked_by_key_and_on_another_line_at_once_is_one_hold(register: Register) -> None:
    numbers = await asyncio.gather(*(keep(register, "1.1") for _ in range(3)))
    assert numbers == [1, 1, 1]
    assert [row.kind for row in await register.audited_between(0, 1e12)].count("hold") == 1


async def test_a_call_that_the_register_does_not_know_yet_is_kept_from_its_first_row(register: Register) -> None:
    await keep(register, "4.1")
    await register.write([CallIdentified("4.1", NOW, number="+441632960778"), CallEnded("4.1", NOW + 1)])
    assert await _still_there(register) == {"4.1"}


async def test_a_hold_that_was_released_is_made_again_and_another_ones_does_not_count(register: Register) -> None:
    other = await register.add_hold(replace(safety_hold("1.1", NOW), reference="C-1"), "dpo", NOW)
    first = await keep(register, "1.1")
    assert first != other
    await register.release_hold(first, "dpo", NOW)
    assert await keep(register, "1.1") not in {first, other}


@pytest.mark.parametrize(
    ("before", "after", "stopped"),
    [
        ([RecorderStopped("1.1", NOW + 4, "1.2", "it was told to stop")], [], NOW + 4),
        ([], [LegEnded("1.1", NOW + 30, "1.2", 16)], NOW + 5),  # nobody heard that it stopped
        ([LegEnded("1.1", NOW + 30, "1.2", 16)], [], NOW + 5),  # nor when it was said
    ],
)
async def test_a_recording_ends_where_the_caller_objected(
    register: Register, before: list[Notice], after: list[Notice], stopped: float
) -> None:
    objected = Objected("1.1", NOW + 5, "1.2", "handset 1001")
    for notice in [RecorderStarted("1.1", NOW, "1.2"), *before, objected, *after]:
        await register.write([notice])
    (recording,) = await register.recordings("1.1")
    assert recording.stopped == stopped


async def test_both_stand_in_timeline_and_audit_chain(register: Register) -> None:
    hold = await keep(register, "1.1")
    notices: list[Notice] = [
        Objected("1.1", NOW, "1.2", "handset 1001", 1),
        KeptSafe("1.1", NOW, "1.2", "handset 1001", hold),
    ]
    await register.write(notices)
    moments = {each.kind: each.detail for each in await register.timeline("1.1")}
    assert moments["objection"] == {"who": "handset 1001", "recorders": 1}
    assert moments["kept"] == {"who": "handset 1001", "hold": hold}
    audited = [row.kind for row in await register.audited("1.1")]
    assert audited == ["hold", "objection"]
