"""What is kept of somebody goes before its time, because they asked for that; what a hold keeps stays.

First what was said; then in the order of the nightly run what opens a recording, its file, its row, and who called.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ccdaemon.cases import Subject
from ccdaemon.kept import Due, Item

BATCH = 500  # recordings in one transaction


class Register(Protocol):
    async def take_recordings_of(self, calls: Collection[str], after: int, limit: int) -> list[Due]: ...

    async def drop_recordings(self, gone: Sequence[Due], now: float) -> None: ...

    async def erase_items(self, items: Collection[Item]) -> int: ...

    async def empty_calls(self, calls: Collection[str]) -> int: ...

    async def settle(self) -> None: ...


class Archive(Protocol):
    def remove(self, files: Iterable[str]) -> dict[str, str]: ...


@dataclass
class Erased:
    """How many of each went; of recordings whose file could not be removed, why. Nothing opens these any more."""

    recordings: int = 0
    items: int = 0
    calls: int = 0
    left: list[str] = field(default_factory=list)


async def erase(register: Register, archive: Archive, subject: Subject, now: float) -> Erased:
    """Killed in between, it is asked for again. Raises `RegisterFull`."""
    erased, after = Erased(items=await register.erase_items(subject.items)), 0
    while batch := await register.take_recordings_of(subject.calls, after, BATCH):
        after = batch[-1].row
        files = [each.file for each in batch if each.file is not None]
        left = await asyncio.to_thread(archive.remove, files)
        gone = [each for each in batch if each.file not in left]
        await register.drop_recordings(gone, now)
        erased.recordings += len(gone)
        erased.left += left.values()
    if not erased.left:  # else they are found again by who called
        erased.calls = await register.empty_calls(subject.calls)
    await register.settle()
    return erased
