"""A file of one gigabyte is taken in with as much memory as a short one."""

from __future__ import annotations

import json
import resource
import shutil
import sys
import time
from pathlib import Path

from tests.builders import serving, site_to_run
from tests.lab.site import ROOT
from tests.prove.proof import NotHeld, run

SIZE = 1_000_000_000  # bytes
TEXT = "x" * 900
MEMORY = 150  # MiB, of the command, and by which the daemon's part may grow
WITHIN = 1800.0  # seconds
SCRIPT = """
import resource, sys
import ccdaemon.cli
try:
    ccdaemon.cli.main()
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, file=sys.stdout)
"""


def _write(file: Path) -> int:
    number = size = 0
    with file.open("wb") as lines:
        while size < SIZE:
            said = {"id": f"s{number}", "at": "2026-11-25T10:00:00Z", "party": "07700 900123", "direction": "in"}
            size += lines.write(json.dumps({**said, "text": TEXT}).encode() + b"\n")
            number += 1
    return number


async def a_gigabyte(folder: Path) -> str:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config, file = site_to_run(folder), folder / "long.jsonl"
    number = _write(file)
    async with serving(config) as (register, _):
        before, began = _most(), time.monotonic()
        words = ("import", "--class", "sms", str(file), "--config", str(config))
        said = await run(sys.executable, "-c", SCRIPT, *words, within=WITHIN, folder=ROOT)
        took, grown = time.monotonic() - began, _most() - before
        await register.settle()
    counts, held = said.splitlines()[-2:]
    if f"{number:,} new" not in counts or int(held) > MEMORY or grown > MEMORY:
        message = f"{counts}; the command held {held} MiB, the daemon's part grew by {grown}"
        raise NotHeld(message)
    shutil.rmtree(folder)
    rate = f"{SIZE / 1e6 / took:.0f} MB/s"
    return (
        f"{number:,} lines in {took:.0f} s ({rate}); the command held {held} MiB, the daemon's part grew by {grown} MiB"
    )


def _most() -> int:
    """MiB at the most until now."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
