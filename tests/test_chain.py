"""The audit chain: whatever is done to a copy of its rows is found out, against a head that was kept elsewhere."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ccdaemon.chain import Head, Link, Row, Verification, linked
from ccdaemon.cli import app
from ccdaemon.config import load
from ccdaemon.edges import REGISTER
from ccdaemon.flows.topics import publish_head
from ccdaemon.kept import Recording
from ccdaemon.notices import CallBegan, DoorOpened, Guarded
from tests.builders import PROMPTS, a_register, register_of, site_to_run

CALL = "1783328400.1"
AT = 1783328400.125
TAMPERINGS = 1000
SEED = 20261125


def a_chain(length: int) -> list[Row]:
    rows: list[Row] = []
    head = Head()
    for number in range(length):
        detail = {"leg": f"9.{number}", "took": number / 1000, "text": "Tŷ \u2028 \ud800" if number == 3 else "x"}
        rows.append(linked(head, Link(AT + number, "door" if number % 3 else "guard", detail)))
        head = Head(rows[-1].seq, rows[-1].hash)
    return rows


def faults(rows: list[Row], against: Head | None = None) -> list[str]:
    found = Verification(against)
    for row in sorted(rows, key=lambda row: row.seq):
        found.take(row)
    return found.end()


def head_of(rows: list[Row]) -> Head:
    return Head(rows[-1].seq, rows[-1].hash)


def test_a_chain_that_nobody_touched_is_whole() -> None:
    rows = a_chain(50)
    assert faults(rows) == []
    assert faults(rows, head_of(rows)) == []
    assert faults(rows, head_of(rows[:20])) == []
    assert faults([]) == []


def changed(row: Row, chance: random.Random) -> Row:
    """One sign of one field is another."""
    values = [row.seq, row.at, row.kind, row.detail, row.hash]
    which = chance.randrange(1, 5)
    text = str(values[which])
    place = chance.randrange(len(text))
    sign = chance.choice([each for each in "0123456789" if each != text[place]])
    text = text[:place] + sign + text[place + 1 :]
    values[which] = int(text) if which == 1 else text
    return Row(*values)  # type: ignore[arg-type]  # fields in their order


def tampered(rows: list[Row], chance: random.Random) -> list[Row]:
    """A byte changed, a row taken out, two rows swapped, the tail cut off, or all of it made anew from a row on."""
    rows = [*rows]
    place = chance.randrange(len(rows))
    match chance.randrange(5):
        case 0:
            rows[place] = changed(rows[place], chance)
        case 1:
            del rows[place]
        case 2:
            other = chance.choice([number for number in range(len(rows)) if number != place])
            one, two = rows[place], rows[other]
            rows[place] = Row(one.seq, two.at, two.kind, two.detail, two.hash)
            rows[other] = Row(two.seq, one.at, one.kind, one.detail, one.hash)
        case 3:
            del rows[place:]
        case _:
            kept, head = rows[:place], head_of(rows[:place]) if place else Head()
            for row in rows[place:]:
                kept.append(linked(head, Link(row.at / 1000, row.kind, {"forged": row.seq})))
                head = head_of(kept)
            rows = kept
    return rows


def test_a_thousand_tamperings_are_all_found_against_a_head_that_was_kept_elsewhere() -> None:
    chance, rows = random.Random(SEED), a_chain(40)
    unseen = [number for number in range(TAMPERINGS) if not faults(tampered(rows, chance), head_of(rows))]
    assert unseen == []


@pytest.mark.parametrize(
    ("done", "said"),
    [
        (lambda rows: [rows[0], *rows[2:]], ["row 2 is missing"]),
        (lambda rows: [rows[0], *rows[4:]], ["rows 2 to 4 are missing"]),
        (lambda rows: rows[1:], ["row 1 is missing"]),
        (lambda rows: rows[:-1], [f"the chain is cut off behind row 7: its head was {head_of(a_chain(8))}"]),
    ],
)
def test_what_is_wrong_is_said_with_its_place(done: object, said: list[str]) -> None:
    rows = a_chain(8)
    assert callable(done)
    assert faults(done(rows), head_of(rows)) == said


@pytest.mark.parametrize("written", ["", "7", "7:abc", f"x:{'0' * 64}", f"7:{'0' * 63}g"])
def test_what_is_no_head_is_not_taken_for_one(written: str) -> None:
    assert Head.read(written) is None
    assert Head.read(str(Head(7, "ab" * 32))) == Head(7, "ab" * 32)


# --- in the register -------------------------------------------------------------------------------------------------

DOOR = DoorOpened(CALL, AT, CALL, "queue", 0.003, ({"leg": CALL, "recorders": 1},), ())
GUARD = Guarded(CALL, AT + 1, CALL, "BridgeEnter", 0.002, ("PJSIP/1001-1",))


async def test_door_guard_and_finished_recordings_are_audited_and_nothing_else(tmp_path: Path) -> None:
    async with a_register(tmp_path / "register.sqlite3") as register:
        await register.write([CallBegan(CALL, AT), DOOR, GUARD])
        await register.finish_recording(
            Recording("1.2", CALL, "housing", AT, AT + 9, "the leg ended", "a.wav", 9, 8, "f")
        )
        assert (await register.verify(await register.head())).faults == []
    with closing(sqlite3.connect(tmp_path / "register.sqlite3")) as database:
        rows = database.execute("SELECT seq, kind, detail FROM audit").fetchall()
    assert [(seq, kind) for seq, kind, _ in rows] == [(1, "door"), (2, "guard"), (3, "recording")]
    assert json.loads(rows[0][2])["channels"] == [{"leg": CALL, "recorders": 1}]


async def test_the_chain_goes_on_where_it_was_after_a_restart(tmp_path: Path) -> None:
    for _ in range(3):
        async with a_register(tmp_path / "register.sqlite3") as register:
            await register.write([DOOR])
            assert (await register.verify()).faults == []
    assert Head.read(str(await_head := Head(3, "0" * 64))) == await_head
    with closing(sqlite3.connect(tmp_path / "register.sqlite3")) as database:
        assert database.execute("SELECT max(seq) FROM audit").fetchone() == (3,)


async def test_each_new_head_is_given_away(tmp_path: Path) -> None:
    told: list[tuple[str, object]] = []
    async with a_register(tmp_path / "register.sqlite3") as register:
        task = asyncio.create_task(publish_head(register, lambda topic, payload: told.append((topic, payload))))
        async with asyncio.timeout(10):
            for length in (1, 2):
                while len(told) < length:
                    await asyncio.sleep(0)
                await register.write([DOOR])
            while len(told) < 3:
                await asyncio.sleep(0)
        head = await register.head()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert told[0] == ("audit", {"seq": 0, "hash": "0" * 64})
    assert told[-1] == ("audit", {"seq": head.seq, "hash": head.hash})


@pytest.mark.parametrize("sql", ["UPDATE audit SET at = 0", "DELETE FROM audit"])
async def test_the_register_lets_nobody_change_the_chain_by_mistake(tmp_path: Path, sql: str) -> None:
    async with a_register(tmp_path / "register.sqlite3") as register:
        await register.write([DOOR])
    with closing(sqlite3.connect(tmp_path / "register.sqlite3")) as database, pytest.raises(sqlite3.IntegrityError):
        database.execute(sql)


@pytest.fixture
def site(tmp_path: Path) -> tuple[Path, Path]:
    """A site whose daemon is away, and the file of its register, in which the chain has two rows."""
    config = site_to_run(tmp_path)
    state = load(config, PROMPTS).main.paths.state
    state.mkdir(parents=True)

    async def enter() -> None:
        async with register_of(config) as register:
            await register.write([DOOR, GUARD])

    asyncio.run(enter())
    return config, state / REGISTER


def test_audit_verify_says_that_a_chain_is_whole_and_what_its_head_is(site: tuple[Path, Path]) -> None:
    config, _ = site
    head = CliRunner().invoke(app, ["audit", "head", "--config", str(config)]).stdout.strip()
    done = CliRunner().invoke(app, ["audit", "verify", "--config", str(config), "--against", head])
    assert (done.exit_code, done.stdout.split()) == (0, f"The chain is whole. Its head is {head}".split())


def test_audit_verify_says_which_row_was_changed(site: tuple[Path, Path]) -> None:
    config, file = site
    with closing(sqlite3.connect(file)) as database:
        database.executescript("DROP TRIGGER audit_stays; UPDATE audit SET detail = replace(detail, '0.003', '0.001');")
    done = CliRunner().invoke(app, ["audit", "verify", "--config", str(config), "--json"])
    assert done.exit_code == 1
    assert json.loads(done.stdout)["faults"] == ["row 1 is not what was written there"]


def test_audit_verify_takes_only_a_head_for_one(site: tuple[Path, Path]) -> None:
    done = CliRunner().invoke(app, ["audit", "verify", "--config", str(site[0]), "--against", "yesterday"])
    assert done.exit_code == 2
    assert "is no head of a chain" in done.stderr
