"""The audit chain: whatever is done to a copy of its rows is found out, against a head that was kept elsewhere."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ccdaemon.chain import Head, Link, Row, Verification, linked
from ccdaemon.cli import app
from ccdaemon.config import load
from ccdaemon.disk import append
from ccdaemon.faults import KeyUnusable
from ccdaemon.flows.checkpoints import retire
from ccdaemon.flows.heads import keep_heads, publish_head
from ccdaemon.kept import Recording
from ccdaemon.notices import CallBegan, DoorOpened, Guarded
from ccdaemon.places import REGISTER
from ccdaemon.signing import Signer, new_key
from ccdaemon.store import Register
from tests.builders import PROMPTS, Noticeboard, a_register, register_of, site_to_run

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


def faults(rows: list[Row], *against: Head, behind: Head | None = None) -> list[str]:
    found = Verification(against, behind)
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


def tampered(rows: list[Row], chance: random.Random, behind: Head | None = None) -> list[Row]:
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
            kept, head = rows[:place], head_of(rows[:place]) if place else behind or Head()
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


@pytest.mark.parametrize(
    ("heads", "said"),
    [
        ([], []),
        ([3], []),
        ([7], []),
        ([1, 5], []),
        ([1, 2], ["rows up to 3 went when their time was over: hold the chain against a head that is younger than 2"]),
    ],
)
def test_a_chain_whose_beginning_went_is_held_against_heads_that_are_younger(heads: list[int], said: list[str]) -> None:
    rows = a_chain(8)
    against = [head_of(rows[:seq]) for seq in heads]
    text = [each.replace("than 2", f"than {against[-1]}") for each in said]
    assert faults(rows[3:], *against, behind=head_of(rows[:3])) == text


def test_a_beginning_that_a_checkpoint_does_not_name_is_missed() -> None:
    rows = a_chain(8)
    assert faults(rows[4:], behind=head_of(rows[:3])) == ["row 4 is missing"]
    assert faults(rows[3:], behind=Head(3, "0" * 64)) == ["row 4 is not what was written there"]
    forged = Head(3, "0" * 64)
    assert faults(rows[3:], forged, behind=head_of(rows[:3])) == [f"row 3 is another than that of the head {forged}"]


def test_tamperings_behind_a_checkpoint_are_found_too() -> None:
    chance, rows = random.Random(SEED), a_chain(40)
    kept, behind = rows[15:], head_of(rows[:15])
    unseen = [n for n in range(200) if not faults(tampered(kept, chance, behind), head_of(rows), behind=behind)]
    assert unseen == []


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
        assert (await register.verify([await register.head()])).faults == []
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


class Ended(Exception):
    """Whoever did it is gone."""


OLD, NEW = AT, AT + 100
SAID = Link(NEW, "backup", {"who": "tom"})


async def retired(register: Register, key: Path) -> int:
    return await retire(register, Signer(key), NEW - 1, NEW + 5)


async def test_rows_go_behind_a_signed_checkpoint_and_what_stays_is_whole(tmp_path: Path) -> None:
    (tmp_path / "audit.key").write_bytes(new_key())
    async with a_register(tmp_path / "register.sqlite3") as register:
        await register.write([DOOR, GUARD])
        old = await register.head()
        await register.audit(SAID)
        assert await retired(register, tmp_path / "audit.key") == 2
        assert [row.kind for row in await register.audited_between(0, 1e12)] == ["backup", "checkpoint"]
        said = await register.checkpoint()
        assert said is not None
        assert (said["seq"], said["hash"], said["rows"]) == (2, old.hash, 2)
        assert Signer(tmp_path / "audit.key").holds(said)
        found = await register.verify([old, await register.head()])
        assert (found.faults, found.behind, found.head.seq) == ([], old, 4)
        assert await retired(register, tmp_path / "audit.key") == 0  # nothing more, and no second checkpoint
        assert (await register.head()).seq == 4


async def test_whoever_was_killed_behind_the_checkpoint_has_the_next_run_take_its_rows(tmp_path: Path) -> None:
    (tmp_path / "audit.key").write_bytes(new_key())
    async with a_register(tmp_path / "register.sqlite3") as register:
        await register.write([DOOR, GUARD])
        await register.audit(SAID)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(register, "drop_outdated", _killed)
            with pytest.raises(Ended):
                await retired(register, tmp_path / "audit.key")
        assert (await register.verify()).faults == []
        assert await retired(register, tmp_path / "audit.key") == 2
        assert (await register.verify()).faults == []


async def _killed(_limit: int) -> int:
    raise Ended


async def test_a_row_that_is_older_than_its_time_stays_behind_one_that_is_not(tmp_path: Path) -> None:
    """A clock that was set back: rows go from the beginning, without a gap."""
    (tmp_path / "audit.key").write_bytes(new_key())
    async with a_register(tmp_path / "register.sqlite3") as register:
        for at in (OLD, NEW, OLD, NEW):
            await register.audit(Link(at, "backup", {}))
        assert await retired(register, tmp_path / "audit.key") == 1
        assert (await register.verify()).faults == []


async def test_without_a_key_to_sign_with_nothing_goes(tmp_path: Path) -> None:
    async with a_register(tmp_path / "register.sqlite3") as register:
        await register.write([DOOR])
        await register.audit(SAID)
        with pytest.raises(KeyUnusable, match="audit key --new"):
            await retired(register, tmp_path / "audit.key")
        assert len(await register.audited_between(0, 1e12)) == 2


async def test_heads_go_to_a_file_each_hour_if_there_is_a_new_one(tmp_path: Path) -> None:
    """The file is the second party's: it may be away for a while."""
    alarms, hours = Noticeboard(), 0
    file = tmp_path / "away/heads"
    async with a_register(tmp_path / "register.sqlite3") as register:

        async def hour(_seconds: float) -> None:
            nonlocal hours
            hours += 1
            match hours:
                case 1:
                    assert "No such file or directory" in alarms.standing["audit-heads"]
                    file.parent.mkdir()
                    await register.write([DOOR])
                case 2:
                    assert alarms.standing == {}
                case 3:
                    await register.write([GUARD])
                case 4:
                    raise Ended

        with pytest.raises(Ended):
            await keep_heads(register, lambda: file, append, alarms, lambda: datetime.fromtimestamp(AT, UTC), hour)
        last = await register.head()
    lines = file.read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["2026-07-06T09:00:00+00:00"] * 2
    assert [line.split()[1].partition(":")[0] for line in lines] == ["1", "2"]
    assert lines[-1].endswith(str(last))


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


def test_audit_verify_holds_the_chain_against_all_heads_of_a_file(site: tuple[Path, Path], tmp_path: Path) -> None:
    config, _ = site
    verify = ["audit", "verify", "--config", str(config), "--against", str(tmp_path / "heads")]
    head = CliRunner().invoke(app, ["audit", "head", "--config", str(config)]).stdout.strip()
    (tmp_path / "heads").write_text(f"2026-07-06T09:00:00+00:00 {head}\n{head}\n")
    assert CliRunner().invoke(app, verify).exit_code == 0
    forged = Head(1, "0" * 64)
    (tmp_path / "heads").write_text(f"{head}\n{forged}\n")
    done = CliRunner().invoke(app, verify)
    assert (done.exit_code, done.stderr) == (1, f"row 1 is another than that of the head {forged}\n")
    (tmp_path / "heads").write_text(f"{head}\nnothing\n")
    done = CliRunner().invoke(app, verify)
    assert done.exit_code == 2
    assert "line 2 does not end with a head" in " ".join(done.stderr.replace("│", " ").split())


@pytest.mark.parametrize("forged", [False, True])
def test_audit_verify_says_where_the_chain_begins_and_who_did_not_sign_that(
    site: tuple[Path, Path], *, forged: bool
) -> None:
    config, _ = site

    async def go() -> None:
        async with register_of(config) as register:
            await register.audit(SAID)
            key = config / "other.key" if forged else config / "audit.key"
            if forged:
                key.write_bytes(new_key())
            await retired(register, key)

    asyncio.run(go())
    done = CliRunner().invoke(app, ["audit", "verify", "--config", str(config)])
    assert done.exit_code == forged
    assert ("It begins behind row 2" in done.stdout) != forged
    assert done.stderr == ("the checkpoint at row 2 was not signed with this site's key\n" if forged else "")
