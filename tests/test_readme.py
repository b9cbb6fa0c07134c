"""The README's commands do what it says: each is run as it stands there, in an empty folder."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from ccdaemon.kept import ROLES
from ccdaemon.rules.access import MAY

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines() if line.startswith("ccdaemon ")]
MEANT: Mapping[str, tuple[str, ...]] = {  # phrases of the table of who may what, and what the daemon is asked then
    "see status": ("state", "status", "locked out", "last backup"),
    "see calls": ("live", "calls", "call", "certificate"),
    "see messages and holds": ("messages", "holds", "would expire"),
    "list recordings": ("recordings",),
    "read the audit chain": ("audit head", "audit verify", "audit day"),
    "close and open lines": ("rule", "take back"),
    "acknowledge alarms": ("acknowledge",),
    "reload": ("reload",),
    "change what is logged": ("log level",),
    "unlock supervisors": ("unlock",),
    "back up": ("snapshot",),
    "find": ("find recordings",),
    "open and export recordings": ("audio", "recording"),
    "say that messages are done": ("message done",),
    "see scores": ("scores",),
    "make holds": ("hold",),
    "ask for disclosures and make them": (
        *("disclosure request", "disclosures", "disclosure audio", "disclosure manifest", "disclosure receipt"),
    ),
    "import": ("import",),
    "expire": ("expire",),
    "end holds": ("release",),
    "redact": ("redact", "redact words", "unredact", "redactions"),
    "decide on disclosures": ("disclosure decide",),
    "answer who asks what is kept of them": (
        *("case open", "case pause", "case resume", "case extend", "case close", "cases"),
        *("subject", "subject audio", "subject erase"),
    ),
}


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
    told: dict[str, frozenset[str]] = {}
    for row in table[1].splitlines():
        what, *ticks = (cell.strip() for cell in row.strip("|").split("|"))
        roles = frozenset(role for role, tick in zip(ROLES, ticks, strict=True) if tick == "yes")
        told |= dict.fromkeys(what.split(", "), roles)
    assert told.keys() == MEANT.keys()
    assert {question: told[phrase] for phrase, questions in MEANT.items() for question in questions} == MAY


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
