"""Whose a file is, and who may go through to it."""

from __future__ import annotations

import stat
from pathlib import Path

from ccdaemon.findings import Owned


def owned(path: Path) -> Owned:
    """As the file system has it; of a link, what it leads to. Raises `OSError`."""
    status = path.stat()
    return Owned(path, status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode))


def is_there(path: Path) -> bool:
    """Raises `PermissionError` where that is not ours to know: `exists` would say no."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def way_to(file: Path) -> list[Owned]:
    """From the root through every folder to the file itself. Raises `OSError`."""
    whole = file.resolve(strict=True)
    return [owned(each) for each in (*reversed(whole.parents), whole)]
