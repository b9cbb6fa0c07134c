"""Passphrases, from a file or from whoever sits here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ccdaemon.cli.configuration import stop

SHORTEST = 12  # signs

PassphraseFile = Annotated[
    Path | None, typer.Option(help="Read the passphrase from a file instead of asking for it.", metavar="FILE")
]


def passphrase(file: Path | None, guards: str | None = None) -> str:
    """One that is known; or a new one, which `guards` something."""
    new = guards is not None
    try:
        said = (
            file.read_text().strip() if file else typer.prompt("Passphrase", hide_input=True, confirmation_prompt=new)
        )
    except (OSError, UnicodeDecodeError) as fault:
        message = f"{file}: {fault}"
        raise stop(message) from None
    if new and len(said) < SHORTEST:
        message = f"a passphrase that guards {guards} has {SHORTEST} signs or more"
        raise stop(message)
    return str(said)
