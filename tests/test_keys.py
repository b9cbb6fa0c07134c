"""What hangs on the key of a period can be read until that is destroyed, and by nobody else."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ccdaemon import escrow, places
from ccdaemon.cli import app
from ccdaemon.config import load
from ccdaemon.faults import KeyUnusable
from ccdaemon.keys import SIZE, KeyGone, Keys, KeyWrong, new_site_key, site_key
from ccdaemon.tables.main import MainTable
from tests.builders import PROMPTS, serving, site_to_run

SITE = bytes(range(SIZE))
PERIOD, NEXT = "recording-2027-11", "recording-2027-12"
ITEM, KEY = "2026/11/25/a.flac", b"k" * SIZE
NUMBER = "+441597827460"
PASSPHRASE = "correct horse of Powys"


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path, SITE)


def test_what_was_wrapped_is_unwrapped_by_whoever_has_folder_and_site_key(keys: Keys, tmp_path: Path) -> None:
    wrapped = keys.wrap(KEY, PERIOD, ITEM)
    assert keys.unwrap(wrapped, PERIOD, ITEM) == KEY
    assert Keys(tmp_path, SITE).unwrap(wrapped, PERIOD, ITEM) == KEY
    assert KEY not in wrapped
    assert keys.names() == [PERIOD]


def test_a_key_lies_in_a_file_of_its_own_that_nobody_else_reads(keys: Keys, tmp_path: Path) -> None:
    keys.wrap(KEY, PERIOD, ITEM)
    (file,) = tmp_path.iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == (f"{PERIOD}.key", 0o400)


def test_what_a_destroyed_key_wrapped_is_gone_for_ever(keys: Keys, tmp_path: Path) -> None:
    wrapped, hidden = keys.wrap(KEY, PERIOD, ITEM), keys.hide(NUMBER, PERIOD)
    other = keys.wrap(KEY, NEXT, ITEM)
    keys.destroy(PERIOD)
    for again in (keys, Keys(tmp_path, SITE)):
        with pytest.raises(KeyGone, match=f"no key of the period {PERIOD}"):
            again.unwrap(wrapped, PERIOD, ITEM)
        with pytest.raises(KeyGone):
            again.show(hidden, PERIOD)
        assert again.unwrap(other, NEXT, ITEM) == KEY
    keys.wrap(KEY, PERIOD, ITEM)  # a new key of that name is another key
    with pytest.raises(KeyWrong):
        keys.unwrap(wrapped, PERIOD, ITEM)


def test_what_was_in_the_file_of_a_destroyed_key_is_overwritten(keys: Keys, tmp_path: Path) -> None:
    keys.wrap(KEY, PERIOD, ITEM)
    file = tmp_path / f"{PERIOD}.key"
    os.link(file, tmp_path / "kept")
    keys.destroy(PERIOD)
    keys.destroy(PERIOD)  # one who was killed begins again
    assert set((tmp_path / "kept").read_bytes()) == {0}
    assert keys.names() == []


@pytest.mark.parametrize(
    "look",
    [
        lambda keys, wrapped: keys.unwrap(wrapped, PERIOD, "another"),
        lambda keys, wrapped: keys.unwrap(wrapped[:-1] + bytes([wrapped[-1] ^ 1]), PERIOD, ITEM),
        lambda keys, wrapped: keys.unwrap(wrapped[:5], PERIOD, ITEM),
        lambda keys, wrapped: keys.show(wrapped, PERIOD),
    ],
)
def test_the_key_of_another_item_or_one_that_was_altered_is_refused(
    keys: Keys, look: Callable[[Keys, bytes], object]
) -> None:
    wrapped = keys.wrap(KEY, PERIOD, ITEM)
    with pytest.raises(KeyWrong):
        look(keys, wrapped)


def test_with_another_site_key_nothing_is_unwrapped(keys: Keys, tmp_path: Path) -> None:
    wrapped = keys.wrap(KEY, PERIOD, ITEM)
    with pytest.raises(KeyWrong, match="was not wrapped by this site key"):
        Keys(tmp_path, bytes(SIZE)).unwrap(wrapped, PERIOD, ITEM)


def test_the_key_of_one_period_is_not_taken_for_that_of_another(keys: Keys, tmp_path: Path) -> None:
    wrapped = keys.wrap(KEY, PERIOD, ITEM)
    (tmp_path / f"{PERIOD}.key").rename(tmp_path / f"{NEXT}.key")
    with pytest.raises(KeyWrong):
        Keys(tmp_path, SITE).unwrap(wrapped, NEXT, ITEM)


def test_a_number_is_hidden_shown_and_found_again_in_its_period_alone(keys: Keys) -> None:
    hidden = keys.hide(NUMBER, PERIOD)
    assert NUMBER.encode() not in hidden
    assert keys.hide(NUMBER, PERIOD) != hidden
    assert keys.show(hidden, PERIOD) == NUMBER
    assert keys.index(NUMBER, PERIOD) == keys.index(NUMBER, PERIOD)
    assert len({keys.index(NUMBER, PERIOD), keys.index(NUMBER, NEXT), keys.index("+441597827461", PERIOD)}) == 3


def test_one_who_was_killed_while_making_a_key_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / f"{PERIOD}.new").write_bytes(b"half")
    (tmp_path / f"{PERIOD}.new").chmod(0o400)
    keys = Keys(tmp_path, SITE)
    assert keys.unwrap(keys.wrap(KEY, PERIOD, ITEM), PERIOD, ITEM) == KEY


def test_the_sites_key_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "site.key"
    file.write_bytes(new_site_key())
    assert len(site_key(file)) == SIZE
    assert site_key(file) != site_key_of(new_site_key(), tmp_path)


def site_key_of(content: bytes, folder: Path) -> bytes:
    file = folder / "other.key"
    file.write_bytes(content)
    return site_key(file)


@pytest.mark.parametrize("content", [b"", b"short", b"!" * 44, b"AAAA"])
def test_a_file_that_holds_no_site_key_is_said_to_hold_none(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(KeyWrong, match="is no site key"):
        site_key_of(content, tmp_path)


def test_a_site_key_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(KeyWrong, match="cannot be read: No such file"):
        site_key(tmp_path / "site.key")


# --- another site key ------------------------------------------------------------------------------------------------

OTHER_SITE = bytes(reversed(range(SIZE)))


def test_once_the_site_key_is_changed_the_new_one_opens_everything_and_the_old_one_nothing(
    keys: Keys, tmp_path: Path
) -> None:
    wrapped, later = keys.wrap(KEY, PERIOD, ITEM), keys.wrap(KEY, NEXT, ITEM)
    assert keys.rotate(OTHER_SITE) == 2
    after = Keys(tmp_path, OTHER_SITE)
    assert (after.unwrap(wrapped, PERIOD, ITEM), after.unwrap(later, NEXT, ITEM)) == (KEY, KEY)
    with pytest.raises(KeyWrong):
        Keys(tmp_path, SITE).unwrap(wrapped, PERIOD, ITEM)


def test_who_was_killed_while_the_site_key_was_changed_begins_again(keys: Keys, tmp_path: Path) -> None:
    wrapped, later = keys.wrap(KEY, PERIOD, ITEM), keys.wrap(KEY, NEXT, ITEM)
    before = (tmp_path / f"{NEXT}.key").read_bytes()
    keys.rotate(OTHER_SITE)
    (tmp_path / f"{NEXT}.key").chmod(0o600)
    (tmp_path / f"{NEXT}.key").write_bytes(before)  # it had not come to this one
    Keys(tmp_path, SITE).rotate(OTHER_SITE)
    after = Keys(tmp_path, OTHER_SITE)
    assert (after.unwrap(wrapped, PERIOD, ITEM), after.unwrap(later, NEXT, ITEM)) == (KEY, KEY)


# --- the safe --------------------------------------------------------------------------------------------------------


def test_what_lies_in_the_safe_is_opened_by_its_passphrase_alone() -> None:
    content = escrow.sealed({"site": SITE, PERIOD: KEY}, PASSPHRASE)
    assert KEY not in content
    assert escrow.opened(content, PASSPHRASE) == {"site": SITE, PERIOD: KEY}
    with pytest.raises(KeyUnusable, match="not its passphrase"):
        escrow.opened(content, "another passphrase")
    with pytest.raises(KeyUnusable, match="altered"):
        escrow.opened(content[:-1] + bytes([content[-1] ^ 1]), PASSPHRASE)
    with pytest.raises(KeyUnusable, match="no escrow"):
        escrow.opened(b"something else", PASSPHRASE)


@pytest.fixture
def site(tmp_path: Path) -> tuple[Path, MainTable]:
    """A site with keys of two periods, and the passphrase in a file."""
    config = site_to_run(tmp_path)
    main = load(config, PROMPTS).main
    main.keys.folder.mkdir(parents=True)
    keys = places.keys(load(config, PROMPTS))
    for period in (PERIOD, NEXT):
        keys.wrap(KEY, period, ITEM)
    (tmp_path / "passphrase").write_text(PASSPHRASE)
    return config, main


def run(config: Path, *words: object) -> Result:
    return CliRunner().invoke(app, ["keys", *map(str, words), "--config", str(config)])


def test_keys_from_the_safe_take_the_place_of_those_that_were_lost(
    site: tuple[Path, MainTable], tmp_path: Path
) -> None:
    config, main = site
    wrapped = places.keys(load(config, PROMPTS)).wrap(KEY, PERIOD, ITEM)
    words = ("--passphrase-file", tmp_path / "passphrase")
    done = run(config, "escrow", "--out", tmp_path / "safe", *words)
    assert (done.exit_code, done.stderr) == (0, "")
    assert (tmp_path / "safe").stat().st_mode & 0o777 == 0o400
    main.keys.site.unlink()
    (main.keys.folder / f"{PERIOD}.key").unlink()
    done = run(config, "restore", tmp_path / "safe", *words)
    assert (done.exit_code, done.stdout) == (0, "3 keys are there.\n")
    assert places.keys(load(config, PROMPTS)).unwrap(wrapped, PERIOD, ITEM) == KEY
    assert run(config, "list").stdout.split() == [PERIOD, NEXT]


@pytest.mark.parametrize(
    ("prepare", "words", "text"),
    [
        (lambda _, folder: (folder / "safe").touch(), ["escrow", "--out", "safe"], "safe: File exists"),
        (
            lambda _, folder: (folder / "passphrase").write_text("short"),
            ["escrow", "--out", "safe"],
            "12 signs or more",
        ),
        (lambda main, _: main.keys.site.unlink(), ["escrow", "--out", "safe"], "the site key"),
        (lambda _, __: None, ["restore", "nowhere"], "nowhere: No such file"),
        (lambda _, folder: (folder / "safe").write_text("x"), ["restore", "safe"], "this is no escrow of keys"),
    ],
)
def test_what_cannot_be_done_with_keys_is_said(
    site: tuple[Path, MainTable],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    prepare: Callable[[MainTable, Path], object],
    words: list[str],
    text: str,
) -> None:
    config, main = site
    monkeypatch.chdir(tmp_path)
    prepare(main, tmp_path)
    done = run(config, *words, "--passphrase-file", "passphrase")
    assert done.exit_code == 1
    assert text in done.stderr


def test_a_first_site_key_is_made_where_there_is_none(site: tuple[Path, MainTable]) -> None:
    config, main = site
    main.keys.site.unlink()
    assert run(config, "new").exit_code == 1  # there are keys that it does not wrap
    for file in main.keys.folder.iterdir():
        file.unlink()
    assert run(config, "new").exit_code == 0
    before = main.keys.site.read_bytes()
    places.keys(load(config, PROMPTS)).wrap(KEY, PERIOD, ITEM)
    done = run(config, "new")
    assert (done.exit_code, "nothing was changed" in done.stderr) == (1, True)
    assert main.keys.site.read_bytes() == before


def test_a_new_site_key_is_taken_while_no_daemon_runs_and_one_who_was_interrupted_goes_on(
    site: tuple[Path, MainTable],
) -> None:
    config, main = site
    before = main.keys.site.read_bytes()
    places.following(main.keys.site).write_bytes(new_site_key())  # of one who was interrupted
    with pytest.raises(KeyWrong, match="`ccdaemon keys rotate` goes on with that"):
        places.keys(load(config, PROMPTS))
    done = run(config, "rotate")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("2 keys are wrapped by a new site key.")
    assert main.keys.site.read_bytes() != before
    assert set(places.keys(load(config, PROMPTS)).everything()) == {PERIOD, NEXT}
    assert not places.following(main.keys.site).exists()


async def test_while_the_daemon_runs_the_site_key_stays(tmp_path: Path) -> None:
    config = site_to_run(tmp_path)
    async with serving(config):
        done = await asyncio.to_thread(run, config, "rotate")
    assert done.exit_code == 1
    assert "the daemon runs: stop it first" in done.stderr
