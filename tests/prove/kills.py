"""Five hundred kills at random moments, each twenty in a register of their own."""

from __future__ import annotations

import json
import shutil
import sys
from collections import Counter
from pathlib import Path

from tests.lab.site import ROOT
from tests.prove.proof import run

SEEDS, TIMES = 25, 20
WITHIN = 300.0  # seconds for each register


async def everywhere(folder: Path) -> str:
    killed = Counter[str]()
    for seed in range(SEEDS):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        words = (sys.executable, "-m", "tests.lab.kills", str(folder), str(TIMES), str(seed))
        killed.update(json.loads((await run(*words, within=WITHIN, folder=ROOT)).splitlines()[-1]))
    told = ", ".join(f"{count} in {what}" for what, count in killed.most_common())
    return f"{killed.total()} kills: {told}"
