"""What systemd is told: ready, reloading, stopping, how we are, and that the event loop still turns; what it gives us.

Source: sd_notify(3), systemd.service(5) on WatchdogSec=, sd_listen_fds(3).
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

FIRST = 3  # descriptor of what is passed; SD_LISTEN_FDS_START


class Systemd:
    """The notification socket, if systemd started us; otherwise nobody is told."""

    def __init__(self) -> None:
        self._address = os.environ.pop("NOTIFY_SOCKET", "")
        self._ready = False
        self._watchdog = int(os.environ.pop("WATCHDOG_USEC", "0")) / 1_000_000

    def tell(self, **states: str) -> None:
        """Send states such as READY="1" or STATUS="..."."""
        self._ready = self._ready or "READY" in states
        if not self._address:
            return
        lines = [
            f"{name}={' '.join(value.split())}" for name, value in states.items()
        ]  # one more would be a state more
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.connect(address)
            sender.sendall("\n".join(lines).encode())

    @contextmanager
    def reloading(self) -> Iterator[None]:
        """While a new configuration is read. Not told before we are ready: systemd would take its end for that."""
        if self._ready:
            self.tell(RELOADING="1", MONOTONIC_USEC=str(time.monotonic_ns() // 1000))
        try:
            yield
        finally:
            if self._ready:
                self.tell(READY="1")

    async def feed_watchdog(self) -> NoReturn:
        """Feed it from the event loop alone: whatever else is wrong is an alarm, not a reason to restart."""
        while True:
            if self._watchdog:
                self.tell(WATCHDOG="1")
            await asyncio.sleep(self._watchdog / 3 or 3600)


def passed(name: str) -> socket.socket | None:
    """The socket of a name that systemd listens at for us, if it started us with one. Asked once: then it is ours."""
    pid, count, names = (os.environ.pop(each, "") for each in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"))
    if pid != str(os.getpid()):  # they were for whoever started us
        return None
    named = dict(zip(names.split(":"), range(FIRST, FIRST + int(count)), strict=False))
    if name not in named:
        return None
    os.set_inheritable(named[name], False)  # noqa: FBT003 - its only way to be called
    return socket.socket(fileno=named[name])
