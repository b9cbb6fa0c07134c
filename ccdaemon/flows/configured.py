"""That the configuration has changed stands in the audit chain: from when on which one counted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NoReturn, Protocol

import structlog

from ccdaemon.chain import Link
from ccdaemon.faults import RegisterFull

AGAIN = 60.0  # seconds after a register that took nothing
KIND = "configuration"

log = structlog.get_logger()


class Register(Protocol):
    async def audit(self, link: Link) -> None: ...

    async def last_audited(self, kind: str) -> str | None: ...


async def note_configuration(
    register: Register, fingerprint: Callable[[], str], changed: asyncio.Event, clock: Callable[[], float]
) -> NoReturn:
    """At the start, and each time after `changed` is set, if it is another one than the last."""
    while True:
        changed.clear()
        detail = {"sha256": fingerprint()}
        try:
            if await register.last_audited(KIND) != detail["sha256"]:
                await register.audit(Link(clock(), KIND, detail))
        except RegisterFull as fault:
            log.warning("that the configuration has changed is not entered yet", reason=str(fault))
            await asyncio.sleep(AGAIN)
            continue
        await changed.wait()
