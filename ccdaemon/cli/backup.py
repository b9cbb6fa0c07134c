"""`ccdaemon backup` and `restore`: register and recordings, as they are, without any key."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import track

from ccdaemon.archive import SEALED
from ccdaemon.cli.configuration import DEFAULT_FOLDER, Folder, configuration, errors, screen, stop
from ccdaemon.cli.running import do, not_running
from ccdaemon.config import Configuration
from ccdaemon.disk import sync_folder
from ccdaemon.places import ARCHIVE, REGISTER

MARK = "ccdaemon-backup"  # a file with the site's name
COPYING = ".copying"


def backup(
    folder: Annotated[Path, typer.Argument(help="Where the copy lies; a later one brings it up to date.")],
    config: Folder = DEFAULT_FOLDER,
) -> None:
    """Copy the register and the recordings while the daemon goes on, consistent in itself.

    Recordings that have expired since the last time go from the copy too. No key is in it: without those of the site
    (`ccdaemon keys escrow`) nobody can read what it holds.
    """
    site = configuration(config)
    archive = site.main.paths.state / ARCHIVE
    with _in_words():
        _ours(folder, site)
        (folder / ARCHIVE).mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = folder / f"{REGISTER}.new"
        fresh.unlink(missing_ok=True)
        fresh.touch(mode=0o600)
        with fresh.open("wb") as file:
            do(site, "snapshot", file)
            file.flush()
            os.fsync(file.fileno())
        wanted = files_of(fresh)
        _copy(archive, folder / ARCHIVE, wanted)
        fresh.replace(folder / REGISTER)
        sync_folder(folder)
        _prune(folder / ARCHIVE, wanted)
    screen.print(escape(f"{folder}: the register and {len(wanted):,} recordings"))


def restore(
    folder: Annotated[Path, typer.Argument(help="As `ccdaemon backup` wrote it.")], config: Folder = DEFAULT_FOLDER
) -> None:
    """Put a backup in the place of a register that was lost, while no daemon runs. Nothing that exists is overwritten.

    The keys come from the safe: `ccdaemon keys restore`.
    """
    site = configuration(config)
    not_running(site)
    state = site.main.paths.state
    register = folder / REGISTER
    if there := sorted(state.glob(f"{REGISTER}*")):  # with its write-ahead log, which would be played into this one
        message = f"{', '.join(map(str, there))}: is there already, and was not changed. Move all of it away first"
        raise stop(message)
    with _in_words():
        wanted = files_of(register)
        for half in (state / ARCHIVE).rglob(f"*{COPYING}"):  # of one who was killed
            half.unlink()
        _copy(folder / ARCHIVE, state / ARCHIVE, wanted)
        _copy(folder, state, {REGISTER})
        owner = state.stat()
        if os.geteuid() == 0:
            for path in (state / REGISTER, state / ARCHIVE, *(state / ARCHIVE).rglob("*")):
                os.chown(path, owner.st_uid, owner.st_gid)
    screen.print(escape(f"{state}: the register and {len(wanted):,} recordings are back"))


def _ours(folder: Path, site: Configuration) -> None:
    """Stop unless a folder is new, empty, or a backup of this very site: what else lies there would be taken away."""
    state, name = site.main.paths.state.resolve(), site.site.name
    place, mark = folder.resolve(), folder / MARK
    if place == state or state in place.parents or place in state.parents:
        message = f"{folder} and {state}, which is to be copied, lie in each other"
        raise stop(message)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not any(folder.iterdir()):
        mark.write_text(f"{name}\n")
    elif not mark.exists() or mark.read_text().strip() != name:
        message = f"{folder} holds something else than a backup of {name}, and was not changed: name a new folder"
        raise stop(message)


def files_of(register: Path) -> set[str]:
    """What recordings a copy of the register speaks of."""
    with closing(sqlite3.connect(f"file:{register}?mode=ro", uri=True)) as database:
        ((sound,),) = database.execute("PRAGMA quick_check")
        if sound != "ok":
            raise sqlite3.DatabaseError(sound)
        return {file for (file,) in database.execute("SELECT file FROM recordings WHERE wrapped IS NOT NULL")}


def _copy(source: Path, target: Path, files: set[str]) -> None:
    """Those that are not there yet; a sealed file never changes. One that has expired meanwhile is left out."""
    missing = sorted(file for file in files if not (target / file).exists())
    for file in track(missing, "copying", console=errors, disable=not errors.is_terminal):
        (target / file).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            _copy_one(source / file, target / file)
        except FileNotFoundError:
            continue


def _copy_one(source: Path, target: Path) -> None:
    with (
        source.open("rb") as content,
        tempfile.NamedTemporaryFile(dir=target.parent, suffix=COPYING, delete=False) as copy,
    ):
        shutil.copyfileobj(content, copy)
        copy.flush()
        os.fsync(copy.fileno())
    Path(copy.name).replace(target)


def _prune(folder: Path, wanted: set[str]) -> None:
    """Recordings that have expired, copies that were not finished, and folders that are empty then."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.name.endswith((SEALED, COPYING)) and str(path.relative_to(folder)) not in wanted:
            path.unlink()


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        message = f"{fault.filename}: {fault.strerror}"
        raise stop(message) from None
    except sqlite3.Error as fault:
        message = f"this is no backup of a register: {fault}"
        raise stop(message) from None
