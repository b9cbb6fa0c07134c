"""Lines that other programs wrote: what is well written is taken, the rest is set aside, and nothing is doubled."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ccdaemon.cli import app
from ccdaemon.drop import REST, Drop, Dropped
from ccdaemon.flows.importing import Importing
from ccdaemon.kept import IMPORTED, Imported, Item
from ccdaemon.rules.lines import LONGEST, Rejected, read
from ccdaemon.store import Register
from tests.builders import Noticeboard, a_register, example_site, serving, site_to_run

SAID = {"by": "caller", "text": "Mae'r to yn gollwng"}
GOOD: dict[Imported, dict[str, Any]] = {
    "sms": {"id": "s1", "at": "2026-11-25T10:00:00Z", "party": "07700 900123", "direction": "in", "text": "Helo"},
    "webchat": {"id": "w1", "at": "2026-11-25T10:00:00+01:00", "service": "housing", "messages": [SAID]},
    "social": {"id": "p1", "at": "2026-11-25T10:00:00Z", "network": "mastodon", "messages": [SAID], "party": "@Siân"},
    "transcript": {"id": "t1", "at": "2026-11-25T10:00:00Z", "call": "1.1", "messages": [SAID], "language": "cy"},
}


def text_of(item: Item | None) -> str:
    assert item is not None
    return str(json.loads(item.body)["text"])


def line(kind: Imported, **changes: object) -> bytes:
    said = {**GOOD[kind], **changes}
    return json.dumps({key: value for key, value in said.items() if value != "gone"}, ensure_ascii=False).encode()


# --- lines -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", IMPORTED)
def test_a_line_of_each_class_is_read(kind: Imported) -> None:
    item = read(kind, line(kind), "GB")
    assert (item.kind, item.source) == (kind, GOOD[kind]["id"])
    assert json.loads(item.body)["id"] == item.source


@pytest.mark.parametrize(
    ("written", "party"),
    [
        ("07700 900123", "+447700900123"),
        ("+44 7700 900123", "+447700900123"),
        ("0044 7700 900123", "+447700900123"),
        ("Sian@Example.COM", "sian@example.com"),
        ("@Siân", "@siân"),
        (None, None),
    ],
)
def test_the_other_side_is_known_by_number_or_address_however_that_is_written(
    written: str | None, party: str | None
) -> None:
    assert read("sms", line("sms", party=written), "GB").party == party


@pytest.mark.parametrize(
    ("kind", "content", "why"),
    [
        ("sms", b"not JSON", "it is not JSON"),
        ("sms", b"\xff\xfe", "it is not JSON"),
        ("sms", b"[" * 50_000, "it is not JSON"),
        ("sms", b"[" + b"[]," * 50_000 + b"0]", "it has more than 50,000 commas and brackets"),
        ("sms", b"[]", "valid dictionary"),
        ("sms", b"{}", "id: Field required"),
        ("sms", line("sms", id=""), "id: String should have at least 1 character"),
        ("sms", line("sms", id=7), "id: Input should be a valid string"),
        ("sms", line("sms", at="yesterday"), "at: "),
        ("sms", line("sms", at="2026-11-25T10:00:00"), "at: Input should have timezone info"),
        ("sms", line("sms", at="1970-01-01T00:00:00Z"), "at: is not between 2000 and 2100"),
        ("sms", line("sms", direction="sideways"), "direction: Input should be 'in' or 'out'"),
        ("sms", line("sms", mood="cross"), "mood: Extra inputs are not permitted"),
        ("sms", b'{"id": "' + b"x" * LONGEST + b'"}', "it is longer than 1,048,576 bytes"),
        ("webchat", line("webchat", messages=[]), "messages: Tuple should have at least 1 item"),
        ("webchat", line("webchat", messages=[{"text": "x"}]), "messages.0.by: Field required"),
        ("transcript", line("transcript", call="gone"), "names the call, or the chat, that it is of"),
        ("transcript", line("transcript", chat="c1"), "names the call, or the chat, that it is of"),
    ],
)
def test_what_is_not_well_written_is_refused_with_the_place_and_nothing_of_its_content(
    kind: Imported, content: bytes, why: str
) -> None:
    with pytest.raises(Rejected) as refusal:
        read(kind, content, "GB")
    assert why in str(refusal.value)
    assert "gollwng" not in str(refusal.value)
    assert "cross" not in str(refusal.value)


def test_the_lines_in_the_readme_are_read() -> None:
    text = (Path(__file__).parents[1] / "README.md").read_text()
    block = text.split("```json\n", 1)[1].split("```", 1)[0].splitlines()
    kinds: tuple[Imported, ...] = ("sms", "webchat", "social", "transcript")
    assert [read(kind, each.encode(), "GB").kind for kind, each in zip(kinds, block, strict=True)] == [*kinds]


# --- the drop folder -------------------------------------------------------------------------------------------------


@pytest.fixture
async def register(tmp_path: Path) -> AsyncIterator[Register]:
    async with a_register(tmp_path / "register.sqlite3") as register:
        yield register


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    for kind in IMPORTED:
        (tmp_path / "drop" / kind).mkdir(parents=True)
    return tmp_path / "drop"


def dropped(drop: Path, name: str, *lines: bytes, age: float = REST + 1) -> Path:
    file = drop / name
    file.write_bytes(b"".join(each + b"\n" for each in lines))
    at = file.stat().st_mtime - age
    os.utime(file, (at, at))
    return file


def importing(register: Register, drop: Path, alarms: Noticeboard | None = None) -> Importing:
    return Importing(register, Drop(drop), example_site, alarms or Noticeboard())


async def test_a_file_is_taken_in_and_away(register: Register, drop: Path) -> None:
    file = dropped(drop, "sms/monday.jsonl", line("sms"), b"", line("sms", id="s2"))
    await importing(register, drop).look()
    assert not file.exists()
    assert text_of(await register.item("sms", "s1")) == "Helo"
    assert await register.item("sms", "s2") is not None


async def test_lines_that_are_not_well_written_are_set_aside_and_the_rest_is_taken(
    register: Register, drop: Path
) -> None:
    dropped(drop, "sms/monday.jsonl", line("sms"), b"nonsense", line("sms", id="s2", text=5), line("sms", id="s3"))
    await importing(register, drop).look()
    (file,) = (drop / "sms/rejected").iterdir()
    assert file.name.endswith("-monday.jsonl")
    aside = [json.loads(each) for each in file.read_text().splitlines()]
    assert [each["why"] for each in aside] == ["it is not JSON", "text: Input should be a valid string"]
    assert aside[0]["line"] == "nonsense"
    assert [await register.item("sms", each) is not None for each in ("s1", "s2", "s3")] == [True, False, True]


@pytest.mark.parametrize(
    ("name", "age", "taken"),
    [("sms/a.jsonl", 60, True), ("sms/a.jsonl", 0, False), ("sms/a.jsonl.part", 60, False), ("sms/a.txt", 60, False)],
)
async def test_a_file_counts_once_it_is_called_so_and_rests(
    register: Register, drop: Path, name: str, age: float, *, taken: bool
) -> None:
    file = dropped(drop, name, line("sms"), age=age)
    await importing(register, drop).look()
    assert file.exists() is not taken


async def test_a_link_is_left_alone(register: Register, drop: Path, tmp_path: Path) -> None:
    elsewhere = dropped(tmp_path, "elsewhere", line("sms"))
    (drop / "sms" / "a.jsonl").symlink_to(elsewhere)
    await importing(register, drop).look()
    assert elsewhere.exists()
    assert await register.item("sms", "s1") is None


async def test_who_is_killed_in_the_middle_begins_again_and_nothing_is_doubled(
    register: Register, drop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ccdaemon.drop.LINES", 2)
    lines = [line("sms", id=f"s{number}") for number in range(5)]
    file = dropped(drop, "sms/a.jsonl", *lines[:3], b"nonsense", *lines[3:])
    calls = 0
    real = Register.add_items

    class Killed(BaseException):
        pass

    async def dies(self: Register, items: list[Item]) -> int:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise Killed
        return await real(self, items)

    monkeypatch.setattr(Register, "add_items", dies)
    with pytest.raises(Killed):
        await importing(register, drop).look()
    assert file.exists()
    monkeypatch.setattr(Register, "add_items", real)
    await importing(register, drop).look()
    assert not file.exists()
    assert {each for file in (drop / "sms/rejected").iterdir() for each in file.read_text().splitlines()} == {
        '{"why": "it is not JSON", "line": "nonsense"}'
    }
    assert [await register.item("sms", f"s{number}") is not None for number in range(5)] == [True] * 5


async def test_a_file_that_cannot_be_read_is_an_alarm_and_stops_no_other(register: Register, drop: Path) -> None:
    alarms = Noticeboard()
    flow = importing(register, drop, alarms)
    (drop / "sms" / "a.jsonl").mkdir()
    broken = dropped(drop, "sms/b.jsonl", b"nonsense")
    (drop / "sms" / "rejected").write_text("where a folder should be")
    dropped(drop, "webchat/c.jsonl", line("webchat"))
    await flow.look()
    assert "cannot be taken in: " in alarms.standing["import"]
    assert broken.exists()
    assert await register.item("webchat", "w1") is not None
    (drop / "sms" / "rejected").unlink()
    await flow.look()
    assert alarms.standing["import"].startswith("lines of other programs were not taken")
    assert not broken.exists()
    for file in (drop / "sms" / "rejected").iterdir():
        file.unlink()
    await flow.look()
    assert alarms.standing == {}


def test_what_takes_a_files_place_after_it_was_seen_is_not_read(drop: Path, tmp_path: Path) -> None:
    """A link to a secret, or a pipe on which we would wait for ever."""
    secret = tmp_path / "site.key"
    secret.write_text("the site key")
    for name in ("a", "b"):
        dropped(drop, f"sms/{name}.jsonl", line("sms"))
    linked, pipe = Drop(drop).files()
    (drop / "sms/a.jsonl").unlink()
    (drop / "sms/a.jsonl").symlink_to(secret)
    (drop / "sms/b.jsonl").unlink()
    os.mkfifo(drop / "sms/b.jsonl")
    for file in (linked, pipe):
        with pytest.raises(OSError, match=r"(symbolic links|it is no file)"):
            next(file.portions(LONGEST))


async def test_a_file_that_its_owner_takes_away_meanwhile_ends_nothing(register: Register, drop: Path) -> None:
    alarms = Noticeboard()
    file = dropped(drop, "sms/a.jsonl", line("sms"))

    class Slow(Drop):
        def files(self) -> list[Dropped]:
            found = super().files()
            file.unlink(missing_ok=True)
            return found

    flow = Importing(register, Slow(drop), example_site, alarms)
    await flow.look()
    assert "No such file or directory" in alarms.standing["import"]
    assert "a.jsonl" not in alarms.standing["import"]  # names may hold numbers
    await flow.look()
    assert alarms.standing == {}


async def test_rejected_lines_of_an_older_file_of_the_same_name_stay(
    register: Register, drop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in ("20261125-100000", "20261126-100000"):
        monkeypatch.setattr("ccdaemon.drop.time.strftime", lambda _, day=day: day)
        dropped(drop, "sms/daily.jsonl", day.encode())
        await importing(register, drop).look()
    assert len(list((drop / "sms/rejected").iterdir())) == 2


# --- the command -----------------------------------------------------------------------------------------------------


async def run(config: Path, *words: object) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, ["import", *map(str, words), "--config", str(config)])


async def test_the_command_takes_files_in_and_says_what_came_of_each(tmp_path: Path) -> None:
    config = site_to_run(tmp_path)
    file, other = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    file.write_bytes(b"\n".join([line("sms"), b"\xffnonsense", line("sms", id="s2", text="é" * 400_000)]))
    other.write_bytes(line("sms") + b"\n")
    async with serving(config) as (register, _):
        done = await run(config, "--class", "sms", file, other)
        assert done.exit_code == 1
        assert done.stdout.splitlines() == [
            f"{file}: 2 new, 0 known already, 1 not taken",
            f"{other}: 0 new, 1 known already, 0 not taken",
        ]
        assert f"What was not taken is in {file}.rejected" in done.stderr
        (aside,) = [json.loads(each) for each in Path(f"{file}.rejected").read_text().splitlines()]
        assert (aside["why"], aside["line"]) == ("it is not JSON", "?nonsense")
        assert len(text_of(await register.item("sms", "s2"))) == 400_000
        assert (await run(config, "--class", "sms", tmp_path / "nowhere")).exit_code == 1


async def test_a_long_file_is_taken_in_with_little_memory(tmp_path: Path) -> None:
    """Thirty megabytes: what is held of it at a time is a portion."""
    config = site_to_run(tmp_path)
    text = "x" * 30_000
    with (tmp_path / "long.jsonl").open("wb") as file:
        file.writelines(line("sms", id=f"s{number}", text=text) + b"\n" for number in range(1000))
    script = (
        f"import sys; sys.argv[1:] = ['import', '--class', 'sms', '{tmp_path}/long.jsonl', '--config', '{config}']\n"
    )
    script += "import ccdaemon.cli\ntry:\n    ccdaemon.cli.main()\nfinally:\n"
    script += "    print(*[each for each in open('/proc/self/status') if each.startswith('VmHWM')])"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with serving(config):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[1]
        )
        said, _ = await process.communicate()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    counts, held = said.decode().splitlines()[:2]
    assert counts.endswith("1,000 new, 0 known already, 0 not taken")
    assert (int(held.split()[1]), grown) < (150_000, 60_000)  # KiB
