"""Five hundred kills of the daemon's work at random moments, each twenty in a register of their own; then commands."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections import Counter
from pathlib import Path

from tests.kept_site import a_kept_site
from tests.kept_site import run as run_command
from tests.lab.commands import kill_commands
from tests.lab.site import ROOT
from tests.prove.proof import run

SEEDS, TIMES = 25, 20
OF_COMMANDS = 100  # of each
WITHIN = 300.0  # seconds for each register


async def everywhere(folder: Path) -> str:
    killed = Counter[str]()
    for seed in range(SEEDS):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        words = (sys.executable, "-m", "tests.lab.kills", str(folder), str(TIMES), str(seed))
        killed.update(json.loads((await run(*words, within=WITHIN, folder=ROOT)).splitlines()[-1]))
    shutil.rmtree(folder, ignore_errors=True)
    async with asyncio.timeout(WITHIN), a_kept_site(folder / "site") as kept:
        await run_command(kept.config, "subject", "open", "--reference", "SAR-31", "--received", "2026-11-20")
        commands = await kill_commands(kept, folder, OF_COMMANDS, 1)
    return f"{killed.total()} kills: {_told(killed)}; of commands in the middle: {_told(commands)}"


def _told(killed: Counter[str]) -> str:
    return ", ".join(f"{count} in {what}" for what, count in killed.most_common())
