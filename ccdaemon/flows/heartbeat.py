"""Tell the dialplan that we are awake: an epoch in a global variable, every two seconds.

Dialplan `cc-ask` does not ask a daemon whose last beat is older than six seconds. So a daemon that hangs, or has lost
its manager link, is harmless to new calls within that time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import NoReturn, Protocol

INTERVAL = 2.0  # seconds
VARIABLE = "CC_BEAT"


class Switch(Protocol):
    async def action(self, name: str, fields: Mapping[str, str]) -> object: ...


async def beat(switch: Switch, clock: Callable[[], float]) -> NoReturn:
    """Beat for ever. What `action` raises when the link is gone ends it."""
    while True:
        await switch.action("Setvar", {"Variable": VARIABLE, "Value": str(int(clock()))})
        await asyncio.sleep(INTERVAL)


async def stop_beating(switch: Switch) -> None:
    """Say that we are going: new calls go to the second tier at once."""
    await switch.action("Setvar", {"Variable": VARIABLE, "Value": "0"})
