"""`./dev pbx`: a contact centre to play with, until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable
from pathlib import Path

from tests.lab.centre import contact_centre, play
from tests.lab.scripts import talks
from tests.lab.site import ROOT, SOFTPHONES
from tests.lab.story import HOUSING

FOLDER = ROOT / ".run" / "pbx"


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev pbx", description=__doc__)
    parser.add_argument(
        "--closed", action="append", default=[], metavar="SERVICE", help="outside its hours; may repeat"
    )
    options = parser.parse_args()
    play(_stay_up(options.closed))


async def _stay_up(closed: list[str]) -> None:
    print("Starting a PBX, phones, an MQTT broker and the daemon.", flush=True)
    async with contact_centre(FOLDER, closed=closed) as centre:
        centre.world.desk("*", talks())  # agents are robots, who answer and speak a tone
        explain(centre.site.addresses.pbx, FOLDER, lambda line: print(line, flush=True))
        await asyncio.Event().wait()


def explain(address: str, folder: Path, say: Callable[[str], None]) -> None:
    """How to call a contact centre that stays up, and how to look at it."""
    caller, agent = SOFTPHONES
    say("")
    say(f"It stays up until you press Ctrl-C. Register a softphone on this machine at sip:{address}:5060 (UDP), as")
    say(f"  {caller}, password {caller}: a caller. Dial {HOUSING}, or any number of services/*.toml")
    say(f"  {agent}, password {agent}: a desk phone. Dial 6111 for Housing, 1001 for a colleague")
    say(f"Asterisk's console:  PATH=$PWD/.run/tools/bin:$PATH asterisk -C {folder}/pbx/etc/asterisk.conf -r")
    say(f"Status topics:       any MQTT client at {address}:1883, ccdaemon/#")
    say(f"The calls:           .venv/bin/ccdaemon calls --config {folder}/ccdaemon")


if __name__ == "__main__":
    main()
