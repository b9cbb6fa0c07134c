"""Who waits, talks, pauses and was answered in each queue: by our counts, and by Asterisk's own."""

from __future__ import annotations

import asyncio
from typing import Any

from ccdaemon.rules.queues import Member
from tests.lab.centre import Centre

AGREED = 3.0  # seconds
COUNTS = ("waiting", "logged_in", "talking", "paused", "answered", "abandoned")


async def agree(centre: Centre, *counts: str) -> None:
    """Ours and Asterisk's are the same, as soon as events have told; all of them, or these."""
    wanted = [COUNTS.index(each) for each in counts or COUNTS]
    services = centre.site.configuration().site.services.values()
    queues = {name for service in services for name in service.queue.names}
    deadline = asyncio.get_running_loop().time() + AGREED
    while True:
        found = await _counts(centre)
        missing = queues - found.keys()
        differing = {queue: each for queue, each in found.items() if any(each[0][at] != each[1][at] for at in wanted)}
        if not (differing or missing):
            return
        what = f"our counts and Asterisk's of {COUNTS}: {differing}; not there: {missing}"
        assert asyncio.get_running_loop().time() < deadline, what
        await asyncio.sleep(0.1)


async def _counts(centre: Centre) -> dict[str, tuple[tuple[int, ...], tuple[int, ...]]]:
    """Of each queue, ours and Asterisk's."""
    async with centre.manager() as ami:
        entries = await ami.listing("QueueStatus")
    topics: dict[str, Any] = (await centre.ask("status"))["topics"]
    found: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {}
    for params in (each for each in entries if each["Event"] == "QueueParams"):
        name = params["Queue"]
        members = [Member.of(each) for each in entries if (each["Event"], each["Queue"]) == ("QueueMember", name)]
        asterisk = (
            int(params["Calls"]),
            sum(member.logged_in for member in members),
            sum(member.talks for member in members),
            sum(member.paused for member in members),
            int(params["Completed"]),
            int(params["Abandoned"]),
        )
        if (ours := topics.get(f"queues/{name}")) is not None:
            found[name] = tuple(ours[count] for count in COUNTS), asterisk
    return found
