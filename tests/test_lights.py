"""The lights of phones tell which of them are sealed, whatever an earlier daemon left."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from structlog.testing import capture_logs

from ccdaemon.faults import SwitchLost, SwitchRefused
from ccdaemon.flows.lights import light
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.payment import sealed_devices
from tests.builders import an_event, example_site

CALL, LEG = "100.1", "100.2"
DEADLINE = 5.0  # seconds
SITE = example_site()
ALL_DARK = dict.fromkeys(SITE.devices.values(), "NOT_INUSE")


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
        device = fields["Variable"].removeprefix("DEVICE_STATE(Custom:cc-sealed-").removesuffix(")")
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


async def test_a_light_goes_on_with_the_seal_and_out_with_the_call() -> None:
    calls, switch, news = in_a_call(), Switch(), asyncio.Event()
    task = asyncio.create_task(light(switch, calls, lambda: SITE, news))
    await switch.until(ALL_DARK)
    calls.seal([LEG])
    news.set()
    await switch.until({**ALL_DARK, "1001": "INUSE"})
    calls.apply(an_event("Hangup", LEG, CALL), 0.0)
    news.set()
    await switch.until(ALL_DARK)
    task.cancel()


async def test_a_light_that_cannot_be_set_is_said_and_hinders_no_other() -> None:
    switch = Switch(refused="1001")
    with capture_logs() as logs:
        task = asyncio.create_task(light(switch, in_a_call(), lambda: SITE, asyncio.Event()))
        await switch.until({device: state for device, state in ALL_DARK.items() if device != "1001"})
    task.cancel()
    assert [(each["log_level"], each["light"]) for each in logs] == [("warning", "cc-sealed-1001")]


async def test_without_the_link_there_is_nothing_to_light() -> None:
    with pytest.raises(SwitchLost):
        await light(Switch(lost=True), in_a_call(), lambda: SITE, asyncio.Event())
