"""The archive: finished recordings, each compressed and sealed in a file of its own, in a folder by its date.

A recorder's raw file is encoded and sealed, and what was written is read back and compared before anybody removes the
raw one. Killed in between, nothing is lost, and nothing more is left that can be read: what is encoded lies in a file
without a name until it is sealed.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from ccdaemon import audio, sealed
from ccdaemon.disk import open_folder, sync_folder
from ccdaemon.faults import ArchiveFault
from ccdaemon.kept import Encoding, FinishedFile, Kept, RawRecording, Recorded
from ccdaemon.keys import KeyGone, Keys, KeyWrong

SEALED = ".sealed"
UNIQUEID = (
    r"(?:[^/]+-)?\d+\.\d+"  # with a systemname before it where asterisk.conf has one; a call's may be given by hand
)
NAME = re.compile(
    rf"(?P<when>\d{{8}}-\d{{6}})_(?P<service>[a-z0-9-]+)_(?P<call>{UNIQUEID}|[^_/]+)_(?P<leg>{UNIQUEID})_(?P<segment>\d{{1,9}})"
    r"(?:\.raw|\.(?P<comment>comment)\.sln|_(?P<language>[a-z]{2,3}(?:_[A-Z]{2})?)?\.(?P<message>sln))"
)


class Archive:
    """The folder of finished recordings and the spool from which they come."""

    def __init__(self, spool: Path, folder: Path, keys: Keys, encoding: Encoding = "flac") -> None:
        self._spool = spool
        self._folder = folder
        self._keys = keys
        self._encoding = encoding

    def raw(self) -> Iterator[RawRecording]:
        """What lies in the spool, finished or still growing. Other files there are `strays`."""
        for path in sorted(self._spool.iterdir()):
            if (name := NAME.fullmatch(path.name)) is not None:
                leg, segment = name["leg"], int(name["segment"])
                try:
                    status = path.stat()
                except FileNotFoundError:  # it was finished in this moment
                    continue
                about = (path, name["call"], leg, segment, name["service"], status.st_size, status.st_mtime)
                kind: Recorded = "message" if name["message"] else "comment" if name["comment"] else "recording"
                yield RawRecording(*about, kind, name["language"])

    def strays(self) -> list[str]:
        """Files in the spool that no recorder of ours wrote."""
        return [path.name for path in sorted(self._spool.iterdir()) if NAME.fullmatch(path.name) is None]

    def finish(self, raw: RawRecording, period: str) -> FinishedFile:
        """Encode and seal, safely on disk under its final name. The raw one stays: see `discard`."""
        day = datetime.fromtimestamp(raw.changed, UTC)
        file = f"{day:%Y/%m/%d}/{raw.path.stem}.{self._encoding}{SEALED}"
        fresh = (self._folder / file).with_name(f".{raw.path.stem}.new")
        key = sealed.new_key()
        try:
            wrapped = self._keys.wrap(key, period, file)
            fresh.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
            with tempfile.TemporaryFile(dir=self._spool) as plain:
                encoded = audio.encode(raw.path, plain, self._encoding, raw.kind)
                self._seal(plain, fresh, key, file)
                digest = self._checked(fresh, key, file, encoded)
            fresh.replace(self._folder / file)
            for folder in (self._folder / file).parents[:4]:  # day, month, year, and the archive: they may be new
                sync_folder(folder)
            size = (self._folder / file).stat().st_size
        except OSError as fault:
            with suppress(OSError):  # it may be the very folder that is at fault
                fresh.unlink()
            message = f"{raw.path.name} cannot be finished: {fault.strerror} ({fault.filename or self._folder})"
            raise ArchiveFault(message) from fault
        except (audio.AudioFault, sealed.SealBroken, KeyWrong) as fault:
            fresh.unlink(missing_ok=True)
            message = f"{raw.path.name} cannot be finished: {fault}"
            raise ArchiveFault(message) from fault
        return FinishedFile(file, encoded.frames / audio.RATE, size, digest, encoded.silent, period, wrapped)

    def sounding(self, raw: RawRecording) -> tuple[float, float]:
        """How long a message is, and how much of it is not quiet. Raises `ArchiveFault`."""
        try:
            return audio.sounding(raw.path)
        except OSError as fault:
            message = f"{raw.path.name} cannot be read: {fault.strerror}"
            raise ArchiveFault(message) from fault

    def holds(self, kept: Kept) -> bool:
        """Is a finished recording there, whole and readable?"""
        try:
            for _ in self.open(kept):
                pass
        except ArchiveFault:
            return False
        return True

    def open(self, kept: Kept) -> Iterator[bytes]:
        """The encoded audio, in pieces, once all of it has proved whole. Raises `ArchiveFault`."""
        try:
            key = self._keys.unwrap(kept.wrapped, kept.period, kept.file)
            with (self._folder / kept.file).open("rb") as file:
                yield from sealed.unseal(file, key, kept.file)
        except OSError as fault:
            message = f"{kept.file} cannot be read: {fault.strerror}"
            raise ArchiveFault(message) from fault
        except (KeyGone, KeyWrong, sealed.SealBroken) as fault:
            raise ArchiveFault(str(fault)) from fault

    def remove(self, files: Iterable[str]) -> dict[str, str]:
        """Remove finished files whose time is over, and folders that are empty then. What could not be, and why."""
        left = dict[str, str]()
        for folder, names in _by_folder(files).items():
            for name, why in _removed(self._folder / folder, names):
                left[f"{folder}/{name}"] = f"{folder}/{name} cannot be removed: {why}"
        return left

    def discard(self, raw: RawRecording) -> None:
        """Remove a raw file, once the register has the finished one. Killed before, that is seen to be there."""
        try:
            raw.path.unlink(missing_ok=True)
        except OSError as fault:
            message = f"{raw.path.name} is finished and cannot be removed: {fault.strerror} ({raw.path.parent})"
            raise ArchiveFault(message) from fault

    def files(self) -> set[str]:
        """All finished files, as `FinishedFile.file` names them. Removes what a killed `finish` left half written."""
        for half in self._folder.glob("*/*/*/.*.new"):
            half.unlink()
        return {str(path.relative_to(self._folder)) for path in self._folder.glob(f"*/*/*/*{SEALED}")}

    @staticmethod
    def _seal(plain: IO[bytes], fresh: Path, key: bytes, name: str) -> None:
        plain.seek(0)
        with fresh.open("wb") as sink:
            sealed.seal(plain, sink, key, name)
            sink.flush()
            os.fsync(sink.fileno())

    def _checked(self, fresh: Path, key: bytes, name: str, encoded: audio.Encoded) -> str:
        """Read back from the disk, open, and compare with what was recorded, sample by sample; the file's hash."""
        with fresh.open("rb") as file, tempfile.TemporaryFile(dir=self._spool) as again:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # not what the cache remembers
            again.writelines(sealed.unseal(file, key, name))
            again.seek(0)
            heard = hashlib.sha256()
            for piece in audio.samples(again) if encoded.frames else ():
                heard.update(piece)
            if self._encoding == "flac" and heard.hexdigest() != encoded.samples:
                message = "what was written is not what was recorded: look for a failing disk or memory"
                raise audio.AudioFault(message)
            file.seek(0)
            return hashlib.file_digest(file, "sha256").hexdigest()


def _by_folder(files: Iterable[str]) -> dict[str, list[str]]:
    """Names of files, by the folder in which they lie."""
    found: dict[str, list[str]] = {}
    for file in files:
        folder, _, name = file.rpartition("/")
        found.setdefault(folder, []).append(name)
    return found


def _removed(folder: Path, names: Iterable[str]) -> Iterator[tuple[str, str | None]]:
    """Remove files of a folder for good, and the folder if nothing is left; those that could not be, and why."""
    try:
        with open_folder(folder) as descriptor:
            for name in names:
                try:
                    os.unlink(name, dir_fd=descriptor)
                except FileNotFoundError:
                    continue
                except OSError as fault:  # one stops nothing else
                    yield name, fault.strerror
        sync_folder(_emptied(folder))
    except FileNotFoundError:
        return
    except OSError as fault:
        yield from ((name, fault.strerror) for name in names)


def _emptied(folder: Path) -> Path:
    """Remove a folder of a day if nothing is left in it, and those of its month and year; the first that stays."""
    for each in (folder, *folder.parents[:2]):
        try:
            each.rmdir()
        except OSError:  # it is not empty
            return each
    return folder.parents[2]
