"""The end of a period: its key is destroyed, and all that hangs on it unreadable, wherever its copies are.

What stays is hung on another key before: on that of the hold that keeps it, or of the month in which it is due now.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from ccdaemon.faults import KeyUnusable
from ccdaemon.kept import Hanging, Table, Wrapped
from ccdaemon.model import Site
from ccdaemon.rules.retention import hold_of, is_over, period_of

HANGING = 2000  # things in one transaction


class Register(Protocol):
    async def standing_holds(self) -> set[int]: ...

    async def hanging(self, table: Table, period: str, after: int, limit: int) -> list[Hanging]: ...

    async def hang_recordings(self, wrapped: Sequence[tuple[int, Wrapped, str]]) -> None: ...

    async def hang_calls(self, calls: Sequence[tuple[Hanging, str]], period: str) -> None: ...

    async def hang_items(self, items: Sequence[tuple[Hanging, str]], period: str) -> None: ...


class Keys(Protocol):
    def names(self) -> list[str]: ...

    def rewrap(self, wrapped: Wrapped, item: str, period: str, target: str) -> Wrapped: ...

    def destroy(self, period: str) -> None: ...


@dataclass
class Shredded:
    """Which keys were destroyed, and which were not, though their time is over."""

    keys: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)


class Shredding:
    """Of keys of months that are over, and of holds that are released."""

    def __init__(self, register: Register, keys: Keys, site: Callable[[], Site]) -> None:
        self._register = register
        self._keys = keys
        self._site = site

    async def run(self, today: date) -> Shredded:
        """Names first, and holds after them: of one that is made meanwhile the key is not among these."""
        shredded, periods = Shredded(), await asyncio.to_thread(self._keys.names)
        holds = await self._register.standing_holds()
        for period in periods:
            hold = hold_of(period)
            if (hold in holds) if hold is not None else not is_over(period, today):
                continue
            try:
                moved = await self._hang_elsewhere(period, today)
            except KeyUnusable as fault:
                shredded.left[period] = str(fault)
                continue
            if moved:
                await asyncio.to_thread(self._keys.destroy, period)
                shredded.keys.append(period)
        return shredded

    async def _hang_elsewhere(self, period: str, today: date) -> bool:
        """What stays of a period whose key goes: a hold keeps it, or it is kept for longer than it was.

        False if something is due that came after this run had passed: the next one takes it, and then the key.
        """
        hangers: dict[Table, Callable[[Sequence[tuple[Hanging, str]], str], Awaitable[None]]] = {
            "recordings": self._hang_recordings,
            "calls": self._register.hang_calls,
            "items": self._register.hang_items,
        }
        all_moved = True
        for table, hang in hangers.items():
            after, full = 0, True
            while full and (found := await self._register.hanging(table, period, after, HANGING)):
                after, full = found[-1].row, len(found) == HANGING
                targets = [(each, self._key_of(each)) for each in found]
                moving = [(each, target) for each, target in targets if hold_of(target) or not is_over(target, today)]
                await hang(moving, period)
                all_moved = all_moved and len(moving) == len(found)
        return all_moved

    async def _hang_recordings(self, recordings: Sequence[tuple[Hanging, str]], period: str) -> None:
        def wrap() -> list[tuple[int, Wrapped, str]]:
            return [
                (each.row, self._keys.rewrap(each.sealed, each.file or "", period, target), target)
                for each, target in recordings
            ]

        await self._register.hang_recordings(await asyncio.to_thread(wrap))

    def _key_of(self, each: Hanging) -> str:
        return f"hold-{each.hold}" if each.hold is not None else period_of(each.kind, each.since, self._site())
