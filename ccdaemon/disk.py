"""What a file system needs to be told."""

from __future__ import annotations

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """A rename is safe once its folder is (rename(2), fsync(2))."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def append(file: Path, text: str) -> None:
    """Behind what stands in a file, safely on disk."""
    with file.open("a") as end:
        end.write(text)
        end.flush()
        os.fsync(end.fileno())
