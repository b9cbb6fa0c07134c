"""What is kept of somebody goes before its time, because they asked for that; what a hold keeps stays.

First what was said; then in the order of the nightly run what opens a recording, its file, its row, and who called.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from ccdaemon.cases import Erasure
from ccdaemon.kept import Due, Keep
from ccdaemon.rules.retention import cutoff_at

BATCH = 500  # recordings in one transaction
SLACK = timedelta(days=62)  # the key of a month goes when that is over

log = structlog.get_logger()


class Register(Protocol):
    async def take_recordings_of(self, calls: Collection[str], after: int, limit: int) -> list[Due]: ...

    async def drop_recordings(self, gone: Sequence[Due], now: float) -> None: ...

    async def erase_items(self, items: Collection[tuple[str, str]]) -> int: ...

    async def empty_calls(self, calls: Collection[str]) -> int: ...

    async def settle(self) -> None: ...


class Erasures(Protocol):
    """What was erased, kept where no backup puts it back. Raises `OSError`."""

    def all(self) -> list[Erasure]: ...

    def keep(self, erasures: Collection[Erasure]) -> None: ...


class Archive(Protocol):
    def remove(self, files: Iterable[str]) -> dict[str, str]: ...


@dataclass
class Erased:
    """How many of each went; of recordings whose file could not be removed, why. Nothing opens these any more."""

    recordings: int = 0
    items: int = 0
    calls: int = 0
    left: list[str] = field(default_factory=list)


async def erase(register: Register, archive: Archive, what: Erasure, now: float) -> Erased:
    """Killed in between, it is gone on with at the next start. Raises `RegisterFull`."""
    erased, after = Erased(items=await register.erase_items(what.items)), 0
    while batch := await register.take_recordings_of(what.calls, after, BATCH):
        after = batch[-1].row
        files = [each.file for each in batch if each.file is not None]
        left = await asyncio.to_thread(archive.remove, files)
        gone = [each for each in batch if each.file not in left]
        await register.drop_recordings(gone, now)
        erased.recordings += len(gone)
        erased.left += left.values()
    if not erased.left:  # else they are found again by who called
        erased.calls = await register.empty_calls(what.calls)
    await register.settle()
    return erased


async def erase_again(
    register: Register, archive: Archive, erasures: Erasures, longest: Sequence[Keep], now: datetime
) -> None:
    """What a register has again that was put back from a backup. Forgets what every backup has lost meanwhile."""
    known = await asyncio.to_thread(erasures.all)
    oldest = min(cutoff_at(now - SLACK, keep) for keep in longest)
    if kept := [each for each in known if each.at >= oldest]:
        for each in kept:
            erased = await erase(register, archive, each, now.timestamp())
            if erased.recordings or erased.items or erased.calls:
                log.warning("what was erased on request was here again, and is erased again", calls=erased.calls)
    if len(kept) < len(known):
        await asyncio.to_thread(erasures.keep, kept)
