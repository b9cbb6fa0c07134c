"""What may be asked of the daemon about messages that callers left. To hear one is to open a recording (`access`)."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from ccdaemon.answers.keeping import changing
from ccdaemon.asked import Answerer, Number
from ccdaemon.control import Refused, asker
from ccdaemon.store import Register


def tasks(register: Register) -> dict[str, Answerer]:
    """Without any number: whose they are, `find recordings` tells for a purpose."""

    async def messages(*, since: float, until: float, service: str | None, limit: Number) -> list[dict[str, Any]]:
        return [asdict(each) for each in await register.messages(since, until, service, limit)]

    @changing
    async def done(*, leg: str, segment: Number) -> None:
        if not await register.finish_message(leg, segment, asker.get(), time.time()):
            message = f"there is no message {leg}-{segment} that waits"
            raise Refused(message)

    return {"messages": messages, "message done": done}
