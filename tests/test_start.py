"""A command imports what it needs: all the rest would delay the start of each of them (`./dev bench start`)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders import whole_machine

ROOT = Path(__file__).parents[1]
DEADLINE = 30.0  # seconds
PROGRAM = """
import json, sys
from ccdaemon.cli import main
sys.argv[0] = "ccdaemon"
try:
    main()
finally:
    print("\\n" + json.dumps([*sys.modules]))
"""

SOUND = {"numpy", "soundfile", "sounddevice"}
OUTSIDE = {"jinja2", "pyzipper"}  # what is written for people outside
LINKS = {"aiomqtt", "panoramisk"}
REGISTER = {"aiosqlite", "sqlite3"}
COUNTRIES = {"holidays.countries.france"}  # for one that is imported without need
ALL = SOUND | OUTSIDE | LINKS | REGISTER | COUNTRIES


@pytest.mark.parametrize(
    ("command", "unneeded"),
    [
        ("--version", ALL | {"cryptography", "holidays", "phonenumbers", "rich", "asyncio"}),
        ("check --config {site}", ALL | {"structlog", "asyncio"}),
        ("menus housing --config {site}", ALL | {"structlog", "asyncio", "cryptography"}),
        ("dialplan diff --config {site}", ALL | {"structlog", "asyncio", "cryptography"}),
        ("run --help", SOUND | OUTSIDE | COUNTRIES),
        ("doctor --help", SOUND | OUTSIDE | REGISTER | COUNTRIES),
        ("calls --help", SOUND | OUTSIDE | LINKS | COUNTRIES),
        ("holds --help", SOUND | OUTSIDE | LINKS | REGISTER | COUNTRIES),
        ("expire --help", SOUND | OUTSIDE | LINKS | REGISTER | COUNTRIES),
        ("recordings --help", SOUND | OUTSIDE | LINKS | COUNTRIES),
        ("prompts --help", ALL | {"structlog", "asyncio", "cryptography"}),
        ("subject --help", SOUND | LINKS | COUNTRIES),
    ],
)
def test_a_command_imports_nothing_that_takes_long_and_that_it_does_not_need(
    tmp_path: Path, command: str, unneeded: set[str]
) -> None:
    words = command.format(site=whole_machine(tmp_path) if "{site}" in command else "").split()
    _, imported = started(*words)
    assert unneeded & imported == set()


def test_a_word_is_completed_without_the_commands_that_it_cannot_mean() -> None:
    said, imported = started(_CCDAEMON_COMPLETE="complete_bash", COMP_WORDS="ccdaemon ca", COMP_CWORD="1")
    assert said == ["calls"]
    assert "ccdaemon.cli.run" not in imported


def started(*words: str, **variables: str) -> tuple[list[str], set[str]]:
    """What a command says, line by line, and all modules that were imported at its end."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words],
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        check=True,
        timeout=DEADLINE,
    )
    *said, modules = done.stdout.splitlines()
    return [line for line in said if line], {*json.loads(modules)}
