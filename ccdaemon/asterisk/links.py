"""A link with Asterisk for as long as we run: a new one whenever the last drops, ever more slowly while none holds."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import NoReturn

import structlog

from ccdaemon.asterisk.ami import Ami, AmiAddress, AmiDenied, AmiDisconnected, AmiRefused, AmiUnreachable, connect

FIRST_DELAY, LONGEST_DELAY = 0.25, 10.0  # seconds between attempts
STEADY = 15.0  # seconds, the login included; a link that ends sooner may be one that breaks at each login
DENIED_DELAY = 60.0  # seconds; a wrong secret does not get right by haste, and fail2ban may be watching

log = structlog.get_logger()


async def keep_linked(
    address: AmiAddress, body: Callable[[Ami], Awaitable[NoReturn]], changed: Callable[[str | None], None]
) -> NoReturn:
    """Run `body` with a link, and again with a new one whenever the link drops.

    `changed` hears of each fault, and None of each login.
    """
    loop, delay = asyncio.get_running_loop(), FIRST_DELAY
    while True:
        began = loop.time()
        try:
            try:
                await asyncio.create_task(_link(address, body, changed), name="link")
            finally:
                if loop.time() - began > STEADY:
                    delay = FIRST_DELAY
        except* (AmiUnreachable, AmiDisconnected) as faults:
            changed(_first(faults))
            log.warning("no manager link to Asterisk: calls are answered by the second tier", reason=_first(faults))
        except* AmiDenied as faults:
            changed(_first(faults))
            delay = DENIED_DELAY
            log.error(
                "Asterisk does not let us in: calls are answered by the second tier. Check [manager] user and secret "
                "against manager.conf",
                user=address.user,
                reason=_first(faults),
                next_attempt_seconds=delay,
            )
        except* AmiRefused as faults:
            changed(_first(faults))
            log.error(
                "Asterisk refuses what we need: calls are answered by the second tier. Check the rights of our user in "
                "manager.conf",
                user=address.user,
                reason=_first(faults),
            )
        await asyncio.sleep(delay * random.uniform(0.8, 1.2))  # noqa: S311 - spreads load, guards nothing
        delay = min(delay * 2, LONGEST_DELAY)


async def _link(
    address: AmiAddress, body: Callable[[Ami], Awaitable[NoReturn]], changed: Callable[[str | None], None]
) -> NoReturn:
    """One link, in a task of its own: before Python 3.13 a TaskGroup that fails leaves its task half cancelled.

    There no `asyncio.timeout` is a TimeoutError any more, so the next login that is not answered would end everything.
    """
    async with connect(address) as ami:
        changed(None)
        await body(ami)
    raise AssertionError  # a body runs until it raises


def _first(faults: BaseExceptionGroup[BaseException]) -> str:
    """The text of the first fault in a group of groups: they are one lost link, noticed by several."""
    inner = faults.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else str(inner)
