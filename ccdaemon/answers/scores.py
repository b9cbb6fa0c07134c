"""What may be asked of the daemon about scores. Who wants to hear the recording, or a comment, opens it (`access`)."""

from __future__ import annotations

from typing import Any

from ccdaemon.asked import Answerer, Number
from ccdaemon.store import Register


def results(register: Register) -> dict[str, Answerer]:
    async def scores(
        *, since: float, until: float, service: str | None, agent: str | None, limit: Number
    ) -> list[dict[str, Any]]:
        return await register.scores(since, until, service, agent, limit)

    return {"scores": scores}
