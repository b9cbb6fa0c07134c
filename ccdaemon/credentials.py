"""Secrets whose files are root's alone: systemd hands the daemon copies (systemd.exec(5), LoadCredential=)."""

from __future__ import annotations

import os
from pathlib import Path


def handed(file: Path) -> Path:
    """Where to read a secret: the copy of its name that systemd gave us, else the file itself.

    A blank copy stands for a file that was not there when the service started.
    """
    copy = Path(os.environ.get("CREDENTIALS_DIRECTORY", "")) / file.name
    try:
        return copy if copy.is_absolute() and copy.read_bytes().strip() else file
    except OSError:
        return file
