"""Killed at random moments, the daemon loses nothing of what is kept, doubles nothing, and leaves nothing plain."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from tests.kept_site import a_kept_site, run
from tests.lab.commands import kill_commands

ROOT = Path(__file__).parents[1]
TIMES, SEED = 20, 77
DEADLINE = 120.0  # seconds
COMMANDS = 7  # times each


async def test_twenty_kills_at_random_moments_lose_nothing_and_leave_nothing(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "faulthandler", "-m", "tests.lab.kills", str(tmp_path), str(TIMES), str(SEED)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
        start_new_session=True,
    )
    ends = asyncio.ensure_future(process.communicate())
    _, late = await asyncio.wait({ends}, timeout=DEADLINE)
    if late:
        os.killpg(process.pid, signal.SIGABRT)  # whoever hangs says where
    said, wrong = await ends
    assert process.returncode == 0, wrong.decode()
    killed = json.loads(said)
    assert sum(killed.values()) == TIMES
    assert len(killed) >= 4, "it was not in the middle of most things"


async def test_what_commands_write_is_whole_or_of_no_use_wherever_they_are_killed(tmp_path: Path) -> None:
    async with asyncio.timeout(DEADLINE), a_kept_site(tmp_path / "site") as kept:
        await run(kept.config, "subject", "open", "--reference", "SAR-31", "--received", "2026-11-20")
        killed = await kill_commands(kept, tmp_path, COMMANDS, SEED)
    assert all(killed[command] for command in ("export", "backup", "restore")), f"none of some in the middle: {killed}"
