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
        """Every file's lines: none where it cannot be read."""
        for path in sorted(self._folder.iterdir()):
            try:
                with path.open("rb") as file:
                    text = file.read(MAX_NOTE)
            except OSError:
                text = b""
            yield path.name, text.decode(errors="replace").splitlines()

    def remove(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)
