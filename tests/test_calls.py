"""Events of Asterisk become calls: what happened, what is live, and that the truth can always be found again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccdaemon.model import Event
from ccdaemon.notices import (
    Bridged,
    CallBegan,
    CallEnded,
    CallMerged,
    LegBegan,
    LegEnded,
    Notice,
    QueueJoined,
    QueueLeft,
    RecorderStarted,
    RecorderStopped,
    Transferred,
)
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.queues import UNSEEN
from ccdaemon.store import open_register
from tests.builders import an_event, channel_of, in_queue, listed, parties_in, records

CALLER, AGENT, OFFICER = "1783328400.1", "1783328400.2", "1783328460.7"
CALL, CONSULTATION = CALLER, "1783328460.6"
SECOND_LINE = CONSULTATION  # the agent's other line: its Uniqueid is the Linkedid of the call that it begins
AT = 1783328400.0


def caller_arrives() -> Event:
    return an_event("Newchannel", CALLER, CALL, AT)


def agent_rings() -> Event:
    return an_event("Newchannel", AGENT, CALL, AT + 10)


def joins_queue(leg: str = CALLER, queue: str = "housing", at: float = AT + 5) -> Event:
    return an_event("QueueCallerJoin", leg, CALL, at, Queue=queue)


def answers(at: float = AT + 12) -> Event:
    return an_event("AgentConnect", CALLER, CALL, at, Queue="housing", Interface="PJSIP/1001")


def enters(leg: str, call: str = CALL, bridge: str = "b1", at: float = AT + 12) -> Event:
    return an_event("BridgeEnter", leg, call, at, BridgeUniqueid=bridge)


def leaves(leg: str, call: str = CALL, bridge: str = "b1", at: float = AT + 60) -> Event:
    return an_event("BridgeLeave", leg, call, at, BridgeUniqueid=bridge)


def hangs_up(leg: str, call: str = CALL, at: float = AT + 61, cause: str = "16") -> Event:
    return an_event("Hangup", leg, call, at, Cause=cause)


def told(events: Iterable[Event], calls: Calls | None = None) -> list[Notice]:
    """What is said of these events, one after the other."""
    calls = calls or Calls()
    return [notice for event in events for notice in calls.apply(event, AT)]


# --- what happened ---------------------------------------------------------------------------------------------------


def test_a_call_from_the_first_ring_to_the_last_leg() -> None:
    events = [
        caller_arrives(),
        joins_queue(),
        agent_rings(),
        an_event("QueueCallerLeave", CALLER, CALL, AT + 11, Queue="housing"),
        answers(),
        enters(CALLER),
        enters(AGENT),
        an_event("MixMonitorStart", AGENT, CALL, AT + 12),
        records(AGENT, CALL, AT + 12),
        leaves(AGENT),
        hangs_up(AGENT),
        leaves(CALLER),
        hangs_up(CALLER, at=AT + 62),
    ]
    calls = Calls()
    assert told(events, calls) == [
        CallBegan(CALL, AT),
        LegBegan(CALL, AT, CALLER, channel_of(CALLER)),
        QueueJoined(CALL, AT + 5, CALLER, "housing"),
        LegBegan(CALL, AT + 10, AGENT, channel_of(AGENT)),
        QueueLeft(CALL, AT + 11, CALLER, "housing", "unanswered"),  # which the next one corrects
        QueueLeft(CALL, AT + 12, CALLER, "housing", "answered", "PJSIP/1001"),
        Bridged(CALL, AT + 12, CALLER, "b1"),
        Bridged(CALL, AT + 12, AGENT, "b1"),
        RecorderStarted(CALL, AT + 12, AGENT),
        Bridged(CALL, AT + 60, AGENT, "b1", apart=True),
        RecorderStopped(CALL, AT + 61, AGENT, "the leg ended"),
        LegEnded(CALL, AT + 61, AGENT, 16),
        Bridged(CALL, AT + 60, CALLER, "b1", apart=True),
        LegEnded(CALL, AT + 62, CALLER, 16),
        CallEnded(CALL, AT + 62),
    ]
    assert (calls.calls, calls.legs, calls.recorders) == ({}, {}, 0)


@pytest.mark.parametrize(
    ("claim", "events", "outcomes"),
    [
        ("answered", [joins_queue(), answers()], ["answered"]),
        (
            "answered, and the queue is left first",
            [joins_queue(), an_event("QueueCallerLeave", CALLER, CALL, AT, Queue="housing"), answers()],
            ["unanswered", "answered"],
        ),
        (
            "it took too long",
            [joins_queue(), an_event("QueueCallerLeave", CALLER, CALL, AT, Queue="housing")],
            ["unanswered"],
        ),
        (
            "the caller hung up: abandoned, and that is said before the queue is left",
            [
                joins_queue(),
                an_event("QueueCallerAbandon", CALLER, CALL, AT, Queue="housing"),
                an_event("QueueCallerLeave", CALLER, CALL, AT, Queue="housing"),
                hangs_up(CALLER),
            ],
            ["abandoned"],
        ),
        ("the caller hung up, and nothing else was heard", [joins_queue(), hangs_up(CALLER)], ["abandoned"]),
        (
            "from one queue to the next",
            [
                joins_queue(),
                an_event("QueueCallerLeave", CALLER, CALL, AT, Queue="housing"),
                joins_queue(queue="general"),
                hangs_up(CALLER),
            ],
            ["unanswered", "abandoned"],
        ),
        ("never in a queue", [an_event("QueueCallerLeave", CALLER, CALL, AT, Queue="housing")], []),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_every_way_out_of_a_queue_has_a_name(claim: str, events: list[Event], outcomes: list[str]) -> None:
    calls = Calls()
    notices = told([caller_arrives(), *events], calls)
    assert [notice.outcome for notice in notices if isinstance(notice, QueueLeft)] == outcomes, claim
    assert not any(queue.waiting for queue in calls.queues.values())


@pytest.mark.parametrize(
    ("stops", "reason"),
    [
        (an_event("MixMonitorStop", AGENT, CALL, AT + 20), "it was told to stop"),
        (hangs_up(AGENT), "the leg ended"),
    ],
)
def test_a_recorder_stops_once_and_with_a_reason(stops: Event, reason: str) -> None:
    calls = Calls()
    starts = an_event("MixMonitorStart", AGENT, CALL, AT + 12), records(AGENT, CALL, AT + 12)
    notices = told([caller_arrives(), agent_rings(), *starts], calls)
    assert [each for each in notices if isinstance(each, RecorderStarted)] == [RecorderStarted(CALL, AT + 12, AGENT)]
    assert calls.recorders == 1
    stopped = [each for each in told([stops, stops, hangs_up(AGENT)], calls) if isinstance(each, RecorderStopped)]
    assert [each.reason for each in stopped] == [reason]
    assert calls.recorders == 0


def test_a_recorder_that_is_not_ours_is_seen_and_not_entered() -> None:
    calls = Calls()
    notices = told([caller_arrives(), an_event("MixMonitorStart", CALLER, CALL, AT + 12)], calls)
    assert not [each for each in notices if isinstance(each, RecorderStarted)]
    assert calls.recorders == 1
    assert told([an_event("UserEvent", CALLER, CALL, AT, UserEvent="CCRecorder", Segment="two")], calls) == []
    assert told([an_event("UserEvent", CALLER, CALL, AT, UserEvent="Another", Segment="2")], calls) == []


def test_each_recorder_of_a_leg_is_a_segment() -> None:
    calls = Calls()
    told([caller_arrives(), agent_rings(), records(AGENT, CALL, AT + 12)], calls)
    again = an_event("MixMonitorStop", AGENT, CALL, AT + 20), records(AGENT, CALL, AT + 30, segment=2)
    assert told([*again], calls) == [
        RecorderStopped(CALL, AT + 20, AGENT, "it was told to stop"),
        RecorderStarted(CALL, AT + 30, AGENT, segment=2),
    ]
    assert (calls.legs[AGENT].recorded, calls.legs[AGENT].segment) == (True, 2)


@pytest.mark.parametrize(
    ("event", "notices"),
    [
        (
            {"TransfererUniqueid": AGENT, "TransfererLinkedid": CALL, "Extension": "6100", "Result": "Success"},
            [Transferred(CALL, AT, AGENT, "blind", "6100")],
        ),
        ({"TransfererUniqueid": AGENT, "TransfererLinkedid": CALL, "Extension": "6100", "Result": "Fail"}, []),
        (  # the agent's phone has hung up before it was told: still the caller's call
            {"TransfererUniqueid": "1783328400.3", "TransfererLinkedid": CALL, "Extension": "1", "Result": "Success"},
            [Transferred(CALL, AT, "1783328400.3", "blind", "1")],
        ),
        (  # of a call that is over there is nothing to say
            {"TransfererUniqueid": "1783320000.3", "TransfererLinkedid": "1783320000.1", "Result": "Success"},
            [],
        ),
    ],
)
def test_a_blind_transfer_is_told_of_and_makes_no_leg(event: dict[str, str], notices: list[Notice]) -> None:
    calls = Calls()
    told([caller_arrives(), agent_rings()], calls)
    assert calls.apply({"Event": "BlindTransfer", **event}, AT) == notices
    assert set(calls.legs) == {CALLER, AGENT}


@pytest.mark.parametrize(
    ("who", "result", "expected"),
    [
        (AGENT, "Success", [Transferred(CALL, AT, AGENT, "attended", SECOND_LINE)]),
        (AGENT, "Fail", []),
        ("1783320000.3", "Success", []),
    ],
)
def test_an_attended_transfer_is_told_of_once_it_succeeded(who: str, result: str, expected: list[Notice]) -> None:
    calls = Calls()
    told([caller_arrives(), agent_rings()], calls)
    event = {
        "Event": "AttendedTransfer",
        "Result": result,
        "OrigTransfererUniqueid": who,
        "OrigTransfererLinkedid": CALL if who == AGENT else "1783320000.1",
        "SecondTransfererUniqueid": SECOND_LINE,
    }
    assert calls.apply(event, AT) == expected


@pytest.mark.parametrize("name", ["", "DTMFEnd", "RTCPSent", "newchannel"])
def test_other_events_say_nothing(name: str) -> None:
    calls = Calls()
    assert calls.apply({"Event": name}, AT) == []
    assert calls.apply({}, AT) == []
    assert calls.calls == {}


def test_an_event_without_a_time_happened_now() -> None:
    assert Calls().apply(an_event("Newchannel", CALLER, CALL), 42.5) == [
        CallBegan(CALL, 42.5),
        LegBegan(CALL, 42.5, CALLER, channel_of(CALLER)),
    ]


def test_what_the_conversation_knows_is_kept_until_it_knows_better() -> None:
    calls = Calls()
    told([caller_arrives()], calls)
    calls.identify(CALL, "housing", None)
    calls.identify(CALL, None, "cy")
    calls.identify("1783320000.1", "ict", "en")  # nobody's
    assert (calls.calls[CALL].service, calls.calls[CALL].language) == ("housing", "cy")
    assert set(calls.calls) == {CALL}


# --- two calls become one --------------------------------------------------------------------------------------------


def consulting() -> list[Event]:
    """A caller and an agent, who asks an officer on a second line."""
    return [
        caller_arrives(),
        agent_rings(),
        enters(CALLER),
        enters(AGENT),
        an_event("Newchannel", SECOND_LINE, CONSULTATION, AT + 60),
        an_event("Newchannel", OFFICER, CONSULTATION, AT + 60),
        enters(SECOND_LINE, CONSULTATION, "b2", AT + 62),
        enters(OFFICER, CONSULTATION, "b2", AT + 62),
    ]


def test_a_consultation_that_ends_in_a_transfer_becomes_part_of_the_older_call() -> None:
    calls = Calls()
    told(consulting(), calls)
    assert set(calls.calls) == {CALL, CONSULTATION}
    notices = told([enters(OFFICER, CALL, "b1", AT + 70)], calls)
    assert notices[0] == CallMerged(CONSULTATION, AT + 70, CALL)
    assert calls.calls[CALL].legs == {CALLER, AGENT, SECOND_LINE, OFFICER}
    assert set(calls.calls) == {CALL}
    ended = told([hangs_up(leg, at=AT + 90) for leg in (SECOND_LINE, AGENT, OFFICER, CALLER)], calls)
    assert [each for each in ended if isinstance(each, CallEnded)] == [CallEnded(CALL, AT + 90)]


def test_an_event_from_before_the_merger_does_not_undo_it() -> None:
    """The agent's second line leaves with the Linkedid that it had."""
    calls = Calls()
    told([*consulting(), enters(OFFICER, CALL, "b1", AT + 70)], calls)
    notices = told(
        [leaves(SECOND_LINE, CONSULTATION, "b2", AT + 71), hangs_up(SECOND_LINE, CONSULTATION, AT + 71)], calls
    )
    assert not [each for each in notices if isinstance(each, CallBegan | CallMerged | CallEnded)]
    assert set(calls.calls) == {CALL}


def test_a_merger_into_a_call_that_nobody_announced_keeps_when_it_began_and_what_is_known() -> None:
    calls = Calls()
    told([an_event("Newchannel", OFFICER, CONSULTATION, AT + 60)], calls)
    calls.identify(CONSULTATION, "housing", "cy")
    assert told([enters(OFFICER, CALL, "b1", AT + 70)], calls) == [
        CallBegan(CALL, AT + 60),
        CallMerged(CONSULTATION, AT + 70, CALL),
        Bridged(CALL, AT + 70, OFFICER, "b1"),
    ]
    assert (calls.calls[CALL].service, calls.calls[CALL].language) == ("housing", "cy")


@pytest.mark.parametrize(
    ("one", "other", "kept"),
    [
        ("1783328400.9", "1783328400.10", "1783328400.9"),  # as numbers, not as letters
        ("1783328399.10", "1783328400.9", "1783328399.10"),
        ("pbx1-1783328399.10", "pbx1-1783328400.9", "pbx1-1783328399.10"),  # with a systemname
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_the_older_call_goes_on(*, one: str, other: str, kept: str, turned: bool) -> None:
    calls = Calls()
    first, second = (other, one) if turned else (one, other)
    told([an_event("Newchannel", f"{first}1", first), an_event("Newchannel", f"{second}1", second)], calls)
    told([enters(f"{first}1", kept), enters(f"{second}1", kept)], calls)
    assert set(calls.calls) == {kept}


# --- events that come twice, late, or of nobody ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "event",
    [
        caller_arrives(),
        joins_queue(),
        hangs_up("1783328400.99"),
        leaves("1783328400.2", bridge="another"),
        an_event("MixMonitorStop", AGENT, CALL),
        an_event("QueueCallerLeave", AGENT, CALL, Queue="housing"),
    ],
    ids=lambda event: event["Event"],
)
def test_an_event_that_says_nothing_new_changes_nothing(event: Event) -> None:
    calls = Calls()
    told([caller_arrives(), agent_rings(), joins_queue(), enters(AGENT)], calls)
    before = repr((calls.calls, calls.legs, calls.queues))
    assert told([event], calls) == []
    assert repr((calls.calls, calls.legs, calls.queues)) == before


@pytest.mark.parametrize(
    "event",
    [enters(CALLER), joins_queue(), answers(), an_event("MixMonitorStart", CALLER, CALL, AT), leaves(CALLER)],
    ids=lambda event: event["Event"],
)
def test_a_leg_that_nobody_announced_begins_with_the_first_that_is_heard_of_it(event: Event) -> None:
    calls = Calls()
    at = float(event["Timestamp"])
    assert told([event], calls)[:2] == [CallBegan(CALL, at), LegBegan(CALL, at, CALLER, channel_of(CALLER))]
    assert told([hangs_up(CALLER)], calls)[-1] == CallEnded(CALL, AT + 61)


# --- agents ----------------------------------------------------------------------------------------------------------


def member(name: str, status: str, paused: str = "0", queue: str = "housing", interface: str = "PJSIP/1001") -> Event:
    return {"Event": name, "Queue": queue, "Interface": interface, "Status": status, "Paused": paused}


@pytest.mark.parametrize(
    ("status", "paused", "logged_in", "free"),
    [
        ("1", "0", True, True),  # not in use
        ("2", "0", True, False),  # on a call
        ("6", "0", True, False),  # ringing
        ("1", "1", True, False),  # paused
        ("5", "0", False, False),  # the phone is away
        ("4", "0", False, False),  # there is no such phone
    ],
)
def test_an_agent_is_free_who_is_there_not_paused_and_not_on_a_call(
    *, status: str, paused: str, logged_in: bool, free: bool
) -> None:
    calls = Calls()
    assert told([member("QueueMemberStatus", status, paused)], calls) == []
    agent = calls.queues["housing"].members["PJSIP/1001"]
    assert (agent.logged_in, agent.is_free(AT)) == (logged_in, free)


def test_agents_come_and_go() -> None:
    calls = Calls()
    told([member("QueueMemberAdded", "1"), member("QueueMemberPause", "1", "1")], calls)
    assert calls.queues["housing"].members["PJSIP/1001"].paused
    told([member("QueueMemberRemoved", "1"), member("QueueMemberRemoved", "1")], calls)
    assert calls.queues["housing"].members == {}


# --- after the link was away -----------------------------------------------------------------------------------------


def test_what_ended_while_we_were_away_is_closed_and_said_to_be_unseen() -> None:
    calls = Calls()
    told([caller_arrives(), agent_rings(), an_event("MixMonitorStart", AGENT, CALL, AT)], calls)
    assert calls.resynchronise([], [], [], AT + 100) == [
        LegEnded(CALL, AT + 100, CALLER, None),
        RecorderStopped(CALL, AT + 100, AGENT, "ended while we were away"),
        LegEnded(CALL, AT + 100, AGENT, None),
        CallEnded(CALL, AT + 100, seen=False),
    ]
    assert (calls.calls, calls.legs) == ({}, {})


def test_what_began_while_we_were_away_is_known_afterwards() -> None:
    calls = Calls()
    agents = [{"Queue": "housing", "Location": "PJSIP/1001", "Status": "1", "Paused": "0"}]
    notices = calls.resynchronise([listed(CALLER, CALL)], agents, [in_queue("housing", CALLER, 30)], AT + 100)
    assert notices == [
        CallBegan(CALL, AT + 100),
        LegBegan(CALL, AT + 100, CALLER, channel_of(CALLER)),
        QueueJoined(CALL, AT + 70, CALLER, "housing"),
    ]
    assert calls.queues["housing"].members["PJSIP/1001"].is_free(AT)
    # what happened before the listing and comes behind it is known already
    assert told([caller_arrives(), joins_queue()], calls) == []
    assert calls.queues["housing"].waiting[CALLER].since == AT + 70


@pytest.mark.parametrize(
    ("entries", "outcomes"),
    [([in_queue("housing", CALLER, 30)], []), ([], [UNSEEN]), ([in_queue("general", CALLER, 3)], [UNSEEN])],
)
def test_who_left_a_queue_while_we_were_away_is_known_to_have_left(entries: list[Event], outcomes: list[str]) -> None:
    calls = Calls()
    told([caller_arrives(), joins_queue()], calls)
    notices = calls.resynchronise([listed(CALLER, CALL)], [], entries, AT + 100)
    assert [each.outcome for each in notices if isinstance(each, QueueLeft)] == outcomes
    assert [each.queue for each in notices if isinstance(each, QueueJoined)] == (["general"] if outcomes else [])[
        : len(entries)
    ]


def test_a_call_that_was_taken_apart_while_we_were_away_is_two_calls_again() -> None:
    calls = Calls()
    told([caller_arrives(), agent_rings()], calls)
    notices = calls.resynchronise([listed(CALLER, CALL), listed(AGENT, AGENT)], [], [], AT + 100)
    assert notices == [CallBegan(AGENT, AT), LegBegan(AGENT, AT + 100, AGENT, channel_of(AGENT))]
    assert {call.id: call.legs for call in calls.calls.values()} == {CALL: {CALLER}, AGENT: {AGENT}}


# --- whatever happens ------------------------------------------------------------------------------------------------

LEGS = [f"17833284{number:02}.{number}" for number in range(8)]
QUEUES = ["housing", "general"]
BRIDGES = ["b1", "b2", "b3"]
legs, bridges, queues = st.sampled_from(LEGS), st.sampled_from(BRIDGES), st.sampled_from(QUEUES)


def test_whoever_is_parked_is_with_nobody() -> None:
    calls = Calls()
    calls.apply(an_event("Newchannel", "1.1", "1.1", AT), AT)
    parked = an_event("BridgeEnter", "1.1", "1.1", AT, BridgeUniqueid="lot", BridgeTechnology="holding_bridge")
    assert calls.apply(parked, AT) == []
    assert calls.legs["1.1"].bridge is None
    listed = {"Uniqueid": "1.1", "Linkedid": "1.1", "Channel": "PJSIP/trunk-1", "BridgeId": "lot"}
    for application, bridge in (("Park", None), ("AppQueue", "lot")):
        calls.resynchronise([listed | {"Application": application}], [], [], AT)
        assert calls.legs["1.1"].bridge == bridge


NAMES = ["Newchannel", "Hangup", "BridgeEnter", "BridgeLeave", "MixMonitorStart", "MixMonitorStop"]
QUEUE_NAMES = ["QueueCallerJoin", "QueueCallerLeave", "QueueCallerAbandon", "AgentConnect"]

any_events: st.SearchStrategy[Event] = st.one_of(
    st.builds(
        lambda name, leg, call, bridge: an_event(name, leg, call, AT, BridgeUniqueid=bridge, Cause="16"),
        st.sampled_from(NAMES),
        legs,
        legs,
        bridges,
    ),
    st.builds(
        lambda name, leg, call, queue: an_event(name, leg, call, AT, Queue=queue, Interface="PJSIP/1001"),
        st.sampled_from(QUEUE_NAMES),
        legs,
        legs,
        queues,
    ),
    st.builds(
        lambda leg, call: {
            "Event": "BlindTransfer",
            "Result": "Success",
            "TransfererUniqueid": leg,
            "TransfererLinkedid": call,
            "TransfererChannel": channel_of(leg),
            "Extension": "6100",
        },
        legs,
        legs,
    ),
    st.builds(
        lambda leg, call, other: {
            "Event": "AttendedTransfer",
            "Result": "Success",
            "OrigTransfererUniqueid": leg,
            "OrigTransfererLinkedid": call,
            "SecondTransfererUniqueid": other,
        },
        legs,
        legs,
        legs,
    ),
)
truths = st.dictionaries(legs, st.tuples(legs, st.sampled_from(["", *BRIDGES])), max_size=8)
waiting = st.sets(st.tuples(queues, legs), max_size=4)


def assert_whole(calls: Calls) -> None:
    """No call without legs, no leg without its call, nobody waiting who is not there."""
    assert all(call.legs for call in calls.calls.values())
    assert {leg.id: leg.call for leg in calls.legs.values()} == {
        leg: call.id for call in calls.calls.values() for leg in call.legs
    }
    assert all(leg in calls.legs for queue in calls.queues.values() for leg in queue.waiting)


@settings(max_examples=400, deadline=None)
@given(st.lists(any_events, max_size=40), truths, waiting)
def test_after_any_events_a_look_at_what_is_live_makes_the_graph_agree_with_it(
    events: list[Event], truth: dict[str, tuple[str, str]], in_queues: set[tuple[str, str]]
) -> None:
    calls = Calls()
    for event in events:
        calls.apply(event, AT)
        assert_whole(calls)
    channels = [listed(leg, call, bridge) for leg, (call, bridge) in truth.items()]
    entries = [in_queue(queue, leg, 10) for queue, leg in in_queues if leg in truth]
    calls.resynchronise(channels, [], entries, AT + 100)
    assert_whole(calls)
    assert {leg.id: (leg.call, leg.bridge or "") for leg in calls.legs.values()} == truth
    assert set(calls.calls) == {call for call, _ in truth.values()}
    there = {(name, leg) for name, queue in calls.queues.items() for leg in queue.waiting}
    assert there == {(queue, leg) for queue, leg in in_queues if leg in truth}
    assert calls.resynchronise(channels, [], entries, AT + 100) == []  # and then there is nothing left to say


@dataclass
class Pbx:
    """An Asterisk that is all numbers: channels in bridges, each bridge with the oldest Linkedid of those in it."""

    calls: dict[str, str] = field(default_factory=dict)  # leg -> Linkedid
    bridges: dict[str, str] = field(default_factory=dict)  # leg -> bridge
    made: int = 0

    def does(self, what: str, one: int, other: int) -> list[Event]:
        up = sorted(self.calls)
        if what == "arrives" or not up:
            self.made += 1
            leg = f"17833284{self.made:02}.{self.made}"
            with_others = bool(up) and one % 2 == 0
            self.calls[leg] = self.calls[up[other % len(up)]] if with_others else leg
            return [an_event("Newchannel", leg, self.calls[leg])]
        leg = up[one % len(up)]
        events = []
        if leg in self.bridges:
            bridge = self.bridges.pop(leg)
            events = [an_event("BridgeLeave", leg, self.calls[leg], BridgeUniqueid=bridge)]
        if what == "hangs up":
            return [*events, an_event("Hangup", leg, self.calls.pop(leg), Cause="16")]
        bridge = BRIDGES[other % len(BRIDGES)]
        self.bridges[leg] = bridge
        together = [each for each, where in self.bridges.items() if where == bridge]
        oldest = min((self.calls[each] for each in together), key=lambda call: int(call.partition(".")[2]))
        for each in together:
            self.calls[each] = oldest
        return [*events, an_event("BridgeEnter", leg, oldest, BridgeUniqueid=bridge)]

    def lists(self) -> list[Event]:
        return [listed(leg, call, self.bridges.get(leg, "")) for leg, call in self.calls.items()]


doings = st.tuples(st.sampled_from(["arrives", "moves", "moves", "hangs up"]), st.integers(0, 99), st.integers(0, 99))
mishaps = st.sampled_from(["comes"] * 6 + ["is lost", "comes twice", "comes late"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(doings, mishaps), max_size=40))
def test_the_register_holds_open_what_is_live_whatever_became_of_the_events(
    story: list[tuple[tuple[str, int, int], str]],
) -> None:
    """Events are lost, come twice and too late; the register takes every notice; then we look at what is live."""
    pbx, calls = Pbx(), Calls()
    notices: list[Notice] = []
    late: list[Event] = []
    for doing, mishap in story:
        for event in pbx.does(*doing):
            times = {"is lost": 0, "comes late": 0, "comes twice": 2}.get(mishap, 1)
            for each in [event] * times + late:
                notices += calls.apply(each, AT)
                assert_whole(calls)
            late = [event] if mishap == "comes late" else []
    notices += calls.resynchronise(pbx.lists(), [], [], AT + 100)
    assert asyncio.run(what_stays_open(notices)) == (set(pbx.calls.values()), set(pbx.calls.items()))


async def what_stays_open(notices: Sequence[Notice]) -> tuple[set[str], set[tuple[str, str]]]:
    async with open_register(Path(":memory:"), parties_in(Path("/nonexistent"))) as register:
        await register.write(notices)
        return set(await register.open_calls()), set(await register.open_legs())


@settings(max_examples=60, deadline=None)
@given(st.lists(any_events, max_size=40), truths)
def test_the_register_takes_the_notices_of_any_events(events: list[Event], truth: dict[str, tuple[str, str]]) -> None:
    calls = Calls()
    notices = told(events, calls)
    notices += calls.resynchronise([listed(leg, call) for leg, (call, _) in truth.items()], [], [], AT + 100)
    still_open, open_legs = asyncio.run(what_stays_open(notices))
    assert set(calls.calls) <= still_open
    assert {leg for leg, _ in open_legs} <= set(truth) | set(LEGS)
