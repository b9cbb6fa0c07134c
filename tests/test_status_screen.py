"""One screen says how things are, also to who reads it without colours."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from typer.testing import CliRunner, Result

from ccdaemon.cli import app
from ccdaemon.cli import status as command
from ccdaemon.topics import Payload
from tests.test_metrics import NEWEST

NO_OTHERS: Mapping[str, Payload] = {}


def screen(monkeypatch: pytest.MonkeyPatch, changed: Mapping[str, Payload | None] = NO_OTHERS) -> Result:
    """With other topics than those of a daemon that runs; None for those that are not there."""
    topics = {name: payload for name, payload in {**NEWEST, **changed}.items() if payload is not None}
    lines = {"housing": {"name": {"cy": "Tai", "en": "Housing"}, "queues": ["housing"]}}
    told = {"site": "example", "timezone": "Europe/London", "lines": lines, "topics": topics}
    monkeypatch.setattr(command, "tell", lambda _config, _question: told)
    return CliRunner().invoke(app, ["status"])


def test_lines_messages_and_alarms_are_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    done = screen(monkeypatch)
    assert done.exit_code == 1  # there is an alarm
    assert "Tai / Housing" in done.output
    assert "messages of callers that wait (`ccdaemon messages`): environmental 2" in done.output
    assert "ALARM disk since" in done.output


def test_what_is_not_there_is_not_spoken_of(monkeypatch: pytest.MonkeyPatch) -> None:
    done = screen(monkeypatch, {"register": {**NEWEST["register"], "messages": {}}, "alarms/disk": None})
    assert done.exit_code == 0
    assert "messages" not in done.output
    assert "No alarms." in done.output


def test_without_a_link_nothing_is_claimed_of_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    down = {"state": "down", "reason": "connection refused", "asterisk": None}
    done = screen(monkeypatch, {"ami": down, **dict.fromkeys(("calls", "recorders", "queues/housing"))})
    assert "no link to Asterisk: connection refused. Callers get the second tier" in done.output
    assert "calls, queues, agents and recorders: unknown until there is a link" in done.output
