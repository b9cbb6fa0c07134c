"""The lights of phones tell what is so, whatever an earlier daemon left."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from ccdaemon.agents import Agent
from ccdaemon.faults import SwitchLost, SwitchRefused
from ccdaemon.flows.lights import darken, light
from ccdaemon.model import Ruling, Site
from ccdaemon.rules.agents import LOGGED_OUT
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.lights import lights
from ccdaemon.rules.payment import sealed_devices
from ccdaemon.rules.queues import NOT_IN_USE, Member
from tests.builders import an_event, example_site

CALL, LEG = "100.1", "100.2"
DEADLINE = 5.0  # seconds
SITE = example_site()
ALL_DARK = dict.fromkeys(lights(Calls(), SITE), "NOT_INUSE")


class Switch:
    """An Asterisk whose lights these are; it has none for `refused`, or the link to it is `lost`."""

    def __init__(self, refused: str = "", *, lost: bool = False) -> None:
        self.lights: dict[str, str] = {}
        self.refused = refused
        self.lost = lost
        self.told = asyncio.Event()

    async def action(self, name: str, fields: Mapping[str, str]) -> None:
        assert (name, set(fields)) == ("Setvar", {"Variable", "Value"})
        if self.lost:
            raise SwitchLost
        device = fields["Variable"].removeprefix("DEVICE_STATE(Custom:").removesuffix(")")
        if device == self.refused:
            message = "Setvar: Permission denied"
            raise SwitchRefused(message)
        self.lights[device] = fields["Value"]
        self.told.set()

    async def until(self, lights: Mapping[str, str]) -> None:
        async with asyncio.timeout(DEADLINE):
            while self.lights != lights:
                await self.told.wait()
                self.told.clear()


def in_a_call() -> Calls:
    calls = Calls()
    calls.apply(an_event("Newchannel", LEG, CALL), 0.0)  # of the phone 1001
    return calls


def test_a_phone_is_sealed_with_a_call_that_it_is_in() -> None:
    calls = in_a_call()
    assert sealed_devices(calls, SITE) == set()
    calls.seal([LEG])
    assert sealed_devices(calls, SITE) == {"1001"}
    calls.apply({**an_event("Newchannel", "100.3", CALL), "Channel": "PJSIP/trunk-00000003"}, 0.0)
    assert sealed_devices(calls, SITE) == {"1001"}  # a trunk is nobody's phone


def on(calls: Calls, site: Site = SITE) -> set[str]:
    return {name for name, is_on in lights(calls, site).items() if is_on}


def test_who_objects_has_a_light_of_their_own() -> None:
    calls = in_a_call()
    assert on(calls) == set()
    calls.object_to([LEG])
    assert on(calls) == {"cc-objected-1001"}


def test_who_speaks_with_somebody_who_objects_sees_it_whatever_brought_them_together() -> None:
    calls = in_a_call()
    calls.object_to([LEG])
    other = {**an_event("Newchannel", "200.1", "200.1"), "Channel": "PJSIP/1002-00000009"}
    calls.apply(other, 0.0)
    assert on(calls) == {"cc-objected-1001"}
    for event in (an_event("BridgeEnter", LEG, CALL), {**other, "Event": "BridgeEnter"}):
        calls.apply({**event, "BridgeUniqueid": "b", "BridgeType": "basic"}, 0.0)
    assert on(calls) == {"cc-objected-1001", "cc-objected-1002"}


def test_two_accounts_of_a_phone_have_one_light() -> None:
    calls, phones = in_a_call(), dict(SITE.phones)
    phones["1002"] = replace(phones["1002"], device=phones["1001"].device)
    calls.seal([LEG])
    shown = lights(calls, replace(SITE, phones=phones))
    assert shown["cc-sealed-1001"]
    assert "cc-sealed-1002" not in shown


def test_a_line_of_which_somebody_has_ruled_has_a_light_until_it_goes_by_its_hours_again() -> None:
    ruling = Ruling("housing", "open", None, 0.0, "root")
    ruled = replace(SITE, rulings={"housing": ruling})
    assert on(Calls(), ruled) == {"cc-line-housing"}
    assert on(Calls(), replace(ruled, rulings={})) == set()


def test_who_is_logged_in_and_who_is_paused_is_told_by_asterisks_word() -> None:
    agents = {each: Agent(each, ("housing",), frozenset({"cy"})) for each in ("1001", "1002", "8001")}
    site, calls = replace(SITE, agents=agents), Calls()
    assert lights(calls, site).keys() - lights(calls, SITE).keys() == {
        f"cc-{what}-{who}" for who in agents for what in ("in", "paused")
    }
    there = Member(NOT_IN_USE, paused=False, dynamic=True)
    calls.queues["housing"].members["PJSIP/1002"] = replace(there, paused=True, reason="lunch")
    calls.queues["housing"].members["PJSIP/1001"] = there
    calls.queues["housing"].members["PJSIP/8001"] = Member(NOT_IN_USE, paused=True, reason=LOGGED_OUT)
    assert on(calls, site) == {"cc-in-1002", "cc-paused-1002", "cc-in-1001"}


async def test_a_light_goes_on_with_the_seal_and_out_with_the_call() -> None:
    calls, switch, news = in_a_call(), Switch(), asyncio.Event()
    task = asyncio.create_task(light(switch, calls, lambda: SITE, news))
    await switch.until(ALL_DARK)
    calls.seal([LEG])
    news.set()
    await switch.until({**ALL_DARK, "cc-sealed-1001": "INUSE"})
    calls.apply(an_event("Hangup", LEG, CALL), 0.0)
    news.set()
    await switch.until(ALL_DARK)
    task.cancel()


async def test_a_light_that_cannot_be_set_is_said_and_hinders_no_other() -> None:
    switch = Switch(refused="cc-sealed-1001")
    with capture_logs() as logs:
        task = asyncio.create_task(light(switch, in_a_call(), lambda: SITE, asyncio.Event()))
        await switch.until({device: state for device, state in ALL_DARK.items() if device != "cc-sealed-1001"})
    task.cancel()
    assert [(each["log_level"], each["light"]) for each in logs] == [("warning", "cc-sealed-1001")]


async def test_at_the_end_what_calls_have_lit_is_out_and_the_rest_stays() -> None:
    switch = Switch()
    await darken(switch, SITE)
    assert switch.lights == {name: "NOT_INUSE" for name in ALL_DARK if not name.startswith("cc-line-")}


async def test_without_the_link_there_is_nothing_to_light() -> None:
    with pytest.raises(SwitchLost):
        await light(Switch(lost=True), in_a_call(), lambda: SITE, asyncio.Event())
