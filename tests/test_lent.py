"""What is lent to Asterisk is gone when it is taken back, also from a thread that has not done yet."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from ccdaemon import audio
from ccdaemon import lent as room
from ccdaemon.faults import ArchiveFault
from ccdaemon.lent import MODE, Lent

DEADLINE = 5.0  # seconds
NAME = "5.1-1"
SPOKEN = b"\x10\x00\x20\x00" * audio.RATE  # a second of caller and agent


@pytest.fixture
def encoded(tmp_path: Path) -> bytes:
    raw, finished = tmp_path / "spoken.raw", tmp_path / "spoken.flac"
    raw.write_bytes(SPOKEN)
    with finished.open("w+b") as sink:
        audio.encode(raw, sink, "flac")
    return finished.read_bytes()


async def test_it_can_be_played_until_it_is_taken_back(tmp_path: Path, encoded: bytes) -> None:
    lent = Lent(tmp_path / "lent")
    file = Path(f"{await lent.lend(NAME, 'a call', [encoded])}.sln")
    assert (file.stat().st_mode & 0o777, file.stat().st_size) == (MODE, 2 * audio.RATE)
    assert lent.calls() == {"a call"}
    with file.open("rb") as playing:
        lent.take_back(NAME)
        assert playing.read() == b""  # who has it open still
    assert [*file.parent.iterdir()] == []
    assert lent.calls() == set()


@pytest.mark.parametrize("held", ["before the file is opened", "while what goes into it is"])
async def test_what_is_taken_back_while_it_is_opened_leaves_nothing(
    tmp_path: Path, encoded: bytes, monkeypatch: pytest.MonkeyPatch, held: str
) -> None:
    lent, began, may_go_on, ended = Lent(tmp_path / "lent"), threading.Event(), threading.Event(), threading.Event()
    fill, late = room.fill, held.startswith("while")

    def opened() -> Iterator[bytes]:
        if late:
            began.set()
            may_go_on.wait(DEADLINE)
        yield encoded

    def held_up(file: Path, pieces: Iterable[bytes]) -> None:
        if not late:
            began.set()
            may_go_on.wait(DEADLINE)
        try:
            fill(file, pieces)
        finally:
            ended.set()

    monkeypatch.setattr(room, "fill", held_up)
    lending = asyncio.create_task(lent.lend(NAME, "a call", opened()))
    assert await asyncio.to_thread(began.wait, DEADLINE)
    lending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await lending
    lent.take_back(NAME)
    may_go_on.set()
    assert await asyncio.to_thread(ended.wait, DEADLINE)
    assert [*(tmp_path / "lent").iterdir()] == []


async def test_what_cannot_be_opened_leaves_nothing(tmp_path: Path) -> None:
    lent = Lent(tmp_path / "lent")
    with pytest.raises(ArchiveFault):
        await lent.lend(NAME, None, [b"no sound"])
    assert [*(tmp_path / "lent").iterdir()] == []
