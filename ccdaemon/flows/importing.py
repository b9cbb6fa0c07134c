"""Files that other programs bring: lines that are well written are entered, the rest is set aside with the reason.

The same file twice makes no double, so who is killed begins again. Only so much is held at a time, however long the
file.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NoReturn, Protocol

import structlog

from ccdaemon.faults import RegisterFull
from ccdaemon.flows.journal import Alarms
from ccdaemon.kept import Imported, Item
from ccdaemon.model import Site
from ccdaemon.rules.lines import LONGEST, Rejected, read

BATCH = 200  # lines in one transaction
LOOK = 10.0  # seconds between looks into the drop folder

log = structlog.get_logger()


class Register(Protocol):
    async def add_items(self, items: Sequence[Item]) -> int: ...


class Dropped(Protocol):
    """A file in the drop folder that nobody writes any more."""

    @property
    def kind(self) -> Imported: ...

    @property
    def name(self) -> str: ...

    def lines(self, longest: int) -> Iterator[bytes]: ...

    def reject(self, lines: Iterable[tuple[bytes, str]]) -> None: ...

    def remove(self) -> None: ...


class Drop(Protocol):
    def files(self) -> Sequence[Dropped]: ...


@dataclass
class Taken:
    """What came of some lines: new ones, known ones, and those that were not taken, by their place and why."""

    new: int = 0
    known: int = 0
    rejected: list[tuple[int, str]] = field(default_factory=list)


async def take(register: Register, site: Site, kind: Imported, lines: Sequence[bytes]) -> Taken:
    """Enter some lines, all that are well written in one transaction. Raises `RegisterFull`, `OSError`."""
    taken, items = Taken(), []
    for place, line in enumerate(lines):
        try:
            items.append(read(kind, line, site.country))
        except Rejected as fault:
            taken.rejected.append((place, str(fault)))
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
        fault: RegisterFull | OSError | None = None
        for file in await asyncio.to_thread(self._drop.files):
            try:
                await self._take(file)
            except (RegisterFull, OSError) as one:  # the others may fare better
                log.error("a file cannot be taken in", file=file.name, reason=str(one))
                fault = one
        if fault is None:
            self._alarms.clear("import")
        else:
            text = f"what lies in the drop folder cannot be taken in: {fault}. It stays there, and is tried again"
            self._alarms.raise_("import", text)

    async def _take(self, file: Dropped) -> None:
        """Nothing is removed before all of it is entered or set aside."""
        new, known, rejected = 0, 0, 0
        lines = file.lines(LONGEST)
        while batch := await asyncio.to_thread(lambda: list(islice(lines, BATCH))):
            taken = await take(self._register, self._site(), file.kind, batch)
            new, known, rejected = new + taken.new, known + taken.known, rejected + len(taken.rejected)
            if taken.rejected:
                await asyncio.to_thread(file.reject, [(batch[place], why) for place, why in taken.rejected])
        await asyncio.to_thread(file.remove)
        log.info("a file was taken in", file=file.name, new=new, known=known, rejected=rejected)
        if rejected:
            log.error("some of its lines were not: they lie in `rejected` with the reason", file=file.name)
