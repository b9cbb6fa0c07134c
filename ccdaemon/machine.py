"""The machine under us: how full its disks are, and whether its clock is right. Source: statvfs(3), adjtimex(2)."""

from __future__ import annotations

import ctypes
import os
import subprocess
from pathlib import Path

from ccdaemon.topics import Clock, Disk

TIME_ERROR = 5  # adjtimex's answer while nothing sets the clock
STRUCT_TIMEX = 208  # bytes, on 64 bits; the C library's own may grow, so there is room behind it
ROOM = 4 * STRUCT_TIMEX
ASKS = "timedatectl", "show", "--property=NTPSynchronized", "--value"
SAID = {"yes": True, "no": False}
PATIENCE = 5.0  # seconds
MAX_ERROR = 3  # its place among the longs: modes (with its padding), offset, freq, maxerror


def disk(folder: Path) -> Disk:
    """As df(1) counts: what root keeps for itself is neither free nor used."""
    found = os.statvfs(folder)
    used = found.f_blocks - found.f_bfree
    return {
        "free_bytes": found.f_bavail * found.f_frsize,
        "used_percent": round(100 * used / ((used + found.f_bavail) or 1), 1),
    }


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
