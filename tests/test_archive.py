"""Recordings on a real disk: from the samples that a recorder wrote to a finished file, through every mishap."""

from __future__ import annotations

import array
import hashlib
import os
import subprocess
import sys
import wave
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ccdaemon.archive import PIECE, RATE, Archive
from ccdaemon.faults import ArchiveFault
from ccdaemon.model import RawRecording, Side
from tests.builders import a_raw_file, utc

AGENT_SAYS, CALLER_SAYS = [1, 2, 3, -4], [1000, -2000, 32767, -32768]
LEG, CALL = "1783328400.2", "1783328400.1"
NAME = f"20260706-100000_housing_{CALL}_{LEG}_1.raw"
FINISHED = f"2026/07/06/20260706-100000_housing_{CALL}_{LEG}_1.wav"
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
def archive(spool: Path, folder: Path) -> Archive:
    return Archive(spool, folder)


def samples(agent: list[int], caller: list[int]) -> bytes:
    """Both sides in turn, as a recorder writes them."""
    return array.array("h", [each for pair in zip(agent, caller, strict=True) for each in pair]).tobytes()


def recorded(spool: Path, content: bytes) -> RawRecording:
    """A recorder's file of the sixth of July, and what the archive says of it."""
    path = a_raw_file(spool, CALL, LEG, content)
    os.utime(path, (utc("2026-07-06 10:01").timestamp(),) * 2)
    return RawRecording(path, CALL, LEG, 1, "housing", len(content))


def heard(file: Path) -> tuple[int, list[int], list[int]]:
    """Samples a second, what the left ear hears, what the right ear hears."""
    with wave.open(str(file)) as reader:
        assert (reader.getnchannels(), reader.getsampwidth(), reader.getcomptype()) == (2, 2, "NONE")
        both = array.array("h", reader.readframes(reader.getnframes()))
        return reader.getframerate(), list(both[0::2]), list(both[1::2])


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


def test_a_finished_file_has_the_agent_left_and_the_caller_right(archive: Archive, spool: Path, folder: Path) -> None:
    done = archive.finish(recorded(spool, samples(AGENT_SAYS, CALLER_SAYS)))
    assert done.file == FINISHED
    assert heard(folder / done.file) == (RATE, AGENT_SAYS, CALLER_SAYS)


@pytest.mark.parametrize("frames", [0, 1, RATE, PIECE // 4 - 1, PIECE // 4, PIECE // 4 + 1, PIECE])
def test_length_size_and_hash_are_those_of_the_file(archive: Archive, spool: Path, folder: Path, frames: int) -> None:
    done = archive.finish(recorded(spool, samples([7] * frames, [-7] * frames)))
    content = (folder / done.file).read_bytes()
    assert done.seconds == frames / RATE
    assert done.bytes == len(content) == 44 + 4 * frames  # a WAV file's header is 44 bytes
    assert done.sha256 == hashlib.sha256(content).hexdigest()
    assert heard(folder / done.file) == (RATE, [7] * frames, [-7] * frames)


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
    assert archive.finish(recorded(spool, samples(agent, caller))).silent == silent


@pytest.mark.parametrize("rest", [b"\1", b"\1\2", b"\1\2\3"])
def test_a_part_of_a_frame_at_the_end_is_left_out(archive: Archive, spool: Path, folder: Path, rest: bytes) -> None:
    done = archive.finish(recorded(spool, samples(AGENT_SAYS, CALLER_SAYS) + rest))
    assert heard(folder / done.file) == (RATE, AGENT_SAYS, CALLER_SAYS)
    assert done.seconds == len(AGENT_SAYS) / RATE


def test_the_raw_file_stays_until_it_is_discarded(archive: Archive, spool: Path) -> None:
    raw = recorded(spool, samples(AGENT_SAYS, CALLER_SAYS))
    archive.finish(raw)
    assert list(archive.raw()) == [raw]
    archive.discard(raw)
    archive.discard(raw)  # it is gone already
    assert list(archive.raw()) == []
    assert archive.files() == {FINISHED}


def test_finished_twice_it_is_the_same_file(archive: Archive, spool: Path) -> None:
    raw = recorded(spool, samples(AGENT_SAYS, CALLER_SAYS))
    assert archive.finish(raw) == archive.finish(raw)
    assert archive.files() == {FINISHED}


# --- mishaps ---------------------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
import ccdaemon.archive
from ccdaemon.archive import Archive

def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)

setattr(ccdaemon.archive, sys.argv[3], killed)
archive = Archive(Path(sys.argv[1]), Path(sys.argv[2]))
archive.finish(next(archive.raw()))
"""


@pytest.mark.parametrize(("step", "left"), [("_sha256", set()), ("_sync_folder", {FINISHED})])
def test_who_is_killed_half_way_begins_again(
    archive: Archive, spool: Path, folder: Path, step: str, left: set[str]
) -> None:
    """Before the file has its final name, and after."""
    raw = recorded(spool, samples(AGENT_SAYS, CALLER_SAYS))
    command = [sys.executable, "-c", KILLED, str(spool), str(folder), step]
    assert subprocess.run(command, check=False, cwd=Path(__file__).parents[1], timeout=DEADLINE).returncode == -9
    half = [path.name for path in folder.rglob(".*")]
    assert len(half) == 1 - len(left)
    assert archive.files() == left
    assert list(folder.rglob(".*")) == []  # what was half written is cleared away
    assert list(archive.raw()) == [raw]
    assert heard(folder / archive.finish(raw).file) == (RATE, AGENT_SAYS, CALLER_SAYS)


def test_what_a_killed_daemon_left_half_written_is_no_hindrance(archive: Archive, spool: Path, folder: Path) -> None:
    half = folder / FINISHED
    half.parent.mkdir(parents=True)
    half.with_name(f".{half.name}.new").write_bytes(b"half of it" * 1000)
    archive.finish(recorded(spool, samples(AGENT_SAYS, CALLER_SAYS)))
    assert heard(half) == (RATE, AGENT_SAYS, CALLER_SAYS)
    assert list(half.parent.iterdir()) == [half]


def no_folder(_: Path, folder: Path) -> None:
    folder.write_text("a file where the archive should be")


def no_folder_for_the_day(_: Path, folder: Path) -> None:
    (folder / "2026").mkdir(parents=True)
    (folder / "2026" / "07").write_text("a file where a month should be")


def full_disk(_: Path, folder: Path) -> None:
    day = (folder / FINISHED).parent
    day.mkdir(parents=True)
    (day / f".{Path(FINISHED).name}.new").symlink_to("/dev/full")


def raw_file_gone(spool: Path, _: Path) -> None:
    (spool / NAME).unlink()


@pytest.mark.parametrize(
    ("mishap", "what", "where"),
    [
        (no_folder, "Not a directory", "recordings"),
        (no_folder_for_the_day, "Not a directory", "recordings/2026/07"),
        (full_disk, "No space left on device", f"recordings/{FINISHED}"),
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
        archive.finish(raw)
    assert f"{NAME} cannot be finished: {what}" in str(fault.value)
    assert where in str(fault.value)
    assert [path.read_bytes() for path in spool.iterdir()] == ([] if mishap is raw_file_gone else [content])
    assert archive.files() == set()


def test_a_raw_file_that_cannot_be_removed_says_so(archive: Archive, spool: Path) -> None:
    raw = recorded(spool, b"")
    in_the_way = replace(raw, path=raw.path / "below a file")
    with pytest.raises(ArchiveFault, match=r"finished and cannot be removed: Not a directory \(.*spool/"):
        archive.discard(in_the_way)
