"""What a proof is, and how its programs are run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from os import SEEK_END
from pathlib import Path
from tempfile import TemporaryFile

LAST_WORDS = 1500  # characters


class NotHeld(Exception):
    """A claim did not hold, or could not be tried; the text says why."""


@dataclass(frozen=True)
class Proof:
    """A claim, and the run that shows it. `show` returns its figures, or raises `NotHeld`."""

    name: str
    claim: str
    show: Callable[[], Awaitable[str]]


async def run(*words: str, within: float, log: Path | None = None, folder: Path | None = None, name: str = "") -> str:
    """Run a program to its end and return what it printed; raises `NotHeld` with its last words if it fails.

    `log` keeps all of it, of one run after the other. `name` is what the program does, in two or three words.
    """
    with log.open("a+b") if log else TemporaryFile() as printed:
        before = printed.seek(0, SEEK_END)
        process = await asyncio.create_subprocess_exec(
            *words, stdin=asyncio.subprocess.DEVNULL, stdout=printed, stderr=asyncio.subprocess.STDOUT, cwd=folder
        )
        try:
            async with asyncio.timeout(within):
                how = f"ended with {await process.wait()}"
        except TimeoutError:
            process.kill()
            await process.wait()
            how = f"did not end within {within:.0f} s"
        printed.seek(before)
        said = printed.read().decode(errors="replace")
    if process.returncode != 0:
        message = f"{name or words[0]} {how}: {said[-LAST_WORDS:]}"
        raise NotHeld(message)
    return said
