"""The other programs of a contact centre: the daemon, as its own user, and a Mosquitto."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import aiomqtt

from ccdaemon.control import NotRunning, Refused, ask
from tests.lab.asterisk import CCDAEMON, User, end
from tests.lab.site import ROOT, Site

START_DEADLINE = 15.0  # seconds
STOP_DEADLINE = 30.0


class Program:
    """A process of ours with its output in a file."""

    def __init__(self, name: str, command: list[str], log: Path, user: User | None = None) -> None:
        self._name = name
        self._command = user.command(*command) if user else command
        self.log = log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, "PYTHONPATH": str(ROOT), "HOME": "/nonexistent"},
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self._name} was not started"
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    def kill(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    async def wait(self) -> int:
        assert self._process is not None, f"{self._name} was not started"
        return await self._process.wait()

    async def stop(self) -> None:
        if self._process is not None:
            await end(self._process, STOP_DEADLINE)


def daemon(site: Site, level: str = "debug") -> Program:
    """`ccdaemon run` for a site, as the user ccdaemon."""
    command = [sys.executable, "-m", "ccdaemon", "run", "--config", str(site.config), "--log-level", level]
    return Program("ccdaemon", command, site.folder / "ccdaemon.log", CCDAEMON)


async def until_up(site: Site, program: Program) -> None:
    """Wait until the daemon answers at its control socket and has the live state."""
    async with asyncio.timeout(START_DEADLINE):
        while True:
            if not program.running:
                message = f"ccdaemon ended:\n{program.log.read_text()[-3000:]}"
                raise RuntimeError(message)
            try:
                if (await asyncio.to_thread(ask, site.folder / "run" / "control", "state"))["synchronised"]:
                    return
            except (NotRunning, Refused):
                pass
            await asyncio.sleep(0.05)


def broker(site: Site) -> Program:
    """A Mosquitto on the site's address."""
    config = site.folder / "mosquitto.conf"
    config.write_text(f"listener 1883 {site.addresses.pbx}\nallow_anonymous true\npersistence false\nlog_dest stdout\n")
    config.chmod(0o644)
    return Program("mosquitto", ["mosquitto", "-c", str(config)], site.folder / "mosquitto.log", CCDAEMON)


async def until_broker_up(site: Site) -> None:
    async with asyncio.timeout(START_DEADLINE):
        while True:
            try:
                async with aiomqtt.Client(site.addresses.pbx):
                    return
            except aiomqtt.MqttError:
                await asyncio.sleep(0.05)
