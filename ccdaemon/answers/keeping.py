"""What may be asked of the daemon about retention: a run, what it would delete, and holds."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import asdict
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from ccdaemon.asked import Answerer, Many, Number
from ccdaemon.control import Content, Refused, asker
from ccdaemon.faults import KeyUnusable, RegisterFull
from ccdaemon.flows.expiry import AlreadyRunning, Expiry
from ccdaemon.flows.importing import take
from ccdaemon.kept import Hold, Imported
from ccdaemon.model import Site
from ccdaemon.store import Register

P = ParamSpec("P")
T = TypeVar("T")


def changing(answer: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """It changes something in one transaction: whoever asks for that hears why there is no change."""

    @wraps(answer)
    async def answered(*args: P.args, **values: P.kwargs) -> T:
        try:
            return await answer(*args, **values)
        except (RegisterFull, KeyUnusable, OSError) as fault:
            message = f"nothing was changed: {fault}"
            raise Refused(message) from None

    return answered


def keeping(register: Register, expiry: Expiry, site: Callable[[], Site]) -> dict[str, Answerer]:
    """What the control socket answers about retention."""

    async def would_expire() -> dict[str, dict[str, int]]:
        return await expiry.would()

    async def expire(*, if_missed: bool = False) -> Content:
        """A run, told as it goes on: a line of JSON for each portion, and at last what it came to."""
        if if_missed and (expiry.running.locked() or not await expiry.missed()):
            return Content({}, iter([_line({"not needed": "the night's run has been, or goes on"})]))
        return Content({}, _run(expiry))

    @changing
    async def add_hold(*, hold: Hold) -> dict[str, int]:
        if sum(about is not None for about in (hold.call, hold.number, hold.since)) != 1:
            message = "a hold is about a call, or a number, or a span of time"
            raise Refused(message)
        if hold.since is not None and not hold.since < (hold.until or 0):
            message = "this span of time ends before it begins"
            raise Refused(message)
        number = await register.add_hold(hold, asker.get(), time.time())
        return {"hold": number, "calls": await register.held_calls(number)}

    @changing
    async def release_hold(*, hold: Number) -> None:
        if not await register.release_hold(hold, asker.get(), time.time()):
            message = f"there is no hold {hold} that stands"
            raise Refused(message)

    async def holds() -> list[dict[str, Any]]:
        return [asdict(hold) for hold in await register.holds()]

    @changing
    async def import_(*, kind: Imported, lines: Many[bytes]) -> dict[str, Any]:
        return asdict(await take(register, site(), kind, lines))

    return {
        "import": import_,
        "hold": add_hold,
        "release": release_hold,
        "would expire": would_expire,
        "expire": expire,
        "holds": holds,
    }


async def _run(expiry: Expiry) -> AsyncIterator[bytes]:
    """Who asked may go away: the run goes on."""
    told: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue()
    running = asyncio.create_task(expiry.run(told.put_nowait))
    running.add_done_callback(lambda _: told.put_nowait(None))
    while (line := await told.get()) is not None:
        yield _line(line)
    try:
        yield _line({"ended": running.result().told()})
    except (AlreadyRunning, RegisterFull, KeyUnusable, OSError) as fault:
        yield _line({"failed": str(fault)})


def _line(said: Mapping[str, Any]) -> bytes:
    return json.dumps(said).encode() + b"\n"
