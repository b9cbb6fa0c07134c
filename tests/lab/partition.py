"""A broker behind a router that can stop forwarding: silence both ways, as when a line fails. It takes root.

Three networks: ours, the router's and the broker's, joined by pairs of virtual interfaces (veth(4)). One more pair goes
past the router, for who looks at the broker meanwhile.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

# Of each process its own, so that two can go on at once. RFC 2544 keeps 198.18.0.0/15 for measurements.
US = os.getpid()
NET = f"198.{18 + US // 256 % 2}.{US % 256}"
OURS, NEAR = f"{NET}.1", f"{NET}.2"
FAR, BROKER = f"{NET}.5", f"{NET}.6"
LOOKING, PAST = f"{NET}.9", f"{NET}.10"  # PAST is the broker's address for who goes past the router
ROUTER_NET, BROKER_NET = f"cc-router-{US}", f"cc-broker-{US}"
NEAR_LINK, PAST_LINK = f"ccn{US}", f"ccp{US}"
LAID = f"""
link add {NEAR_LINK} type veth peer name near netns {ROUTER_NET}
link add {PAST_LINK} type veth peer name past netns {BROKER_NET}
-n {ROUTER_NET} link add far type veth peer name path netns {BROKER_NET}
addr add {OURS}/30 dev {NEAR_LINK}
addr add {LOOKING}/30 dev {PAST_LINK}
-n {ROUTER_NET} addr add {NEAR}/30 dev near
-n {ROUTER_NET} addr add {FAR}/30 dev far
-n {BROKER_NET} addr add {BROKER}/30 dev path
-n {BROKER_NET} addr add {PAST}/30 dev past
link set {NEAR_LINK} up
link set {PAST_LINK} up
-n {ROUTER_NET} link set near up
-n {ROUTER_NET} link set far up
-n {BROKER_NET} link set path up
-n {BROKER_NET} link set past up
-n {BROKER_NET} route add default via {FAR}
route add {NET}.4/30 via {NEAR}
"""


@asynccontextmanager
async def router() -> AsyncIterator[None]:
    """The networks, which are gone at the end. Raises `OSError`."""
    undo: list[str] = []
    try:
        for name in (ROUTER_NET, BROKER_NET):
            await _run("ip", "netns", "add", name)
            undo.insert(0, f"netns delete {name}")
        for line in LAID.strip().splitlines():
            await _run("ip", *line.split())
            if line.startswith("link add"):  # a network that is deleted keeps its interfaces for a while
                undo.insert(0, f"link delete {line.split()[2]}")
        await forward(on=True)
        yield
    finally:
        for line in undo:
            await _run("ip", *line.split())


async def forward(*, on: bool) -> None:
    """Let what we and the broker say to each other pass, or vanish."""
    await _run("ip", "netns", "exec", ROUTER_NET, "sysctl", "-q", f"net.ipv4.ip_forward={int(on)}")


def beyond(*command: str) -> list[str]:
    """A command that runs at the broker's place."""
    return ["ip", "netns", "exec", BROKER_NET, *command]


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    if process.returncode != 0:
        message = f"{' '.join(command)}: {said.decode().strip()}"
        raise OSError(message)
