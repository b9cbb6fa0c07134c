"""Files that other programs bring: lines that are well written are entered, the rest is set aside with the reason.

The same file twice makes no double, so who is killed begins again. Only so much is held at a time, however long the
file.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NoReturn, Protocol

import structlog

from ccdaemon.faults import KeyUnusable, RegisterFull
from ccdaemon.flows.journal import Alarms
from ccdaemon.kept import Imported, Item
from ccdaemon.model import Site
from ccdaemon.rules.lines import LONGEST, Rejected, read

LOOK = 10.0  # seconds between looks into the drop folder

log = structlog.get_logger()


class Register(Protocol):
    async def add_items(self, items: Sequence[Item]) -> int: ...


class Dropped(Protocol):
    """A file in the drop folder that nobody writes any more."""

    @property
    def kind(self) -> Imported: ...

    def portions(self, longest: int) -> Iterator[list[bytes]]: ...

    def reject(self, lines: Iterable[tuple[bytes, str]]) -> None: ...

    def remove(self) -> None: ...


class Drop(Protocol):
    def files(self) -> Sequence[Dropped]: ...

    def rejected(self) -> int: ...


@dataclass
class Taken:
    """What came of some lines: new ones, known ones, and those that were not taken, by their place and why."""

    new: int = 0
    known: int = 0
    rejected: list[tuple[int, str]] = field(default_factory=list)


async def take(register: Register, site: Site, kind: Imported, lines: Sequence[bytes]) -> Taken:
    """Enter those lines that are well written, in one transaction. Raises `RegisterFull`, `KeyUnusable`, `OSError`."""
    taken, items = Taken(), list[Item]()

    def parse() -> None:
        for place, line in enumerate(lines):
            try:
                items.append(read(kind, line, site.country))
            except Rejected as fault:
                taken.rejected.append((place, str(fault)))

    await asyncio.to_thread(parse)
    taken.new = await register.add_items(items)
    taken.known = len(items) - taken.new
    return taken


class Importing:
    """Watches the drop folder."""

    def __init__(self, register: Register, drop: Drop, site: Callable[[], Site], alarms: Alarms) -> None:
        self._register = register
        self._drop = drop
        self._site = site
        self._alarms = alarms

    async def run(self) -> NoReturn:
        while True:
            await self.look()
            await asyncio.sleep(LOOK)

    async def look(self) -> None:
        fault: Exception | None = None
        try:
            files, rejected = await asyncio.to_thread(lambda: (self._drop.files(), self._drop.rejected()))
        except OSError as wrong:
            files, rejected, fault = [], 0, wrong
        for file in files:
            try:
                rejected += await self._take(file)
            except (RegisterFull, KeyUnusable, OSError) as wrong:  # the others may fare better
                log.error("a file cannot be taken in", kind=file.kind, reason=type(wrong).__name__)
                fault = wrong
        if fault is not None:
            why = fault.strerror if isinstance(fault, OSError) else fault  # without its path: names may hold numbers
            text = f"what lies in the drop folder cannot be taken in: {why}. It stays there, and is tried again"
            self._alarms.raise_("import", text)
        elif rejected:
            text = (
                "lines of other programs were not taken: they lie in `rejected` below the drop folder, with the reason"
            )
            self._alarms.raise_("import", text)
        else:
            self._alarms.clear("import")

    async def _take(self, file: Dropped) -> int:
        """How many lines are not taken. Nothing is removed before all of it is entered or set aside."""
        new, known, rejected = 0, 0, 0
        portions = file.portions(LONGEST)
        while portion := await asyncio.to_thread(next, portions, None):
            taken = await take(self._register, self._site(), file.kind, portion)
            new, known, rejected = new + taken.new, known + taken.known, rejected + len(taken.rejected)
            if taken.rejected:
                await asyncio.to_thread(file.reject, [(portion[place], why) for place, why in taken.rejected])
        await asyncio.to_thread(file.remove)
        log.info("a file was taken in", kind=file.kind, new=new, known=known, rejected=rejected)
        return rejected
