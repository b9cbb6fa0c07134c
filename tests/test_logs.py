"""Log lines: what a person needs to see, and never what a variable held."""

from __future__ import annotations

import errno
import io
import json
import logging
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from ccdaemon.logs import LEVELS, Level, Output, configure, set_level

if TYPE_CHECKING:
    from typing_extensions import Buffer

NUMBER = "01970 000000"
NAME = "Siân Ŵyn"


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Give the process its loggers back."""
    level = logging.getLogger("panoramisk").level
    yield
    structlog.reset_defaults()
    logging.getLogger("panoramisk").setLevel(level)


class Caller:
    """A value whose representation is personal."""

    def __repr__(self) -> str:
        return f"Caller({NUMBER!r}, {NAME!r})"


def fail_with(number: str, caller: Caller, error: type[Exception]) -> None:
    named = {"number": number, "caller": caller, "digits": list(number)}
    message = "could not look up the caller"
    raise error(message, len(named))


def a_logged_fault() -> None:
    """Log a chain of faults, in a group, out of functions whose variables hold a number and a name."""
    log = structlog.get_logger()
    try:
        try:
            fail_with(NUMBER, Caller(), KeyError)
        except KeyError as fault:
            message = "a conversation failed"
            group = "tasks failed"
            raise ExceptionGroup(group, [ValueError(message)]) from fault
    except ExceptionGroup:
        log.exception("conversation failed", uniqueid="1700000000.1")


def json_lines(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def test_a_traceback_for_the_journal_names_places_and_no_values(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info")
    a_logged_fault()
    output = capsys.readouterr().out
    (line,) = json_lines(output)
    assert line["event"] == "conversation failed"
    assert line["uniqueid"] == "1700000000.1"
    assert "could not look up the caller" in output
    assert "a conversation failed" in output
    assert "fail_with" in output  # the place
    assert NUMBER not in output
    assert NAME not in output
    assert "Caller(" not in output
    assert '"locals"' not in output


def test_a_traceback_on_a_terminal_names_places_and_no_values(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    configure("info")
    a_logged_fault()
    output = capsys.readouterr().out
    assert "could not look up the caller" in output
    assert "fail_with" in output
    assert NUMBER not in output
    assert NAME not in output


def test_every_line_for_the_journal_is_json_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    configure("debug")
    log = structlog.get_logger()
    log.info("first", service="tai")
    log.warning("second\nline", reason="Dŵr \x1b[31m\u2028")
    log.bind(uniqueid="1700000000.1").debug("third")
    output = capsys.readouterr().out
    lines = [json.loads(line) for line in output.removesuffix("\n").split("\n")]
    assert [(line["level"], line["event"]) for line in lines] == [
        ("info", "first"),
        ("warning", "second\nline"),
        ("debug", "third"),
    ]
    assert all(line["timestamp"].endswith("Z") for line in lines)  # UTC, whatever the machine's clock shows
    assert lines[1]["reason"] == "Dŵr \x1b[31m\u2028"
    assert "Dŵr" in output  # readable as it stands
    assert "\x1b" not in output


@pytest.mark.parametrize(
    ("level", "said"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_what_is_below_the_level_is_not_said(level: Level, said: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    configure(level)
    log = structlog.get_logger()
    for each in LEVELS:
        getattr(log, each)(each)
    assert [line["event"] for line in json_lines(capsys.readouterr().out)] == said


def test_a_level_is_changed_while_the_daemon_runs(capsys: pytest.CaptureFixture[str]) -> None:
    configure("error")
    log = structlog.get_logger()
    log.info("before")
    set_level("debug")
    log.debug("after")
    set_level("error")
    log.warning("at the end")
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        log.exception("always")
    assert [line["event"] for line in json_lines(capsys.readouterr().out)] == ["after", "always"]


def test_panoramisk_says_nothing_of_the_messages_that_it_sees(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    configure("debug")
    for name in ("panoramisk", "panoramisk.manager", "panoramisk.ami_protocol"):
        logging.getLogger(name).error("message interpreted: %r", {"CallerIDNum": NUMBER})
    assert NUMBER not in "".join(capfd.readouterr()) + caplog.text


class Disk(io.BytesIO):
    """On which there is room, or none."""

    full = False

    def write(self, content: Buffer) -> int:
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(content)


def test_lines_that_a_full_disk_does_not_take_are_lost_and_it_is_said_how_many() -> None:
    disk = Disk()
    output = Output(disk)
    output.write('{"event": "one"}\n')
    disk.full = True
    output.write('{"event": "two"}\n')
    output.write('{"event": "three"}\n')
    disk.full = False
    output.write('{"event": "four"}\n')
    lines = [json.loads(line) for line in disk.getvalue().decode().splitlines() if line]
    assert lines == [
        {"event": "one"},
        {"event": "lines of this log could not be written", "lines": 2},
        {"event": "four"},
    ]
