"""A night with a year to delete: beside the floor, which is DELETE in plain SQLite and unlink of the same files.

A million rows (calls, what happened in them, recordings) and 100,000 archived files of two years; the older year is
due, but for a thousand calls under a hold. Both run in a process of their own, on a copy of their own, which answers
calls meanwhile.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ccdaemon import foreign
from ccdaemon.alarms import Alarms
from ccdaemon.archive import Archive
from ccdaemon.flows.expiry import Expiry
from ccdaemon.kept import Hold
from ccdaemon.keys import SIZE, Keys
from ccdaemon.parties import Parties
from ccdaemon.rules.retention import period_of
from ccdaemon.signing import Signer
from ccdaemon.store import open_register
from tests.bench.probe import callers
from tests.bench.ratios import ratio
from tests.builders import example_site
from tests.lab.site import ROOT

FOLDER = ROOT / ".run" / "bench-expiry"
CALLS, EVENTS, FILES = 300_000, 2, 100_000  # rows in all: calls, events of each, recordings
HELD = 1000
NOW = datetime(2026, 11, 25, 3, tzinfo=UTC)
SPAN = timedelta(days=730)
CONTENT = bytes(2000)  # of a file
ROUNDS = 1
AIM_WALL, AIM_MEMORY, AIM_ANSWER = 1.5, 200.0, 20.0  # times the floor; MiB; ms at the 99th percentile


async def main(rounds: int) -> int:
    await _build(FOLDER / "built")
    taken: dict[str, list[dict[str, float]]] = {"ours": [], "floor": []}
    for _ in range(rounds or ROUNDS):
        for who, each in taken.items():
            shutil.rmtree(FOLDER / who, ignore_errors=True)
            shutil.copytree(FOLDER / "built", FOLDER / who)
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.bench.expiry", who), stdout=asyncio.subprocess.PIPE, cwd=ROOT
            )
            said, _ = await process.communicate()
            each.append(json.loads(said.splitlines()[-1]))
            print(f"{who}: {each[-1]}", flush=True)
    wall, cpu = ([[each[what] for each in taken[who]] for who in ("ours", "floor")] for what in ("wall", "cpu"))
    print(f"wall time, through the floor: {ratio(*wall)}, aim {AIM_WALL}")
    print(f"CPU time, through the floor: {ratio(*cpu)}")
    worst = {what: max(each[what] for each in taken["ours"]) for what in ("memory", "answer")}
    print(f"memory: {worst['memory']:.0f} MiB, aim {AIM_MEMORY:.0f}")
    print(f"answers meanwhile: 99th percentile {worst['answer']:.1f} ms, aim {AIM_ANSWER:.0f}")
    reached = [max(map(lambda one, other: one / other, *wall)) <= AIM_WALL]
    reached += [worst["memory"] <= AIM_MEMORY, worst["answer"] <= AIM_ANSWER]
    return 0 if all(reached) else 1


def _began(number: int) -> float:
    return (NOW - SPAN + SPAN * number / CALLS).timestamp()


async def _build(folder: Path) -> None:
    """Two years of calls, evenly."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("keys", "spool", "recordings"):
        (folder / name).mkdir(parents=True)
    site = example_site()
    parties = _parties(folder)
    async with open_register(folder / "register.sqlite3", parties):
        pass
    with closing(sqlite3.connect(folder / "register.sqlite3")) as database:
        hidden = {period: parties.hide_for("+441632960777", period) for period in _periods("call")}
        keys = Keys(folder / "keys", bytes(SIZE))
        print(f"building {CALLS * (1 + EVENTS) + FILES:,} rows and {FILES:,} files", flush=True)
        for number in range(CALLS):
            began, call = _began(number), f"1700000000.{number}"
            who = hidden[period_of("call", began, site)]
            database.execute(
                "INSERT INTO calls (id, began, ended, dialled, caller, caller_index, period, service, language, tier) "
                "VALUES (?, ?, ?, '+441632960111', ?, ?, ?, 'housing', 'cy', 1)",
                (call, began, began + 60, who.text, who.index, who.period),
            )
            database.executemany(
                "INSERT INTO events (call, at, kind, leg, detail) VALUES (?, ?, 'menu', NULL, ?)",
                [(call, began, '{"service": "housing", "menu": "main", "language": "cy", "did": "1"}')] * EVENTS,
            )
            if number % (CALLS // FILES) == 0:
                _recording(database, folder, number, began, keys)
        database.commit()
    async with open_register(folder / "register.sqlite3", parties) as register:
        for number in range(0, CALLS // 2, CALLS // 2 // HELD):
            await register.add_hold(Hold("complaint", "x", call=f"1700000000.{number}"), "dpo", NOW.timestamp())
        await register.settle()


def _recording(database: sqlite3.Connection, folder: Path, number: int, began: float, keys: Keys) -> None:
    day = datetime.fromtimestamp(began, UTC)
    file = f"{day:%Y/%m/%d}/{number}.flac.sealed"
    (folder / "recordings" / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / "recordings" / file).write_bytes(CONTENT)
    period = period_of("recording", began, example_site())
    database.execute(
        "INSERT INTO recordings (leg, segment, call, service, started, stopped, file, seconds, bytes, sha256, since, "
        "period, wrapped) VALUES (?, 1, ?, 'housing', ?, ?, ?, 60, ?, ?, ?, ?, ?)",
        (
            *(f"1700000001.{number}", f"1700000000.{number}", began, began + 60, file, len(CONTENT), "0" * 64),
            *(began, period, keys.wrap(bytes(SIZE), period, file)),
        ),
    )


def _periods(kind: str) -> list[str]:
    first = NOW - SPAN + timedelta(days=360)
    days = [first + timedelta(days=each) for each in range(0, 760, 20)]
    return sorted({f"{kind}-{day:%Y-%m}" for day in days})


def _parties(folder: Path) -> Parties:
    return Parties(Keys(folder / "keys", bytes(SIZE)), lambda kind, began: period_of(kind, began, example_site()))


# --- the two that are measured ---------------------------------------------------------------------------------------


async def _ours(folder: Path) -> dict[str, float]:
    keys = Keys(folder / "keys", bytes(SIZE))
    archive = Archive(folder / "spool", folder / "recordings", keys)
    async with open_register(folder / "register.sqlite3", _parties(folder)) as register:
        alarms = Alarms(lambda _topic, _said: None)
        signer, drop = Signer(folder / "audit.key"), str(folder / "drop")
        expiry = Expiry(register, archive, keys, foreign, signer, drop, example_site, alarms, NOW.timestamp)
        async with callers() as waited:
            began, spent = time.perf_counter(), time.process_time()
            night = await expiry.run()
            took = {"wall": time.perf_counter() - began, "cpu": time.process_time() - spent}
    print(f"answers meanwhile: {waited}", file=sys.stderr)
    took |= {
        "recordings": night.gone["recording"].total(),
        "calls": night.gone["call"].total(),
        "left": len(night.left),
    }
    return took | {"memory": _peak(), "answer": waited.percentile}


def _peak() -> float:
    """MiB at the most; getrusage(2) would count what the process was before exec(2)."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


async def _floor(folder: Path) -> dict[str, float]:
    async with callers():
        return await asyncio.to_thread(_deleted, folder)


def _deleted(folder: Path) -> dict[str, float]:
    """The same rows and files, with the same care for what is overwritten, and nothing else."""
    before = (NOW - timedelta(days=365)).timestamp()
    with closing(sqlite3.connect(folder / "register.sqlite3", isolation_level=None)) as database:
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"):
            database.execute(f"PRAGMA {pragma}")
        began, spent = time.perf_counter(), time.process_time()
        files = database.execute("SELECT file FROM recordings WHERE since < ?", (before,)).fetchall()
        for (file,) in files:
            (folder / "recordings" / file).unlink()
        for statement in (
            "DELETE FROM recordings WHERE since < ?",
            "DELETE FROM events WHERE call IN (SELECT id FROM calls WHERE began < ?)",
            "DELETE FROM calls WHERE began < ?",
        ):
            database.execute(statement, (before,))
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return {"wall": time.perf_counter() - began, "cpu": time.process_time() - spent, "recordings": len(files)}


if __name__ == "__main__":
    who = sys.argv[1]
    print(json.dumps(asyncio.run((_ours if who == "ours" else _floor)(FOLDER / who))))
