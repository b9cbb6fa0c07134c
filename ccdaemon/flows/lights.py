"""The lights of phones that are sealed: an agent sees whether what is said now may be recorded.

A light is a hint (generated context `cc-lights`) on a device state that we set, `Custom:cc-sealed-DEVICE`.
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
from ccdaemon.rules.payment import sealed_devices

ON, OFF = "INUSE", "NOT_INUSE"

log = structlog.get_logger()


class Switch(Protocol):
    async def action(self, name: str, fields: Mapping[str, str]) -> object: ...


async def light(switch: Switch, calls: Calls, site: Callable[[], Site], news: asyncio.Event) -> NoReturn:
    """Set every light once, whatever an earlier daemon left, and then each that changes, until the link drops."""
    lit: dict[str, str] = {}
    while True:
        news.clear()
        sealed = sealed_devices(calls, site())
        for device in sorted(set(site().devices.values()) | set(lit)):
            state = ON if device in sealed else OFF
            if lit.get(device) != state:
                await _set(switch, device, state)
                lit[device] = state
        await news.wait()


async def _set(switch: Switch, device: str, state: str) -> None:
    try:
        await switch.action("Setvar", {"Variable": f"DEVICE_STATE(Custom:cc-sealed-{device})", "Value": state})
    except SwitchRefused as refusal:
        log.warning("a light cannot be set", device=device, reason=str(refusal))
