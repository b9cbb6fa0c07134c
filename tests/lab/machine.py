"""A machine with a real systemd: Debian in a folder, booted by systemd-nspawn. It takes root.

Its network is that of the machine around it, so that phones outside reach an Asterisk inside on loopback.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import zipfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hatchling.builders.wheel import WheelBuilder

from tests.lab.asterisk import end
from tests.lab.site import ROOT

BASE = ROOT / ".run" / "machine"
TOOLS = ROOT / ".run" / "tools"
PACKAGES = "dbus,python3,systemd,systemd-sysv"
DEPENDENCIES = "/opt/dependencies"  # those of the environment that runs the tests
PROGRAM = "/opt/ccdaemon/bin/ccdaemon"
SCRIPT = "#!/opt/ccdaemon/bin/python\nfrom ccdaemon.cli import main\n\nmain()\n"
BUILD_DEADLINE = 600.0  # seconds; a minute, where the mirror is near
BOOT_DEADLINE = 60.0
HALT_DEADLINE = 60.0  # longer than TimeoutStopSec= of the daemon that may run in it
DEADLINE = 60.0  # for one command
ENVIRONMENT = ("PATH=/opt/ccdaemon/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8")


def why_not() -> str | None:
    """What hinders a machine from being booted here, in words for who reads the tests' end."""
    if os.geteuid() != 0:
        return "to boot a machine takes root"
    if missing := [name for name in ("systemd-nspawn", "debootstrap", "script") if shutil.which(name) is None]:
        return f"there is no {', '.join(missing)} (apt-get install systemd-container debootstrap bsdutils)"
    if not (TOOLS / "bin" / "asterisk").exists():
        return "the Asterisk is this machine's own, which cannot be lent to another one"
    if not any(Path("/sys/fs/cgroup").glob("*")):
        return "there are no control groups here, which systemd cannot do without"
    if sys.base_prefix != "/usr" or not _codename():
        return "the Python is not that of a Debian, so the machine would have another one"
    return None


def _codename() -> str:
    lines = Path("/etc/os-release").read_text().splitlines()
    known = dict(line.split("=", 1) for line in lines if "=" in line)
    return known.get("VERSION_CODENAME", "") if known.get("ID") == "debian" else ""


class CannotBoot(Exception):
    """There can be no machine here; the text says why."""


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it printed on both."""

    status: int
    said: str


class Machine:
    """One that is up."""

    def __init__(self, root: Path, process: asyncio.subprocess.Process) -> None:
        self.root = root
        self._process = process
        self._first = 0  # its systemd, as the machine around it counts

    async def run(self, *words: str, within: float = DEADLINE, said: str | None = None) -> Done:
        """Run a command in it as root, to its end. Raises `TimeoutError`."""
        process = await asyncio.create_subprocess_exec(
            *("nsenter", "-t", str(self._first), "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w", "--"),
            *("env", "-i", *ENVIRONMENT, *words),
            stdin=asyncio.subprocess.DEVNULL if said is None else asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(within):
                out, _ = await process.communicate(None if said is None else said.encode())
        except TimeoutError:
            process.kill()
            raise
        assert process.returncode is not None
        return Done(process.returncode, out.decode(errors="replace").strip())

    async def must(self, *words: str, within: float = DEADLINE) -> str:
        """The same for one that has to succeed; what it printed."""
        done = await self.run(*words, within=within)
        assert done.status == 0, f"{' '.join(words)} ended with {done.status}: {done.said[-3000:]}"
        return done.said

    def inside(self, path: str) -> Path:
        """A path of it that is there only while it runs, below /run for example, for who is outside."""
        return Path(f"/proc/{self._first}/root{path}")

    async def show(self, unit: str, name: str) -> str:
        """A property of a unit."""
        return await self.must("systemctl", "show", "--value", f"--property={name}", unit)

    async def journal(self, unit: str, lines: int = 60) -> str:
        return (await self.run("journalctl", "--no-pager", "-o", "cat", "-n", str(lines), "-u", unit)).said

    def write(self, files: Mapping[str, str], mode: int = 0o644) -> None:
        """Files by their paths in it."""
        for name, text in files.items():
            file = self.root / name.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            file.chmod(mode)

    async def until_booted(self, console: Path) -> None:
        """Raises `CannotBoot` with the end of what stands on its console."""
        try:
            async with asyncio.timeout(BOOT_DEADLINE):
                while not self._first and self._process.returncode is None:
                    await asyncio.sleep(0.1)
                    self._first = _below(self._process.pid, "systemd")
                while not await self._is_up():
                    await asyncio.sleep(0.2)
        except TimeoutError:
            said = " ".join(console.read_text(errors="replace").split())
            message = f"systemd-nspawn boots no machine here: {said[-300:]}"
            raise CannotBoot(message) from None

    async def _is_up(self) -> bool:
        if self._process.returncode is not None:
            raise TimeoutError
        return (await self.run("systemctl", "is-system-running")).said in {"running", "degraded"}

    async def halt(self) -> None:
        if self._first and self._process.returncode is None:
            try:
                await self.run("systemctl", "poweroff", within=HALT_DEADLINE)
                await asyncio.wait_for(self._process.wait(), HALT_DEADLINE)
            except TimeoutError:
                pass
        await end(self._process, HALT_DEADLINE)


def _below(process: int, name: str) -> int:
    """The first descendant of a process that is called so; 0 while there is none."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        for child in map(int, children):
            if Path(f"/proc/{child}/comm").read_text().strip() == name:
                return child
            if found := _below(child, name):
                return found
    except OSError:  # it has ended meanwhile
        pass
    return 0


async def _call(*words: str, within: float) -> None:
    process = await asyncio.create_subprocess_exec(
        *words, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(within):
        said, _ = await process.communicate()
    if process.returncode != 0:
        message = f"{words[0]} ended with {process.returncode}: {' '.join(said.decode().split())[-300:]}"
        raise CannotBoot(message)


async def base() -> Path:
    """A Debian of this machine's release, made once."""
    root = BASE / _codename()
    if not root.exists():
        half = root.with_suffix(".part")
        await asyncio.to_thread(shutil.rmtree, half, ignore_errors=True)
        half.parent.mkdir(parents=True, exist_ok=True)
        asked = ("apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)")
        process = await asyncio.create_subprocess_exec(*asked, stdout=asyncio.subprocess.PIPE)
        lines = (await process.communicate())[0].decode().splitlines()
        mirror = next((line.split()[1] for line in lines if line.startswith("Debian ")), "")
        words = ("debootstrap", "--variant=minbase", f"--include={PACKAGES}", root.name, str(half), mirror)
        await _call(*words, within=BUILD_DEADLINE)
        half.rename(root)
    return root


@asynccontextmanager
async def machine(folder: Path) -> AsyncIterator[Machine]:
    """A fresh one in a folder, booted, with our program in /opt/ccdaemon; it is halted at the end."""
    root = folder / "root"
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    folder.mkdir(parents=True)
    await _call("cp", "-a", "--reflink=auto", str(await base()), str(root), within=DEADLINE)
    (root / "etc/systemd/journald.conf.d").mkdir(parents=True)
    (root / "etc/systemd/journald.conf.d/lab.conf").write_text("[Journal]\nRateLimitBurst=0\n")
    site_packages = next(Path(sys.prefix).resolve().glob("lib/python3*/site-packages"))
    words = [
        *("systemd-nspawn", f"--directory={root}", "--boot", "--register=no", "--keep-unit", "--hostname=lab"),
        *(f"--bind-ro={TOOLS.resolve()}", f"--bind-ro={site_packages}:{DEPENDENCIES}", "--resolv-conf=off"),
        *("--timezone=off", "--console=interactive"),
        "--drop-capability=CAP_SYS_TIME",  # there is one clock, and the machine around goes by it
    ]
    with (folder / "console.log").open("ab") as console:
        process = await asyncio.create_subprocess_exec(
            *("setpriv", "--pdeathsig=TERM", "script", "-qfec", " ".join(words), "/dev/null"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
            start_new_session=True,
        )
    it = Machine(root, process)
    try:
        await it.until_booted(folder / "console.log")
        await _program(it)
        yield it
    finally:
        await it.halt()


async def _program(it: Machine) -> None:
    """Our package as pip would have put it there, and what it needs from the environment that runs the tests."""
    await it.must("python3", "-m", "venv", "--without-pip", "/opt/ccdaemon")
    place = next((it.root / "opt/ccdaemon/lib").glob("python3*/site-packages"))

    def unpack() -> None:
        builder: Any = WheelBuilder(str(ROOT))
        for built in builder.build(directory=str(it.root / "opt"), versions=["standard"]):
            with zipfile.ZipFile(built) as wheel:
                wheel.extractall(place)

    await asyncio.to_thread(unpack)
    (place / "dependencies.pth").write_text(f"{DEPENDENCIES}\n")
    it.write({PROGRAM: SCRIPT}, mode=0o755)
