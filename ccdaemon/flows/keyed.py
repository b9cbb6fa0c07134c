"""Is there a key for all that is kept? Asked at the start: a folder of keys that was lost must not stay unnoticed."""

from __future__ import annotations

import asyncio
from typing import Protocol

import structlog

from ccdaemon.flows.journal import Alarms

log = structlog.get_logger()


class Register(Protocol):
    async def periods(self) -> set[str]: ...


class Keys(Protocol):
    def names(self) -> list[str]: ...

    def unusable(self) -> list[str]: ...


async def look_for_keys(register: Register, keys: Keys, alarms: Alarms) -> None:
    """An alarm where something hangs on a key that is not there, or cannot be used."""
    there = set(await asyncio.to_thread(keys.names)) - set(await asyncio.to_thread(keys.unusable))
    if missing := sorted(await register.periods() - there):
        log.error("there is no key that can be used for some of what is kept", periods=missing)
        text = f"no key opens what is kept of {', '.join(missing[:3])}{' and others' if missing[3:] else ''}"
        alarms.raise_("keys", f"{text}: `ccdaemon keys restore` puts them back from the safe")
    else:
        alarms.clear("keys")
