"""Recordings on a real disk: from the samples that a recorder wrote to a finished file, through every mishap."""

from __future__ import annotations

import array
import hashlib
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from math import sin
from pathlib import Path

import pytest

from ccdaemon.archive import Archive
from ccdaemon.audio import PIECE, RATE
from ccdaemon.audio import samples as decoded
from ccdaemon.faults import ArchiveFault
from ccdaemon.kept import Encoding, FinishedFile, Kept, RawRecording, Side
from ccdaemon.keys import SIZE, Keys
from tests.builders import a_raw_file, utc

AGENT_SAYS, CALLER_SAYS = [1, 2, 3, -4], [1000, -2000, 32767, -32768]
LEG, CALL = "1783328400.2", "1783328400.1"
NAME = f"20260706-100000_housing_{CALL}_{LEG}_1.raw"
FINISHED = f"2026/07/06/20260706-100000_housing_{CALL}_{LEG}_1.flac.sealed"
HALF = f".20260706-100000_housing_{CALL}_{LEG}_1.new"
PERIOD = "recording-2027-07"
SITE_KEY = bytes(SIZE)
DEADLINE = 20.0  # seconds


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "recordings"


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    (tmp_path / "keys").mkdir()
    return Keys(tmp_path / "keys", SITE_KEY)


@pytest.fixture
def archive(spool: Path, folder: Path, keys: Keys) -> Archive:
    return Archive(spool, folder, keys)


def samples(agent: list[int], caller: list[int]) -> bytes:
    """Both sides in turn, as a recorder writes them."""
    return array.array("h", [each for pair in zip(agent, caller, strict=True) for each in pair]).tobytes()


def recorded(spool: Path, content: bytes) -> RawRecording:
    """A recorder's file of the sixth of July, and what the archive says of it."""
    path = a_raw_file(spool, CALL, LEG, content)
    at = utc("2026-07-06 10:01").timestamp()
    os.utime(path, (at, at))
    return RawRecording(path, CALL, LEG, 1, "housing", len(content), at)


def kept(done: FinishedFile) -> Kept:
    return Kept(done.file, done.period, done.wrapped)


def heard(archive: Archive, done: FinishedFile) -> tuple[list[int], list[int]]:
    """What the left ear hears, what the right ear hears."""
    with tempfile.TemporaryFile() as file:
        file.writelines(archive.open(kept(done)))
        file.seek(0)
        both = array.array("h", b"".join(decoded(file)))
    return list(both[0::2]), list(both[1::2])


# --- what lies in the spool ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "recording"),
    [
        (NAME, (CALL, LEG, "housing")),
        ("20260706-100000_assist_pbx-1.1_pbx-1.2_1.raw", ("pbx-1.1", "pbx-1.2", "assist")),
        ("20260706-100000_trade-waste_1.1_1.2_12.raw", ("1.1", "1.2", "trade-waste")),
        ("20260706-100000_housing_1.1_1.2.wav", None),
        ("20260706-100000_housing_pbx_1-1.1_pbx_1-1.2_1.raw", ("pbx_1-1.1", "pbx_1-1.2", "housing")),
        ("20260706-100000_housing_callback-77_1.2_1.raw", ("callback-77", "1.2", "housing")),
        ("20260706-100000_housing_1.1_1.raw", None),
        ("20260706-100000_housing_1.1_1.2_1.3_1.raw", None),
        ("20260706-100000__1.1_1.2_1.raw", None),  # a call without a service is not ours to record
        ("2026-07-06_housing_1.1_1.2_1.raw", None),
        (".20260706-100000_housing_1.1_1.2_1.raw", None),
        ("core", None),
    ],
)
def test_a_file_says_by_its_name_what_it_records_or_is_a_stray(
    archive: Archive, spool: Path, name: str, recording: tuple[str, str, str] | None
) -> None:
    (spool / name).write_bytes(b"1234")
    found = [(raw.call, raw.leg, raw.service, raw.size) for raw in archive.raw()]
    assert found == ([(*recording, 4)] if recording else [])
    assert archive.strays() == ([] if recording else [name])


def test_a_file_that_is_finished_while_the_spool_is_read_is_no_fault(archive: Archive, spool: Path) -> None:
    names = [f"20260706-100000_housing_1.1_1.2_{segment}.raw" for segment in (1, 2)]
    for name in names:
        (spool / name).write_bytes(b"1234")
    looking = archive.raw()
    assert next(looking).path.name == names[0]
    (spool / names[1]).unlink()
    assert list(looking) == []


def test_an_empty_spool_holds_nothing(archive: Archive) -> None:
    assert (list(archive.raw()), archive.strays(), archive.files()) == ([], [], set())


# --- finished files --------------------------------------------------------------------------------------------------


def test_a_finished_file_has_the_agent_left_and_the_caller_right(archive: Archive, spool: Path) -> None:
    done = archive.finish(recorded(spool, samples(AGENT_SAYS, CALLER_SAYS)), PERIOD)
    assert (done.file, done.period) == (FINISHED, PERIOD)
    assert heard(archive, done) == (AGENT_SAYS, CALLER_SAYS)


@pytest.mark.parametrize("frames", [0, 1, RATE, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE + 7])
def test_length_size_and_hash_are_those_of_the_file(archive: Archive, spool: Path, folder: Path, frames: int) -> None:
    done = archive.finish(recorded(spool, samples([7] * frames, [-7] * frames)), PERIOD)
    content = (folder / done.file).read_bytes()
    assert done.seconds == frames / RATE
    assert done.bytes == len(content)
    assert done.sha256 == hashlib.sha256(content).hexdigest()
    assert heard(archive, done) == ([7] * frames, [-7] * frames)


def test_speech_is_half_as_large_as_its_samples_and_none_is_lost(archive: Archive, spool: Path) -> None:
    """Two voices of hum and hiss, at the level of a telephone."""
    noise = random.Random(1)
    voices = [[round(3000 * sin(at / pitch) + noise.gauss(0, 100)) for at in range(10 * RATE)] for pitch in (5, 9)]
    content = samples(*voices)
    done = archive.finish(recorded(spool, content), PERIOD)
    assert heard(archive, done) == tuple(voices)
    assert done.bytes < len(content) * 0.6


def test_as_opus_it_is_a_tenth_and_as_long(archive: Archive, spool: Path, folder: Path, keys: Keys) -> None:
    noise = random.Random(1)
    voices = [[round(3000 * sin(at / pitch) + noise.gauss(0, 100)) for at in range(10 * RATE)] for pitch in (5, 9)]
    content = samples(*voices)
    opus: Encoding = "opus"
    archive = Archive(spool, folder, keys, opus)
    done = archive.finish(recorded(spool, content), PERIOD)
    assert (done.file, done.seconds) == (FINISHED.replace("flac", "opus"), 10)
    assert len(heard(archive, done)[0]) == 10 * RATE
    assert done.bytes < len(content) / 4
    assert archive.files() == {done.file}


def test_what_was_said_is_nowhere_to_be_read(archive: Archive, spool: Path, folder: Path, tmp_path: Path) -> None:
    done = archive.finish(recorded(spool, samples(AGENT_SAYS, CALLER_SAYS) * 100), PERIOD)
    content = (folder / done.file).read_bytes()
    assert b"fLaC" not in content
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix not in {".raw", ".key"}] == [
        folder / done.file
    ]


@pytest.mark.parametrize(
    ("agent", "caller", "silent"),
    [
        ([0, 0, 0, 0], [0, 0, 0, 1], {"agent"}),
        ([256, 0, 0, 0], [0, 0, 0, 0], {"caller"}),
        ([0, 0, 0, 0], [0, 0, 0, 0], {"agent", "caller"}),
        ([0, 0, -256, 0], [-1, 0, 0, 0], set()),
        ([0] * PIECE, [0] * (PIECE - 1) + [1], {"agent"}),
        ([], [], {"agent", "caller"}),
    ],
)
def test_a_side_that_brought_not_one_sample_is_said_to_be_silent(
    archive: Archive, spool: Path, agent: list[int], caller: list[int], silent: set[Side]
) -> None:
    assert archive.finish(recorded(spool, samples(agent, caller)), PERIOD).silent == silent


@pytest.mark.parametrize("rest", [b"\1", b"\1\2", b"\1\2\3"])
def test_a_part_of_a_frame_at_the_end_is_left_out(archive: Archive, spool: Path, rest: bytes) -> None:
    done = archive.finish(recorded(spool, samples(AGENT_SAYS, CALLER_SAYS) + rest), PERIOD)
    assert heard(archive, done) == (AGENT_SAYS, CALLER_SAYS)
    assert done.seconds == len(AGENT_SAYS) / RATE


def test_the_raw_file_stays_until_it_is_discarded(archive: Archive, spool: Path) -> None:
    raw = recorded(spool, samples(AGENT_SAYS, CALLER_SAYS))
    archive.finish(raw, PERIOD)
    assert list(archive.raw()) == [raw]
    archive.discard(raw)
    archive.discard(raw)  # it is gone already
    assert list(archive.raw()) == []
    assert archive.files() == {FINISHED}


def test_finished_twice_it_is_one_file_and_the_newer_key_opens_it(archive: Archive, spool: Path) -> None:
    raw = recorded(spool, samples(AGENT_SAYS, CALLER_SAYS))
    first, second = archive.finish(raw, PERIOD), archive.finish(raw, PERIOD)
    assert archive.files() == {FINISHED}
    assert archive.holds(kept(second))
    assert not archive.holds(kept(first))


# --- opening ---------------------------------------------------------------------------------------------------------


def no_key(_: Path, keys: Keys) -> None:
    keys.destroy(PERIOD)


def altered(file: Path, _: Keys) -> None:
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def gone(file: Path, _: Keys) -> None:
    file.unlink()


@pytest.mark.parametrize(
    ("mishap", "words"),
    [
        (no_key, "there is no key of the period recording-2027-07"),
        (altered, "is not what was sealed under this name"),
        (gone, "cannot be read: No such file"),
    ],
)
def test_what_cannot_be_opened_is_not_opened_in_part_and_the_reason_is_said(
    archive: Archive, spool: Path, folder: Path, keys: Keys, mishap: Callable[[Path, Keys], None], words: str
) -> None:
    done = archive.finish(recorded(spool, samples([1, -1] * PIECE, [2, -2] * PIECE)), PERIOD)
    mishap(folder / done.file, keys)
    with pytest.raises(ArchiveFault, match=words):
        next(archive.open(kept(done)))
    assert not archive.holds(kept(done))


def test_a_file_under_anothers_name_is_not_that_others(archive: Archive, spool: Path, folder: Path, keys: Keys) -> None:
    done = archive.finish(recorded(spool, samples(AGENT_SAYS, CALLER_SAYS)), PERIOD)
    other = replace(kept(done), file=done.file.replace(LEG, "9.9"))
    (folder / done.file).rename(folder / other.file)
    with pytest.raises(ArchiveFault):
        next(archive.open(other))
    key = keys.unwrap(done.wrapped, PERIOD, done.file)
    with pytest.raises(ArchiveFault, match="is not what was sealed under this name"):
        next(archive.open(replace(other, wrapped=keys.wrap(key, PERIOD, other.file))))


# --- mishaps ---------------------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
import ccdaemon.archive
from ccdaemon.archive import Archive
from ccdaemon.keys import SIZE, Keys

def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)

*room, step = sys.argv[4].split(".")
setattr(getattr(ccdaemon.archive, room[0]) if room else ccdaemon.archive, step, killed)
spool, folder, keys = map(Path, sys.argv[1:4])
archive = Archive(spool, folder, Keys(keys, bytes(SIZE)))
archive.finish(next(archive.raw()), "recording-2027-07")
"""


@pytest.mark.parametrize(
    ("step", "half", "left"),
    [
        ("audio.encode", [], set()),
        ("sealed.seal", [HALF], set()),
        ("audio.samples", [HALF], set()),
        ("sync_folder", [], {FINISHED}),
    ],
)
def test_who_is_killed_half_way_begins_again(
    archive: Archive, spool: Path, folder: Path, keys: Keys, step: str, half: list[str], left: set[str]
) -> None:
    """While it is encoded, sealed, read back, and once it has its final name."""
    raw = recorded(spool, samples(AGENT_SAYS, CALLER_SAYS))
    command = [sys.executable, "-c", KILLED, str(spool), str(folder), str(folder.with_name("keys")), step]
    assert subprocess.run(command, check=False, cwd=Path(__file__).parents[1], timeout=DEADLINE).returncode == -9
    assert [path.name for path in folder.rglob(".*")] == half
    assert archive.files() == left
    assert list(folder.rglob(".*")) == []  # what was half written is cleared away
    assert list(archive.raw()) == [raw]
    assert [path.name for path in spool.iterdir()] == [NAME]  # what was encoded had no name
    assert heard(archive, archive.finish(raw, PERIOD)) == (AGENT_SAYS, CALLER_SAYS)
    assert keys.names() == [PERIOD]


def test_what_a_killed_daemon_left_half_written_is_no_hindrance(archive: Archive, spool: Path, folder: Path) -> None:
    half = folder / Path(FINISHED).parent / HALF
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half of it" * 1000)
    done = archive.finish(recorded(spool, samples(AGENT_SAYS, CALLER_SAYS)), PERIOD)
    assert heard(archive, done) == (AGENT_SAYS, CALLER_SAYS)
    assert list(half.parent.iterdir()) == [folder / done.file]


def test_what_reads_back_as_something_else_is_not_finished(
    archive: Archive, spool: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failing memory, for one. The raw file stays."""
    raw = recorded(spool, samples(AGENT_SAYS, CALLER_SAYS))
    monkeypatch.setattr("ccdaemon.audio.samples", lambda _: iter([b"another"]))
    with pytest.raises(ArchiveFault, match="what was written is not what was recorded"):
        archive.finish(raw, PERIOD)
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    assert list(archive.raw()) == [raw]


def no_folder(_: Path, folder: Path) -> None:
    folder.write_text("a file where the archive should be")


def no_folder_for_the_day(_: Path, folder: Path) -> None:
    (folder / "2026").mkdir(parents=True)
    (folder / "2026" / "07").write_text("a file where a month should be")


def full_disk(_: Path, folder: Path) -> None:
    day = (folder / FINISHED).parent
    day.mkdir(parents=True)
    (day / HALF).symlink_to("/dev/full")


def raw_file_gone(spool: Path, _: Path) -> None:
    (spool / NAME).unlink()


@pytest.mark.parametrize(
    ("mishap", "what", "where"),
    [
        (no_folder, "Not a directory", "recordings"),
        (no_folder_for_the_day, "Not a directory", "recordings/2026/07"),
        (full_disk, "No space left on device", "recordings"),
        (raw_file_gone, "No such file or directory", f"spool/{NAME}"),
    ],
)
def test_what_cannot_be_finished_says_what_is_wrong_and_where(
    archive: Archive, spool: Path, folder: Path, mishap: Callable[[Path, Path], None], what: str, where: str
) -> None:
    content = samples(AGENT_SAYS, CALLER_SAYS)
    raw = recorded(spool, content)
    mishap(spool, folder)
    with pytest.raises(ArchiveFault) as fault:
        archive.finish(raw, PERIOD)
    assert f"{NAME} cannot be finished: {what}" in str(fault.value)
    assert where in str(fault.value)
    assert [path.read_bytes() for path in spool.iterdir()] == ([] if mishap is raw_file_gone else [content])
    assert archive.files() == set()


def test_a_raw_file_that_cannot_be_removed_says_so(archive: Archive, spool: Path) -> None:
    raw = recorded(spool, b"")
    in_the_way = replace(raw, path=raw.path / "below a file")
    with pytest.raises(ArchiveFault, match=r"finished and cannot be removed: Not a directory \(.*spool/"):
        archive.discard(in_the_way)
