"""A package for somebody outside: a ZIP file, encrypted with AES-256 unless they want it open.

7-Zip, WinZip, macOS and most others open it; the names of the files within are not encrypted, so they hold nothing of
what is in them. Source: APPNOTE.TXT of PKWARE, and WinZip's "AES Encryption Information" (AE-2).
"""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pyzipper

from ccdaemon.disk import sync_folder


class Package:
    """While it is written. `hashes` are those of the files that are in it, by their names (SHA-256)."""

    def __init__(self, archive: pyzipper.AESZipFile) -> None:
        self._archive = archive
        self.hashes: dict[str, str] = {}

    def add(self, name: str, pieces: Iterable[bytes]) -> None:
        digest = hashlib.sha256()
        info = self._archive.zipinfo_cls(name, time.localtime()[:6])
        info.compress_type = pyzipper.ZIP_DEFLATED
        info.external_attr = 0o600 << 16
        with self._archive.open(info, "w", force_zip64=True) as member:
            for piece in pieces:
                digest.update(piece)
                member.write(piece)
        self.hashes[name] = digest.hexdigest()


@contextmanager
def package(out: Path, passphrase: str | None) -> Iterator[Package]:
    """A new file, there once it is whole; who is killed leaves `.NAME.part`. Raises `FileExistsError`, or `OSError`."""
    if out.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(out))
    fresh = out.with_name(f".{out.name}.part")
    try:
        fresh.unlink(missing_ok=True)
        fresh.touch(mode=0o600)
        with fresh.open("w+b") as file:
            with _written(file, passphrase) as archive:
                yield Package(archive)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(out)
        sync_folder(out.absolute().parent)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def _written(file: IO[bytes], passphrase: str | None) -> pyzipper.AESZipFile:
    if passphrase is None:
        return pyzipper.AESZipFile(file, "w")
    archive = pyzipper.AESZipFile(file, "w", encryption=pyzipper.WZ_AES)
    archive.setpassword(passphrase.encode())
    archive.setencryption(pyzipper.WZ_AES, nbits=256)
    return archive
