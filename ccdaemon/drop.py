"""The drop folder: other programs leave files here, in a folder of each class, and we take them away.

A file counts once it is called `*.jsonl` and nobody has changed it for a while; who writes it slowly calls it something
else until it is whole. What is not taken of it lies in `rejected/` beside it, a line of JSON for each, with the reason.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from ccdaemon.kept import IMPORTED, Imported

REST = 5.0  # seconds for which nobody has changed it


def lines(file: IO[bytes], longest: int) -> Iterator[bytes]:
    """The lines of a file, without blank ones; one that is too long comes cut off, one byte too long."""
    while line := file.readline(longest + 1):
        whole = line.endswith(b"\n")
        if line.strip():
            yield line.rstrip(b"\r\n") if whole else line
        while not whole and (rest := file.readline(longest)):
            whole = rest.endswith(b"\n")


class Dropped:
    """One file."""

    def __init__(self, path: Path, kind: Imported) -> None:
        self.kind = kind
        self.name = f"{kind}/{path.name}"
        self._path = path
        self._aside = path.parent / "rejected" / path.name

    def lines(self, longest: int) -> Iterator[bytes]:
        """From its beginning; what was set aside of it by one who was killed goes."""
        self._aside.unlink(missing_ok=True)
        with self._path.open("rb") as file:
            yield from lines(file, longest)

    def reject(self, lines: Iterable[tuple[bytes, str]]) -> None:
        """Set lines aside, each with the reason."""
        self._aside.parent.mkdir(exist_ok=True, mode=0o770)
        with self._aside.open("a") as file:
            for line, why in lines:
                file.write(json.dumps({"why": why, "line": line.decode(errors="replace")}, ensure_ascii=False) + "\n")

    def remove(self) -> None:
        self._path.unlink()


class Drop:
    """The folder of all classes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def files(self) -> list[Dropped]:
        """Those that are whole. Links are left alone: they lead elsewhere."""
        rested = time.time() - REST
        return [
            Dropped(path, kind)
            for kind in IMPORTED
            for path in sorted((self._folder / kind).glob("*.jsonl"))
            if path.is_file() and not path.is_symlink() and path.stat().st_mtime <= rested
        ]
