"""`./dev bench NAME`: what things cost."""

from __future__ import annotations

import argparse

from tests.bench import ami, expiry, interlock, ivr
from tests.lab.centre import play

BENCHMARKS = {"ami": ami.main, "expiry": expiry.main, "interlock": interlock.main, "ivr": ivr.main}


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument(
        "name",
        choices=sorted(BENCHMARKS),
        help="ami: events a second; expiry: a night with a year to delete; interlock: the door; ivr: CPU of a call",
    )
    parser.add_argument("--rounds", type=int, default=0, help="paired rounds; the default takes a few minutes")
    options = parser.parse_args()
    play(BENCHMARKS[options.name](options.rounds))


main()
