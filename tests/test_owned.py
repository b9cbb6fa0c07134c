"""Whose files are, as whom Asterisk runs, and a call that a file asks for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ccdaemon.asterisk.outgoing import FOLDER, ask_for_call
from ccdaemon.asterisk.process import runs_as
from ccdaemon.owned import is_there, owned, way_to


def test_a_file_is_told_with_its_mode_and_the_way_to_it_through_every_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o711)
    file = tmp_path / "real" / "sound"
    file.touch()
    file.chmod(0o640)
    (tmp_path / "link").symlink_to("real")
    found = way_to(tmp_path / "link" / "sound")
    assert found[-1] == owned(file)
    assert (found[-1].mode, found[-2].mode) == (0o640, 0o711)
    assert found[0].path == Path("/")
    assert tmp_path / "link" not in [each.path for each in found]


@pytest.mark.parametrize(("name", "expected"), [("there", True), ("missing", False), ("there/below", False)])
def test_what_is_not_there_is_told_from_what_nobody_may_see(tmp_path: Path, name: str, *, expected: bool) -> None:
    (tmp_path / "there").touch()
    assert is_there(tmp_path / name) is expected


def test_as_whom_a_program_runs_is_what_the_kernel_says(tmp_path: Path) -> None:
    (tmp_path / "asterisk.pid").write_text(f"{os.getpid()}\n")
    told = runs_as(tmp_path)
    assert told.user == os.geteuid()
    assert told.groups == {os.getegid(), *os.getgroups()}


@pytest.mark.parametrize("number", ["", "none", "0"])
def test_a_program_that_is_not_there_is_no_user(tmp_path: Path, number: str) -> None:
    (tmp_path / "asterisk.pid").write_text(number)
    with pytest.raises((OSError, ValueError)):
        runs_as(tmp_path)


def test_a_call_is_asked_for_by_a_file_that_comes_whole(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    file = ask_for_call(tmp_path, {"Channel": "Local/tone@cc-trial/n", "Extension": "record"})
    assert file.read_text() == "Channel: Local/tone@cc-trial/n\nExtension: record\n"
    assert [*tmp_path.iterdir()] == [tmp_path / FOLDER]
    assert [*(tmp_path / FOLDER).iterdir()] == [file]


def test_a_spool_that_is_not_there_is_said_and_nothing_left(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ask_for_call(tmp_path, {"Channel": "Local/tone@cc-trial/n"})
    assert [*tmp_path.iterdir()] == []
