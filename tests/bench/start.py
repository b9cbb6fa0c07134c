"""How long a start takes: `ccdaemon check` of the whole example site, and `ccdaemon run` until it is ready.

Each is a fresh process. Beside them, round by round, Python alone and the two packages without which neither begins.
No Asterisk and no broker run: the daemon is ready before they are. The median is held to the aim; the worst says as
much of what else the machine did.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ccdaemon.config import load
from ccdaemon.places import folders
from tests.bench.ratios import ratio
from tests.builders import PROMPTS, whole_machine
from tests.lab.site import ROOT, Addresses

FOLDER = ROOT / ".run" / "bench-start"
ROUNDS = 10
DEADLINE = 30.0  # seconds
FLOOR = "import typer, pydantic"
AIMS = {"ccdaemon check": 0.4, "ccdaemon run": 0.6}  # seconds


async def main(rounds: int) -> int:
    config = _site()
    sides: dict[str, Callable[[], float]] = {
        "pass": partial(_done, "-c", "pass"),
        FLOOR: partial(_done, "-c", FLOOR),
        "ccdaemon check": partial(_done, "-m", "ccdaemon", "check", "--config", str(config)),
        "ccdaemon run": partial(_ready, "-m", "ccdaemon", "run", "--config", str(config)),
    }
    for side in sides.values():
        side()  # compiles what is not yet
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds or ROUNDS):
        for name, side in sides.items():
            taken[name].append(side())
    print(f"seconds of {rounds or ROUNDS} starts, and their ratio to `{FLOOR}`")
    for name, each in taken.items():
        aim = f"; aim {AIMS[name]}" if name in AIMS else ""
        print(f"  {name:<23} {statistics.median(each):.3f}, worst {max(each):.3f}; {ratio(each, taken[FLOOR])}{aim}")
    return 0 if all(statistics.median(taken[name]) <= aim for name, aim in AIMS.items()) else 1


def _site() -> Path:
    """The example site with all that it needs, at an address of its own."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    config = whole_machine(FOLDER)
    main = config / "ccdaemon.toml"
    text = main.read_text().replace('"127.0.0.1"', f'"{Addresses.pick().pbx}"')
    if os.geteuid() != 0:
        text = text.replace("port = 573 ", "port = 4573 ")  # only root may give us a port below 1024
    main.write_text(text)
    _done("-m", "ccdaemon", "dialplan", "install", "--config", str(config))
    for folder in folders(load(config, PROMPTS)):
        folder.mkdir(parents=True, exist_ok=True)
    return config


def _environment(**more: str) -> dict[str, str]:
    """As a service or a shell has it: what Python compiled is kept, which `./dev` forbids."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "", **more}


def _done(*words: str) -> float:
    """Until a program has ended well."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *words], env=_environment(), stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def _ready(*words: str) -> float:
    """Until a program says READY=1, as sd_notify(3) does; then it is ended."""
    address = FOLDER / "notify"
    address.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd, (FOLDER / "ccdaemon.log").open("ab") as log:
        systemd.bind(str(address))
        systemd.settimeout(DEADLINE)
        began = time.perf_counter()
        with subprocess.Popen([sys.executable, *words], env=_environment(NOTIFY_SOCKET=str(address)), stdout=log) as it:
            try:
                while b"READY=1" not in systemd.recv(4096).split(b"\n"):
                    pass
                return time.perf_counter() - began
            finally:
                it.send_signal(signal.SIGTERM)
