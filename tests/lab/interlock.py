"""A centre in which every way to a payments officer is taken at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tests.lab.centre import PBX_PORT, Centre, contact_centre
from tests.lab.faults import Fault, Fragile
from tests.lab.phones import OFFICER
from tests.lab.proxy import Proxy
from tests.lab.routes import ROUTES, Route
from tests.lab.site import queues
from tests.lab.softphone import DESK
from tests.lab.stage import Act, Stage
from tests.lab.tones import Found
from tests.lab.ways import COLLEAGUE, LINE_2, ON_TWO_LINES, WHO_CALL

AGENTS = [f"12{number:02d}" for number in range(1, len(ROUTES) + 5)]
NUMBERS = [f"01632960{number}" for number in range(300, 300 + len(ROUTES))]
PROXY_PORT = 5039
PATIENCE = 25.0  # seconds: the door refuses after 15
QUIET = 60.0  # seconds until no call is left
IN_A_VOICE = 4  # frames; a prompt has one
NEVER_ANSWERS = "8099"  # the only officer of the Welsh queue
OFFICERS = ["8001", "8002", *(f"81{number:02d}" for number in range(1, len(ROUTES)))]


def interlocked(
    folder: Path,
    files: Mapping[str, str] = MappingProxyType({}),
    manager_port: int = PBX_PORT,
    changes: Mapping[str, str] = MappingProxyType({}),
) -> AbstractAsyncContextManager[Centre]:
    """Housing has many agents, Assist one who has two accounts on their phone, payments many officers."""
    conf = queues(
        housing=AGENTS,
        housing_cy=AGENTS,
        assist=[ON_TWO_LINES],
        assist_cy=[DESK],
        payments=OFFICERS,
        payments_cy=[NEVER_ANSWERS],
    )
    accounts = f'{DESK} = {{ service = "assist" }}\n' + "".join(
        f'{each} = {{ service = "assist", device = "{ON_TWO_LINES}" }}\n' for each in (ON_TWO_LINES, LINE_2)
    )
    return contact_centre(
        folder,
        more_phones=[*AGENTS, COLLEAGUE, NEVER_ANSWERS, *OFFICERS[2:], *WHO_CALL],
        more_numbers=NUMBERS,
        asterisk={"queues.conf": conf, **files},
        manager_port=manager_port,
        changes={
            "\n[phones]\n": f"\n[phones]\n{accounts}",
            'name = "payments"\n': 'name = "payments"\nlanguage_wait = 8\n',
            **changes,
        },
    )


@asynccontextmanager
async def fragile(folder: Path, changes: Mapping[str, str] = MappingProxyType({})) -> AsyncIterator[Fragile]:
    """The same, with all that `tests.lab.faults` needs to break it."""
    async with interlocked(folder, {}, PROXY_PORT, changes) as centre:
        link = Proxy((centre.site.addresses.pbx, PROXY_PORT), (centre.site.addresses.pbx, PBX_PORT))
        await link.mend()
        try:
            await centre.restart_daemon()
            yield Fragile(centre, link)
        finally:
            await link.cut()


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

    @property
    def holds(self) -> bool:
        """Where nobody was connected an agent heard so, and voices hold a little of every tone: but none for long."""
        if self.connected:
            return not self.found
        return not any(tone.hertz == OFFICER and tone.pure > IN_A_VOICE for tone in self.found)


async def tried(centre: Centre, routes: Sequence[Route] = ROUTES) -> list[Tried]:
    """These routes once, all at a time."""
    stage = Stage(centre, [*AGENTS, ON_TWO_LINES], OFFICERS)
    async with asyncio.TaskGroup() as calls:
        playing = _played(calls, stage, routes)
    return await _outcome(centre, stage, routes, playing)


async def tried_amid(
    it: Fragile, fault: Fault, after: float, routes: Sequence[Route] = ROUTES, patience: float = PATIENCE
) -> list[Tried]:
    """The same, with a fault `after` some seconds: all callers speak with an agent by then, or are about to call."""
    stage = Stage(it.centre, [*AGENTS, ON_TWO_LINES], OFFICERS, patience)
    stage.gate.clear()
    async with asyncio.TaskGroup() as calls:
        playing = _played(calls, stage, routes)
        await stage.all_ready(len(routes))
        if after:
            stage.gate.set()
            await asyncio.sleep(after)
        async with fault(it):
            stage.gate.set()
            await asyncio.wait(playing)
    return await _outcome(it.centre, stage, routes, playing)


def _played(calls: asyncio.TaskGroup, stage: Stage, routes: Sequence[Route]) -> list[asyncio.Task[Act]]:
    return [calls.create_task(_play(route, stage, number)) for route, number in zip(routes, NUMBERS, strict=False)]


async def _outcome(
    centre: Centre, stage: Stage, routes: Sequence[Route], playing: Sequence[asyncio.Task[Act]]
) -> list[Tried]:
    await centre.until('it["synchronised"] and not it["live"]', QUIET)
    recordings = await stage.heard_after()
    return [_tried(route, task.result(), recordings) for route, task in zip(routes, playing, strict=True)]


async def _play(route: Route, stage: Stage, number: str) -> Act:
    try:
        return await route.play(stage, number)
    except Exception as fault:
        fault.add_note(f"on the way {route.name}")
        raise


def _tried(route: Route, act: Act, recordings: Mapping[str, list[Found]]) -> Tried:
    mine = [tones for file, tones in recordings.items() if act.leg and f"_{act.leg}_" in file]
    return Tried(route, act, bool(mine), [tone for tones in mine for tone in tones])
