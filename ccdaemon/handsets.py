"""What handsets can have done, put together: each part of it answers what its stories ask of the world."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ccdaemon.config import Configuration
from ccdaemon.current import Current
from ccdaemon.flows.agents import Agents
from ccdaemon.flows.handset import Doing
from ccdaemon.flows.inbound import Journal
from ccdaemon.flows.lines import Lines
from ccdaemon.flows.pins import Pins
from ccdaemon.flows.supervise import Supervising
from ccdaemon.flows.takes import Takes
from ccdaemon.pins import is_right
from ccdaemon.places import TAKES, VOICES
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.handset.talk import Do
from ccdaemon.sounds import Sounds
from ccdaemon.spoken import Spoken
from ccdaemon.store import Register
from ccdaemon.voices import RECORDED


class Handsets:
    """Of one register."""

    def __init__(
        self,
        register: Register,
        current: Current,
        calls: Calls,
        sounds: Sounds,
        journal: Journal,
        changed: Callable[[], None],
    ) -> None:
        site = current.site
        self.pins = Pins(register, site, is_right, journal, time.time)
        self.supervising = Supervising(calls, site, journal, time.time)
        self.agents = Agents(register, calls, site, time.time)
        self.lines = Lines(register, current, sounds, changed, time.time)
        files = _files(current.configuration)
        self.takes = Takes(files, register, lambda: current.configuration, self.lines.on_lines, time.time)

    async def begin(self) -> None:
        """Know what was before we started."""
        await self.pins.begin()
        await self.agents.begin()
        await self.lines.close_lost()
        await self.takes.begin()

    def doing(self) -> dict[type[Do], Doing]:
        parts = (self.pins, self.supervising, self.agents, self.lines, self.takes)
        return {kind: doing for part in parts for kind, doing in part.doing().items()}

    def tasks(self) -> dict[str, Any]:
        """What runs as long as the daemon does, by its name."""
        return {"what was spoken": self.takes.run()}


def _files(configuration: Configuration) -> Spoken:
    paths = configuration.main.paths
    return Spoken(
        *(paths.spool / TAKES, paths.state / VOICES, paths.state / RECORDED),
        *(configuration.folder / RECORDED, paths.sounds),
    )
