"""A whole contact centre, up and running: PBX, phones, broker and daemon on loopback addresses of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ccdaemon.control import ask
from ccdaemon.voices import build, sounds
from tests.lab.asterisk import Asterisk
from tests.lab.phones import Exchange, exchange
from tests.lab.programs import Program, broker, daemon, until_broker_up, until_up
from tests.lab.site import ROOT, Site, pbx, write_site

PBX_PORT = 5038
SOUNDS = ROOT / ".run" / "sounds"


@dataclass
class Centre:
    """What runs, and where."""

    site: Site
    pbx: Asterisk
    broker: Program
    daemon: Program
    world: Exchange

    async def ask(self, question: str, **values: Any) -> Any:  # noqa: ANN401 - any JSON
        """Ask the daemon at its control socket."""
        return await asyncio.to_thread(ask, self.site.folder / "run" / "control", question, **values)

    async def calls(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = await self.ask("calls", since=0, until=1e12)
        return rows

    async def restart_daemon(self) -> None:
        """A new process in the place of one that has ended."""
        self.daemon = daemon(self.site)
        await self.daemon.start()
        await until_up(self.site, self.daemon)

    async def until(self, claim: str, within: float, question: str = "state", **values: Any) -> Any:  # noqa: ANN401
        """Wait until the daemon's answer makes a claim true, such as `len(it["live"]) == 0`."""
        deadline = asyncio.get_running_loop().time() + within
        while True:
            it = await self.ask(question, **values)
            if eval(claim, {"it": it}):
                return it
            if asyncio.get_running_loop().time() > deadline:
                message = f"not within {within} s: {claim}; it is {it}"
                raise AssertionError(message)
            await asyncio.sleep(0.05)


def make_sounds(site: Site) -> None:
    """All prompts of a site, in the folder that all centres share; only what is missing is made."""
    SOUNDS.mkdir(parents=True, exist_ok=True)
    for _ in build(sounds(site.configuration().catalogue, None), SOUNDS):
        pass


@asynccontextmanager
async def contact_centre(
    folder: Path,
    closed: Iterable[str] = (),
    more_phones: Iterable[str] = (),
    manager_port: int = PBX_PORT,
    asterisk: Mapping[str, str] | None = None,
    level: str = "debug",
) -> AsyncIterator[Centre]:
    """Start everything; end it again, whatever happens in between."""
    site = write_site(folder, SOUNDS, closed, more_phones, manager_port)
    make_sounds(site)
    async with AsyncExitStack() as stack:
        switch = pbx(site, asterisk)
        stack.push_async_callback(switch.stop)
        mosquitto = broker(site)
        stack.push_async_callback(mosquitto.stop)
        await asyncio.gather(switch.start(), mosquitto.start())
        await until_broker_up(site)
        world, _ = await stack.enter_async_context(exchange(site))
        centre = Centre(site, switch, mosquitto, daemon(site, level), world)
        stack.push_async_callback(lambda: centre.daemon.stop())  # noqa: PLW0108 - it may be another one by then
        if manager_port == PBX_PORT:  # else the caller of this puts something in between, and starts the daemon
            await centre.daemon.start()
            await until_up(site, centre.daemon)
        yield centre
