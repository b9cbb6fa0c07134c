"""What it costs to seal a recording, beside FLAC alone and AES-GCM alone; and whether callers notice forty at once."""

from __future__ import annotations

import asyncio
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from math import sin

import numpy as np
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ccdaemon import audio
from ccdaemon.archive import Archive
from ccdaemon.flows.recordings import Finishing
from ccdaemon.keys import SIZE, Keys
from ccdaemon.notices import RecorderStarted
from tests.bench.probe import Waited, callers
from tests.builders import Noticeboard, a_raw_file, a_register, example_site
from tests.lab.site import ROOT

FOLDER = ROOT / ".run" / "bench-archive"
SECONDS = 180  # of each recording
MANY = 40  # that end in the same second
ROUNDS = 20
AIM = 20.0  # ms by which a caller may wait longer
PERIOD = "recording-2027-11"
QUIET = 3.0  # seconds for which callers are timed while nothing else goes on


async def main(rounds: int) -> int:
    shutil.rmtree(FOLDER, ignore_errors=True)
    for name in ("keys", "spool", "recordings"):
        (FOLDER / name).mkdir(parents=True)
    speech = _speech()
    archive = Archive(FOLDER / "spool", FOLDER / "recordings", Keys(FOLDER / "keys", bytes(SIZE)))
    _sealing(archive, speech, rounds or ROUNDS)
    quiet, busy = await _forty(archive, speech)
    print(f"an answer, while nothing else goes on: {quiet}")
    print(f"an answer, while {MANY} recordings of {SECONDS} s are sealed: {busy}")
    longer = busy.percentile - quiet.percentile
    print(f"longer at the 99th percentile: {longer:.1f} ms, aim {AIM:.0f}")
    return 0 if longer <= AIM else 1


def _speech() -> bytes:
    """Two voices: hum, with pauses, and the hiss of a telephone."""
    noise = random.Random(1)
    hum = np.array([3000 * sin(at / 5) for at in range(audio.RATE)])
    sides = []
    for shift in (0, 1):
        talks = np.tile(np.concatenate([hum, hum * 0] if shift else [hum * 0, hum]), SECONDS // 2)
        hiss = np.array([noise.gauss(0, 30) for _ in range(audio.RATE)])
        sides.append((talks + np.tile(hiss, SECONDS)).astype("<i2"))
    return np.column_stack(sides).tobytes()


def _sealing(archive: Archive, speech: bytes, rounds: int) -> None:
    """Each in this thread, so that what it costs is CPU time of one core."""
    raw_file = a_raw_file(FOLDER / "spool", "1.1", "1.2", speech)
    (raw,) = archive.raw()
    cipher, nonce = AESGCM(bytes(SIZE)), bytes(12)

    def flac() -> None:
        with tempfile.TemporaryFile() as sink:
            audio.encode(raw_file, sink, "flac")

    done = {
        "sealed, read back and compared": _cost(lambda: archive.finish(raw, PERIOD), rounds),
        "FLAC alone": _cost(flac, rounds),
        "AES-GCM alone": _cost(lambda: cipher.encrypt(nonce, speech, None), rounds),
    }
    for name, each in done.items():
        print(f"{name}: {1 / each:.1f} a second and core, {SECONDS / each:,.0f} times real time")
    both = done["FLAC alone"] + done["AES-GCM alone"]
    print(f"through FLAC and AES-GCM alone: {done['sealed, read back and compared'] / both:.2f}")
    raw_file.unlink()


def _cost(work: Callable[[], object], rounds: int) -> float:
    """CPU seconds of one, at the median."""
    taken = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return statistics.median(taken)


async def _forty(archive: Archive, speech: bytes) -> tuple[Waited, Waited]:
    for number in range(MANY):
        a_raw_file(FOLDER / "spool", f"{number}.1", f"{number}.2", speech)
    async with a_register(FOLDER / "register.sqlite3") as register:
        await register.write([RecorderStarted(f"{number}.1", time.time(), f"{number}.2") for number in range(MANY)])
        finishing = Finishing(archive, register, Noticeboard(), set, example_site, time.time)
        async with callers() as quiet:
            await asyncio.sleep(QUIET)
        await finishing.look()
        async with callers() as busy:
            began = time.perf_counter()
            await finishing.look()
            print(f"{MANY} recordings sealed in {time.perf_counter() - began:.1f} s")
    assert not list((FOLDER / "spool").iterdir())
    return quiet, busy
