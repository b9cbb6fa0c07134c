"""What may be asked of the daemon about retention: a run, what it would delete, and holds."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import asdict
from typing import Any

from ccdaemon.control import Answerer, Content, Json, Refused, asker
from ccdaemon.faults import KeyUnusable, RegisterFull
from ccdaemon.flows.expiry import AlreadyRunning, Expiry
from ccdaemon.flows.importing import take
from ccdaemon.kept import IMPORTED, REASONS, Hold
from ccdaemon.model import Site
from ccdaemon.store import Register


def keeping(register: Register, expiry: Expiry, site: Callable[[], Site]) -> dict[str, Answerer]:
    """What the control socket answers about retention."""

    async def would_expire(_: dict[str, Any]) -> dict[str, dict[str, int]]:
        return await expiry.would()

    async def expire(_: dict[str, Any]) -> Content:
        """A run, told as it goes on: a line of JSON for each portion, and at last what it came to."""
        return Content({}, _run(expiry))

    async def add_hold(values: dict[str, Any]) -> dict[str, int]:
        hold = Hold(**values)
        if hold.reason not in REASONS:
            message = f"{hold.reason!r} is no reason for a hold; they are {', '.join(REASONS)}"
            raise Refused(message)
        if sum(about is not None for about in (hold.call, hold.number, hold.since)) != 1:
            message = "a hold is about a call, or a number, or a span of time"
            raise Refused(message)
        if hold.since is not None and not hold.since < (hold.until or 0):
            message = "this span of time ends before it begins"
            raise Refused(message)
        number = await register.add_hold(hold, asker.get(), time.time())
        return {"hold": number, "calls": await register.held_calls(number)}

    async def release_hold(values: dict[str, Any]) -> None:
        if not await register.release_hold(values["hold"], asker.get(), time.time()):
            message = f"there is no hold {values['hold']} that stands"
            raise Refused(message)

    async def holds(_: dict[str, Any]) -> list[dict[str, Any]]:
        return [asdict(hold) for hold in await register.holds()]

    async def import_(values: dict[str, Any]) -> dict[str, Any]:
        kind = values["kind"]
        if kind not in IMPORTED:
            message = f"{kind!r} is no class that is imported; they are {', '.join(IMPORTED)}"
            raise Refused(message)
        lines = [line.encode(errors="surrogateescape") for line in values["lines"]]
        return asdict(await take(register, site(), kind, lines))

    return {
        **changing({"import": import_, "hold": add_hold, "release": release_hold}),
        "would expire": would_expire,
        "expire": expire,
        "holds": holds,
    }


def changing(answers: Mapping[str, Answerer]) -> dict[str, Answerer]:
    """Each of these changes something in one transaction: whoever asks for that hears why there is no change."""
    return {question: _if_it_can_be_written(answerer) for question, answerer in answers.items()}


def _if_it_can_be_written(answerer: Answerer) -> Answerer:
    async def answer(values: dict[str, Any]) -> Json:
        try:
            return await answerer(values)
        except (RegisterFull, KeyUnusable, OSError) as fault:
            message = f"nothing was changed: {fault}"
            raise Refused(message) from None

    return answer


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
