"""What was erased because somebody asked for it, by names that say nothing of them, beside the keys and out of backups.

A register that is put back from a backup of before has it again: so it is erased again at the next start.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ccdaemon.cases import Erasure
from ccdaemon.disk import append, replace

FILE = "erased.jsonl"


class Erasures:
    """The file in the folder of the keys. Raises `OSError`."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE

    def add(self, erasure: Erasure) -> None:
        """Safely on disk, before any of it goes."""
        said = {"at": erasure.at, "calls": erasure.calls, "items": erasure.items}
        append(self._file, json.dumps(said) + "\n")

    def all(self) -> list[Erasure]:
        if not self._file.exists():
            return []
        return [erasure for line in self._file.read_text().splitlines() if (erasure := _read(line)) is not None]

    def keep(self, erasures: Collection[Erasure]) -> None:
        """Forget all others: what they name is in no backup that can be read."""
        lines = [json.dumps({"at": each.at, "calls": each.calls, "items": each.items}) for each in erasures]
        replace(self._file, "".join(f"{line}\n" for line in lines))


def _read(line: str) -> Erasure | None:
    """Nothing, of a line that was cut off by a crash: then nothing of it had gone."""
    try:
        said: dict[str, Any] = json.loads(line)
        return Erasure(said["at"], tuple(said["calls"]), tuple((kind, source) for kind, source in said["items"]))
    except (ValueError, KeyError, TypeError):
        return None
