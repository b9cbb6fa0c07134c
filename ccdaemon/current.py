"""The configuration that counts now: the last one that was sound, and what staff have ruled since."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from operator import attrgetter
from typing import TypedDict

import structlog

from ccdaemon.alarms import Alarms
from ccdaemon.config import Configuration, ConfigurationFaults, load
from ccdaemon.model import Ruling, Site
from ccdaemon.shipped import shipped

# What is read once.
ON_START = (
    *("manager", "gateway", "mqtt", "metrics", "paths", "keys", "site.name", "audit.key", "recording.format"),
    "asterisk.config",
)
INSTALL = "`ccdaemon dialplan install`: only then does Asterisk know new numbers, queues, phones, contexts"

log = structlog.get_logger()


class Reloaded(TypedDict):
    """What came of it: all faults of what was refused; or tables and keys that count after a restart only."""

    faults: list[dict[str, str]]
    later: list[str]


class Current:
    """Swapped whole, between two steps of anybody's."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = self._started = configuration
        self.rulings: Mapping[str, Ruling] = {}
        self._site = configuration.site
        self.reloaded = asyncio.Event()
        self._reloading = asyncio.Lock()

    def site(self) -> Site:
        return self._site

    def trunk(self) -> str:
        return self.configuration.main.asterisk.trunk

    async def take_new(self, alarms: Alarms) -> Reloaded:
        """Take a new configuration, whole and sound, or keep the old one and say all that is wrong with the new."""
        async with self._reloading:
            old = self._started
            try:
                new = await asyncio.to_thread(load, old.folder, shipped("prompts"))
            except ConfigurationFaults as wrong:
                for fault in wrong.faults:
                    log.error("configuration fault", file=fault.file, key=fault.key, fault=fault.text)
                text = "the new configuration is refused, the old one stays: `ccdaemon check`"
                alarms.raise_("configuration", text)
                return {"faults": [asdict(fault) for fault in wrong.faults], "later": []}
            self.configuration = new
            self._site = replace(new.site, rulings=self.rulings)
            self.reloaded.set()
            alarms.clear("configuration")
            log.info("configuration reloaded; conversations that have begun end with the old one", next=INSTALL)
            later = [name for name in ON_START if attrgetter(name)(old.main) != attrgetter(name)(new.main)]
            if later:
                log.warning("some of it counts after a restart only", keys=later)
            if orphans := sorted(self.rulings.keys() - new.site.services.keys()):
                log.warning("lines were closed or opened that are no more: `ccdaemon open --all`", services=orphans)
            return {"faults": [], "later": later}

    def rule(self, rulings: Iterable[Ruling]) -> None:
        """These are all that stand."""
        self.rulings = {ruling.service: ruling for ruling in rulings}
        self._site = replace(self._site, rulings=self.rulings)
