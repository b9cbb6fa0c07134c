"""Certificates that sign themselves, for programs of the tests that speak TLS."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    file: Path
    key: Path


def certificate(folder: Path, host: str) -> Certificate:
    """Who has it vouches to be this address; who trusts its file believes that."""
    folder.mkdir()
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-days", "2"]
    names = ["-subj", "/CN=pbx", "-addext", f"subjectAltName=IP:{host}"]
    subprocess.run(
        ["openssl", "req", "-x509", *kind, *names, "-keyout", made.key, "-out", made.file],
        check=True,
        capture_output=True,
    )
    return made
