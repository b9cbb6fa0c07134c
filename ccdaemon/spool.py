"""The folder in which the dialplan notes calls that the daemon does not see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

MAX_NOTE = 16 * 1024  # bytes; two lines of some 300 each


class Missed:
    """One file for each call, named by its Uniqueid."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def notes(self) -> Iterator[tuple[str, list[str]]]:
        for path in sorted(self._folder.iterdir()):
            with path.open("rb") as file:
                yield path.name, file.read(MAX_NOTE).decode(errors="replace").splitlines()

    def remove(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)
