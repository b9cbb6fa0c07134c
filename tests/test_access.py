"""Recordings are opened by the daemon alone, for a purpose, and each time it stands in the audit chain first."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, get_args

import pytest
import soundfile
from typer.testing import CliRunner, Result

from ccdaemon.archive import Archive
from ccdaemon.cli import app
from ccdaemon.config import load
from ccdaemon.control import Refused, ask
from ccdaemon.kept import Purpose, Recording
from ccdaemon.notices import CallIdentified
from ccdaemon.places import ARCHIVE, SOCKET
from ccdaemon.store import Register
from tests.builders import PROMPTS, Edit, a_raw_file, serving, site_to_run

CALL, LEG = "1783328400.1", "1783328400.2"
AT = 1783328400.0
A_SECOND = b"\1\0\2\0" * 8000
WHY = ("--purpose", "complaint", "--reference", "C-2026-117")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[tuple[Path, Register]]:
    """One call with a finished recording, and the daemon's part that answers."""
    config = site_to_run(tmp_path)
    async with serving(config) as (register, archive):
        await register.write([CallIdentified(CALL, AT, service="housing")])
        await _record(config, register, archive)
        yield config, register


async def _record(config: Path, register: Register, archive: Archive) -> None:
    a_raw_file(load(config, PROMPTS).main.paths.spool / "recordings", CALL, LEG, A_SECOND)
    (raw,) = archive.raw()
    done = archive.finish(raw, "recording-2027-07")
    recording = Recording(LEG, CALL, "housing", AT, AT + 1, file=done.file, seconds=1, sha256=done.sha256)
    await register.finish_recording(recording, done, AT)


async def run(config: Path, *words: object) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, ["recordings", *map(str, words), "--config", str(config)])


async def accesses(register: Register) -> list[dict[str, Any]]:
    return [json.loads(row.detail) for row in await register.audited_between(0, 1e12) if row.kind == "access"]


@pytest.mark.parametrize("ending", ["flac", "wav"])
async def test_a_recording_is_written_as_it_was_and_the_access_stands_in_the_chain(
    site: tuple[Path, Register], tmp_path: Path, ending: str
) -> None:
    config, register = site
    out = tmp_path / f"call.{ending}"
    done = await run(config, "export", f"{LEG}-1", *WHY, "--out", out)
    assert (done.exit_code, done.stderr) == (0, "")
    samples, rate = soundfile.read(out, dtype="int16")
    assert (rate, samples.tobytes()) == (8000, A_SECOND)
    assert out.stat().st_mode & 0o777 == 0o600
    (said,) = await accesses(register)
    who = pwd.getpwuid(os.getuid()).pw_name
    assert said == {"leg": LEG, "segment": 1, "purpose": "complaint", "reference": "C-2026-117", "who": who}


async def test_recordings_are_listed_with_the_name_by_which_they_are_opened(site: tuple[Path, Register]) -> None:
    config, register = site
    done = await run(config, "--since", "2026-07-06", "--until", "2026-07-07")
    assert done.stdout.splitlines()[1].split()[:2] == [f"{LEG}-1", CALL]
    rows = json.loads((await run(config, "--since", "2026-07-06", "--json")).stdout)
    assert [(row["id"], row["service"], row["seconds"]) for row in rows] == [(f"{LEG}-1", "housing", 1)]
    assert (await run(config, "--since", "2026-07-07")).stdout == "No recordings in this time.\n"
    assert await accesses(register) == []


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (["9.9-1", *WHY, "--out", "a.flac"], 1, "there is no finished recording of leg 9.9, segment 1"),
        ([LEG, *WHY, "--out", "a.flac"], 2, "is no recording"),
        ([f"{LEG}-1", *WHY, "--out", "a.mp3"], 2, "neither .flac nor .wav"),
        ([f"{LEG}-1", "--purpose", "curiosity", "--reference", "x", "--out", "a.flac"], 2, "is not one of"),
        ([f"{LEG}-1", "--purpose", "complaint", "--reference", " ", "--out", "a.flac"], 2, "cannot be empty"),
        ([f"{LEG}-1", "--purpose", "complaint", "--out", "a.flac"], 2, "Missing option '--reference'"),
        ([f"{LEG}-1", *WHY, "--out", "there.flac"], 1, "is there already, and was not changed"),
        ([f"{LEG}-1", *WHY, "--out", "nowhere/a.flac"], 1, "cannot be written: No such file or directory"),
    ],
)
async def test_what_is_not_given_out_leaves_no_file_and_no_access(
    site: tuple[Path, Register],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    words: list[str],
    status: int,
    text: str,
) -> None:
    config, register = site
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    Path("there.flac").write_text("of somebody else")
    done = await run(config, "export", *words)
    assert done.exit_code == status
    assert text in " ".join(done.stderr.replace("│", " ").split())
    assert [path.read_text() for path in Path().iterdir()] == ["of somebody else"]
    assert await accesses(register) == []


async def test_a_recording_that_was_altered_is_refused_and_nothing_is_written(
    site: tuple[Path, Register], tmp_path: Path
) -> None:
    config, register = site
    (file,) = (load(config, PROMPTS).main.paths.state / ARCHIVE).rglob("*.sealed")
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    done = await run(config, "export", f"{LEG}-1", *WHY, "--out", tmp_path / "a.flac")
    assert done.exit_code == 1
    assert "is not what was sealed under this name" in done.stderr
    assert not (tmp_path / "a.flac").exists()
    assert await accesses(register) == []


@pytest.mark.parametrize("purpose", ["curiosity", "", None, 7])
async def test_a_purpose_that_the_notice_does_not_name_opens_nothing_whoever_asks(
    site: tuple[Path, Register],
    purpose: Any,  # noqa: ANN401 - any JSON
) -> None:
    config, register = site
    wanted: dict[str, Any] = {"leg": LEG, "segment": 1, "purpose": purpose, "reference": "x"}
    with pytest.raises(Refused, match="purpose: should be 'transfer', 'quality', "):
        await asyncio.to_thread(ask, load(config, PROMPTS).main.paths.run / SOCKET, "audio", **wanted)
    assert await accesses(register) == []


def test_the_purposes_are_the_six_of_the_notice() -> None:
    assert len(get_args(Purpose)) == 6


async def test_without_the_daemon_nothing_is_opened(tmp_path: Path) -> None:
    config = site_to_run(tmp_path)
    async with serving(config):
        pass
    done = await run(config, "export", f"{LEG}-1", *WHY, "--out", tmp_path / "a.flac")
    assert done.exit_code == 1
    assert "only a daemon that runs can tell or do that" in done.stderr


ROOT = Path(__file__).parents[1]
NOBODY = pwd.getpwnam("nobody")


@pytest.mark.skipif(os.getuid() != 0, reason="only root may ask as somebody else")
@pytest.mark.parametrize(
    ("role", "opened"), [("telecoms", False), ("supervisor", True), ("data_protection", True), (None, False)]
)
async def test_who_asks_is_known_by_the_kernel_and_what_they_may_by_their_role(
    tmp_path: Path, role: str | None, *, opened: bool
) -> None:
    edits = [Edit("ccdaemon.toml", f"\n{role} = []", f'\n{role} = ["nobody"]')] if role else []
    config = site_to_run(tmp_path, edits)
    place = load(config, PROMPTS).main.paths
    async with serving(config) as (register, archive):
        await _record(config, register, archive)
        place.run.chmod(0o755)
        (place.run / SOCKET).chmod(0o666)
        for folder in (tmp_path, *tmp_path.parents[:3]):
            folder.chmod(folder.stat().st_mode | 0o011)
        wanted = {"leg": LEG, "segment": 1, "purpose": "quality", "reference": "QA-7"}
        script = "import json, pathlib, sys\nfrom ccdaemon.control import ask\n"
        script += "ask(pathlib.Path(sys.argv[1]), 'audio', open('/dev/null', 'wb'), **json.loads(sys.argv[2]))"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", script, str(place.run / SOCKET), json.dumps(wanted)),
            stderr=asyncio.subprocess.PIPE,
            cwd=ROOT,
            user=NOBODY.pw_uid,
            group=NOBODY.pw_gid,
            extra_groups=[],
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        _, said = await process.communicate()
        assert (process.returncode == 0) == opened, said.decode()
        assert [each["who"] for each in await accesses(register)] == (["nobody"] if opened else [])
        rows = await register.audited_between(0, 1e12)
        refused = [json.loads(row.detail) for row in rows if row.kind == "not permitted"]
        assert refused == ([] if opened else [{"question": "audio", "who": "nobody"}])
    assert opened or b"nobody may not do this: it is for data_protection or supervisor" in said
