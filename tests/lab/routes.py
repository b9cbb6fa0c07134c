"""Every route by the payments door: the ways of callers, agents and officers, and how the call comes to each."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from tests.lab import meetings, softphone, ways
from tests.lab.stage import Act, Stage, Way
from tests.lab.ways import GENERAL_NUMBER, PAYMENTS, PAYMENTS_NUMBER, by_manager


@dataclass(frozen=True)
class Route:
    """How a call comes to an officer. `play` gets a number of Housing's that is the caller's own."""

    name: str
    play: Callable[[Stage, str], Coroutine[Any, Any, Act]]
    recorded: bool = True  # until the officer comes
    connects: bool = True


def _taken(way: Way, keys: str = "20") -> Route:
    return Route(way.__name__, lambda stage, number: stage.play(way, number, keys))


ROUTES = (
    Route("menu_choice", lambda stage, _: stage.arrive(GENERAL_NUMBER, "26"), recorded=False),
    Route("payments_number", lambda stage, _: stage.arrive(PAYMENTS_NUMBER, "2"), recorded=False),
    _taken(ways.blind_refer),
    _taken(ways.blind_code),
    _taken(by_manager("BlindTransfer", Channel="{agent}", Exten=PAYMENTS, Context="cc-transfer")),
    _taken(ways.attended_code),
    _taken(by_manager("Atxfer", Channel="{agent}", Exten=PAYMENTS, Context="cc-transfer")),
    _taken(ways.blonde),
    _taken(ways.consult_and_back),
    _taken(ways.swap),
    _taken(ways.three_way),
    _taken(ways.replaces_from_line_2),
    *([Route("replaces_from_a_held_line", softphone.replaces_from_a_held_line)] if softphone.INSTALLED else []),
    _taken(ways.mixed_in_the_phone),
    Route("mixed_in_the_other_order", ways.mixed_in_the_other_order, recorded=False),
    _taken(ways.officer_rings_the_agent),
    _taken(ways.officers_extension),
    _taken(ways.overflow, keys="10"),
    _taken(meetings.park_and_fetch),
    _taken(meetings.conference_officer_first),
    _taken(meetings.conference_officer_first_mixed),
    _taken(meetings.conference_officer_last),
    _taken(meetings.conference_at_once),
    _taken(meetings.conference_caller_brought),
    _taken(ways.second_officer),
    _taken(ways.back_to_housing),
    _taken(by_manager("Redirect", Channel="{caller}", Exten=PAYMENTS, Context="cc-transfer", Priority="1")),
    _taken(by_manager("Redirect", Channel="{agent}", Exten=PAYMENTS, Context="cc-transfer", Priority="1")),
    Route("forwarded_by_a_colleague", lambda stage, number: stage.play(ways.forwarded, number), connects=False),
    Route(
        "forwarded_by_a_member",
        lambda stage, number: stage.play(ways.nothing, number, forwards=PAYMENTS),
        connects=False,
    ),
    _taken(ways.sealed_by_key),
    _taken(ways.sealed_on_line_2),
)
