"""No name server answers: callers are, where the machine knows its own name as the README asks."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import time
from pathlib import Path

from ccdaemon.machine import knows
from tests.lab.centre import Centre, contact_centre, play
from tests.lab.phones import Phone
from tests.lab.programs import until_up
from tests.lab.site import BOUND, ROOT
from tests.prove.proof import NotHeld, run

RECEPTION = "01632960100"
NAME, SILENT = "pbx-nobody-knows", "127.9.9.9"  # the machine's, and the name server's address
INSIDE = """
mount --bind {hosts} /etc/hosts
mount --bind {resolver} /etc/resolv.conf
hostname {name}
exec {python} -m tests.prove.names
"""
PATIENCE = 20.0  # seconds for which a caller lets it ring
AT_ONCE = 1.0  # seconds
DEADLINE = 300.0  # seconds


async def without_a_server(folder: Path) -> str:
    """The same call on a machine whose name is in /etc/hosts, and on one that only a name server would know."""
    if os.geteuid() != 0:
        message = "this takes root"
        raise NotHeld(message)
    named = await _called(folder, f"127.0.0.1 localhost {NAME}\n")
    nameless = await _called(folder, "127.0.0.1 localhost\n")
    said = f"named in /etc/hosts {_how(named)}, else {_how(nameless)}"
    if named["known"] and named["answered"] < AT_ONCE < nameless["answered"] and not nameless["known"]:
        return said
    raise NotHeld(said)


def _how(call: dict[str, float]) -> str:
    """In words."""
    return f"answered after {call['answered']:.2f} s" if call["answered"] < PATIENCE else f"not within {PATIENCE:.0f} s"


async def _called(folder: Path, known: str) -> dict[str, float]:
    hosts, resolver = folder / "hosts", folder / "resolv.conf"
    hosts.write_text(known)
    resolver.write_text(f"nameserver {SILENT}\n")
    script = INSIDE.format(hosts=hosts, resolver=resolver, name=NAME, python=sys.executable)
    words = ("unshare", "--mount", "--uts", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-ec", script)
    said = await run(
        *words, within=DEADLINE, log=folder / "names.log", folder=ROOT, name="a call without a name server"
    )
    answer: dict[str, float] = json.loads(said.splitlines()[-1])
    return answer


# --- inside ----------------------------------------------------------------------------------------------------------


async def _call() -> int:
    loop = asyncio.get_running_loop()
    silent, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=(SILENT, 53))
    async with contact_centre(ROOT / ".run" / "prove" / "names") as centre:
        await _as_shipped(centre)
        await centre.daemon.start()
        await until_up(centre.site, centre.daemon)
        began = time.monotonic()
        answered = asyncio.Event()

        async def hangs_up(phone: Phone) -> None:
            answered.set()
            phone.hang_up()

        call = asyncio.create_task(centre.world.call(RECEPTION, hangs_up))
        await asyncio.wait([asyncio.create_task(answered.wait())], timeout=PATIENCE)
        took = time.monotonic() - began
        call.cancel()
    silent.close()
    print(json.dumps({"answered": took, "known": knows(socket.gethostname(), ["files"])}))
    return 0


async def _as_shipped(centre: Centre) -> None:
    """The sample alone: its endpoints name no transport."""
    file = centre.site.folder / "pbx" / "etc" / "pjsip.conf"
    text = file.read_text()
    assert BOUND in text
    file.write_text(text.replace(BOUND, ""))
    await centre.pbx.cli("module reload res_pjsip.so")


if __name__ == "__main__":
    play(_call())
