"""The drop folder: other programs leave files here, in a folder of each class, and we take them away.

A file counts once it is called `*.jsonl` and nobody has changed it for a while; who writes it slowly calls it something
else until it is whole. What is not taken of it lies in `rejected/` beside it, a line of JSON for each, with the reason.
Others may write here, so nothing is opened by its path, no link is followed, and what is no file is left alone.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import IO

from ccdaemon.kept import IMPORTED, Imported

REST = 5.0  # seconds for which nobody has changed it
REJECTED = "rejected"
LINES, PORTION = 200, 256 * 1024  # lines, or bytes and what is left of a line, that are taken at a time


def lines(file: IO[bytes], longest: int) -> Iterator[bytes]:
    """The lines of a file, without blank ones; one that is too long comes cut off, one byte too long."""
    while line := file.readline(longest + 1):
        whole = line.endswith(b"\n")
        if line.strip():
            yield line.rstrip(b"\r\n") if whole else line
        while not whole and (rest := file.readline(longest)):
            whole = rest.endswith(b"\n")


def portions(found: Iterator[bytes]) -> Iterator[list[bytes]]:
    """So many lines, or so many bytes, as are taken at a time."""
    while portion := [*_portion(found)]:
        yield portion


def _portion(found: Iterator[bytes]) -> Iterator[bytes]:
    size = 0
    for line in islice(found, LINES):
        yield line
        size += len(line)
        if size > PORTION:
            return


class Dropped:
    """One file, of which the folder is known by its path and opened anew each time."""

    def __init__(self, folder: Path, name: str, kind: Imported) -> None:
        self.kind = kind
        self._folder = folder
        self._name = name
        self._aside = f"{time.strftime('%Y%m%d-%H%M%S')}-{name}"  # a later file of the same name takes nothing away

    def portions(self, longest: int) -> Iterator[list[bytes]]:
        """From its beginning. Raises `OSError`."""
        with _opened(self._folder) as folder, _file(folder, self._name, os.O_RDONLY) as file:
            yield from portions(lines(file, longest))

    def reject(self, lines: Iterable[tuple[bytes, str]]) -> None:
        """Set lines aside, each with the reason, safely on disk."""
        with _opened(self._folder) as folder:
            with suppress(FileExistsError):
                os.mkdir(REJECTED, 0o770, dir_fd=folder)
            with _opened(REJECTED, folder) as rejected:
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
                with _file(rejected, self._aside, flags) as file:
                    for line, why in lines:
                        said = {"why": why, "line": line.decode(errors="replace")}
                        file.write(json.dumps(said, ensure_ascii=False).encode(errors="replace") + b"\n")
                    file.flush()
                    os.fsync(file.fileno())
                os.fsync(rejected)

    def remove(self) -> None:
        with _opened(self._folder) as folder:
            os.unlink(self._name, dir_fd=folder)


class Drop:
    """The folder of all classes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def files(self) -> list[Dropped]:
        """Those that are whole. Raises `OSError`."""
        return [Dropped(self._folder / kind, name, kind) for kind in IMPORTED for name in self._names(kind)]

    def rejected(self) -> int:
        """How many files of lines that were not taken somebody has to look at."""
        return sum(1 for kind in IMPORTED for _ in (self._folder / kind / REJECTED).glob("*"))

    def _names(self, kind: Imported) -> list[str]:
        rested, found = time.time() - REST, []
        with suppress(FileNotFoundError), _opened(self._folder / kind) as folder, os.scandir(folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # its owner has renamed it meanwhile
                    whole = entry.name.endswith(".jsonl") and entry.is_file(follow_symlinks=False)
                    if whole and entry.stat(follow_symlinks=False).st_mtime <= rested:
                        found.append(entry.name)
        return sorted(found)


@contextmanager
def _opened(folder: Path | str, within: int | None = None) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=within)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _file(folder: int, name: str, flags: int) -> Iterator[IO[bytes]]:
    """A file in an open folder: neither a link nor a pipe, which somebody may have put in its place."""
    descriptor = os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o660, dir_fd=folder)
    with os.fdopen(descriptor, "ab" if flags & os.O_APPEND else "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no file", name)
        yield file
