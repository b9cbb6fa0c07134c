"""The head of the audit chain is given away: whoever changes the register later cannot change that too."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import NoReturn, Protocol, TypeAlias

from ccdaemon.chain import Head
from ccdaemon.faults import RegisterFull
from ccdaemon.flows.journal import Alarms

HOUR = 3600.0  # seconds between the heads in a file

Publish: TypeAlias = Callable[[str, Mapping[str, object] | None], None]
Append: TypeAlias = Callable[[Path, str], None]


class Register(Protocol):
    chain_grew: asyncio.Event

    async def head(self) -> Head: ...


async def publish_head(register: Register, publish: Publish) -> NoReturn:
    """Each new one, as a status topic."""
    while True:
        register.chain_grew.clear()
        head = await register.head()
        publish("audit", {"seq": head.seq, "hash": head.hash})
        await register.chain_grew.wait()


async def keep_heads(
    register: Register,
    file: Callable[[], Path | None],
    append: Append,
    alarms: Alarms,
    clock: Callable[[], datetime],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> NoReturn:
    """Once an hour, if it is another one, as a line of a file that somebody else keeps: when, and SEQ:HASH."""
    last: tuple[Path, Head] | None = None
    while True:
        try:
            if (path := file()) is not None and (path, head := await register.head()) != last:
                await asyncio.to_thread(append, path, f"{clock().isoformat(timespec='seconds')} {head}\n")
                last = path, head
            alarms.clear("audit-heads")
        except (OSError, RegisterFull) as fault:
            text = f"the head of the audit chain cannot be written for the second party: {fault}"
            alarms.raise_("audit-heads", f"{text}. It is tried again each hour")
        await sleep(HOUR)
