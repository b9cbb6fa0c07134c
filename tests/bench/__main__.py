"""`./dev bench NAME`: what things cost."""

from __future__ import annotations

import argparse

from tests.bench import ami, archive, expiry, handsets, interlock, ivr, mqtt, start
from tests.lab.centre import play

BENCHMARKS = {
    "ami": (ami.main, "events a second"),
    "archive": (archive.main, "what sealing a recording costs"),
    "expiry": (expiry.main, "a night with a year to delete"),
    "handsets": (handsets.main, "how long a supervisor waits"),
    "interlock": (interlock.main, "the door"),
    "ivr": (ivr.main, "CPU of a call"),
    "mqtt": (mqtt.main, "how soon monitoring sees a change"),
    "start": (start.main, "a command, and the daemon until it is ready"),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    what = "; ".join(f"{name}: {words}" for name, (_, words) in BENCHMARKS.items())
    parser.add_argument("name", choices=sorted(BENCHMARKS), help=what)
    parser.add_argument("--rounds", type=int, default=0, help="paired rounds; the default takes a few minutes")
    options = parser.parse_args()
    play(BENCHMARKS[options.name][0](options.rounds))


main()
