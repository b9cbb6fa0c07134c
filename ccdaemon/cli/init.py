"""`ccdaemon init`: a whole example site to start from."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path
from typing import Annotated

import typer

from ccdaemon.cli.configuration import screen, stop
from ccdaemon.disk import sync_folder
from ccdaemon.keys import new_site_key
from ccdaemon.signing import new_key

EXAMPLE = Path(__file__).parents[1] / "example"


def init(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder, for example /etc/ccdaemon.")],
) -> None:
    """Write the example site: a county council with fifteen lines in Welsh and English, ready to be changed.

    Secrets for Asterisk are made afresh. Nothing that exists is overwritten.
    """
    try:
        if folder.exists() and any(folder.iterdir()):
            message = f"{folder} is not empty, and nothing in it was changed: name a new folder, or empty this one"
            raise stop(message)
        _write(folder)
    except OSError as fault:
        message = f"no site can be written to {folder}: {fault.strerror}. Name another folder, or become its owner"
        raise stop(message) from None
    screen.print(f"An example site is in [bold]{folder}[/]. Next:")
    screen.print("  1. change ccdaemon.toml and services/*.toml, then")
    screen.print(f"     ccdaemon check --config {folder} --no-asterisk --no-sounds")
    screen.print(f"  2. ccdaemon prompts build --config {folder}")
    screen.print(f"  3. ccdaemon dialplan install --config {folder}")
    screen.print(f"  4. ccdaemon run --config {folder}, or systemctl enable --now ccdaemon")


def _write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True)
    (folder / "prompts").mkdir()
    place = folder.resolve()
    main = folder / "ccdaemon.toml"
    main.write_text(main.read_text().replace("/etc/ccdaemon/", f"{place}/"))
    for name in ("manager", "gateway"):
        keep(folder / f"{name}.secret", secrets.token_urlsafe(32).encode() + b"\n")
    keep(folder / "audit.key", new_key())
    keep(folder / "site.key", new_site_key())


def keep(file: Path, content: bytes) -> None:
    """Write a secret, safely on disk: all of it or nothing. It is for who writes it alone; root's systemd hands out."""
    fresh = file.with_name(f".{file.name}.part")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    with fresh.open("wb") as new:
        new.write(content)
        new.flush()
        os.fsync(new.fileno())
    fresh.chmod(0o400)
    fresh.replace(file)
    sync_folder(file.parent)
