"""The machine under us: how full its disks are, whether its clock is right, whether it swaps us, and its own name.

Source: statvfs(3), adjtimex(2), proc_swaps(5), the kernel's Documentation/admin-guide/cgroup-v2.rst, getent(1).
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ccdaemon.topics import Clock, Disk

TIME_ERROR = 5  # adjtimex's answer while nothing sets the clock
STRUCT_TIMEX = 208  # bytes, on 64 bits; the C library's own may grow, so there is room behind it
ROOM = 4 * STRUCT_TIMEX
ASKS = "timedatectl", "show", "--property=NTPSynchronized", "--value"
SAID = {"yes": True, "no": False}
PATIENCE = 5.0  # seconds
SERVICE = Path("/sys/fs/cgroup/system.slice/ccdaemon.service")  # with cgroups v2
NSSWITCH = Path("/etc/nsswitch.conf")
MAX_ERROR = 3  # its place among the longs: modes (with its padding), offset, freq, maxerror


def disk(folder: Path) -> Disk:
    """As df(1) counts: what root keeps for itself is neither free nor used."""
    found = os.statvfs(folder)
    used = found.f_blocks - found.f_bfree
    return {
        "free_bytes": found.f_bavail * found.f_frsize,
        "used_percent": round(100 * used / ((used + found.f_bavail) or 1), 1),
    }


def swaps() -> bool:
    """Has the machine a place on a disk to which it writes what is in memory?"""
    return len(Path("/proc/swaps").read_text().splitlines()) > 1  # the first is a heading


def is_kept_out_of_swap(service: Path) -> bool:
    """By the limit that systemd has set to a service, or to the slice that it is in."""
    limits = [each / "memory.swap.max" for each in (service, service.parent)]
    return any(limit.exists() and limit.read_text().strip() == "0" for limit in limits)


def nsswitch() -> str:
    """Where this machine looks names up; nothing, where the C library decides."""
    return NSSWITCH.read_text(errors="replace") if NSSWITCH.exists() else ""


def knows(name: str, sources: Sequence[str]) -> bool:
    """Do these sources of host names (nsswitch.conf(5)) have an address for one? Source: getent(1)."""
    asks = ["getent", "-s", f"hosts:{' '.join(sources)}", "ahosts", name]
    try:
        return subprocess.run(asks, capture_output=True, timeout=PATIENCE, check=False).returncode == 0  # noqa: S603 - no shell
    except subprocess.TimeoutExpired:
        return False


def clock() -> Clock:
    """What the kernel knows of it; no privilege is needed to ask."""
    timex = (ctypes.c_long * (ROOM // ctypes.sizeof(ctypes.c_long)))()
    state = ctypes.CDLL(None).adjtimex(ctypes.byref(timex))
    if state < 0:  # our unit's sandbox forbids even to ask (ProtectClock=), but not to ask who may
        return {"synchronised": SAID.get(_timedated()), "error_ms": None}
    synchronised = state != TIME_ERROR
    return {"synchronised": synchronised, "error_ms": timex[MAX_ERROR] / 1000 if synchronised else None}


def _timedated() -> str:
    """What systemd-timedated says, at the system bus: `yes`, `no`, or nothing."""
    try:
        asked = subprocess.run(ASKS, capture_output=True, text=True, timeout=PATIENCE, check=False)  # noqa: S603 - no shell
        return asked.stdout.strip()
    except (OSError, subprocess.TimeoutExpired):  # a machine without it
        return ""
