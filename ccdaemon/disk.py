"""What a file system needs to be told."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

PIECE = 1 << 20  # bytes


@contextmanager
def open_folder(folder: Path) -> Iterator[int]:
    """For what is done within it, by its descriptor (openat(2))."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """A rename is safe once its folder is (rename(2), fsync(2))."""
    with open_folder(folder) as descriptor:
        os.fsync(descriptor)


def replace(file: Path, content: str | bytes, mode: int | None = None) -> None:
    """All of a file anew, safely on disk, or as it was."""
    replace_all([(file, content)], mode)


def replace_all(files: Sequence[tuple[Path, str | bytes]], mode: int | None = None) -> None:
    """Some files of one folder anew, in their order: none of them before all are safely on disk."""
    fresh = [file.with_name(f".{file.name}.new") for file, _ in files]
    try:
        for new, (_, content) in zip(fresh, files, strict=True):
            _write(new, content.encode() if isinstance(content, str) else content, mode)
        for new, (file, _) in zip(fresh, files, strict=True):
            new.replace(file)
    except OSError:
        for new in fresh:
            with suppress(OSError):
                new.unlink()
        raise
    sync_folder(files[0][0].parent)


def _write(file: Path, content: bytes, mode: int | None) -> None:
    """A file that was not there: no link leads elsewhere."""
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666), "wb") as new:
        new.write(content)
        new.flush()
        if mode is not None:
            os.fchmod(new.fileno(), mode)
        os.fsync(new.fileno())


def append(file: Path, text: str) -> None:
    """Behind what stands in a file, safely on disk."""
    with file.open("a") as end:
        end.write(text)
        end.flush()
        os.fsync(end.fileno())


def in_memory() -> IO[bytes]:
    """A file that lies on no disk (memfd_create(2)): for audio that is open."""
    return os.fdopen(os.memfd_create("audio", os.MFD_CLOEXEC), "w+b")


def pieces(file: IO[bytes]) -> Iterator[bytes]:
    """What is left of a file, not all of it at once."""
    while piece := file.read(PIECE):
        yield piece
