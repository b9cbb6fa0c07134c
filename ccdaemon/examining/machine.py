"""The machine under us: disks, swap, clock and name."""

from __future__ import annotations

import socket

from ccdaemon.examining.looking import Examined, looked
from ccdaemon.findings import Finding, Unseen
from ccdaemon.machine import SERVICE, clock, disk, is_kept_out_of_swap, knows, nsswitch, swaps
from ccdaemon.rules.examined.upkeep import clock_finding, disk_finding, name_finding, own_sources, swap_finding


async def machine(examined: Examined) -> list[Finding]:
    paths = examined.site.main.paths
    return [
        *await looked("disk", _disk("state", examined)),
        *(await looked("disk", _disk("spool", examined)) if paths.spool != paths.state else []),
        *await looked("swap", _swap()),
        *await looked("clock", _clock()),
        *await looked("name", _name()),
    ]


async def _disk(name: str, examined: Examined) -> list[Finding]:
    folder = getattr(examined.site.main.paths, name)
    return [disk_finding(str(folder), disk(folder))]


async def _swap() -> list[Finding]:
    if not (there := swaps()):
        return [swap_finding(swaps=False, kept_out=True)]
    if not SERVICE.exists():
        message = "whether the daemon is kept out of it shows while it runs as a service, with cgroups v2"
        raise Unseen(message)
    return [swap_finding(swaps=there, kept_out=is_kept_out_of_swap(SERVICE))]


async def _clock() -> list[Finding]:
    return [clock_finding(clock())]


async def _name() -> list[Finding]:
    name = socket.gethostname()
    sources = own_sources(nsswitch())
    return [name_finding(name, known=bool(sources) and knows(name, sources))]
