"""Commands that write files for people, killed at random moments: what they leave is whole, or of no use to anybody."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import shutil
import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyzipper

from ccdaemon.cli import app
from ccdaemon.cli.backup import MARK, files_of
from ccdaemon.config import load
from ccdaemon.places import ARCHIVE, REGISTER
from tests.builders import PROMPTS, site_to_run
from tests.kept_site import NUMBER, Kept

RECORDINGS = 6
CLEAN = multiprocessing.get_context("forkserver")  # a new interpreter each time would be most of the time
CLEAN.set_forkserver_preload([__name__])
ENDED = 60.0  # seconds, for a command that nobody kills


def _command(words: list[str]) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    app(words, standalone_mode=False)


@dataclass(frozen=True)
class Room:
    """A site with recordings, a copy of it, and a second site into which the copy is put back."""

    kept: Kept
    folder: Path
    other: Path

    @property
    def state(self) -> Path:
        return load(self.other, PROMPTS).main.paths.state

    def words(self, command: str) -> list[str]:
        match command:
            case "export":
                secret = ("--passphrase-file", self.kept.secret)
                words = (
                    "subject",
                    "export",
                    "--number",
                    NUMBER,
                    "--case",
                    1,
                    "--out",
                    self.folder / "out.zip",
                    *secret,
                )
                return [*map(str, words), "--config", str(self.kept.config)]
            case "backup":
                return ["backup", str(self.folder / "copy"), "--config", str(self.kept.config)]
            case _:
                return ["restore", str(self.folder / "copy"), "--config", str(self.other)]

    def look(self, command: str, *, ended: bool) -> None:
        """Raises `AssertionError` with what is half there."""
        match command:
            case "export":
                self._look_at_export(ended=ended)
            case "backup":
                self._look_at_copy(self.folder / "copy", ended=ended)
            case _:
                self._look_at_copy(self.state, ended=ended)

    def _look_at_export(self, *, ended: bool) -> None:
        out = self.folder / "out.zip"
        for file in self.folder.glob("*.zip*"):
            assert NUMBER.encode() not in file.read_bytes(), file
        assert out.exists() or not ended
        if out.exists():
            with pyzipper.AESZipFile(out) as archive:
                archive.setpassword(self.kept.secret.read_bytes().strip())
                assert archive.testzip() is None
                assert sum(name.endswith(".mp3") for name in archive.namelist()) > RECORDINGS
            out.unlink()

    def _look_at_copy(self, copy: Path, *, ended: bool) -> None:
        """Where there is a register, all of which it speaks is there too."""
        there = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
        assert (copy / REGISTER) in there or not ended
        if (copy / REGISTER) in there:
            recordings = files_of(copy / REGISTER)
            source = self.kept.archive_folder if copy != self.state else self.folder / "copy" / ARCHIVE
            for file in recordings:
                assert there[copy / ARCHIVE / file] == (source / file).read_bytes(), file
            assert not ended or len(there) == len(recordings) + 1 + (copy / MARK in there), sorted(map(str, there))
        if ended or (copy == self.state and (copy / REGISTER) in there):  # begin anew; where it was killed, it goes on
            shutil.rmtree(copy)
            copy.mkdir()


async def kill_commands(kept: Kept, folder: Path, times: int, seed: int) -> Counter[str]:
    """Kill each command so many times, and let it come to its end at last. How often it was in the middle, by name."""
    chance, killed, room = random.Random(seed), Counter[str](), Room(kept, folder, site_to_run(folder / "other"))
    room.state.mkdir(parents=True)
    await asyncio.to_thread(_whole, ["--version"])  # so that what is timed is the command alone
    for number in range(RECORDINGS):
        await kept.record(f"1783329{number:03}.1", f"1783329{number:03}.2")
    for command in ("export", "backup", "restore"):
        words = room.words(command)
        took = await asyncio.to_thread(_whole, words)
        room.look(command, ended=True)
        for number in range(times):
            if command == "backup":  # which has something new to copy
                await kept.record(f"1783330{number:03}.1", f"1783330{number:03}.2")
            killed[command] += await asyncio.to_thread(partial(_killed, words, chance.uniform(0, took)))
            room.look(command, ended=False)
        await asyncio.to_thread(_whole, words)
        if command != "backup":  # which is put back next
            room.look(command, ended=True)
    return killed


def _whole(words: list[str]) -> float:
    """Seconds that it took."""
    began = time.monotonic()
    process = CLEAN.Process(target=_command, args=(words,))
    process.start()
    process.join(ENDED)
    assert process.exitcode == 0, words
    return time.monotonic() - began


def _killed(words: list[str], after: float) -> bool:
    """Was it in the middle?"""
    process = CLEAN.Process(target=_command, args=(words,))
    process.start()
    process.join(after)
    process.kill()
    process.join(ENDED)
    return process.exitcode != 0
