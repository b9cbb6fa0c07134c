"""How long callers wait for an answer while something else goes on.

Calls come every few milliseconds, from a process of their own, each timed from its first byte to our first command.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ccdaemon.asterisk.agi import AgiServer, AgiSession
from tests.lab.site import ROOT

EVERY = 0.01  # seconds
QUESTION = b"agi_network: yes\nagi_network_script: inbound\nagi_uniqueid: 1.1\nagi_channel: PJSIP/trunk-1\n\n"


class Waited:
    """How long each call waited for its answer, in ms, in order."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def __str__(self) -> str:
        times = sorted(self.times)
        at = {share: times[min(len(times) - 1, int(share * len(times)))] for share in (0.5, 0.99)}
        return f"{at[0.5]:.1f} ms, 99th percentile {at[0.99]:.1f} ms, longest {times[-1]:.1f} ms of {len(times)}"

    @property
    def percentile(self) -> float:
        return sorted(self.times)[int(0.99 * len(self.times))]


@asynccontextmanager
async def callers() -> AsyncIterator[Waited]:
    """Calls come, as long as this lasts."""

    async def converse(session: AgiSession) -> None:
        await session.get("CC_ANYTHING")

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = AgiServer(converse)
    await server.listen("127.0.0.1", port)
    command = (sys.executable, "-m", "tests.bench.probe", str(port))
    process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE, stdout=-1, cwd=ROOT)
    waited = Waited()
    try:
        yield waited
    finally:
        said, _ = await process.communicate(b"")
        waited.times = json.loads(said)
        await server.stop(within=0)


def main(port: int) -> None:
    """Call until standard input ends."""
    import select  # noqa: PLC0415 - of the process that calls only

    times = []
    while not select.select([sys.stdin], [], [], EVERY)[0]:
        with socket.create_connection(("127.0.0.1", port)) as call:
            began = time.perf_counter()
            call.sendall(QUESTION)
            call.recv(4096)
            times.append(1000 * (time.perf_counter() - began))
            call.sendall(b"200 result=0\n")
    print(json.dumps(times))


if __name__ == "__main__":
    main(int(sys.argv[1]))
