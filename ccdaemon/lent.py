"""What is sealed, lent to Asterisk for the length of a call: it needs a file that it can play.

It lies in a folder that is in memory alone (/run is), for Asterisk's group to read, and goes with the call. What a
daemon that was killed left there goes at the next start.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ccdaemon import audio
from ccdaemon.disk import in_memory
from ccdaemon.faults import ArchiveFault

ENDING = ".sln"
MODE = 0o640  # the folder gives its group to what is made in it (systemd/ccdaemon.tmpfiles.conf)


class Lent:
    """A folder of sounds by their names, empty at first. Raises `OSError`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._calls: dict[str, str | None] = {}  # of which each is
        folder.mkdir(mode=0o750, exist_ok=True)
        for file in folder.iterdir():
            _discard(file)

    async def lend(self, name: str, call: str | None, opened: Iterable[bytes]) -> str:
        """Encoded audio of a call where Asterisk can play it, both sides in one: its path, without the ending.

        Raises `ArchiveFault`. Whoever is cancelled amid this takes it back: the thread that goes on makes no file.
        """
        file = self._file(name)
        try:
            self.take_back(name)
            self._calls[name] = call
            os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            await asyncio.to_thread(fill, file, opened)
        except OSError as fault:
            self.take_back(name)
            message = f"{name} cannot be played at a phone: {fault.strerror} ({self._folder})"
            raise ArchiveFault(message) from fault
        except (ArchiveFault, audio.AudioFault) as fault:
            self.take_back(name)
            raise ArchiveFault(str(fault)) from fault
        return str(file.with_name(name))

    def take_back(self, name: str) -> None:
        self._calls.pop(name, None)
        _discard(self._file(name))

    def calls(self) -> set[str]:
        """Of which something is heard now."""
        return {call for call in self._calls.values() if call is not None}

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}{ENDING}"


def fill(file: Path, opened: Iterable[bytes]) -> None:
    """One that is there; into one that was taken back meanwhile goes what nobody can open any more."""
    with in_memory() as encoded, os.fdopen(os.open(file, os.O_WRONLY), "wb") as lent:
        encoded.writelines(opened)
        encoded.seek(0)
        audio.write_mixed(encoded, lent)
        os.fchmod(lent.fileno(), MODE)


def _discard(file: Path) -> None:
    """Empty first: Asterisk may have it open, and what it plays is over then. Raises `OSError`."""
    with suppress(FileNotFoundError):
        os.truncate(file, 0)
        file.unlink()
