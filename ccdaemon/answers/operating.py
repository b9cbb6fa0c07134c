"""What telecoms staff ask of the daemon, and tell it: how it is, a reload, a line that is closed, the log's level."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ccdaemon.alarms import Alarms
from ccdaemon.answers.keeping import changing
from ccdaemon.asked import Answerer, Many
from ccdaemon.chain import Link
from ccdaemon.control import Refused, asker
from ccdaemon.current import Current, Reloaded
from ccdaemon.logs import Level, set_level
from ccdaemon.model import AlarmName, Ruling, Site
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.status import live
from ccdaemon.store import Register
from ccdaemon.topics import Payload

Reload: TypeAlias = Callable[[], Awaitable[Reloaded]]


@dataclass(frozen=True)
class Operating:
    """Behind the control socket."""

    register: Register
    current: Current
    calls: Calls
    alarms: Alarms
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
        return live(self.calls, time.time())

    async def reload(self) -> Reloaded:
        return await self.take_new()

    @changing
    async def rule(
        self, *, services: Many[str], state: Literal["open", "closed"], message: str | None = None
    ) -> list[str]:
        """Open or close lines, all where none is named, until it is taken back."""
        chosen = self._chosen(services)
        if message is not None:
            self._said_in_all(message, chosen)
        now, who = time.time(), asker.get()
        await self.register.rule([Ruling(service, state, message, now, who) for service in chosen])
        self.current.rule(await self.register.rulings())
        return chosen

    @changing
    async def take_back(self, *, services: Many[str]) -> list[str]:
        """Back to their hours."""
        chosen = [service for service in self._chosen(services) if service in self._site.rulings]
        await self.register.take_back(chosen, asker.get(), time.time())
        self.current.rule(await self.register.rulings())
        return chosen

    @changing
    async def acknowledge(self, *, alarm: AlarmName) -> None:
        if not self.alarms.acknowledge(alarm):
            message = f"the alarm {alarm} does not stand"
            raise Refused(message)
        await self.register.audit(Link(time.time(), "acknowledged", {"alarm": alarm, "who": asker.get()}))

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
        """Raises `Refused` where a message is missing in a language of one of these lines."""
        there = self.current.configuration.catalogue.get(prompt, {})
        wanted = {language for service in services for language in self._site.services[service].languages}
        if missing := sorted(wanted - there.keys()):
            message = (
                f"there is no prompt {prompt!r} in {' and '.join(missing)}: callers would hear nothing. Write it in "
                "prompts/*.toml beside ccdaemon.toml, then `ccdaemon prompts build`, and reload"
            )
            raise Refused(message)
