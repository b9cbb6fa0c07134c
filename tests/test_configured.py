"""From when on which configuration counted stands in the audit chain, once for each."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from ccdaemon.config import load
from ccdaemon.flows.configured import note_configuration
from ccdaemon.store import Register
from tests.builders import PROMPTS, Edit, a_register, written_site


async def rows(register: Register) -> list[str]:
    found = await register.audited_between(0, 1e12)
    return [json.loads(row.detail)["sha256"] for row in found if row.kind == "configuration"]


async def test_each_change_is_one_row_and_a_restart_is_none(tmp_path: Path) -> None:
    now, changed = ["one"], asyncio.Event()
    async with a_register(tmp_path / "register.sqlite3") as register:
        for step, expected in (
            ("one", ["one"]),
            ("one", ["one"]),
            ("two", ["one", "two"]),
            ("one", ["one", "two", "one"]),
        ):
            now[0] = step
            noting = asyncio.create_task(note_configuration(register, lambda: now[0], changed, lambda: 7.0))
            async with asyncio.timeout(5):
                while await rows(register) != expected:
                    await asyncio.sleep(0)
            noting.cancel()
            await asyncio.wait([noting])
        assert (await register.verify()).faults == []


def test_the_fingerprint_is_another_one_when_any_file_is(tmp_path: Path) -> None:
    same = [load(written_site(tmp_path / name), PROMPTS).fingerprint for name in ("a", "b")]
    edits = [Edit("services/housing.toml", "wait", "wait  ")]
    other = load(written_site(tmp_path / "c", edits), PROMPTS).fingerprint
    assert same[0] == same[1] != other
