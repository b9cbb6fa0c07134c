"""Other programs' files go when they are due, and nothing outside the folder that is named ever does."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import pytest

from ccdaemon import foreign
from ccdaemon.kept import Doomed, Files, Keep, Left
from tests.builders import LONDON

BEFORE = datetime(2026, 7, 1, tzinfo=LONDON).timestamp()
OLD, NEW = BEFORE - 1, BEFORE + 1
NOW = BEFORE + 365 * 86_400


def rule(folder: Path, pattern: str = "*", age: str = "changed", date: str = "%Y-%m-%d") -> Files:
    return Files(str(folder), pattern, age, Keep(months=12), date)  # type: ignore[arg-type]  # one of three texts


def a_file(path: Path, content: str = "x", changed: float = OLD) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    os.utime(path, (changed, changed))
    return path


def expired(files: Files) -> tuple[list[str], list[str]]:
    """What went, which is what a dry run had said, and what stays though it is due."""
    would = list(foreign.due(files, BEFORE, NOW, LONDON))
    done = list(foreign.expire(files, BEFORE, NOW, LONDON))
    assert would == done
    return [each.path for each in done if isinstance(each, Doomed)], [
        each.why for each in done if isinstance(each, Left)
    ]


def test_a_file_that_nobody_has_changed_for_its_time_goes(tmp_path: Path) -> None:
    a_file(tmp_path / "box/1001/INBOX/msg0001.wav")
    a_file(tmp_path / "box/1001/INBOX/msg0002.wav", changed=NEW)
    a_file(tmp_path / "box/1001/greeting.wav")
    assert expired(rule(tmp_path / "box", "*/msg*")) == (["1001/INBOX/msg0001.wav"], [])
    assert sorted(path.name for path in tmp_path.rglob("*.wav")) == ["greeting.wav", "msg0002.wav"]


def test_where_there_is_no_such_folder_nothing_is_due(tmp_path: Path) -> None:
    assert expired(rule(tmp_path / "nowhere")) == ([], [])


@pytest.mark.parametrize(
    ("name", "date", "goes"),
    [
        ("sms-2026-06-30.log", "%Y-%m-%d", True),
        ("sms-2026-07-01.log", "%Y-%m-%d", False),
        ("20260630-235959.wav", "%Y%m%d-%H%M%S", True),
        ("20260701-000000.wav", "%Y%m%d-%H%M%S", False),
        ("q30Jun2026", "%d%b%Y", True),
        ("99999999-2026-06-30", "%Y-%m-%d", True),
    ],
)
def test_a_date_in_a_name_is_its_age_whenever_it_was_changed(
    tmp_path: Path, name: str, date: str, *, goes: bool
) -> None:
    a_file(tmp_path / "in" / name, changed=NEW)
    assert expired(rule(tmp_path / "in", age="name", date=date)) == ([name] if goes else [], [])


@pytest.mark.parametrize("name", ["sms.log", "sms-2026-13-01.log", "sms-26-06-30.log"])
def test_a_file_whose_name_has_no_date_stays_and_it_is_said(tmp_path: Path, name: str) -> None:
    a_file(tmp_path / "in" / name)
    gone, left = expired(rule(tmp_path / "in", age="name"))
    assert (gone, left) == ([], ["there is no date in its name that is written as %Y-%m-%d"])


JUNE, JULY = '"","1001","2026-06-30 23:59:59","ANSWERED"\n', '"","1002","2026-07-01 00:00:00","ANSWERED"\n'


@pytest.mark.parametrize(
    ("content", "changed", "stays", "left"),
    [
        (JUNE * 3, OLD, None, []),
        (JUNE * 3 + JULY * 2, OLD, JULY * 2, []),
        (JUNE + "which goes on\n" + JULY + "so does this\n", OLD, JULY + "so does this\n", []),
        ("a heading\n" + JUNE + JULY, OLD, JULY, []),
        (JULY * 2, OLD, JULY * 2, []),
        (JULY + JUNE, OLD, JULY + JUNE, []),
        ("", OLD, "", []),
        ("nothing is dated\n", OLD, "nothing is dated\n", ["no line of it has a date that is written as %Y-%m-%d"]),
        (JUNE + JULY, NOW - 60, JUNE + JULY, ["it holds lines that are due, and is written still: rotate it"]),
    ],
)
def test_of_a_file_of_dated_lines_the_old_ones_go(
    tmp_path: Path, content: str, changed: float, stays: str | None, left: list[str]
) -> None:
    file = a_file(tmp_path / "in" / "Master.csv", content, changed)
    mode = file.stat().st_mode
    gone, said = expired(rule(tmp_path / "in", age="lines"))
    assert said == left
    assert gone == ([] if stays == content else ["Master.csv"])
    assert (file.read_text() if file.exists() else None) == stays
    if stays is not None:
        assert (file.stat().st_mode, file.stat().st_mtime) == (mode, changed)
    assert [path.name for path in (tmp_path / "in").iterdir()] == ([] if stays is None else ["Master.csv"])


def test_no_link_is_followed_and_nothing_outside_the_folder_goes(tmp_path: Path) -> None:
    outside = a_file(tmp_path / "outside" / "secret")
    folder = tmp_path / "in"
    a_file(folder / "mine")
    (folder / "link").symlink_to(outside)
    (folder / "links").symlink_to(outside.parent)
    (folder / "up").symlink_to("..")
    os.utime(folder / "link", (OLD, OLD), follow_symlinks=False)
    assert expired(rule(folder, "*")) == (["mine"], [])
    assert outside.exists()
    assert sorted(path.name for path in folder.iterdir()) == ["link", "links", "up"]


def test_a_folder_that_is_a_link_itself_is_not_entered(tmp_path: Path) -> None:
    outside = a_file(tmp_path / "outside" / "secret")
    (tmp_path / "in").symlink_to(outside.parent)
    said = "the folder is a link, which is not followed: name the one that it leads to"
    assert expired(rule(tmp_path / "in")) == ([], [said])
    assert outside.exists()


def test_a_name_that_is_no_text_can_be_told_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    file = os.fsencode(tmp_path / "in") + b"/caf\xe9"
    Path(os.fsdecode(file)).touch()
    os.utime(file, (OLD, OLD))
    assert expired(rule(tmp_path / "in")) == (["caf\\xe9"], [])
    assert not os.path.exists(file)  # noqa: PTH110 - the name is no text


def test_who_writes_a_file_can_go_on_after_its_old_lines_went(tmp_path: Path) -> None:
    file = a_file(tmp_path / "in" / "Master.csv", JUNE + JULY)
    file.chmod(0o666)
    if os.getuid() == 0:
        os.chown(file, 1000, 1001)
    before = file.stat()
    assert expired(rule(tmp_path / "in", age="lines")) == (["Master.csv"], [])
    after = file.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become somebody else")
def test_where_that_is_not_ours_to_keep_nothing_is_changed_and_it_is_said(tmp_path: Path) -> None:
    """As the daemon, which is not Asterisk; and a folder that it may not look into."""
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(folder.stat().st_mode | 0o011)
    (tmp_path / "in").mkdir()
    (tmp_path / "in").chmod(0o777)
    file = a_file(tmp_path / "in" / "Master.csv", JUNE + JULY)
    file.chmod(0o666)
    (tmp_path / "in" / "closed").mkdir(mode=0o700)
    os.seteuid(65534)
    try:
        done = list(foreign.expire(rule(tmp_path / "in", age="lines"), BEFORE, NOW, LONDON))
    finally:
        os.seteuid(0)
    assert [(each.path, each.why) for each in done if isinstance(each, Left)] == [
        ("Master.csv", "Operation not permitted"),
        ("closed", "Permission denied"),
    ]
    assert file.read_text() == JUNE + JULY
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == ["Master.csv", "closed"]


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_what_is_no_file_is_left_alone(tmp_path: Path, kind: str) -> None:
    (tmp_path / "in").mkdir()
    if kind == "pipe":
        os.mkfifo(tmp_path / "in" / "it")
    else:
        os.mknod(tmp_path / "in" / "it", 0o140600)
    os.utime(tmp_path / "in" / "it", (OLD, OLD))
    assert expired(rule(tmp_path / "in", age="lines")) == ([], [])
    assert (tmp_path / "in" / "it").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="who is not root cannot be kept from their own files")
def test_what_cannot_be_deleted_is_said_and_stops_nothing_else(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        a_file(tmp_path / "in" / name)
    os.system(f"chattr +i {tmp_path}/in/b")
    try:
        done = list(foreign.expire(rule(tmp_path / "in"), BEFORE, NOW, LONDON))
    finally:
        os.system(f"chattr -i {tmp_path}/in/b")
    if not (tmp_path / "in" / "b").exists():
        pytest.skip("this file system knows no files that cannot be deleted")
    assert [each.path for each in done if isinstance(each, Left)] == ["b"]
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["b"]
