"""A call that Asterisk makes because a file asks for it: that needs a right to its spool, and none at the manager port.

Source: the Asterisk documentation on call files; pbx/pbx_spool.c.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

FOLDER = "outgoing"  # of Asterisk's spool


def ask_for_call(spool: Path, fields: Mapping[str, str]) -> Path:
    """Write the file whole and move it there, as pbx_spool wants it. Raises `OSError` where that is not for us."""
    name = f"ccdaemon-{secrets.token_hex(8)}.call"
    fresh, owner = spool / f".{name}", (spool / FOLDER).stat()
    try:
        fresh.write_text("".join(f"{key}: {value}\n" for key, value in fields.items()))
        fresh.chmod(0o660)  # Asterisk notes in it that it has tried
        if os.geteuid() == 0:
            os.chown(fresh, owner.st_uid, owner.st_gid)
        return fresh.rename(spool / FOLDER / name)
    finally:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
