"""What may go wrong in the middle of a call, each made for real: `async with fault(centre)`, and it is over again."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import signal
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ccdaemon.asterisk.wire import agi_command
from ccdaemon.faults import SwitchRefused
from tests.lab.centre import Centre
from tests.lab.proxy import Proxy

DISK = "400m"
FILLING = 1024 * 1024  # bytes at a time


@dataclass
class Fragile:
    """A centre, and what stands between its daemon and Asterisk's manager port."""

    centre: Centre
    link: Proxy
    small_disk: bool = False


Fault: TypeAlias = Callable[[Fragile], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def killed(it: Fragile) -> AsyncIterator[None]:
    it.centre.daemon.kill(signal.SIGKILL)
    await it.centre.daemon.wait()
    try:
        yield
    finally:
        await it.centre.restart_daemon()


@asynccontextmanager
async def stopped(it: Fragile) -> AsyncIterator[None]:
    """In its tracks: its heartbeat is still young."""
    it.centre.daemon.kill(signal.SIGSTOP)
    try:
        yield
    finally:
        it.centre.daemon.kill(signal.SIGCONT)


@asynccontextmanager
async def cut(it: Fragile) -> AsyncIterator[None]:
    await it.link.cut()
    try:
        yield
    finally:
        await it.link.mend()


@asynccontextmanager
async def slow(it: Fragile) -> AsyncIterator[None]:
    """Whatever Asterisk says is three seconds late."""
    it.link.delay = 3.0
    try:
        yield
    finally:
        it.link.delay = 0.0


@asynccontextmanager
async def erring(it: Fragile) -> AsyncIterator[None]:
    """Asterisk does what it is asked, logins aside, and says that it did not."""
    success = re.compile(rb"Response: Success\r\n(?!ActionID: \S+\r\nMessage: Authentication accepted)")
    it.link.alter = lambda piece: success.sub(b"Response: Error\r\nMessage: Permission denied\r\n", piece)
    try:
        yield
    finally:
        it.link.alter = bytes


@asynccontextmanager
async def disk_full(it: Fragile) -> AsyncIterator[None]:
    """Of recordings, register, spool, logs, everything."""
    filler = it.centre.site.folder / "filler"
    await asyncio.to_thread(_fill, filler)
    try:
        yield
    finally:
        filler.unlink()


def _fill(filler: Path) -> None:
    with filler.open("wb", buffering=0) as file:
        size = FILLING
        while size:
            try:
                file.write(bytes(size))
            except OSError as fault:
                if fault.errno != errno.ENOSPC:
                    raise
                size //= 2


@asynccontextmanager
async def register_locked(it: Fragile) -> AsyncIterator[None]:
    """By a second program that writes."""
    other = sqlite3.connect(it.centre.site.folder / "state" / "register.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@asynccontextmanager
async def stale_answers(it: Fragile) -> AsyncIterator[None]:
    """Every channel brings the answer of an earlier passage along, and the daemon is dead."""
    async with it.centre.manager() as ami:
        for each in await ami.listing("CoreShowChannels"):
            for variable in ("__CC_CLEAR", "__CC_PAYMENT", "__GOSUB_RETVAL"):
                with suppress(SwitchRefused):  # it has hung up meanwhile
                    await ami.action("Setvar", {"Channel": each["Channel"], "Variable": variable, "Value": "clear"})
    async with killed(it):
        yield


@asynccontextmanager
async def stranger(it: Fragile) -> AsyncIterator[None]:
    """Somebody else listens on the daemon's FastAGI port, and sends everybody to an officer."""

    async def misleads(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\n\n")
        for name, value in (("CC_RESULT", "payment:en"), ("CC_CLEAR", "clear"), ("CC_PROOF", "0" * 40)):
            writer.write(agi_command(["SET", "VARIABLE", name, value]))
            await reader.readline()
        writer.close()

    async with killed(it):
        gateway = it.centre.site.configuration().main.gateway
        async with await asyncio.start_server(misleads, gateway.host, gateway.port):
            yield


FAULTS: Mapping[str, Fault] = {
    each.__name__: each
    for each in (killed, stopped, cut, slow, erring, disk_full, register_locked, stale_answers, stranger)
}


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """A small file system at a folder. False where this machine allows none; then nothing can fill it."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=755", "ccdaemon-small", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        yield False
        return
    try:
        yield True
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
