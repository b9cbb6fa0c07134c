"""A centre in which every way to a payments officer is taken at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from tests.lab.centre import Centre, contact_centre
from tests.lab.site import queues
from tests.lab.stage import Act, Stage
from tests.lab.tones import Found
from tests.lab.ways import COLLEAGUE, LINE_2, ON_TWO_LINES, ROUTES, WHO_CALL, Route

AGENTS = [f"12{number:02d}" for number in range(1, len(ROUTES) + 5)]
NUMBERS = [f"01632960{number}" for number in range(300, 300 + len(ROUTES))]
NEVER_ANSWERS = "8099"  # the only officer of the Welsh queue
OFFICERS = ["8001", "8002", *(f"81{number:02d}" for number in range(1, len(ROUTES)))]


def interlocked(folder: Path, **files: str) -> AbstractAsyncContextManager[Centre]:
    """Housing has many agents, Assist one who has two accounts on their phone, payments many officers."""
    conf = queues(
        housing=AGENTS,
        housing_cy=AGENTS,
        assist=[ON_TWO_LINES],
        payments=OFFICERS,
        payments_cy=[NEVER_ANSWERS],
    )
    accounts = "".join(
        f'{each} = {{ service = "assist", device = "{ON_TWO_LINES}" }}\n' for each in (ON_TWO_LINES, LINE_2)
    )
    return contact_centre(
        folder,
        more_phones=[*AGENTS, COLLEAGUE, NEVER_ANSWERS, *OFFICERS[2:], *WHO_CALL],
        more_numbers=NUMBERS,
        asterisk={"queues.conf": conf, **files},
        changes={"\n[phones]\n": f"\n[phones]\n{accounts}"},
    )


@dataclass(frozen=True)
class Tried:
    """A route that was taken: was an officer connected, and what does a recording hold that it must not?"""

    route: Route
    act: Act
    recorded: bool
    found: list[Found]

    @property
    def connected(self) -> bool:
        return bool(self.act.officers) or self.act.connected.is_set()


async def tried(centre: Centre, stage: Stage) -> list[Tried]:
    """Every route once, all at a time."""
    async with asyncio.TaskGroup() as calls:
        playing = [
            calls.create_task(_play(route, stage, number))
            for route, number in zip(ROUTES, NUMBERS, strict=True)
        ]
    await centre.until('not it["live"]', 15)
    recordings = await stage.heard_after()
    return [_tried(route, task.result(), recordings) for route, task in zip(ROUTES, playing, strict=True)]


async def _play(route: Route, stage: Stage, number: str) -> Act:
    try:
        return await route.play(stage, number)
    except Exception as fault:
        fault.add_note(f"on the way {route.name}")
        raise


def _tried(route: Route, act: Act, recordings: Mapping[str, list[Found]]) -> Tried:
    mine = [tones for file, tones in recordings.items() if act.leg and f"_{act.leg}_" in file]
    return Tried(route, act, bool(mine), [tone for tones in mine for tone in tones])
