"""Topics are made anew when somebody looks, follow the site, and know what a call is about from its conversation."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ccdaemon.flows.topics import Topics
from ccdaemon.model import Site
from ccdaemon.notices import CallIdentified, QueueJoined, QueueLeft
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.today import Today
from ccdaemon.topics import Payload
from tests.builders import an_event, example_site

AT = 1783328400.0  # 6 July 2026, 10:00 in Wales


class Board(dict[str, Payload]):
    """What is shown, and how often somebody was told to look."""

    woken = 0

    def publish(self, topic: str, payload: Payload | None) -> None:
        if payload is None:
            self.pop(topic)
        else:
            self[topic] = payload

    def wake(self) -> None:
        self.woken += 1


class Room:
    def __init__(self) -> None:
        self.site: Site = example_site()
        self.now = AT
        self.board, self.calls = Board(), Calls()
        today = Today(lambda: self.site)
        self.topics = Topics(self.board, self.calls, today, lambda: self.site, lambda: self.now)
        self.topics.linked = True


def test_each_line_and_each_of_its_queues_has_a_topic() -> None:
    room = Room()
    room.topics.refresh()
    services = {f"services/{name}" for name in room.site.services}
    queues = {f"queues/{name}" for service in room.site.services.values() for name in service.queue.names}
    assert room.board.keys() == services | queues | {"calls", "recorders"}


def test_without_a_link_nothing_is_told_of_calls_and_queues() -> None:
    room = Room()
    room.topics.refresh()
    room.topics.linked = False
    room.topics.refresh()
    assert room.board.keys() == {f"services/{name}" for name in room.site.services}


def test_of_a_line_that_was_taken_out_of_the_site_nothing_stays() -> None:
    room = Room()
    room.topics.refresh()
    left = {name: service for name, service in room.site.services.items() if name != "ict"}
    room.site = replace(room.site, services=left)
    room.topics.refresh()
    assert not {topic for topic in room.board if "ict" in topic}
    assert "services/housing" in room.board


@pytest.mark.parametrize(("hours_later", "state"), [(0, "open"), (8, "closed")])
def test_a_line_closes_by_time_alone(hours_later: int, state: str) -> None:
    room = Room()
    room.topics.refresh()
    room.now += 3600 * hours_later
    room.topics.refresh()
    assert room.board["services/housing"]["state"] == state


def test_what_a_conversation_knows_of_a_call_counts_at_once() -> None:
    room = Room()
    room.calls.apply(an_event("Newchannel", "1.1", "1.1", AT), AT)
    room.topics.note([CallIdentified("1.1", AT, service="housing", language="cy")])
    assert room.board.woken == 1
    room.topics.refresh()
    assert room.board["calls"] == {"live": 1, "by_service": {"housing": 1}, "by_language": {"cy": 1}}


def test_who_was_answered_counts_for_today() -> None:
    room = Room()
    room.topics.note([QueueJoined("1.1", AT, "1.1", "housing"), QueueLeft("1.1", AT + 5, "1.1", "housing", "answered")])
    room.topics.refresh()
    assert (room.board["queues/housing"]["answered"], room.board["queues/housing"]["service_level"]) == (1, 100.0)
