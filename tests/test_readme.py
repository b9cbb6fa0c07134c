"""The README's commands do what it says: each is run as it stands there, in an empty folder."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ccdaemon.kept import ROLES
from ccdaemon.rules.access import MAY

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines() if line.startswith("ccdaemon ")]


def test_the_commands_of_the_tour_work_one_after_the_other(tmp_path: Path) -> None:
    assert len(COMMANDS) >= 8
    for command in COMMANDS:
        words = [sys.executable, "-m", "ccdaemon", *shlex.split(command)[1:]]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        assert done.stdout.strip(), f"{command} said nothing"
    assert (tmp_path / "housing.svg").read_text().startswith("<svg")


def test_who_may_is_told_as_it_is() -> None:
    head = re.escape(" | ".join(["| what", *ROLES]))
    table = re.search(rf"^{head} \|\n.*\n((?:\|.*\n)+)", README, re.MULTILINE)
    assert table is not None
    ticks = [[cell.strip() == "yes" for cell in row.split("|")[2:5]] for row in table[1].splitlines()]
    told = [sorted(role for role, tick in zip(ROLES, row, strict=True) if tick) for row in ticks]
    assert sorted(told) == sorted(map(sorted, set(MAY.values())))


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:systemd|dialplan|prompts|samples)/[\w.-]+)`", README))))
def test_files_that_it_names_are_there(path: str) -> None:
    assert (ROOT / path).exists() or (ROOT / "dialplan" / path).exists()


@pytest.mark.parametrize("name", re.findall(r"\[.*?\]\(([\w./-]+)\)", README))
def test_its_pictures_and_links_are_there(name: str) -> None:
    assert (ROOT / name).exists()


def test_dev_knows_every_command_that_it_names() -> None:
    script = (ROOT / "dev").read_text()
    named = set(re.findall(r"`\./dev (\w+)`", README)) | {"check", "prove", "bench"}
    for command in named - {"help"}:
        assert re.search(rf"^\s+{command} ", script, re.MULTILINE), command
