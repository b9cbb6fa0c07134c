"""What hangs on the key of a period can be read until that is destroyed, and by nobody else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ccdaemon.keys import SIZE, KeyGone, Keys, KeyWrong, new_site_key, site_key

SITE = bytes(range(SIZE))
PERIOD, NEXT = "recording-2027-11", "recording-2027-12"
ITEM, KEY = "2026/11/25/a.flac", b"k" * SIZE
NUMBER = "+441597827460"


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
