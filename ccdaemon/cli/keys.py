"""`ccdaemon keys`: those that seal what is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from ccdaemon import escrow, places
from ccdaemon.cli.configuration import DEFAULT_FOLDER, Folder, configuration, screen, stop
from ccdaemon.cli.init import keep
from ccdaemon.cli.passphrase import PassphraseFile, passphrase
from ccdaemon.cli.running import not_running
from ccdaemon.faults import KeyUnusable
from ccdaemon.keys import Keys, encoded, new_site_key, site_key

SITE = "site"  # the name of the site's key among those of the periods

app = typer.Typer(help="The keys that seal what is kept.", no_args_is_help=True)


@app.command("list")
def list_(config: Folder = DEFAULT_FOLDER) -> None:
    """List the periods of which there is a key: class and month in which it is destroyed, or a hold."""
    with _in_words():
        for name in places.keys(configuration(config)).names():
            typer.echo(name)


@app.command()
def new(config: Folder = DEFAULT_FOLDER) -> None:
    """Make the site key of a site that has none yet."""
    table = configuration(config).main.keys
    if table.site.exists() or any(table.folder.glob("*.key")):
        message = f"{table.site}, or keys that it wraps, are there already, and nothing was changed"
        raise stop(message)
    with _in_words():
        keep(table.site, new_site_key())
    screen.print(escape(f"{table.site}: write an escrow of it (`ccdaemon keys escrow`)"))


@app.command("escrow")
def escrow_(
    out: Annotated[Path, typer.Option(help="The file to write.", metavar="FILE")],
    config: Folder = DEFAULT_FOLDER,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Write a copy of all keys, sealed with a passphrase, for the safe.

    Keys of months that are over are destroyed here, but not in this copy: write it anew each month, and destroy the old
    one.
    """
    with _in_words():
        there = places.keys(configuration(config))
        keys = {**there.everything(), SITE: there.site}
        content = escrow.sealed(keys, passphrase(passphrase_file, "all keys"))
        out.touch(mode=0o400, exist_ok=False)
        out.chmod(0o600)
        out.write_bytes(content)
        out.chmod(0o400)
    screen.print(escape(f"{out}: {len(keys)} keys. Whoever has it and the passphrase can open all that is kept."))


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="As `ccdaemon keys escrow` wrote it.")],
    config: Folder = DEFAULT_FOLDER,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Put back keys that are missing, while no daemon runs. Exit status 1 if there are others of the same name.

    Those that are there stay as they are. Is one another than that in the safe, take it away first, if it is not
    needed: what it sealed would be lost.
    """
    site = configuration(config)
    not_running(site)
    table = site.main.keys
    with _in_words():
        found = escrow.opened(file.read_bytes(), passphrase(passphrase_file))
        safe = found.pop(SITE)
        if not table.site.exists():
            keep(table.site, encoded(safe))
        here = site_key(table.site)
        others = [str(table.site)] if here != safe else []
        keys = Keys(table.folder, here)
        others += [f"{table.folder}/{period}.key" for period, key in found.items() if not keys.take(period, key)]
    if others:
        message = f"others than those in the safe, and left as they are: {', '.join(others)}"
        raise stop(message)
    screen.print(f"{len(found) + 1} keys are there.")


@app.command()
def rotate(config: Folder = DEFAULT_FOLDER) -> None:
    """Take a new site key, while no daemon runs. What is kept is not touched; the old site key opens nothing any more.

    Who was interrupted types it again.
    """
    site = configuration(config)
    not_running(site)
    table = site.main.keys
    following = places.following(table.site)
    with _in_words():
        if not following.exists():
            keep(following, new_site_key())
        count = Keys(table.folder, site_key(table.site)).rotate(site_key(following))
        following.replace(table.site)
    screen.print(f"{count} keys are wrapped by a new site key. Write an escrow of it: `ccdaemon keys escrow`.")


@contextmanager
def _in_words() -> Iterator[None]:
    """What goes wrong with keys and files, for a person."""
    try:
        yield
    except KeyUnusable as fault:
        raise stop(str(fault)) from None
    except OSError as fault:
        message = f"{fault.filename}: {fault.strerror}"
        raise stop(message) from None
