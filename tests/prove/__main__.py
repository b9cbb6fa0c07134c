"""`./dev prove [NAME ...]`: the full forms of what the tests hold in short, and a table of what was seen."""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial

from tests.lab.centre import play
from tests.lab.site import ROOT
from tests.prove.callers import amid_a_crowd, anything_or_nothing
from tests.prove.debian import demo_and_test
from tests.prove.importing import a_gigabyte
from tests.prove.interlock import matrix
from tests.prove.kills import everywhere
from tests.prove.names import without_a_server
from tests.prove.proof import NotHeld, Proof, run
from tests.prove.soak import two_hours
from tests.prove.supervisors import in_a_crowd
from tests.prove.systemd import service

TABLE = ROOT / "tests" / "prove" / "RESULTS.md"
RUN = ROOT / ".run" / "prove"
AGAIN = 3  # times that a live test is run
WITHIN = 1800.0  # seconds for each program
SECOND_DEMO = 60.0
ROW = 300  # characters of what a failed program said, in the table


def live(file: str, times: int = AGAIN) -> Callable[[], Awaitable[str]]:
    """Live tests, again and again: what holds once may have been luck."""

    async def show() -> str:
        took = []
        for _ in range(times):
            began = time.monotonic()
            await run(
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-p",
                "no:cacheprovider",
                f"tests/live/{file}",
                within=WITHIN,
                folder=ROOT,
                name=file,
            )
            took.append(time.monotonic() - began)
        return f"{times} of {times} runs, {min(took):.0f} to {max(took):.0f} s each"

    return show


async def second_demo() -> str:
    took = []
    for _ in range(2):
        began = time.monotonic()
        said = await run(str(ROOT / "dev"), "demo", "--json", within=WITHIN, folder=ROOT)
        took.append(time.monotonic() - began)
    report = json.loads(said.splitlines()[-1])
    checks = [check["holds"] for chapter in report["chapters"] for check in chapter["checks"]]
    if not all(checks) or took[1] > SECOND_DEMO:
        message = f"{checks.count(False)} checks failed; the second run took {took[1]:.0f} s"
        raise NotHeld(message)
    return f"{len(checks)} checks of 3 calls; second run {took[1]:.0f} s, limit {SECOND_DEMO:.0f}"


PROOFS = (
    Proof(
        "demo",
        "the demo's three calls are as they must be, and its second run takes less than a minute",
        second_demo,
    ),
    Proof(
        "lines",
        "every line in both languages lands in its queue; only Housing and Assist leave a clean recording",
        live("test_lines.py"),
    ),
    Proof(
        "tiers",
        "sixty calls outlive kill -9 and a hanging daemon; who calls meanwhile is answered and registered",
        live("test_tiers.py"),
    ),
    Proof(
        "link",
        "ten seconds without AMI drop none of forty calls, and lose none to the register",
        live("test_link.py"),
    ),
    Proof("strangers", "a stranger cannot steer a call, daemon or no daemon", live("test_strangers.py")),
    Proof(
        "callers",
        "queues in Welsh, full, empty; odd and withheld numbers; missing sounds; reload",
        live("test_callers.py"),
    ),
    Proof(
        "transfers",
        "transfers to nowhere are refused, callers nobody takes come back, what a phone begins is not recorded",
        live("test_transfers.py"),
    ),
    Proof(
        "interlock",
        "no way to an officer leaves a frame of what followed in a recording, whatever fails in its middle",
        partial(matrix, RUN / "interlock", ROOT / "tests" / "prove" / "INTERLOCK.md"),
    ),
    Proof("round", "what goes round the door is closed, or seen in milliseconds", live("test_round_the_door.py")),
    Proof("segments", "who consults and comes back is recorded whole", live("test_segments.py")),
    Proof(
        "kills",
        "killed at random moments, nothing that is kept is lost or doubled, and nothing is left plain",
        partial(everywhere, RUN / "kills"),
    ),
    Proof(
        "systemd",
        "as a service that is killed, hangs, restarts amid calls, lacks disk, broker or Asterisk, it drops no caller",
        partial(service, RUN / "systemd"),
    ),
    Proof("import", "a file of one gigabyte is taken in with little memory", partial(a_gigabyte, RUN / "import")),
    Proof(
        "keys",
        "who presses anything or nothing for ten minutes comes to a person or a goodbye, on every line",
        partial(anything_or_nothing, RUN / "keys"),
    ),
    Proof(
        "crowd",
        "1,000 half-open sessions, port scans and lines of 20 MiB disturb no call",
        partial(amid_a_crowd, RUN / "crowd"),
    ),
    Proof(
        "supervisors",
        "supervisors who change modes at random while agents transfer harm no call and leave nothing behind",
        partial(in_a_crowd, RUN / "supervisors"),
    ),
    Proof(
        "soak",
        "two hours of three calls a second leave no call, and nothing that the daemon holds grows",
        partial(two_hours, RUN / "soak"),
    ),
    Proof(
        "names",
        "without a name server callers are answered at once, if the machine knows its own name",
        partial(without_a_server, RUN),
    ),
    Proof(
        "debian-12",
        "demo and tests pass in a fresh Debian 12 with git, python3 and certificates",
        partial(demo_and_test, RUN, "12", ROOT),
    ),
    Proof("debian-13", "the same in a fresh Debian 13", partial(demo_and_test, RUN, "13", ROOT)),
)


def main() -> None:
    names = [proof.name for proof in PROOFS]
    parser = argparse.ArgumentParser(prog="./dev prove", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}; all, if none is named")
    parser.add_argument("--list", action="store_true", help="say what each proof claims")
    options = parser.parse_args()
    if unknown := set(options.names) - set(names):
        parser.error(f"there is no proof {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    chosen = [proof for proof in PROOFS if not options.names or proof.name in options.names]
    if options.list:
        for proof in chosen:
            print(f"{proof.name:<10} {proof.claim}")
        return
    play(_prove(chosen))


async def _prove(proofs: list[Proof]) -> int:
    RUN.mkdir(parents=True, exist_ok=True)
    held = True
    for proof in proofs:
        print(f"{proof.name}: {proof.claim} ...", flush=True)
        try:
            figures, holds = await proof.show(), "yes"
        except NotHeld as fault:
            figures, holds, held = str(fault), "NO", False
        print(f"  {holds}: {figures}", flush=True)
        _enter(proof, holds, figures)
    print(f"The table is {TABLE.relative_to(ROOT)}.")
    return 0 if held else 1


def _enter(proof: Proof, holds: str, figures: str) -> None:
    """Put a row into the table, in the place of an older one of the same name; rows in the order of `PROOFS`."""
    rows = dict(_rows())
    figures = " ".join(figures.split()).replace("|", "/")
    if holds == "NO" and len(figures) > ROW:  # of a program that failed: which one, and its last words, which say why
        figures = f"{figures[: ROW // 5]} … {figures[-ROW:]}"
    today = datetime.now(UTC).date().isoformat()
    machine = f"Python {platform.python_version()}"
    rows[proof.name] = f"| {proof.name} | {proof.claim} | {holds} | {figures} | {today}, {machine} |"
    head = [
        "# What `./dev prove` saw",
        "",
        "| proof | claim | holds | figures | when |",
        "| --- | --- | --- | --- | --- |",
    ]
    TABLE.write_text("\n".join([*head, *(rows[each.name] for each in PROOFS if each.name in rows), ""]))


def _rows() -> list[tuple[str, str]]:
    if not TABLE.exists():
        return []
    lines = TABLE.read_text().splitlines()[4:]
    return [(line.split("|")[1].strip(), line) for line in lines if line.startswith("|")]


main()
