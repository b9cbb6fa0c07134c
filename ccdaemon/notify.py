"""What systemd is told: ready, reloading, stopping, how we are, and that the event loop still turns.

Source: sd_notify(3), systemd.service(5) on WatchdogSec=.
"""

from __future__ import annotations

import asyncio
import os
import socket
from typing import NoReturn


class Systemd:
    """The notification socket, if systemd started us; otherwise nobody is told."""

    def __init__(self) -> None:
        self._address = os.environ.pop("NOTIFY_SOCKET", "")
        self._watchdog = int(os.environ.pop("WATCHDOG_USEC", "0")) / 1_000_000

    def tell(self, **states: str) -> None:
        """Send states such as READY="1" or STATUS="..."."""
        if not self._address:
            return
        lines = [
            f"{name}={' '.join(value.split())}" for name, value in states.items()
        ]  # one more would be a state more
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.connect(address)
            sender.sendall("\n".join(lines).encode())

    async def feed_watchdog(self) -> NoReturn:
        """Feed it from the event loop alone: whatever else is wrong is an alarm, not a reason to restart."""
        while True:
            if self._watchdog:
                self.tell(WATCHDOG="1")
            await asyncio.sleep(self._watchdog / 3 or 3600)
