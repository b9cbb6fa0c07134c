"""Enter in the register the calls that came while the daemon was away.

The dialplan notes each of them in a file of its own. A file is read when it appears, so that a live call is known, and
removed when its call is over and the register has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Iterable, Sequence
from typing import NoReturn, Protocol

import structlog

from ccdaemon.faults import KeyUnusable, RegisterFull
from ccdaemon.flows.during_call import safety_hold
from ccdaemon.kept import Hold
from ccdaemon.model import Site
from ccdaemon.notices import CallIdentified, KeptSafe, Notice
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.during_call import settled
from ccdaemon.rules.missed import missed

LOOK = 2.0  # seconds

log = structlog.get_logger()


class Spool(Protocol):
    """The folder of notes: a name for each, which is the call's Uniqueid, and its lines."""

    def notes(self) -> Iterable[tuple[str, list[str]]]: ...

    def remove(self, name: str) -> None: ...


class Register(Protocol):
    async def write(self, notices: Sequence[Notice]) -> None: ...

    async def hold_once(self, hold: Hold, maker: str, now: float) -> int: ...


async def read_missed(
    spool: Spool,
    register: Register,
    calls: Calls,
    live: Callable[[], Container[str] | None],
    site: Callable[[], Site],
    clock: Callable[[], float],
) -> NoReturn:
    """Read what is there, again and again. `live` are the legs that are up, or None while that is not known."""
    known: dict[str, tuple[list[str], bool]] = {}
    while True:
        legs = live()
        for name, lines in await asyncio.to_thread(lambda: list(spool.notes())) if legs is not None else []:
            here = legs is not None and name in legs
            if known.get(name) == (lines, here):
                continue
            told, over = missed(lines, site().country, live=here, now=clock())
            notices = [*settled(told, calls, site(), clock())]
            try:
                for kept in (each for each in notices if isinstance(each, KeptSafe)):
                    kept.hold = await register.hold_once(safety_hold(kept.call, kept.at), kept.who, clock())
                await register.write(notices)
            except RegisterFull:
                break  # the journal has raised the alarm; the notes wait
            except (KeyUnusable, OSError) as fault:
                log.error("a call is not kept yet as an agent wants it, and it is tried again", reason=str(fault))
                continue
            known[name] = lines, here
            for notice in notices:
                if isinstance(notice, CallIdentified):
                    calls.identify(notice.call, notice.service, notice.language)
            if over:
                await asyncio.to_thread(spool.remove, name)
                del known[name]
                log.info("what we missed is entered", file=name)
            elif not notices:
                log.error("a note of a missed call cannot be understood", file=name)
        await asyncio.sleep(LOOK)
