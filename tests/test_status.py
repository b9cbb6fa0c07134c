"""What network monitoring sees is what is live, in figures, and nothing personal."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import datetime
from typing import Literal

import pytest

from ccdaemon.model import Event, Ruling, Site
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.status import calls_topic, endpoints_topic, live, queue_topics, service_topic
from ccdaemon.rules.today import Today
from ccdaemon.topics import Payload, Queue
from tests.builders import LONDON, an_event, example_site, in_queue, listed

AT = 1783328400.0
NOBODY: Payload = {
    "waiting": 0,
    "longest_since": None,
    "by_language": {},
    "logged_in": 0,
    "free": 0,
    "talking": 0,
    "wrapping_up": 0,
    "paused": 0,
    "answered": 0,
    "abandoned": 0,
    "service_level": None,
}


def member(interface: str, status: str, paused: str = "0", ended: float = 0.0, wrap_up: str = "0") -> Event:
    who = {"Event": "QueueMember", "Queue": "housing", "Location": interface}
    return {**who, "Status": status, "Paused": paused, "LastCall": str(int(ended)), "Wrapuptime": wrap_up}


def topics_of(calls: Calls, queues: list[str]) -> dict[str, Queue]:
    return queue_topics(calls, queues, Today(example_site), AT, {"housing": 10.0})


def graph(legs: int = 0, members: list[Event] | None = None, waiting: dict[str, int] | None = None) -> Calls:
    """So many calls of one leg each; these agents; who waits in the housing queue since how many seconds."""
    calls = Calls()
    channels = [listed(f"{number}.1", f"{number}.1") for number in range(legs)]
    entries = [in_queue("housing", leg, waited) for leg, waited in (waiting or {}).items()]
    calls.resynchronise(channels, members or [], entries, AT)
    return calls


@pytest.mark.parametrize(
    ("legs", "identities", "expected"),
    [
        (0, [], {"live": 0, "by_service": {}, "by_language": {}}),
        (2, [], {"live": 2, "by_service": {}, "by_language": {}}),  # nobody has named them yet
        (2, [("housing", None)], {"live": 2, "by_service": {"housing": 1}, "by_language": {}}),
        (
            4,
            [("housing", "cy"), ("housing", "en"), ("highways", "cy")],
            {"live": 4, "by_service": {"housing": 2, "highways": 1}, "by_language": {"cy": 2, "en": 1}},
        ),
    ],
)
def test_live_calls_are_counted_by_what_is_known_of_them(
    legs: int, identities: list[tuple[str, str | None]], expected: Payload
) -> None:
    calls = graph(legs)
    for number, (service, language) in enumerate(identities):
        calls.identify(f"{number}.1", service, language)
    assert calls_topic(calls) == expected


def test_a_call_that_is_over_counts_no_longer() -> None:
    calls = graph(2)
    calls.identify("0.1", "housing", "cy")
    calls.apply(an_event("Hangup", "0.1", "0.1", AT, Cause="16"), AT)
    assert calls_topic(calls) == {"live": 1, "by_service": {}, "by_language": {}}


def test_two_calls_that_became_one_count_once_and_keep_what_was_known_of_either() -> None:
    calls = graph(2)
    calls.identify("1.1", "housing", "cy")
    calls.apply(an_event("BridgeEnter", "1.1", "0.1", AT, BridgeUniqueid="b1"), AT)
    assert calls_topic(calls) == {"live": 1, "by_service": {"housing": 1}, "by_language": {"cy": 1}}


def test_of_two_calls_that_became_one_the_older_says_what_it_is_about() -> None:
    calls = graph(2)
    calls.identify("0.1", "highways", None)
    calls.identify("1.1", "housing", "cy")
    calls.apply(an_event("BridgeEnter", "1.1", "0.1", AT, BridgeUniqueid="b1"), AT)
    assert calls_topic(calls) == {"live": 1, "by_service": {"highways": 1}, "by_language": {"cy": 1}}


@pytest.mark.parametrize(
    ("claim", "members", "waiting", "expected"),
    [
        ("nobody", [], {}, {}),
        ("the longest counts", [], {"0.1": 30, "1.1": 90, "2.1": 0}, {"waiting": 3, "longest_since": AT - 90}),
        ("free", [member("PJSIP/1001", "1")], {}, {"logged_in": 1, "free": 1}),
        ("on a call", [member("PJSIP/1001", "2")], {}, {"logged_in": 1, "talking": 1}),
        ("on hold", [member("PJSIP/1001", "8")], {}, {"logged_in": 1, "talking": 1}),
        ("it rings", [member("PJSIP/1001", "6")], {}, {"logged_in": 1}),
        (
            "wraps up",
            [member("PJSIP/1001", "1", ended=AT - 29, wrap_up="30")],
            {},
            {"logged_in": 1, "wrapping_up": 1},
        ),
        ("the queue's own time", [member("PJSIP/1001", "1", ended=AT - 9)], {}, {"logged_in": 1, "wrapping_up": 1}),
        ("which is over", [member("PJSIP/1001", "1", ended=AT - 10)], {}, {"logged_in": 1, "free": 1}),
        ("has wrapped up", [member("PJSIP/1001", "1", ended=AT - 30, wrap_up="30")], {}, {"logged_in": 1, "free": 1}),
        ("paused", [member("PJSIP/1001", "1", "1")], {}, {"logged_in": 1, "paused": 1}),
        ("the phone is away", [member("PJSIP/1001", "5")], {}, {}),
        (
            "a team",
            [member(f"PJSIP/100{number}", status) for number, status in enumerate("1164")],
            {"0.1": 5},
            {"waiting": 1, "longest_since": AT - 5, "logged_in": 3, "free": 2},
        ),
    ],
)
def test_a_queue_says_who_waits_since_when_and_how_many_agents_there_are(
    claim: str, members: list[Event], waiting: dict[str, int], expected: Payload
) -> None:
    calls = graph(3, members, waiting)
    assert topics_of(calls, ["housing"]) == {"queues/housing": {**NOBODY, **expected}}, claim


def test_who_waits_is_counted_by_the_language_that_they_chose() -> None:
    calls = graph(3, waiting={"0.1": 5, "1.1": 5, "2.1": 5})
    calls.identify("0.1", "housing", "cy")
    calls.identify("1.1", "housing", "en")
    assert topics_of(calls, ["housing"])["queues/housing"]["by_language"] == {"cy": 1, "en": 1}


def test_every_queue_of_the_site_has_its_topic_though_nobody_spoke_of_it() -> None:
    calls = graph(1, waiting={"0.1": 5})
    topics = topics_of(calls, ["housing-cy", "highways"])
    assert topics == {"queues/housing-cy": NOBODY, "queues/highways": NOBODY}


def test_no_number_name_or_channel_leaves_by_the_status() -> None:
    """A graph full of what nobody may see: the payloads are figures and words of the site."""
    calls = graph(3, [member("PJSIP/sian.jones", "1"), member("Local/07700900123@agents", "1")], {"0.1": 5, "1.1": 9})
    for number in range(3):
        personal = {"CallerIDNum": "07700900123", "CallerIDName": "Siân Jones", "ConnectedLineName": "Siân Jones"}
        calls.apply(an_event("Newchannel", f"{number}.1", f"{number}.1", AT, **personal), AT)
        calls.identify(f"{number}.1", "housing", "cy")
    names = ("Local/07700900123@from-internal-0001;1", "DAHDI/i1/07700900123-2", "PJSIP/1001-01")
    for number, name in enumerate(names):
        calls.apply({**an_event("Newchannel", f"9.{number}", "9.0", AT), "Channel": name}, AT)
    told = [calls_topic(calls), topics_of(calls, ["housing"]), live(calls, example_site(), AT)]
    said = json.dumps(told, ensure_ascii=False)
    assert not re.search(r"07700|\d{11}|Si|jones", said.replace("PJSIP", ""))


MONDAY, CHRISTMAS = datetime(2026, 7, 6, 10, tzinfo=LONDON), datetime(2026, 12, 25, 10, tzinfo=LONDON)


def ruled(state: Literal["open", "closed"], message: str | None = None) -> Site:
    return replace(example_site(), rulings={"housing": Ruling("housing", state, message, AT, "tom")})


@pytest.mark.parametrize(
    ("site", "now", "state", "why"),
    [
        (example_site(), MONDAY, "open", "timetable"),
        (example_site(), MONDAY.replace(hour=18), "closed", "timetable"),
        (example_site(), CHRISTMAS, "bank-holiday", "timetable"),
        (ruled("closed"), MONDAY, "closed", "command"),
        (ruled("open"), CHRISTMAS, "open", "command"),
        (ruled("closed", "evacuation"), MONDAY, "emergency", "command"),
    ],
)
def test_a_line_is_what_its_hours_say_unless_somebody_ruled(site: Site, now: datetime, state: str, why: str) -> None:
    assert service_topic(site, site.services["housing"], now) == {"state": state, "why": why}


def test_what_is_urgent_in_the_site_file_shows() -> None:
    urgent = replace(example_site().services["housing"], emergency="flooding")
    assert service_topic(example_site(), urgent, MONDAY) == {"state": "emergency", "why": "site file"}


def test_phones_are_idle_busy_or_not_there() -> None:
    states = {"PJSIP/1001": "NOT_INUSE", "PJSIP/1002": "INUSE", "PJSIP/1003": "RINGING", "PJSIP/1004": "UNAVAILABLE"}
    assert endpoints_topic(example_site(), states) == {"phones": 12, "idle": 1, "busy": 2, "unavailable": 9}


def test_a_live_call_is_where_it_is_and_says_with_whom() -> None:
    calls = graph(3, waiting={"1.1": 30})
    calls.identify("1.1", "housing", "cy")
    calls.apply(an_event("BridgeEnter", "2.1", "2.1", AT, BridgeUniqueid="b1"), AT)
    told = live(calls, example_site(), AT + 5)
    assert [(each["id"], each["at"], each["waiting"]) for each in told] == [
        ("0.1", "elsewhere", None),
        ("1.1", "queue housing", 35),
        ("2.1", "talks", None),
    ]
