"""What a proof is, and how its programs are run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path


class NotHeld(Exception):
    """A claim did not hold, or could not be tried; the text says why."""


@dataclass(frozen=True)
class Proof:
    """A claim, and the run that shows it. `show` returns its figures, or raises `NotHeld`."""

    name: str
    claim: str
    show: Callable[[], Awaitable[str]]


async def run(*words: str, within: float, log: Path | None = None, folder: Path | None = None) -> str:
    """Run a program to its end and return what it printed; raises `NotHeld` with the last lines if it fails."""
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=folder,
    )
    try:
        async with asyncio.timeout(within):
            said = (await process.communicate())[0].decode(errors="replace")
    except TimeoutError:
        process.kill()
        await process.wait()
        message = f"{words[0]} did not end within {within:.0f} s"
        raise NotHeld(message) from None
    if log is not None:
        with log.open("a") as file:
            file.write(said)
    if process.returncode != 0:
        message = f"{' '.join(words[:4])} ended with {process.returncode}: {said[-1500:]}"
        raise NotHeld(message)
    return said
