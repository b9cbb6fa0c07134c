"""A contact centre as a council has it: ccdaemon, Asterisk and Mosquitto as services of a machine, each its own user.

The phones are outside the machine, on addresses of the same loopback.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ccdaemon.control import NotRunning, Refused, ask
from tests.lab.asterisk import installation, modules_conf
from tests.lab.centre import SOUNDS, make_sounds
from tests.lab.machine import PROGRAM, TOOLS, Machine, machine
from tests.lab.phones import Exchange, exchange
from tests.lab.site import Addresses, Site, own_files, queues

ASTERISK_UNIT = f"""
[Unit]
Description=Asterisk of the laboratory
[Service]
Type=notify
User=asterisk
Group=asterisk
RuntimeDirectory=asterisk
StateDirectory=asterisk
LogsDirectory=asterisk
ExecStart={TOOLS.resolve()}/bin/asterisk -C /etc/asterisk/asterisk.conf -f
Restart=on-failure
RestartSec=1
"""
BROKER_UNIT = f"""
[Unit]
Description=Mosquitto of the laboratory
[Service]
User=nobody
ExecStart={TOOLS.resolve()}/bin/mosquitto -c /etc/mosquitto.conf
"""
DIRECTORIES = {
    "astetcdir": "/etc/asterisk",
    "astvarlibdir": "/var/lib/asterisk",
    "astdbdir": "/var/lib/asterisk",
    "astkeydir": "/var/lib/asterisk",
    "astdatadir": "/usr/share/asterisk",
    "astagidir": "/usr/share/asterisk/agi-bin",
    "astspooldir": "/var/spool/asterisk",
    "astrundir": "/run/asterisk",
    "astlogdir": "/var/log/asterisk",
}
MAIN = "/etc/ccdaemon/ccdaemon.toml"
SOON = 30.0  # seconds until what must come is there


@dataclass
class Installed:
    """What is up, and where."""

    machine: Machine
    site: Site
    world: Exchange

    async def ask(self, question: str, **values: Any) -> Any:  # noqa: ANN401 - any JSON
        """Ask the daemon at its control socket, as root."""
        return await asyncio.to_thread(ask, self.machine.inside("/run/ccdaemon/control"), question, **values)

    async def state(self) -> dict[str, Any]:
        """How the daemon is; nothing where none runs."""
        try:
            found: dict[str, Any] = await self.ask("state")
        except (NotRunning, Refused):
            return {}
        return found

    async def until(self, what: Callable[[], Awaitable[bool]], within: float = SOON) -> float:
        """Wait until something is so; how long it took."""
        began = time.monotonic()
        while not await what():
            took = time.monotonic() - began
            assert took < within, f"not within {within:.0f} s\n{await self.machine.journal('ccdaemon')}"
            await asyncio.sleep(0.1)
        return time.monotonic() - began

    async def until_up(self, within: float = SOON) -> float:
        """Wait until the daemon knows what is live."""

        async def up() -> bool:
            return bool((await self.state()).get("synchronised"))

        return await self.until(up, within)

    async def asterisk(self, command: str) -> str:
        return await self.machine.must(
            f"{TOOLS.resolve()}/bin/asterisk", "-C", "/etc/asterisk/asterisk.conf", "-rx", command
        )

    async def callers(self) -> int:
        """Callers who are up, asked of Asterisk itself."""
        lines = (await self.asterisk("core show channels concise")).splitlines()
        return sum(line.startswith("PJSIP/trunk-") for line in lines)

    async def pid(self) -> int:
        return int(await self.machine.show("ccdaemon.service", "MainPID"))

    def edit(self, old: str, new: str) -> None:
        """Change the site file."""
        file = self.machine.root / MAIN.lstrip("/")
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))


@asynccontextmanager
async def installed(folder: Path) -> AsyncIterator[Installed]:
    """A machine on which somebody has done what the README says, up to and without `systemctl enable --now`."""
    async with machine(folder) as box:
        box.write({"/etc/sysusers.d/asterisk.conf": "u asterisk - Asterisk /var/lib/asterisk\n"})
        await box.must("systemd-sysusers")
        await box.must(PROGRAM, "install", "--yes")
        await box.must(PROGRAM, "init", "/etc/ccdaemon")
        site = Site(folder, Addresses.pick())
        site.config.symlink_to(box.root / "etc/ccdaemon")
        _move(site)
        await asyncio.to_thread(make_sounds, site)
        await asyncio.to_thread(_write_asterisk, box, site)
        await box.must(PROGRAM, "dialplan", "install")
        await box.must("systemctl", "daemon-reload")
        await box.must("systemctl", "start", "asterisk", "mosquitto")
        async with exchange(site) as (world, phones):
            try:
                yield Installed(box, site, world)
            finally:
                await phones.stop()


def _move(site: Site) -> None:
    """Addresses of its own, and lines that are open round the clock."""
    main = site.config / "ccdaemon.toml"
    main.write_text(main.read_text().replace('"127.0.0.1"', f'"{site.addresses.pbx}"'))
    for file in (site.config / "services").glob("*.toml"):
        text = re.sub(r"^\[hours\]\n(?:[^\[\n].*\n)*", "[hours]\nalways = true\n", file.read_text(), flags=re.MULTILINE)
        file.write_text(text)


def _write_asterisk(box: Machine, site: Site) -> None:
    modules, data = installation()
    files = {**own_files(site), "queues.conf": queues(), "modules.conf": modules_conf(modules)}
    lines = ["[directories]", f"astmoddir => {modules}", *(f"{name} => {place}" for name, place in DIRECTORIES.items())]
    files["asterisk.conf"] = "\n".join([*lines, "[options]", "defaultlanguage = en", ""])
    files["logger.conf"] = "[general]\n[logfiles]\nfull => notice,warning,error,verbose(3)\n"
    box.write({f"/etc/asterisk/{name}": text for name, text in files.items()})
    listens = f"listener 1883 {site.addresses.pbx}\nallow_anonymous true\npersistence false\n"
    box.write({"/etc/mosquitto.conf": listens})
    box.write(
        {"/etc/systemd/system/asterisk.service": ASTERISK_UNIT, "/etc/systemd/system/mosquitto.service": BROKER_UNIT}
    )
    share, spool = box.root / "usr/share/asterisk", box.root / "var/spool/asterisk"
    (share / "sounds").mkdir(parents=True)
    spool.mkdir(parents=True)
    shutil.chown(spool, *_asterisk(box))
    (share / "documentation").symlink_to(data / "documentation")
    (share / "sounds" / "en").symlink_to(data / "sounds" / "en")
    (share / "sounds" / "cy").symlink_to("/var/lib/ccdaemon/sounds/cy")
    shutil.copytree(SOUNDS, box.root / "var/lib/ccdaemon/sounds", dirs_exist_ok=True)


def _asterisk(box: Machine) -> tuple[int, int]:
    """Its user and group, by their numbers in the machine."""
    fields = next(
        line.split(":") for line in (box.root / "etc/passwd").read_text().splitlines() if line.startswith("asterisk:")
    )
    return int(fields[2]), int(fields[3])
