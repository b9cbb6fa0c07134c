"""What telecoms staff tell a daemon that runs: each command against the real answers behind a control socket."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from ccdaemon.config import load
from ccdaemon.faults import RegisterFull
from ccdaemon.topics import TOPICS, Payload
from tests.builders import PROMPTS, with_sounds
from tests.kept_site import Kept, kept_site, run

__all__ = ["kept_site"]


async def audited(kept: Kept, kind: str) -> list[dict[str, object]]:
    return [json.loads(row.detail) for row in await kept.register.audited_between(0, 1e12) if row.kind == kind]


async def test_a_line_is_closed_and_taken_back_and_it_stands_who_did_it(kept_site: Kept) -> None:
    done = await run(kept_site.config, "close", "housing", "assist")
    assert (done.exit_code, done.stdout) == (0, "Closed: housing, assist. `ccdaemon open` takes it back.\n")
    (assist, housing) = sorted(await kept_site.register.rulings(), key=lambda each: each.service)
    assert (housing.service, housing.state, housing.message) == ("housing", "closed", None)
    assert (assist.service, assist.who) == ("assist", housing.who)
    done = await run(kept_site.config, "open", "housing")
    assert done.stdout == "Back to their hours: housing.\n"
    assert await kept_site.register.rulings() == [assist]
    assert [(row["service"], row["state"]) for row in await audited(kept_site, "ruling")] == [
        ("housing", "closed"),
        ("assist", "closed"),
        ("housing", "timetable"),
    ]


def spoken(kept: Kept) -> None:
    """Every prompt of the site has its sounds."""
    with_sounds(load(kept.config, PROMPTS).main.paths.sounds)


async def test_every_line_is_closed_at_once_with_a_message(kept_site: Kept) -> None:
    spoken(kept_site)
    assert (await run(kept_site.config, "close", "--all", "--message", "evacuation")).exit_code == 0
    rulings = await kept_site.register.rulings()
    assert {(each.state, each.message) for each in rulings} == {("closed", "evacuation")}
    assert len(rulings) == 15
    assert (await run(kept_site.config, "open", "--all")).exit_code == 0
    assert await kept_site.register.rulings() == []


async def test_a_message_that_nobody_would_hear_closes_nothing(kept_site: Kept) -> None:
    done = await run(kept_site.config, "close", "--all", "--message", "evacuation")
    assert (done.exit_code, "has no sound in cy and en: callers would hear nothing" in done.stderr) == (1, True)
    assert await kept_site.register.rulings() == []


async def test_a_line_is_closed_though_the_register_takes_nothing(
    kept_site: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> None:
        raise RegisterFull("disk full")  # noqa: EM101 - as SQLite says it

    monkeypatch.setattr(kept_site.register, "rule", full)
    done = await run(kept_site.config, "close", "housing")
    assert (done.exit_code, "a restart of the daemon forgets it" in done.stderr) == (0, True)
    done = await run(kept_site.config, "open", "--all")
    assert done.stdout == "Back to their hours: housing.\n"


async def test_a_ruling_replaces_another_one(kept_site: Kept) -> None:
    spoken(kept_site)
    await run(kept_site.config, "close", "housing", "--message", "evacuation")
    await run(kept_site.config, "open", "housing", "--outside-hours")
    (ruling,) = await kept_site.register.rulings()
    assert (ruling.state, ruling.message) == ("open", None)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("close",), 2, "name lines, or --all"),
        (("close", "housing", "--all"), 2, "name lines, or --all"),
        (("close", "tai"), 1, "there is no service tai; they are assist, blue-badge"),
        (("close", "housing", "--message", "fire"), 1, "there is no prompt 'fire' in cy and en: callers would hear"),
        (("acknowledge", "disk"), 1, "the alarm disk does not stand"),
        (("acknowledge", "fire"), 1, "alarm: should be 'asterisk'"),
    ],
)
async def test_what_cannot_be_done_says_why_and_changes_nothing(
    kept_site: Kept, words: tuple[str, ...], status: int, said: str
) -> None:
    done = await run(kept_site.config, *words)
    assert (done.exit_code, said in done.stderr) == (status, True), done.stderr
    assert await kept_site.register.rulings() == []


async def test_a_new_configuration_is_taken(kept_site: Kept) -> None:
    main = kept_site.config / "ccdaemon.toml"
    main.write_text(main.read_text().replace('user = "ccdaemon"', 'user = "other"', 1))
    done = await run(kept_site.config, "reload")
    assert (done.exit_code, "After a restart only: manager." in done.stdout) == (0, True)


async def test_a_wrong_configuration_is_refused_with_all_its_faults_and_the_old_one_stays(kept_site: Kept) -> None:
    for name in ("housing", "assist"):
        file = kept_site.config / "services" / f"{name}.toml"
        file.write_text("colour = 1\n" + file.read_text())
    done = await run(kept_site.config, "reload")
    assert done.exit_code == 1
    assert "services/housing.toml colour: is no key" in done.stderr
    assert "services/assist.toml colour: is no key" in done.stderr
    assert done.stderr.endswith("2 faults.\nThe daemon keeps the configuration that it has.\n")
    assert (await run(kept_site.config, "acknowledge", "configuration")).exit_code == 0
    assert (await run(kept_site.config, "close", "housing")).exit_code == 0  # though the files are wrong


async def test_where_no_daemon_runs_that_is_said(kept_site: Kept, tmp_path: Path) -> None:
    (tmp_path / "ccdaemon.toml").write_text(f'[paths]\nrun = "{tmp_path}"\n')
    for words in (("reload",), ("status",), ("close", "--all")):
        done = await run(replace(kept_site, config=tmp_path).config, *words)
        assert done.exit_code == 1
        assert f"no daemon listens at {tmp_path}/control: callers get the second tier. `systemctl" in done.stderr


@pytest.mark.parametrize(
    ("live", "said", "unsaid"),
    [
        ({}, ["no link to Asterisk: not yet. Callers get the second tier", "recorders: unknown"], "0 calls"),
        (
            {"ami": {"state": "down", "reason": "refused [x]", "asterisk": None}},
            ["no link to Asterisk: refused [x]. Callers get the second tier", "recorders: unknown"],
            "0 calls",
        ),
        (
            {
                "ami": {"state": "up", "reason": None, "asterisk": "22.10.1"},
                "calls": {"live": 0, "by_service": {}, "by_language": {}},
                "recorders": {"running": 0},
            },
            ["Asterisk 22.10.1", "0 calls, 0 recorded"],
            "unknown until",
        ),
    ],
)
async def test_what_nobody_knows_without_a_link_is_not_told_as_nothing(
    kept_site: Kept, monkeypatch: pytest.MonkeyPatch, live: dict[str, Payload], said: list[str], unsaid: str
) -> None:
    topics: dict[str, Payload] = {
        "daemon": {"state": "online", "version": "0.1.0", "since": 0},
        "payments": {"opened": 0, "refused": 0, "guarded": 0, "slowest_ms": 0.0},
        "services/housing": {"state": "open", "why": "timetable"},
    }
    lines = {"housing": {"name": {"cy": "Tai", "en": "Housing"}, "queues": ["housing"]}}
    told = {"site": "example", "timezone": "Europe/London", "lines": lines, "topics": {**topics, **live}}
    monkeypatch.setattr("ccdaemon.cli.status.tell", lambda *_: told)
    done = await run(kept_site.config, "status")
    assert done.exit_code == 0
    assert [each for each in said if each not in done.stdout] == []
    assert unsaid not in done.stdout


async def test_each_topic_has_its_schema_and_tells_what_it_is(kept_site: Kept) -> None:
    done = await run(kept_site.config, "status", "--topics", "--json")
    schemas = json.loads(done.stdout)
    assert schemas.keys() == {topic.pattern for topic in TOPICS}
    for topic in TOPICS:
        schema = schemas[topic.pattern]
        assert schema["description"] == topic.says
        assert schema["properties"].keys() == TypeAdapter(topic.payload).json_schema()["properties"].keys()
    listed = (await run(kept_site.config, "status", "--topics")).stdout
    assert all(topic.pattern in listed for topic in TOPICS)


async def test_alert_rules_are_printed_as_they_are_shipped(kept_site: Kept) -> None:
    assert (await run(kept_site.config, "status", "--alert-rules")).stdout.startswith("# Alert rules for Prometheus")
