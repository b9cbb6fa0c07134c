"""What telecoms staff ask of the daemon, and tell it: how it is, a reload, a line that is closed, the log's level."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import structlog

from ccdaemon.alarms import Alarms
from ccdaemon.asked import Answerer, Many
from ccdaemon.chain import Link
from ccdaemon.control import Refused, asker
from ccdaemon.current import Current, Reloaded
from ccdaemon.faults import RegisterFull
from ccdaemon.flows.lines import Lines
from ccdaemon.logs import Level, set_level
from ccdaemon.model import AlarmName, Prompt, Ruling, Site
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.status import live
from ccdaemon.sounds import Sounds
from ccdaemon.store import Register
from ccdaemon.topics import Payload

log = structlog.get_logger()

Reload: TypeAlias = Callable[[], Awaitable[Reloaded]]


@dataclass(frozen=True)
class Operating:
    """Behind the control socket."""

    register: Register
    current: Current
    calls: Calls
    sounds: Sounds
    alarms: Alarms
    lines: Lines
    linked: Callable[[], bool]
    topics: Callable[[], Mapping[str, Payload]]
    take_new: Reload

    def answers(self) -> dict[str, Answerer]:
        return {
            "status": self.status,
            "live": self.live,
            "reload": self.reload,
            "rule": self.rule,
            "take back": self.take_back,
            "acknowledge": self.acknowledge,
            "log level": self.level,
        }

    async def status(self) -> dict[str, Any]:
        """Every topic as it is now, and what the site calls its lines."""
        services = self._site.services.items()
        lines = {name: {"name": dict(each.name), "queues": each.queue.names} for name, each in services}
        zone = str(self._site.timezone)
        return {"site": self._site.name, "timezone": zone, "lines": lines, "topics": self.topics()}

    async def live(self) -> list[dict[str, Any]]:
        """Who is in which line at this moment, without any number."""
        if not self.linked():
            message = "there is no link to Asterisk: nobody knows"
            raise Refused(message)
        return live(self.calls, self._site, time.time())

    async def reload(self) -> Reloaded:
        return await self.take_new()

    async def rule(
        self, *, services: Many[str], state: Literal["open", "closed"], message: str | None = None
    ) -> dict[str, Any]:
        """Open or close lines, all where none is named, until it is taken back: at once, whatever the disk says."""
        chosen = self._chosen(services)
        if message is not None:
            self._said_in_all(message, chosen)
        now, who = time.time(), asker.get()
        rulings = [Ruling(service, state, message, now, who) for service in chosen]
        return {"lines": chosen, "kept": await self.lines.rule(rulings)}

    async def take_back(self, *, services: Many[str]) -> dict[str, Any]:
        """Back to their hours; where none is named, lines too that are no more."""
        standing = self.current.rulings
        chosen = [service for service in self._chosen(services) if service in standing] if services else [*standing]
        return {"lines": chosen, "kept": await self.lines.take_back(chosen, asker.get())}

    async def acknowledge(self, *, alarm: AlarmName) -> dict[str, Any]:
        if not self.alarms.acknowledge(alarm):
            message = f"the alarm {alarm} does not stand"
            raise Refused(message)
        link = Link(time.time(), "acknowledged", {"alarm": alarm, "who": asker.get()})
        try:
            await self.register.audit(link)
        except RegisterFull as fault:
            log.error("an acknowledged alarm is not in the register", alarm=alarm, reason=str(fault))
            return {"kept": False}
        return {"kept": True}

    async def level(self, *, level: Level) -> None:
        """Until the daemon ends."""
        set_level(level)

    @property
    def _site(self) -> Site:
        return self.current.site()

    def _chosen(self, services: list[str]) -> list[str]:
        if unknown := [service for service in services if service not in self._site.services]:
            known = ", ".join(sorted(self._site.services))
            message = f"there is no service {', '.join(unknown)}; they are {known}"
            raise Refused(message)
        return services or sorted(self._site.services)

    def _said_in_all(self, prompt: str, services: list[str]) -> None:
        """Raises `Refused` where callers of one of these lines would not hear a message in their language."""
        there = self.current.configuration.catalogue.get(prompt, {})
        wanted = sorted({language for service in services for language in self._site.services[service].languages})
        if missing := [language for language in wanted if language not in there]:
            message = (
                f"there is no prompt {prompt!r} in {' and '.join(missing)}: callers would hear nothing. Write it in "
                "prompts/*.toml beside ccdaemon.toml, then `ccdaemon prompts build`, and reload"
            )
            raise Refused(message)
        if unheard := [language for language in wanted if self.sounds.file(Prompt(prompt, language)) is None]:
            message = (
                f"{prompt!r} has no sound in {' and '.join(unheard)}: callers would hear nothing. `ccdaemon prompts "
                "build` makes it"
            )
            raise Refused(message)
