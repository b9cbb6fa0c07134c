"""`./dev check` for the dialplan: asterisklint over our contexts with the site file that the example generates."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from ccdaemon.config import load
from ccdaemon.dialplan import GENERATED, generated
from tests.lab.site import GATEWAY_SECRET, ROOT

# What asterisklint does not know: applications and functions of Asterisk 22, hints, and one matter of taste about
# [globals].
UNKNOWN_TO_IT = (
    "app 'MSet'",
    "app 'Park'",
    "app 'ParkedCall'",
    "function 'PARK_GET_CHANNEL'",
    "app 'WaitForCondition'",
    "function 'UUID'",
    "function 'SHA1'",
    "I_NOTIMPL_HINT",
    "H_DP_GLOBALS_MISPLACED",
)


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        names = []
        for file in sorted((ROOT / "dialplan").glob("*.conf")):
            (folder / file.name).write_text(file.read_text())
            names.append(file.name)
        site = load(ROOT / "ccdaemon" / "example", ROOT / "prompts")
        (folder / GENERATED).write_text(generated(site, GATEWAY_SECRET, Path("/etc/asterisk/ccdaemon/cc-second-tier")))
        includes = "\n".join(f"#include {name}" for name in [*names, GENERATED])
        (folder / "extensions.conf").write_text(f"[general]\nstatic=yes\n\n{includes}\n")
        lint = Path(sys.executable).with_name("asterisklint")
        done = subprocess.run(
            [lint, "dialplan-check", "extensions.conf"], cwd=folder, capture_output=True, text=True, check=False
        )
        said = (done.stdout + done.stderr).splitlines()
    faults = [line for line in said if not any(known in line for known in UNKNOWN_TO_IT)]
    print("\n".join(faults) or "The dialplan is clean.")
    return 1 if faults or not said else 0


if __name__ == "__main__":
    sys.exit(main())
