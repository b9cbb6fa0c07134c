"""A backup is consistent in itself, holds no key, follows expiry, and can be put back."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ccdaemon.archive import Archive
from ccdaemon.cli import app
from ccdaemon.cli.backup import MARK
from ccdaemon.config import load
from ccdaemon.kept import Recording
from ccdaemon.notices import CallBegan, CallIdentified
from ccdaemon.places import ARCHIVE, REGISTER
from ccdaemon.rules.retention import period_of
from ccdaemon.store import Register
from tests.builders import PROMPTS, a_raw_file, serving, site_to_run

LONG_AGO = 1_600_000_000.0  # September 2020
RECENT = datetime.now().timestamp() - 86_400  # noqa: DTZ005 - a moment, not a time of day
NUMBER = "+441632960777"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[tuple[Path, Register, Archive]]:
    """A call of long ago and one of yesterday, each with a recording."""
    config = site_to_run(tmp_path)
    async with serving(config) as (register, archive):
        for call, at in (("1", LONG_AGO), ("2", RECENT)):
            await register.write([CallIdentified(f"{call}.1", at, number=NUMBER, service="housing")])
            await record(config, register, archive, call, at)
        yield config, register, archive


async def record(config: Path, register: Register, archive: Archive, call: str, at: float) -> None:
    site = load(config, PROMPTS)
    a_raw_file(site.main.paths.spool / "recordings", f"{call}.1", f"{call}.2", b"\1\0\2\0" * 800)
    (raw,) = archive.raw()
    done = archive.finish(raw, period_of("recording", at, site.site))
    archive.discard(raw)
    row = Recording(f"{call}.2", f"{call}.1", "housing", at, at + 1, file=done.file, sha256=done.sha256)
    await register.finish_recording(row, done, at)


async def run(config: Path, *words: object) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, [*map(str, words), "--config", str(config)])


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


async def test_a_backup_holds_register_and_recordings_and_no_key(
    site: tuple[Path, Register, Archive], tmp_path: Path
) -> None:
    config, _, archive = site
    done = await run(config, "backup", tmp_path / "copy")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == f"{tmp_path / 'copy'}: the register and 2 recordings\n"
    assert set(files(tmp_path / "copy")) == {MARK, REGISTER, *(f"{ARCHIVE}/{file}" for file in archive.files())}
    state = load(config, PROMPTS).main.paths.state
    assert not list(state.glob("snapshot*"))
    for file in files(tmp_path / "copy"):
        assert NUMBER.encode() not in (tmp_path / "copy" / file).read_bytes()


async def test_a_later_backup_brings_the_copy_up_to_date_and_what_expired_goes_from_it(
    site: tuple[Path, Register, Archive], tmp_path: Path
) -> None:
    config, register, archive = site
    await run(config, "backup", tmp_path / "copy")
    await record(config, register, archive, "3", RECENT)
    await run(config, "expire", "--json")
    (tmp_path / "copy" / ARCHIVE / "tmpxyz.copying").write_text("of one who was killed")
    done = await run(config, "backup", tmp_path / "copy")
    assert done.stdout.endswith("the register and 2 recordings\n")
    assert set(files(tmp_path / "copy")) == {MARK, REGISTER, *(f"{ARCHIVE}/{file}" for file in archive.files())}


async def test_what_is_written_while_the_copy_is_made_does_not_disturb_it(
    site: tuple[Path, Register, Archive], tmp_path: Path
) -> None:
    config, register, _ = site

    async def writes() -> None:
        for number in range(200):
            await register.write([CallBegan(f"9{number}.1", RECENT)])

    done, _ = await asyncio.gather(run(config, "backup", tmp_path / "copy"), writes())
    assert done.exit_code == 0
    assert len(await register.calls(0, 1e12)) == 202


async def test_a_backup_and_the_keys_of_the_safe_bring_everything_back(
    site: tuple[Path, Register, Archive], tmp_path: Path
) -> None:
    config, _, _ = site
    (tmp_path / "passphrase").write_text("correct horse of Powys")
    words = ("--passphrase-file", tmp_path / "passphrase")
    await run(config, "backup", tmp_path / "copy")
    assert (await run(config, "keys", "escrow", "--out", tmp_path / "safe", *words)).exit_code == 0
    other = site_to_run(tmp_path / "other")
    paths = load(other, PROMPTS).main
    (other / "site.key").unlink()
    for folder in (paths.paths.state, paths.keys.folder):
        folder.mkdir(parents=True)
    assert (await run(other, "keys", "restore", tmp_path / "safe", *words)).exit_code == 0
    done = await run(other, "restore", tmp_path / "copy")
    assert (done.exit_code, done.stderr) == (0, "")
    async with serving(other) as (register, archive):
        assert [row.number for row in await register.calls(0, 1e12)] == [NUMBER, NUMBER]
        for leg in ("1.2", "2.2"):
            kept = await register.kept(leg, 1)
            assert kept is not None
            assert archive.holds(kept)
        assert (await register.verify()).faults == []
    again = await run(other, "restore", tmp_path / "copy")
    assert (again.exit_code, "was not changed" in again.stderr) == (1, True)


KILLED = """
import os, pathlib, signal, sys
import ccdaemon.cli
from ccdaemon.cli import backup
kept, copied = backup.shutil.copyfileobj, []
def copy(content, target):
    kept(content, target)
    target.flush()
    copied.append(target)
    if len(copied) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
backup.shutil.copyfileobj = copy
sys.argv[1:] = ["restore", sys.argv[1], "--config", sys.argv[2]]
ccdaemon.cli.main()
"""


async def test_who_is_killed_while_they_put_it_back_begins_again_and_leaves_nothing_half(
    site: tuple[Path, Register, Archive], tmp_path: Path
) -> None:
    config, _, _ = site
    await run(config, "backup", tmp_path / "copy")
    other = site_to_run(tmp_path / "other")
    state = load(other, PROMPTS).main.paths.state
    state.mkdir(parents=True)
    words = (sys.executable, "-c", KILLED, tmp_path / "copy", other)
    killed = await asyncio.to_thread(subprocess.run, words, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (state / REGISTER).exists()  # so that no daemon begins with half of it
    assert [file for file in files(state) if file.endswith(".copying")] != []
    done = await run(other, "restore", tmp_path / "copy")
    assert (done.exit_code, done.stderr) == (0, "")
    assert files(state) == [file for file in files(tmp_path / "copy") if file != MARK]


async def test_a_folder_that_is_no_backup_of_this_site_is_left_as_it_is(
    site: tuple[Path, Register, Archive], tmp_path: Path
) -> None:
    config, _, _ = site
    (tmp_path / "srv" / ARCHIVE).mkdir(parents=True)
    (tmp_path / "srv" / ARCHIVE / "thesis.doc").touch()
    state = load(config, PROMPTS).main.paths.state
    for folder in (tmp_path / "srv", state, state / "copy", state.parent):
        done = await run(config, "backup", folder)
        assert done.exit_code == 1, folder
    assert files(tmp_path / "srv") == [f"{ARCHIVE}/thesis.doc"]
    assert not (state / MARK).exists()


async def test_beside_the_log_of_a_register_that_was_moved_away_nothing_is_put_back(tmp_path: Path) -> None:
    config = site_to_run(tmp_path)
    state = load(config, PROMPTS).main.paths.state
    state.mkdir(parents=True)
    (state / f"{REGISTER}-wal").touch()
    done = await run(config, "restore", tmp_path)
    assert (done.exit_code, "Move all of it away first" in done.stderr) == (1, True)


@pytest.mark.parametrize("content", [None, b"something else" * 100])
async def test_what_is_no_backup_is_not_put_back(tmp_path: Path, content: bytes | None) -> None:
    config = site_to_run(tmp_path)
    load(config, PROMPTS).main.paths.state.mkdir(parents=True)
    (tmp_path / "copy").mkdir()
    if content is not None:
        (tmp_path / "copy" / REGISTER).write_bytes(content)
    done = await run(config, "restore", tmp_path / "copy")
    assert done.exit_code == 1
    assert "this is no backup of a register" in done.stderr
    assert files(load(config, PROMPTS).main.paths.state) == []


async def test_while_the_daemon_runs_nothing_is_put_back(site: tuple[Path, Register, Archive], tmp_path: Path) -> None:
    config, _, _ = site
    await run(config, "backup", tmp_path / "copy")
    done = await run(config, "restore", tmp_path / "copy")
    assert (done.exit_code, done.stderr.split(":")[0]) == (1, "the daemon runs")
