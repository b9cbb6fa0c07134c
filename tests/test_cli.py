"""What telecoms staff type and what they read then. None of it is ever a traceback."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date
from functools import wraps
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import pytest
from typer import Context
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command
from typer.testing import CliRunner, Result

from ccdaemon.answers.register import questions
from ccdaemon.cli import app
from ccdaemon.cli.configuration import screen
from ccdaemon.config import load
from ccdaemon.control import Control
from ccdaemon.notices import (
    Announced,
    CallBegan,
    CallEnded,
    CallIdentified,
    Decided,
    DoorOpened,
    DoorRefused,
    Guarded,
    Heard,
    LegBegan,
    LegEnded,
    Notice,
    QueueJoined,
    QueueLeft,
    RecorderStarted,
    RecorderStopped,
)
from ccdaemon.places import REGISTER, SOCKET, folders
from ccdaemon.rules.turns import HangUp, Pay, Wait
from ccdaemon.signing import Signer
from tests.builders import (
    MONDAY_MORNING,
    PROMPTS,
    Edit,
    a_raw_file,
    converse,
    dialling,
    example,
    example_site,
    london,
    register_of,
    serving,
    site_to_run,
    whole_machine,
    with_sounds,
    written_site,
)

ROOT = Path(__file__).parents[1]
NOBODY = 65534
DEADLINE = 30.0  # seconds; a command is done long before
MAIN, HOUSING, ICT = "ccdaemon.toml", "services/housing.toml", "services/ict.toml"


@pytest.fixture(autouse=True)
def a_screen_of_200_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the terminal is in which the tests run."""
    monkeypatch.setattr(screen, "_width", 200)


def ccdaemon(*words: str | Path) -> Result:
    """Run a command here. A fault in it is raised; what a person would have seen as a traceback fails the test."""
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, [str(word) for word in words], catch_exceptions=False)


def test_the_manual_page_has_every_command_and_nothing_that_troff_would_not_know() -> None:
    page = ccdaemon("man").stdout
    told = {
        line.removeprefix(".SS ccdaemon ").replace("\\-", "-") for line in page.splitlines() if line.startswith(".SS")
    }
    for path in ("check", "calls show", "subject export", "close", "audit verify", "log-level"):
        assert any(line == path or line.startswith(f"{path} ") for line in told), path
    macros = {line.split()[0] for line in page.splitlines() if line.startswith(".")}
    assert macros == {".TH", ".SH", ".SS", ".PP", ".TP", ".B", ".I", ".BR"}
    assert not [line for line in page.splitlines() if line.startswith("'")]
    assert {"\\-", "\\f", "\\&", "\\e", "\\("} >= set(re.findall(r"\\.", page))


def said(text: str) -> str:
    """What stands on the screen, without frames and line ends."""
    return re.sub(r"[\s│╭╮╰╯─]+", " ", text)


Done: TypeAlias = subprocess.CompletedProcess[str]


def as_program(*words: str | Path, somebody: bool = False, path: str = os.environ["PATH"], columns: int = 200) -> Done:
    """Run a command as a program of its own; as `somebody` who is not root and owns nothing."""
    user: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    return subprocess.run(
        [sys.executable, "-m", "ccdaemon", *map(str, words)],
        cwd="/",
        env={"PATH": path, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": str(columns)},
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE,
        **(user if somebody and os.getuid() == 0 else {}),
    )


# --- help ------------------------------------------------------------------------------------------------------------


def commands(group: object, *names: str) -> Iterator[tuple[tuple[str, ...], TyperCommand | TyperGroup]]:
    """Every command, with the words that call it."""
    assert isinstance(group, TyperCommand | TyperGroup)
    yield names, group
    if isinstance(group, TyperGroup):
        context = Context(group)
        for name in group.list_commands(context):
            yield from commands(group.get_command(context, name), *names, name)


COMMANDS = dict(commands(get_command(app)))
EXAMPLES = [
    line.strip()
    for command in COMMANDS.values()
    for line in (command.help or "").splitlines()
    if line.strip().startswith("ccdaemon ")
]


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_help_says_what_a_command_is_for_and_what_each_option_means(names: tuple[str, ...]) -> None:
    done = ccdaemon(*names, "--help")
    assert done.exit_code == 0
    command = COMMANDS[names]
    first = (command.help or "").splitlines()[0]
    assert len(first.split()) >= 4, "a sentence"
    assert said(first) in said(done.stdout)
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{parameter.name} has no help"
    assert ccdaemon(*names, "-h").stdout == done.stdout


async def test_the_examples_in_the_help_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(EXAMPLES) >= 5
    config = await asyncio.to_thread(with_calls, site_to_run(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CCDAEMON_CONFIG", str(config))
    (tmp_path / "site").symlink_to(config)
    with_sounds(load(config, PROMPTS).main.paths.sounds)
    async with serving(config) as (register, archive):
        samples = bytes(4 * 8000 * 75)
        a_raw_file(load(config, PROMPTS).main.paths.spool / "recordings", "1783328400.1", "1783328400.2", samples)
        (raw,) = archive.raw()
        (recording,) = await register.unfinished_recordings()
        finished = archive.finish(raw, "recording-2027-07")
        whole = replace(recording, file=finished.file, seconds=75.0, bytes=finished.bytes, sha256=finished.sha256)
        await register.finish_recording(whole, finished, AT)
        for kind in ("access", "access", "access", "erasure"):
            await register.open_case(kind, "SAR-1", date(2026, 11, 1), "dai", AT)
        (tmp_path / "passphrase").write_text("cyfrinach hir iawn")
        for command in EXAMPLES:
            if {"play", "record"} & {*command.split()}:  # tests/test_sound.py has a console for them
                continue
            done = await asyncio.to_thread(ccdaemon, *shlex.split(command)[1:])
            stays = "erase" in command  # what the hold of another example keeps
            assert done.exit_code == (1 if stays or " diff " in command else 0), command + done.output
            assert done.stdout, command


def test_the_version_is_that_of_the_package() -> None:
    done = ccdaemon("--version")
    assert (done.exit_code, done.stdout) == (0, f"ccdaemon {version('ccdaemon')}\n")


def test_without_a_command_all_of_them_are_listed() -> None:
    done = ccdaemon()
    assert done.exit_code == 2
    assert all(names[0] in done.output for names in COMMANDS if len(names) == 1)


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["--nonsense"],
        ["check", "--nonsense"],
        ["check", "site"],
        ["init"],
        ["init", "one", "two"],
        ["simulate"],
        ["menus"],
        ["calls", "show"],
        ["calls", "--limit", "0"],
        ["calls", "--limit", "many"],
        ["run", "--log-level", "loud"],
        ["prompts", "sing"],
    ],
    ids=" ".join,
)
def test_who_uses_a_command_wrongly_is_told_how_it_is_used(words: list[str]) -> None:
    done = ccdaemon(*words)
    assert done.exit_code == 2
    assert "Usage:" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    "words",
    [
        ["check", "--no-asterisk", "--no-sounds"],
        ["run"],
        ["simulate", "--did", "01632960111"],
        ["menus", "housing"],
        ["calls"],
        ["calls", "show", "1"],
        ["prompts", "list"],
        ["prompts", "build"],
        ["dialplan", "diff"],
        ["dialplan", "install"],
    ],
    ids=" ".join,
)
def test_every_command_says_at_once_all_that_is_wrong_with_a_site(tmp_path: Path, words: list[str]) -> None:
    edits = [Edit(HOUSING, "records = true", "recrods = true"), Edit(ICT, '"menu equipment"', '"menu equipmnt"')]
    done = ccdaemon(*words, "--config", written_site(tmp_path, edits))
    assert done.exit_code == 1
    assert done.stderr.splitlines() == [
        "services/housing.toml recrods: is no key that is known here; did you mean 'records'?",
        "services/ict.toml menus.main.keys.2: there is no [menus.equipmnt] in this file",
        "services/ict.toml menus.equipment: no key leads here: let one, or take the menu out",
        "3 faults.",
    ]


@pytest.mark.parametrize("place", ["nowhere", "file"])
def test_a_configuration_that_is_not_there_is_named_with_what_to_do(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    done = ccdaemon("check", "--config", tmp_path / place)
    assert done.exit_code == 1
    assert f"{tmp_path / place}" in done.stderr
    assert "`ccdaemon init` writes an example site" in done.stderr


def test_who_names_the_main_file_means_its_folder(tmp_path: Path) -> None:
    config = written_site(tmp_path)
    assert ccdaemon("check", "--config", config / MAIN, "--no-asterisk", "--no-sounds").exit_code == 0
    assert ccdaemon("simulate", "--config", config / MAIN, "--did", "01632960111").exit_code == 0


@pytest.mark.parametrize("words", [["check", "--no-asterisk"], ["menus", "housing"]])
def test_who_mends_a_site_is_told_that_more_may_be_found_then(tmp_path: Path, words: list[str]) -> None:
    config = written_site(tmp_path, [Edit(MAIN, 'payments = "payments"', "")])
    assert ccdaemon(*words, "--config", config).stderr.splitlines() == [
        "ccdaemon.toml site.payments: is missing",
        "1 fault.",
        "Whether the rest makes sense is seen once ccdaemon.toml and the prompts are written well.",
    ]


# --- init ------------------------------------------------------------------------------------------------------------


def test_init_writes_a_site_that_has_no_fault_and_secrets_of_its_own(tmp_path: Path) -> None:
    one, other = tmp_path / "deep" / "one", tmp_path / "other"
    for folder in (one, other):
        done = ccdaemon("init", folder)
        assert done.exit_code == 0
        assert f"ccdaemon check --config {folder}" in done.stdout  # what to do next
        assert ccdaemon("check", "--config", folder, "--no-asterisk", "--no-sounds").exit_code == 0
    for name in ("manager", "gateway"):
        assert stat.S_IMODE((one / f"{name}.secret").stat().st_mode) == 0o400
        assert (one / f"{name}.secret").read_text() != (other / f"{name}.secret").read_text()
        assert getattr(load(one, PROMPTS).main, name).secret == one / f"{name}.secret"


def test_the_secrets_of_a_site_are_for_whoever_writes_it_alone(tmp_path: Path) -> None:
    """Root's they stay: systemd hands them to the daemon."""
    assert ccdaemon("init", tmp_path / "site").exit_code == 0
    secrets = [*(tmp_path / "site").glob("*.secret"), *(tmp_path / "site").glob("*.key")]
    assert len(secrets) == 4
    assert {(file.owner(), stat.S_IMODE(file.stat().st_mode)) for file in secrets} == {(tmp_path.owner(), 0o400)}


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "ours").write_text("kept")
    done = ccdaemon("init", tmp_path)
    assert done.exit_code == 1
    assert f"{tmp_path} is not empty" in done.stderr
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("ours", "kept")]


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/ccdaemon"])
def test_init_where_nothing_can_be_written_says_so(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    done = ccdaemon("init", tmp_path / place)
    assert done.exit_code == 1
    assert f"no site can be written to {tmp_path / place}: " in done.stderr
    assert "Name another folder" in done.stderr


# --- check -----------------------------------------------------------------------------------------------------------


def test_check_of_a_machine_that_has_everything_finds_nothing(tmp_path: Path) -> None:
    done = ccdaemon("check", "--config", whole_machine(tmp_path))
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == "No faults. 15 services; recorded: Assist, social care; Housing.\n"


def test_check_finds_what_asterisk_and_the_prompts_lack_all_at_once(tmp_path: Path) -> None:
    config = whole_machine(tmp_path)
    main = load(config, PROMPTS).main
    queues = main.asterisk.config / "queues.conf"
    queues.write_text(queues.read_text().replace("[ict](cc-queue)", "[itc](cc-queue)"))
    (main.paths.sounds / "cy" / "cc" / "housing-main.alaw").unlink()
    (main.asterisk.sounds / "cy").unlink()
    done = ccdaemon("check", "--config", config)
    assert done.exit_code == 1
    sounds, queue, seen, count = done.stderr.splitlines()
    assert sounds == (
        f"{main.paths.sounds}: 1 sounds are not there, or cannot be read (cy/cc/housing-main.alaw): "
        "`ccdaemon prompts build` makes them"
    )
    assert queue.startswith("services/ict.toml queue.name: queue 'ict' is not known to Asterisk: callers to ICT would")
    assert seen.startswith(f"{main.asterisk.sounds}/cy: Asterisk has no sounds in 'cy'")
    assert f"ln -s {main.paths.sounds}/cy" in seen
    assert count == "3 faults."


def test_check_finds_that_a_number_is_not_in_the_dialplan_yet(tmp_path: Path) -> None:
    config = whole_machine(tmp_path)
    housing = config / HOUSING
    housing.write_text(housing.read_text().replace("01632 960111", "01632 960199"))
    done = ccdaemon("check", "--config", config)
    assert done.exit_code == 1
    assert "ccdaemon: is not what this site needs: `ccdaemon dialplan diff` shows how" in done.stderr


def test_check_finds_contexts_of_an_earlier_ccdaemon(tmp_path: Path) -> None:
    config = whole_machine(tmp_path)
    ours = load(config, PROMPTS).main.asterisk.config / "ccdaemon"
    (ours / "cc-fax.conf").write_text("[fax]\n")
    done = ccdaemon("check", "--config", config)
    assert done.stderr.startswith(f"{ours}: is not what this site needs")


def test_check_finds_secrets_that_are_gone(tmp_path: Path) -> None:
    config = whole_machine(tmp_path)
    for name in ("manager", "gateway"):
        (config / f"{name}.secret").unlink()
    done = ccdaemon("check", "--config", config)
    assert done.exit_code == 1
    assert [line for line in done.stderr.splitlines() if "secret cannot be read" in line] == [
        f"{config}/gateway.secret: the secret cannot be read: No such file or directory",
        f"{config}/manager.secret: the secret cannot be read: No such file or directory",
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("audit.key", "no call could be certified: "),
        ("site.key", "nothing could be kept: the site key"),
    ],
)
def test_check_finds_keys_that_are_gone_and_says_how_they_are_made(tmp_path: Path, name: str, text: str) -> None:
    config = whole_machine(tmp_path)
    (config / name).unlink()
    done = ccdaemon("check", "--config", config)
    (line,) = [line for line in done.stderr.splitlines() if text in line]
    assert line.startswith(f"{config}/{name}: ")
    assert "new` makes" in line or "--new` makes it" in line


@pytest.mark.parametrize("content", [None, "no certificate\n"])
def test_check_finds_an_authority_that_is_none(tmp_path: Path, content: str | None) -> None:
    """At the first attempt to link, it would have been a fault of the running daemon."""
    config, ca = whole_machine(tmp_path), tmp_path / "authority.pem"
    if content is not None:
        ca.write_text(content)
    main = config / MAIN
    main.write_text(main.read_text().replace("# tls = true  ", f'ca = "{ca}"\ntls = true  ', 1))
    done = ccdaemon("check", "--config", config)
    assert done.exit_code == 1
    assert f"{ca}: is no certificate of an authority that can be used" in done.stderr


@pytest.mark.parametrize(
    ("options", "files"),
    [
        ([], ["sounds", "asterisk", "cy"]),
        (["--no-sounds"], ["asterisk", "cy"]),
        (["--no-asterisk"], ["sounds"]),
        (["--no-asterisk", "--no-sounds"], []),
    ],
)
def test_check_leaves_out_what_it_is_told_to(tmp_path: Path, options: list[str], files: list[str]) -> None:
    done = ccdaemon("check", "--config", site_to_run(tmp_path), "--json", *options)
    assert [Path(fault["file"]).name for fault in json.loads(done.stdout)] == files
    assert done.exit_code == (1 if files else 0)


def test_a_fault_of_the_site_hides_none_of_asterisks(tmp_path: Path) -> None:
    config = written_site(tmp_path, [Edit(HOUSING, "records = true", "recrods = true")])
    (tmp_path / "queues.conf").write_text("[reception]\n")
    done = ccdaemon("check", "--config", config, "--to", tmp_path, "--no-sounds")
    assert done.exit_code == 1
    assert "recrods: is no key that is known here" in done.stderr
    assert "queue 'highways' is not known to Asterisk" in done.stderr


def test_what_cannot_be_held_against_asterisk_is_said_not_to_be(tmp_path: Path) -> None:
    done = ccdaemon("check", "--config", written_site(tmp_path, [Edit(MAIN, 'payments = "payments"', "")]))
    assert "Asterisk's configuration was not looked at: mend these first" in said(done.stderr)


def test_what_only_a_person_can_judge_is_asked_and_signed_off(tmp_path: Path) -> None:
    config = site_to_run(tmp_path)
    (tmp_path / "queues.conf").write_text("[reception]\n")
    (tmp_path / "extensions.conf").write_text("[mine]\nexten => 1,1,Dial(${TARGET},30)\n")
    done = ccdaemon("check", "--config", config, "--to", tmp_path, "--no-sounds")
    assert "extensions.conf:2: does this lead past the payments door? mine: Dial(${TARGET},30)" in done.stderr
    signed = 'signed_off = ["mine: Dial(${TARGET},30)"]'
    assert signed in done.stderr
    main = config / MAIN
    main.write_text(main.read_text().replace("deadline = 15", f"{signed}\ndeadline = 15"))
    assert "does this lead past" not in ccdaemon("check", "--config", config, "--to", tmp_path, "--no-sounds").stderr


def test_check_tells_programs_file_key_and_text_of_each_fault(tmp_path: Path) -> None:
    edits = [Edit(MAIN, "port = 5038", "port = 70000"), Edit(HOUSING, 'keys.2 = "menu rent"', 'keys.2 = "rent"')]
    done = ccdaemon("check", "--config", written_site(tmp_path, edits), "--json")
    assert (done.exit_code, done.stderr) == (1, "")
    assert json.loads(done.stdout) == [
        {"file": MAIN, "key": "manager.port", "text": "must be less than or equal to 65535"},
        {
            "file": HOUSING,
            "key": "menus.main.keys.2",
            "text": "'rent' leads nowhere; write 'menu NAME', 'service NAME', 'say PROMPT', 'queue', 'message', "
            "'repeat', 'back' or 'goodbye'",
        },
    ]


# --- simulate --------------------------------------------------------------------------------------------------------


def simulated(*options: str) -> dict[str, Any]:
    done = ccdaemon("simulate", "--config", EXAMPLE_SITE, *options, "--json")
    assert done.exit_code == 0, done.output
    told: dict[str, Any] = json.loads(done.stdout)
    return told


EXAMPLE_SITE = ROOT / "ccdaemon" / "example"


@pytest.mark.parametrize("service", sorted(example_site().services))
@pytest.mark.parametrize("keys", ["", "13", "2-0", "2#9*1", "31"])
@pytest.mark.parametrize("at", ["2026-07-06T10:00", "2026-07-06T20:00", "2026-12-25T10:00"])
def test_simulate_says_what_the_rules_say_that_answer_calls(service: str, keys: str, at: str) -> None:
    number = example_site().services[service].numbers[0]
    told = simulated("--did", number, "--keys", keys, "--at", at)
    rules = converse(example_site(), dialling(service), keys, london(at))
    heard = [f"{said['language']}/{said['prompt']}" for turn in told["turns"] for said in turn["hears"]]
    assert heard == rules.heard
    match rules.end:
        case Wait(wanted):
            assert told["end"].startswith(f"waits for a person of {wanted} (")
            assert ("; recorded" in told["end"]) is (wanted in ("housing", "assist"))
        case Pay():
            assert told["end"].startswith("goes to payments (")
        case _:
            assert (rules.end, told["end"]) == (HangUp(), "the call ends")


def test_simulate_tells_a_person_what_is_said_and_pressed_and_where_the_call_goes() -> None:
    done = ccdaemon(
        *("simulate", "--config", EXAMPLE_SITE, "--did", "01632 960111"),
        *("--lang", "cy", "--keys", "3", "--at", "2026-11-24T10:00"),
    )
    assert done.exit_code == 0
    assert done.stdout.startswith("Tuesday 24 November 2026, 10:00, +441632960111\nhousing language\n   cy Croeso i ")
    for line in (
        "   presses 1",
        f"   cy {example().catalogue['housing-main']['cy']}",
        "   presses 3",
        f"   cy {example().catalogue['recording-announcement']['cy']}",
        "-> waits for a person of housing (cy); recorded",
    ):
        assert line in done.stdout.splitlines()


@pytest.mark.parametrize("did", ["01632960111", "01632 960111", "+44 1632 960111", "00441632960111", "(01632) 960-111"])
def test_a_number_may_be_written_in_any_way(did: str) -> None:
    assert simulated("--did", did, "--lang", "en", "--at", "2026-07-06T10:00")["turns"][-1]["service"] == "housing"


@pytest.mark.parametrize(("did", "note"), [("01632960111", ""), ("01632960999", "No service has +441632960999: ")])
def test_that_a_number_is_nobodys_and_the_general_line_answers_is_said(did: str, note: str) -> None:
    done = ccdaemon("simulate", "--config", EXAMPLE_SITE, "--did", did)
    assert done.exit_code == 0
    assert done.stderr == (f"{note}as for every such number, general answers\n" if note else "")


@pytest.mark.parametrize("keys", ["2,1,2", "212", "2 1 2", "2, 1, 2"])
def test_keys_may_be_written_in_any_way(keys: str) -> None:
    told = simulated("--did", "01632960111", "--keys", keys, "--at", "2026-07-06T10:00")
    assert [turn["does"] for turn in told["turns"]] == ["presses 2", "presses 1", "presses 2", "listens"]


@pytest.mark.parametrize(("language", "key"), [("cy", "1"), ("en", "2")])
def test_a_language_is_chosen_as_callers_choose_it(language: str, key: str) -> None:
    chosen = simulated("--did", "01632960103", "--lang", language, "--keys", "1", "--at", "2026-07-06T10:00")
    assert chosen == simulated("--did", "01632960103", "--keys", f"{key}1", "--at", "2026-07-06T10:00")
    assert chosen["end"].startswith(f"waits for a person of highways ({language})")


def test_a_line_of_one_language_needs_no_choice() -> None:
    told = simulated("--did", "01632960110", "--lang", "cy", "--at", "2026-07-06T10:00")
    assert [turn["does"] for turn in told["turns"]] == ["listens", "listens"]


@pytest.mark.parametrize(
    ("at", "moment"),
    [
        ("2026-07-06T10:00", "2026-07-06T10:00:00+01:00"),
        ("2026-07-06 10:00", "2026-07-06T10:00:00+01:00"),
        ("2026-07-06", "2026-07-06T00:00:00+01:00"),
        ("2026-12-25T10:00", "2026-12-25T10:00:00+00:00"),
        ("2026-07-06T10:00Z", "2026-07-06T11:00:00+01:00"),  # an offset that is written counts
        ("2026-07-06T10:00+05:00", "2026-07-06T06:00:00+01:00"),
    ],
)
def test_a_time_is_by_the_sites_clocks_unless_it_says_otherwise(at: str, moment: str) -> None:
    assert simulated("--did", "01632960111", "--at", at)["at"] == moment


WRONG_CALLS = [
    (["--did", "Housing"], "--did: 'Housing' is no telephone number; write it as you dial it"),
    (["--did", ""], "--did: '' is no telephone number"),
    (["--did", "01632960111", "--keys", "1,a"], "--keys: '1,a' are no keys of a telephone; write for example 1,2"),
    (["--did", "01632960111", "--lang", "pl"], "--lang: this line speaks cy, en, not 'pl'"),
    (["--did", "01632960110", "--lang", "en"], "--lang: this line speaks cy, not 'en'"),
    (
        ["--did", "01632960111", "--at", "yesterday"],
        "'yesterday' is no day and no moment; write for example 2026-12-25",
    ),
    (["--did", "01632960111", "--at", "2026-02-30"], "'2026-02-30' is no day and no moment"),
    (["--did", "01632960111", "--at", "25/12/2026"], "'25/12/2026' is no day and no moment"),
    (["--did", "01632960111", "--at", "10:00"], "'10:00' is no day and no moment"),
]


@pytest.mark.parametrize(("options", "words"), WRONG_CALLS, ids=[" ".join(options) for options, _ in WRONG_CALLS])
def test_a_call_that_cannot_be_is_refused_with_an_example_of_one_that_can(options: list[str], words: str) -> None:
    done = ccdaemon("simulate", "--config", EXAMPLE_SITE, *options)
    assert (done.exit_code, done.stdout) == (2, "")
    assert words in said(done.stderr)


# --- menus -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", sorted(example_site().services))
def test_menus_shows_every_menu_with_its_prompt_and_keys(service: str) -> None:
    done = ccdaemon("menus", service, "--config", EXAMPLE_SITE)
    assert done.exit_code == 0
    for name, menu in example_site().services[service].menus.items():
        assert re.search(rf"^{name}$|menu {name}$", done.stdout, re.MULTILINE), name
        assert f"says {menu.prompt}" in done.stdout
        for key in menu.keys:
            assert re.search(rf"─ {re.escape(key)} \w+", done.stdout), key


def test_menus_are_shown_even_if_they_lead_to_each_other(tmp_path: Path) -> None:
    edits = [
        Edit(ICT, 'keys."*" = "back"', 'keys."*" = "menu main"'),
        Edit(ICT, 'prompt = "ict-main"', 'prompt = "ict-main"\notherwise = "menu late"'),
        Edit(ICT, "[menus.closed]", '[menus.late]\nprompt = "hold"\notherwise = "queue"\n\n[menus.closed]'),
    ]
    done = ccdaemon("menus", "ict", "--config", written_site(tmp_path, edits))
    assert [line for line in done.stdout.splitlines() if line[0].isalpha()] == ["main", "closed", "unanswered"]
    assert "* menu main" in done.stdout
    assert "no key: menu late" in done.stdout
    assert "says hold" in done.stdout


def test_menus_draws_a_picture(tmp_path: Path) -> None:
    done = ccdaemon("menus", "housing", "--config", EXAMPLE_SITE, "--svg", tmp_path / "housing.svg")
    assert (done.exit_code, done.stdout) == (0, f"wrote {tmp_path}/housing.svg\n")
    assert (tmp_path / "housing.svg").read_text().startswith("<svg")


def test_a_picture_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "none" / "housing.svg"):
        done = ccdaemon("menus", "housing", "--config", EXAMPLE_SITE, "--svg", place)
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr.startswith(f"{place} cannot be written: ")


def test_a_service_that_does_not_exist_is_answered_with_those_that_do() -> None:
    done = ccdaemon("menus", "homes", "--config", EXAMPLE_SITE)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "there is no service 'homes'; there are assist, blue-badge, careline," in said(done.stderr)


# --- prompts ---------------------------------------------------------------------------------------------------------


def test_prompts_list_shows_what_is_said_in_each_language() -> None:
    done = ccdaemon("prompts", "list", "--config", EXAMPLE_SITE, "--json")
    told = json.loads(done.stdout)
    assert {name: texts.pop("number") for name, texts in told.items() if "number" in texts} == example().numbers
    assert told == example().catalogue
    table = ccdaemon("prompts", "list", "--config", EXAMPLE_SITE).stdout
    assert all(f"│ {prompt} " in table for prompt in example().catalogue)
    assert all(f"│ {number} " in table for number in example().numbers.values())
    assert "Hwyl fawr." in said(table)


def test_prompts_build_says_which_program_it_needs(tmp_path: Path) -> None:
    done = as_program("prompts", "build", "--config", site_to_run(tmp_path), path=str(tmp_path))
    assert done.returncode == 1
    assert "espeak-ng is not installed: it makes the placeholder voices (Debian: apt install" in done.stderr
    assert "Traceback" not in done.stderr


# --- calls -----------------------------------------------------------------------------------------------------------

AT = MONDAY_MORNING.timestamp()
QUIET: dict[str, object] = {"leg": "1783328400.2", "channel": "PJSIP/1001-2", "recorders": 1}
RECORDED: list[Notice] = [  # a call to Housing in Welsh, answered, recorded and over
    CallBegan("1783328400.1", AT),
    LegBegan("1783328400.1", AT, "1783328400.1", "PJSIP/trunk-00000001"),
    CallIdentified("1783328400.1", AT, "+441632960111", "+441632960777", "housing", None, tier=1),
    Heard("1783328400.1", AT + 4, "housing", "language", None, "1"),
    Heard("1783328400.1", AT + 9.5, "housing", "main", "cy", ""),
    Heard("1783328400.1", AT + 19, "housing", "main", "cy", "3"),
    Announced("1783328400.1", AT + 25, "cy", whole=True),
    CallIdentified("1783328400.1", AT + 25, service="housing", language="cy"),
    Decided("1783328400.1", AT + 25.125, "queue:housing:cy:1:1", "the service records [so]"),
    QueueJoined("1783328400.1", AT + 26, "1783328400.1", "housing-cy"),
    QueueLeft("1783328400.1", AT + 31, "1783328400.1", "housing-cy", "answered", "PJSIP/1001"),
    RecorderStarted("1783328400.1", AT + 31, "1783328400.2"),
    DoorOpened(
        "1783328400.1",
        AT + 80,
        "1783328400.1",
        "queue",
        0.0034,
        (QUIET, {**QUIET, "leg": "1783328400.1", "recorders": 0}),
        ("PJSIP/1009",),
    ),
    DoorRefused("1783328400.1", AT + 84, "1783328400.1", "queue", "housing"),
    DoorRefused("1783328400.1", AT + 84.5, "1783328400.2", "conference", ""),
    Guarded("1783328400.1", AT + 85, "1783328400.2", "BridgeEnter", 0.0027, ("PJSIP/1001-00000002",)),
    RecorderStopped("1783328400.1", AT + 90, "1783328400.2", "the leg ended"),
    LegEnded("1783328400.1", AT + 91, "1783328400.1", 16),
    CallEnded("1783328400.1", AT + 91),
]
WITHHELD: list[Notice] = [  # a call to Highways, by the second tier, which is not over
    CallBegan("1783332000.5", AT + 3600),
    CallIdentified("1783332000.5", AT + 3600, "+441632960103", None, "highways", "en", tier=2),
]


def with_calls(config: Path, finished: str | None = None) -> Path:
    """The site, with these two calls in its register, and what became of the recording of one."""
    state = load(config, PROMPTS).main.paths.state
    state.mkdir(parents=True)

    async def enter() -> None:
        async with register_of(config) as register:
            await register.write([*RECORDED, *WITHHELD])
            if finished is not None:
                (recording,) = await register.unfinished_recordings()
                await register.finish_recording(replace(recording, fault=finished))

    asyncio.run(enter())
    return config


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site whose daemon is away, and two calls."""
    return with_calls(site_to_run(tmp_path_factory.mktemp("site")))


def test_calls_lists_the_calls_of_a_time_the_newest_last(site: Path) -> None:
    done = ccdaemon("calls", "--config", site, "--since", "2026-07-06", "--until", "2026-07-07")
    assert done.exit_code == 0
    assert [re.split(" {2,}", line.strip()) for line in done.stdout.splitlines()] == [
        ["call", "began", "lasted", "caller", "dialled", "service", "language", "answered by", "recorded"],
        [
            "1783328400.1",
            "06 Jul 10:00:00",
            "0:01:31",
            "+441632960777",
            "+441632960111",
            "housing",
            "cy",
            "daemon",
            "1",
        ],
        ["1783332000.5", "06 Jul 11:00:00", "live", "withheld", "+441632960103", "highways", "en", "script"],
    ]


def test_on_a_narrow_screen_no_number_is_cut(site: Path) -> None:
    """Nor in what goes to another program, which is 80 columns wide."""
    done = as_program("calls", "--config", site, "--since", "2026-07-06", columns=40)
    for whole in ("1783328400.1", "06 Jul 10:00:00", "+441632960777", "+441632960111"):
        assert whole in done.stdout


@pytest.mark.parametrize(
    ("options", "calls"),
    [
        (["--since", "2026-07-06"], ["1783328400.1", "1783332000.5"]),
        (["--since", "2026-07-06T10:30"], ["1783332000.5"]),
        (["--since", "2026-07-06T10:00", "--until", "2026-07-06T11:00"], ["1783328400.1"]),
        (["--since", "2026-07-06T09:30Z"], ["1783332000.5"]),
        (["--since", "2026-07-06", "--service", "housing"], ["1783328400.1"]),
        (["--since", "2026-07-06", "--limit", "1"], ["1783332000.5"]),
        (["--since", "2026-07-06", "--service", "ict"], []),
        (["--since", "2026-07-06", "--number", "01632 960777"], ["1783328400.1"]),
        (["--since", "2026-07-06", "--number", "0044 1632 96 07 77"], ["1783328400.1"]),
        (["--since", "2026-07-06", "--number", "01632 960778"], []),
        (["--since", "2026-07-01", "--until", "2026-07-02"], []),
        (["--since", "0001-01-01", "--until", "9999-12-31"], ["1783328400.1", "1783332000.5"]),
    ],
    ids=" ".join,
)
def test_calls_are_chosen_by_time_and_service(site: Path, options: list[str], calls: list[str]) -> None:
    done = ccdaemon("calls", "--config", site, "--json", *options)
    assert [row["id"] for row in json.loads(done.stdout)] == calls


def test_that_there_were_no_calls_is_said_in_words(site: Path) -> None:
    done = ccdaemon("calls", "--config", site, "--since", "2026-07-01", "--until", "2026-07-02")
    assert (done.exit_code, done.stdout) == (0, "No calls in this time.\n")


def test_calls_of_a_service_that_does_not_exist_are_none_and_the_reason_is_said(site: Path) -> None:
    done = ccdaemon("calls", "--config", site, "--since", "2026-07-06", "--service", "homes")
    assert done.exit_code == 0
    assert done.stdout.startswith("No calls in this time. There is no service 'homes' now; there are assist, ")


def test_a_call_is_told_from_its_beginning_to_its_end(site: Path) -> None:
    done = ccdaemon("calls", "show", "1783328400.1", "--config", site)
    assert done.exit_code == 0
    assert [re.sub(r" +", " ", line) for line in done.stdout.splitlines()] == [
        "1783328400.1 Monday 6 July 2026, 10:00:00, 0:01:31",
        "+441632960777 -> +441632960111, housing, cy, answered by the daemon",
        " 10:00:00.000 PJSIP/trunk comes on the line",
        " 10:00:04.000 housing, menu language: key 1",
        " 10:00:09.500 housing, menu main: no key",
        " 10:00:19.000 housing, menu main: key 3",
        " 10:00:25.000 told that the call is recorded",
        " 10:00:25.125 on to the queue of housing, in cy; the service records [so]",
        " 10:00:26.000 PJSIP/trunk waits in queue housing-cy",
        " 10:00:31.000 PJSIP/trunk leaves queue housing-cy: PJSIP/1001 answers",
        " 10:00:31.000 1783328400.2 the recorder starts",
        " 10:01:20.000 PJSIP/trunk the payments door opens after 3.4 ms; "
        "channels sealed: 2, recorders stopped: 1, supervisors off: 1",
        " 10:01:24.000 PJSIP/trunk is not connected to payments, and taken back to housing",
        " 10:01:24.500 1783328400.2 is not let into the conference",
        " 10:01:25.000 1783328400.2 the guard stops a recorder after 2.7 ms: PJSIP/1001-00000002",
        " 10:01:30.000 1783328400.2 the recorder stops: the leg ended",
        " 10:01:31.000 PJSIP/trunk hangs up (Q.850 cause 16)",
        " recording of leg 1783328400.2: not finished yet",
    ]


def test_a_call_is_told_to_programs_too(site: Path) -> None:
    told = json.loads(ccdaemon("calls", "show", "1783328400.1", "--config", site, "--json").stdout)
    assert told["call"]["service"] == "housing"
    assert [moment["kind"] for moment in told["timeline"]].count("menu") == 3
    assert [recording["leg"] for recording in told["recordings"]] == ["1783328400.2"]


@pytest.mark.parametrize("call", ["1.1", "nonsense", "'; DROP TABLE calls; --", ""])
def test_a_call_that_nobody_knows_is_said_to_be_unknown(site: Path, call: str) -> None:
    done = ccdaemon("calls", "show", "--config", site, "--", call)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"the register knows no call {call}\n"


@pytest.mark.parametrize("option", ["--since", "--until"])
@pytest.mark.parametrize("written", ["last week", "2026-13-01", "06.07.2026", ""])
def test_a_time_that_is_none_is_refused_with_an_example(site: Path, option: str, written: str) -> None:
    done = ccdaemon("calls", "--config", site, option, written)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"{written!r} is no day and no moment; write for example 2026-12-25 or 2026-12-25T10:00" in said(done.stderr)


@pytest.mark.parametrize("words", [["calls"], ["calls", "show", "1.1"]])
def test_where_no_daemon_has_ever_run_it_is_said_so(tmp_path: Path, words: list[str]) -> None:
    config = site_to_run(tmp_path)
    done = ccdaemon(*words, "--config", config)
    assert (done.exit_code, done.stdout) == (1, "")
    file = load(config, PROMPTS).main.paths.state / REGISTER
    assert done.stderr.startswith(f"no daemon runs, and {file} is not there, or not yours to open: start the daemon")
    assert not file.exists()  # to look is not to make one


def test_a_register_that_is_damaged_is_said_to_be(tmp_path: Path) -> None:
    config = site_to_run(tmp_path)
    state = load(config, PROMPTS).main.paths.state
    state.mkdir(parents=True)
    (state / REGISTER).write_text("this is no database, and was never one" * 100)
    done = ccdaemon("calls", "--config", config)
    assert (done.exit_code, done.stdout) == (1, "")
    assert f"the register {state / REGISTER} cannot be used: file is not a database" in done.stderr


async def test_while_the_daemon_runs_it_is_asked(site: Path) -> None:
    """One process has the register open: the daemon. The answer is the same."""
    paths = load(site, PROMPTS).main.paths
    words = ("calls", "--config", site, "--since", "2026-07-06", "--json")
    alone = await asyncio.to_thread(ccdaemon, *words)
    paths.run.mkdir(parents=True, exist_ok=True)
    asked = []
    async with register_of(site) as register:
        known = questions(register, Signer(site / "audit.key"))

        @wraps(known["calls"])
        async def calls(**values: Any) -> object:  # noqa: ANN401 - any JSON
            asked.append(values)
            return await known["calls"](**values)

        control = Control({**known, "calls": calls})
        await control.listen(paths.run / SOCKET)
        with closing(control):
            together = await asyncio.to_thread(ccdaemon, *words)
            unknown = await asyncio.to_thread(ccdaemon, "calls", "show", "1.1", "--config", site)
    assert len(asked) == 1
    assert together.stdout == alone.stdout
    assert (unknown.exit_code, unknown.stderr) == (1, "the register knows no call 1.1\n")


# --- run -------------------------------------------------------------------------------------------------------------


def ready_to_run(folder: Path, edits: Sequence[Edit] = ()) -> Path:
    """A site whose folders are there, and whose gateway listens where nobody else does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = site_to_run(folder, [*edits, Edit(MAIN, "port = 573 ", f"port = {port} ")])
    if not edits:
        for place in folders(load(config, PROMPTS)):
            place.mkdir(parents=True)
    return config


def refusal(config: Path) -> str:
    """What `run` says instead of running."""
    done = as_program("run", "--config", config)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "started" not in done.stdout
    return done.stderr


def test_a_daemon_with_a_wrong_configuration_never_starts(tmp_path: Path) -> None:
    config = ready_to_run(tmp_path, [Edit(ICT, 'extension = "6114"', 'extension = "6114"\nrecords = true')])
    assert "services/ict.toml records: calls of this service may not be recorded" in refusal(config)
    assert not (tmp_path / "var").exists()


def test_a_daemon_without_its_folders_never_starts(tmp_path: Path) -> None:
    config = ready_to_run(tmp_path)
    missed = load(config, PROMPTS).main.paths.spool / "missed"
    missed.rmdir()
    assert refusal(config) == f"{missed} is not there, or not ours to write: `systemd-tmpfiles --create` makes it\n"


@pytest.mark.parametrize(
    ("secret", "words"), [("short", "`ccdaemon init` makes one"), (None, "cannot be read: No such")]
)
@pytest.mark.parametrize("name", ["gateway", "manager"])
def test_a_daemon_without_a_secret_never_starts(tmp_path: Path, name: str, secret: str | None, words: str) -> None:
    config = ready_to_run(tmp_path)
    file = config / f"{name}.secret"
    file.unlink() if secret is None else file.write_text(secret)
    said = refusal(config)
    assert said.startswith(f"{file}: ")
    assert words in said


def test_a_daemon_whose_port_is_taken_never_starts(tmp_path: Path) -> None:
    config = ready_to_run(tmp_path)
    gateway = load(config, PROMPTS).main.gateway
    with socket.create_server((gateway.host, gateway.port)):
        assert f"('127.0.0.1', {gateway.port}): address already in use" in refusal(config)


def test_a_daemon_whose_register_is_damaged_never_starts(tmp_path: Path) -> None:
    config = ready_to_run(tmp_path)
    state = load(config, PROMPTS).main.paths.state
    (state / REGISTER).write_text("this is no database, and was never one" * 100)
    assert f"the register {state / REGISTER} cannot be used" in refusal(config)


# --- somebody who may not --------------------------------------------------------------------------------------------


@pytest.fixture
def closed() -> Iterator[Path]:
    """A place that anybody may look at; what a test closes in it is closed."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        for place in folder.rglob("*"):
            if place.is_dir():
                place.chmod(0o700)


@pytest.mark.parametrize(
    ("shut", "words", "answer"),
    [
        ("config/ccdaemon.toml", ["check"], "ccdaemon.toml: cannot be read: Permission denied"),
        ("config/services/ict.toml", ["check"], "services/ict.toml: cannot be read: Permission denied"),
        ("etc/asterisk/queues.conf", ["check"], "queues.conf: cannot be read: Permission denied. Run this as root or"),
        ("etc/asterisk", ["check"], "queues.conf: cannot be read: Permission denied"),
        ("var/lib/ccdaemon/sounds", ["check", "--no-asterisk"], "sounds are not there, or cannot be read"),
        ("var/lib/ccdaemon", ["calls"], "is not there, or not yours to open: start the daemon (systemctl start"),
        ("etc/asterisk/ccdaemon/cc-site.conf", ["dialplan", "diff"], "cc-site.conf cannot be read: Permission denied"),
        ("etc/asterisk", ["dialplan", "install"], "cannot be read: Permission denied"),
        ("config/gateway.secret", ["dialplan", "diff"], "gateway.secret: the secret cannot be read: Permission denied"),
        ("config/recorded", ["prompts", "build"], "Permission denied"),
        ("config/services", ["init", "FOLDER/config/services/new"], "no site can be written to"),
        ("var/lib", ["menus", "ict", "--svg", "FOLDER/var/lib/x.svg"], "cannot be written: Permission denied"),
    ],
    ids=lambda value: value if isinstance(value, str) and "/" in value else None,
)
def test_who_may_not_read_or_write_is_told_what(closed: Path, shut: str, words: list[str], answer: str) -> None:
    config = whole_machine(closed)
    if "dialplan" in words:
        assert ccdaemon("dialplan", "install", "--config", config).exit_code == 0
    (config / "recorded" / "cy").mkdir(parents=True)
    (closed / shut).chmod(0o000)
    options = [] if "init" in words else ["--config", str(config)]
    done = as_program(*(word.replace("FOLDER", str(closed)) for word in words), *options, somebody=True)
    assert done.returncode == 1, done.stdout + done.stderr
    assert answer in done.stderr
    assert "Traceback" not in done.stderr
