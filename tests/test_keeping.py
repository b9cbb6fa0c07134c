"""What people do about retention from the command line, with the daemon's part that answers."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from ccdaemon.cli import app
from ccdaemon.config import load
from ccdaemon.control import Refused, ask
from ccdaemon.notices import CallEnded, CallIdentified
from ccdaemon.places import SOCKET
from ccdaemon.store import Register
from tests.builders import LONDON, PROMPTS, serving, site_to_run

LONG_AGO = 1_600_000_000.0  # September 2020
NUMBER = "+441632960777"
WHY = ("--reason", "complaint", "--reference", "C-2026-117")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[tuple[Path, Register]]:
    """Two calls of long ago."""
    config = site_to_run(tmp_path)
    with capture_logs():  # the daemon's are elsewhere
        async with serving(config) as (register, _):
            for call, number in (("1.1", NUMBER), ("2.1", "+441632960778")):
                known = CallIdentified(call, LONG_AGO, number=number, service="housing")
                await register.write([known, CallEnded(call, LONG_AGO + 60)])
            yield config, register


async def run(config: Path, *words: object) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, [*map(str, words), "--config", str(config)])


async def numbers(register: Register) -> set[str | None]:
    return {row.number for row in await register.calls(0, 1e12)}


async def test_a_dry_run_says_what_would_go_and_nothing_does(site: tuple[Path, Register]) -> None:
    config, register = site
    done = await run(config, "expire", "--dry-run")
    assert (done.exit_code, done.stderr) == (0, "")
    lines = [line.strip() for line in done.stdout.splitlines()]
    first = ("recordings", "callers' messages", "comments on recordings")
    assert lines[:3] == [f"0 {each} would be deleted" for each in first]
    assert lines[3:5] == ["2 calls would be deleted", "2 housing"]
    others = ("transcripts", "SMS", "webchats", "social media", "files of other programs")
    assert lines[5:] == [f"0 {each} would be deleted" for each in others]
    assert None not in await numbers(register)


async def test_a_run_says_what_went_by_class_and_service(site: tuple[Path, Register]) -> None:
    config, register = site
    done = await run(config, "expire")
    assert (done.exit_code, done.stderr) == (0, "")
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert lines[1:3] == ["0 callers' messages deleted", "0 comments on recordings deleted"]
    assert lines[3:5] == ["2 calls deleted", "2 housing"]
    assert lines[-1] == "1 keys destroyed: call-2021-09"
    assert await numbers(register) == {None}
    again = json.loads((await run(config, "expire", "--json")).stdout)
    assert not any(again.values())


async def test_a_night_that_was_missed_is_made_up_for_once(site: tuple[Path, Register]) -> None:
    config, register = site
    done = await run(config, "expire", "--if-missed")
    assert (done.exit_code, "2 calls deleted" in done.stdout) == (0, True)
    assert await numbers(register) == {None}
    again = await run(config, "expire", "--if-missed")
    assert (again.exit_code, again.stdout) == (0, "Nothing to do: the night's run has been, or goes on.\n")
    assert json.loads((await run(config, "expire", "--if-missed", "--json")).stdout).keys() == {"not needed"}


async def test_a_night_that_left_something_counts_as_missed(tmp_path: Path) -> None:
    config = site_to_run(tmp_path)
    calls = tmp_path / "var/log/asterisk/cdr-csv/Master.csv"
    calls.parent.mkdir(parents=True)
    calls.write_text("of no day\n")
    with capture_logs():
        async with serving(config):
            for _ in range(2):
                done = await run(config, "expire", "--if-missed")
                assert (done.exit_code, "no line of it has a date" in done.stderr) == (1, True)
            calls.unlink()
            assert (await run(config, "expire", "--if-missed")).exit_code == 0
            assert "Nothing to do" in (await run(config, "expire", "--if-missed")).stdout


async def test_files_of_other_programs_are_named_before_they_go(tmp_path: Path) -> None:
    config = site_to_run(tmp_path)
    message = tmp_path / "var/spool/asterisk/voicemail/1001/INBOX/msg0001.wav"
    message.parent.mkdir(parents=True)
    message.touch()
    os.utime(message, (LONG_AGO, LONG_AGO))
    with capture_logs():
        async with serving(config):
            would = (await run(config, "expire", "--dry-run")).stdout.splitlines()
            assert would[-2:] == ["       1 files of other programs would be deleted", f"             {message}"]
            assert message.exists()
            done = (await run(config, "expire")).stdout.splitlines()
    assert "       1 files of other programs deleted" in done
    assert not message.exists()


async def test_a_hold_keeps_a_number_however_it_is_written_until_it_is_released(site: tuple[Path, Register]) -> None:
    config, register = site
    done = await run(config, "holds", "add", "--number", "01632 96 07 77", *WHY, "--review", "2020-12-01")
    assert done.stdout == "Hold 1 keeps 1 calls now, and what comes.\n"
    await run(config, "expire")
    assert await numbers(register) == {NUMBER, None}
    listed = (await run(config, "holds")).stdout
    assert all(word in listed for word in (NUMBER, "complaint", "C-2026-117", "1 Dec 2020: is it needed still?"))
    assert (await run(config, "holds", "release", "1")).stdout == "Hold 1 is released.\n"
    await run(config, "expire")
    assert await numbers(register) == {None}
    done = await run(config, "holds")
    assert (done.exit_code, NUMBER in done.stdout, "a number" in done.stdout) == (0, False, True)
    again = await run(config, "holds", "release", "1")
    assert (again.exit_code, again.stderr) == (1, "there is no hold 1 that stands\n")


@pytest.mark.parametrize(
    "about", [["--call", "1.1"], ["--since", "2020-09-01", "--until", "2020-10-01"], ["--number", "01632960777"]]
)
async def test_a_hold_is_about_a_call_a_span_of_time_or_a_number(site: tuple[Path, Register], about: list[str]) -> None:
    config, register = site
    assert (await run(config, "holds", "add", *about, *WHY)).exit_code == 0
    await run(config, "expire")
    assert NUMBER in await numbers(register)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([*WHY], "name a --number, or a --call, or a span of time"),
        (["--call", "1.1", "--number", "01632960777", *WHY], "name a --number, or a --call, or a span of time"),
        (["--since", "2020-09-01", *WHY], "name a --number, or a --call, or a span of time"),
        (["--number", "12", *WHY], "'12' is no telephone number"),
        (["--call", "1.1", "--reason", "because", "--reference", "x"], "is not one of"),
        (["--call", "1.1", "--reason", "police"], "Missing option '--reference'"),
    ],
)
async def test_a_hold_that_is_not_said_well_is_not_made(
    site: tuple[Path, Register], words: list[str], text: str
) -> None:
    config, register = site
    done = await run(config, "holds", "add", *words)
    assert done.exit_code == 2
    assert text in " ".join(done.stderr.replace("│", " ").split())
    assert await register.holds() == []
    assert (await run(config, "holds")).stdout == "No holds.\n"


@pytest.mark.parametrize(
    ("hold", "text"),
    [
        ({"reason": "because", "reference": "x", "call": "1.1"}, "hold.reason: should be 'complaint', "),
        ({"reason": "police", "reference": "x"}, "is about a call, or a number, or a span of time"),
        ({"reason": "police", "reference": "x", "call": "1.1", "number": NUMBER}, "is about a call, or a number"),
        ({"reason": "police", "reference": "x", "since": 5.0, "until": 4.0}, "ends before it begins"),
    ],
)
async def test_whoever_asks_without_the_command_makes_no_wrong_hold_either(
    site: tuple[Path, Register], hold: dict[str, Any], text: str
) -> None:
    config, register = site
    with pytest.raises(Refused, match=text):
        await asyncio.to_thread(lambda: ask(load(config, PROMPTS).main.paths.run / SOCKET, "hold", hold=hold))
    assert await register.holds() == []


async def test_a_hold_that_keeps_nothing_now_is_asked_about_and_a_day_is_kept_to_its_end(
    site: tuple[Path, Register],
) -> None:
    config, _ = site
    done = await run(config, "holds", "add", "--call", "9.9", *WHY)
    assert (done.exit_code, "is it written as it should be?" in done.stderr) == (0, True)
    day = f"{datetime.fromtimestamp(LONG_AGO, LONDON):%Y-%m-%d}"
    done = await run(config, "holds", "add", "--since", day, "--until", day, *WHY)
    assert done.stdout == "Hold 2 keeps 2 calls now, and what comes.\n"


async def test_while_a_run_goes_on_a_second_one_says_so(site: tuple[Path, Register]) -> None:
    socket = load(site[0], PROMPTS).main.paths.run / SOCKET
    told = [BytesIO(), BytesIO()]
    await asyncio.gather(*(asyncio.to_thread(ask, socket, "expire", each) for each in told))
    ends = [json.loads(each.getvalue().splitlines()[-1]) for each in told]
    failed = [each for each in ends if "failed" in each]
    assert failed in ([], [{"failed": "a run is going on already"}])
    assert sum(each["ended"]["call"].get("housing", 0) for each in ends if "ended" in each) == 2


@pytest.mark.parametrize("words", [["expire"], ["expire", "--dry-run"], ["holds"], ["holds", "release", "1"]])
async def test_without_the_daemon_nothing_is_done(tmp_path: Path, words: list[str]) -> None:
    config = site_to_run(tmp_path)
    done = await run(config, *words)
    assert done.exit_code == 1
    assert "control" in done.stderr.split(":")[0]
    assert "systemctl start ccdaemon" in done.stderr
