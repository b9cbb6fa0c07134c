"""The machine under us: how full its disks are, and whether its clock is right. Source: statvfs(3), adjtimex(2)."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from ccdaemon.topics import Clock, Disk

TIME_ERROR = 5  # adjtimex's answer while nothing sets the clock
STRUCT_TIMEX = 208  # bytes, on 64 bits; the C library's own may grow, so there is room behind it
ROOM = 4 * STRUCT_TIMEX
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
    if state < 0:  # a sandbox forbids even to ask
        return {"synchronised": None, "error_ms": None}
    synchronised = state != TIME_ERROR
    return {"synchronised": synchronised, "error_ms": timex[MAX_ERROR] / 1000 if synchronised else None}
