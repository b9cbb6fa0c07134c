"""The lights of phones: whether what is said may be recorded, who is logged in or paused, which lines are ruled.

Such a light is a hint (generated context `cc-lights`) on a device state that we set, as `Custom:cc-sealed-DEVICE`.
Source: the Asterisk documentation on Extension State and Hints, and on func_devstate.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import NoReturn, Protocol

import structlog

from ccdaemon.faults import SwitchRefused
from ccdaemon.model import Site
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.lights import lights

ON, OFF = "INUSE", "NOT_INUSE"
OF_CALLS = ("cc-sealed-", "cc-objected-")
GATHERED = 0.05  # seconds of events for which they are looked at once

log = structlog.get_logger()


class Switch(Protocol):
    async def action(self, name: str, fields: Mapping[str, str]) -> object: ...


async def light(switch: Switch, calls: Calls, site: Callable[[], Site], news: asyncio.Event) -> NoReturn:
    """Set every light once, whatever an earlier daemon left, and then each that changes, until the link drops."""
    lit: dict[str, str] = {}
    while True:
        news.clear()
        wanted = lights(calls, site())
        for name in [*wanted, *sorted(lit.keys() - wanted.keys())]:
            state = ON if wanted.get(name) else OFF
            if lit.get(name) != state:
                await _set(switch, name, state)
                lit[name] = state
        await news.wait()
        await asyncio.sleep(GATHERED)


async def darken(switch: Switch, site: Site) -> None:
    """Nobody will be there to put out what calls have lit, and the next call is not sealed: it is out from now on."""
    for name in lights(Calls(), site):
        if name.startswith(OF_CALLS):
            await _set(switch, name, OFF)


async def _set(switch: Switch, name: str, state: str) -> None:
    try:
        await switch.action("Setvar", {"Variable": f"DEVICE_STATE(Custom:{name})", "Value": state})
    except SwitchRefused as refusal:
        log.warning("a light cannot be set", light=name, reason=str(refusal))
