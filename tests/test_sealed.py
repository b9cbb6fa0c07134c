"""What is sealed comes back whole, or not at all."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccdaemon.sealed import CHUNK, MAGIC, TAG, SealBroken, new_key, seal, unseal

NAME = "2026/11/25/20261125-100000_housing_1.1_1.2_1.flac"
KEY = new_key()
BLOCK = CHUNK + TAG
CONTENT = b"".join(bytes([number]) * CHUNK for number in range(3)) + b"end"


def sealed(content: bytes, key: bytes = KEY, name: str = NAME) -> bytes:
    sink = io.BytesIO()
    seal(io.BytesIO(content), sink, key, name)
    return sink.getvalue()


def opened(file: bytes, key: bytes = KEY, name: str = NAME) -> bytes:
    return b"".join(unseal(io.BytesIO(file), key, name))


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 5])
def test_whatever_its_length_the_content_comes_back_and_is_not_to_be_seen_before(size: int) -> None:
    content = b"a voice " * (size // 8) + b"v" * (size % 8)
    file = sealed(content)
    assert opened(file) == content
    assert b"voice" not in file


@given(st.binary(max_size=300), st.text(max_size=20))
def test_any_content_under_any_name_comes_back(content: bytes, name: str) -> None:
    assert opened(sealed(content, name=name), name=name) == content


def chunks(file: bytes) -> list[bytes]:
    body = file[len(MAGIC) :]
    return [body[at : at + BLOCK] for at in range(0, len(body), BLOCK)]


def _parts() -> dict[str, bytes]:
    one, two, three, end = chunks(sealed(CONTENT))
    return {
        "start": MAGIC,
        "one": one,
        "two": two,
        "three": three,
        "end": end,
        "cut": end[:-1],
        "stub": end[:5],
        "longer": end + b"\0",
        "altered": three[:-1] + bytes([three[-1] ^ 1]),
        "of another key": chunks(sealed(CONTENT, new_key()))[1],
        "of another file": chunks(sealed(CONTENT, name="other"))[1],
        "RIFF": b"RIFF" + MAGIC[4:],
    }


@pytest.mark.parametrize(
    "order",
    [
        "start, two, one, three, end",
        "start, one, three, end",
        "start, one, two, three",
        "start, one",
        "start",
        "",
        "start, one, two, three, end, end",
        "start, one, two, three, cut",
        "start, one, two, three, stub",
        "start, one, two, three, longer",
        "start, one, two, altered, end",
        "start, one, of another key, three, end",
        "start, one, of another file, three, end",
        "one, two, three, end",
        "RIFF, one, two, three, end",
    ],
)
def test_of_a_file_that_was_changed_not_one_piece_is_given_out(order: str) -> None:
    parts = _parts()
    file = io.BytesIO(b"".join(parts[name] for name in order.split(", ") if name))
    with pytest.raises(SealBroken):
        next(unseal(file, KEY, NAME))


@pytest.mark.parametrize(
    ("key", "name"), [(new_key(), NAME), (KEY, "2026/11/25/other.flac")], ids=["another key", "another name"]
)
def test_another_key_or_another_name_opens_nothing(key: bytes, name: str) -> None:
    with pytest.raises(SealBroken, match="is not what was sealed under this name"):
        opened(sealed(CONTENT), key, name)


@given(st.integers(min_value=0, max_value=len(sealed(b"x" * 100)) - 1), st.integers(min_value=1, max_value=255))
def test_any_changed_byte_is_found(at: int, change: int) -> None:
    file = bytearray(sealed(b"x" * 100))
    file[at] ^= change
    with pytest.raises(SealBroken):
        opened(bytes(file))
