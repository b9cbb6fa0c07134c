"""Recordings: from what Asterisk writes while a call lasts to a finished file with its length and hash.

A recorder writes raw samples, 16 bits, 8,000 a second, agent and caller in turn (MixMonitor's option D, which knows no
other format). A finished recording is a WAV file of two channels, agent left, caller right, in a folder by its date.
Source: apps/app_mixmonitor.c
"""

from __future__ import annotations

import hashlib
import os
import re
import wave
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from ccdaemon.faults import ArchiveFault
from ccdaemon.model import FinishedFile, RawRecording, Side

RATE = 8000  # samples a second, for each side
FRAME = 4  # bytes: two samples of 16 bits
PIECE = 1 << 20  # bytes read at a time
UNIQUEID = (
    r"(?:[^/]+-)?\d+\.\d+"  # with a systemname before it where asterisk.conf has one; a call's may be given by hand
)
NAME = re.compile(
    rf"(?P<when>\d{{8}}-\d{{6}})_(?P<service>[a-z0-9-]+)_(?P<call>{UNIQUEID}|[^_/]+)_(?P<leg>{UNIQUEID})_(?P<segment>\d{{1,9}})\.raw"
)


class Archive:
    """The folder of finished recordings and the spool from which they come."""

    def __init__(self, spool: Path, folder: Path) -> None:
        self._spool = spool
        self._folder = folder

    def raw(self) -> Iterator[RawRecording]:
        """What lies in the spool, finished or still growing. Other files there are `strays`."""
        for path in sorted(self._spool.iterdir()):
            if (name := NAME.fullmatch(path.name)) is not None:
                leg, segment = name["leg"], int(name["segment"])
                try:
                    size = path.stat().st_size
                except FileNotFoundError:  # it was finished in this moment
                    continue
                yield RawRecording(path, name["call"], leg, segment, name["service"], size)

    def strays(self) -> list[str]:
        """Files in the spool that no recorder of ours wrote."""
        return [path.name for path in sorted(self._spool.iterdir()) if NAME.fullmatch(path.name) is None]

    def finish(self, raw: RawRecording) -> FinishedFile:
        """Write the finished file, safely on disk under its final name. The raw one stays: see `discard`."""
        target = fresh = self._folder
        try:
            day = datetime.fromtimestamp(raw.path.stat().st_mtime, UTC)
            file = f"{day:%Y/%m/%d}/{raw.path.stem}.wav"
            target = self._folder / file
            fresh = target.with_name(f".{target.name}.new")
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
            frames, silent = _convert(raw.path, fresh)
            digest = _sha256(fresh)
            fresh.replace(target)
            _sync_folder(target.parent)
            return FinishedFile(file, frames / RATE, target.stat().st_size, digest, silent)
        except OSError as fault:
            with suppress(OSError):  # it may be the very folder that is at fault
                fresh.unlink()
            message = f"{raw.path.name} cannot be finished: {fault.strerror} ({fault.filename or target})"
            raise ArchiveFault(message) from fault

    def discard(self, raw: RawRecording) -> None:
        """Remove a raw file, once the register has the finished one. Killed before, `finish` begins again."""
        try:
            raw.path.unlink(missing_ok=True)
        except OSError as fault:
            message = f"{raw.path.name} is finished and cannot be removed: {fault.strerror} ({raw.path.parent})"
            raise ArchiveFault(message) from fault

    def files(self) -> set[str]:
        """All finished files, as `FinishedFile.file` names them. Removes what a killed `finish` left half written."""
        for half in self._folder.glob("*/*/*/.*.wav.new"):
            half.unlink()
        return {str(path.relative_to(self._folder)) for path in self._folder.glob("*/*/*/*.wav")}


def _convert(raw: Path, wav: Path) -> tuple[int, frozenset[Side]]:
    """Write a WAV file and flush it to the disk; return its length in frames, and which sides are nothing but zeros."""
    frames = 0
    silent: set[Side] = {"agent", "caller"}
    with raw.open("rb") as source, wav.open("wb") as sink:
        with wave.open(sink, "wb") as writer:
            writer.setnchannels(2)
            writer.setsampwidth(2)
            writer.setframerate(RATE)
            while piece := source.read(PIECE):
                whole = len(piece) - len(piece) % FRAME  # a crash may leave a part of a frame at the very end
                writer.writeframesraw(piece[:whole])
                frames += whole // FRAME
                silent = {side for side in silent if not _sounds(piece[:whole], side)}
        sink.flush()
        os.fsync(sink.fileno())
    return frames, frozenset(silent)


def _sounds(piece: bytes, side: Side) -> bool:
    """Is any sample of a side something else than zero? (Where Asterisk has no frame, it writes zeros.)"""
    first = 0 if side == "agent" else FRAME // 2
    return any(bytes_.count(0) < len(bytes_) for bytes_ in (piece[first::FRAME], piece[first + 1 :: FRAME]))


def _sha256(file: Path) -> str:
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _sync_folder(folder: Path) -> None:
    """A rename is safe once its folder is (rename(2), fsync(2))."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
