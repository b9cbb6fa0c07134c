"""`ccdaemon install`: units, users and folders, so that systemd runs the daemon; and away with them again."""

from __future__ import annotations

import difflib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from ccdaemon.cli.configuration import DEFAULT_FOLDER, errors, screen, stop
from ccdaemon.config import ConfigurationFaults, load
from ccdaemon.shipped import shipped
from ccdaemon.units import ASTERISK_FILE, PLACES, PROGRAM, SERVICE, SITE_FILE, OneName, additions, is_ours, wanted
from ccdaemon.written import MAIN_FILE

COLOURS = {"+": "green", "-": "red", "@": "cyan"}
BOOTED = Path("/run/systemd/system")  # there where systemd is what runs the machine; sd_booted(3)
# What a service does not see of the machine: ProtectHome=, PrivateTmp=.
HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108 - nothing is written there
STAYS = "/etc/ccdaemon, /var/lib/ccdaemon, /var/lib/ccdaemon-keys, /var/spool/ccdaemon, the users, Asterisk's own files"


@dataclass(frozen=True)
class Change:
    """A file as it is, and as it should be; None is for one that is not there, or should not be."""

    path: Path
    old: str | None
    new: str | None

    @property
    def by_hand(self) -> bool:
        return self.old is not None and self.old != self.new and not is_ours(self.old)


def install(
    root: Annotated[Path | None, typer.Option(help="Another machine's root folder, of an image for example.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Take away again what this put there.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask. What was changed by hand is left as it is.")] = False,
) -> None:
    """Put in place what systemd needs to run the daemon: units, its user, its folders. Exit status 1 if a file is left.

    It shows first what would change. Do it again after an update, and once the site names secrets or folders elsewhere.
    Files that somebody changed by hand are overwritten only if you say so; `systemctl edit ccdaemon` is the place for
    changes of your own.

    ccdaemon install --dry-run --root machine
    """
    if root is None and not dry_run and os.geteuid() != 0:
        message = "this changes the machine: become root. (--dry-run only says what would change)"
        raise stop(message)
    top = (root or Path("/")).absolute()
    try:
        files = _undone(top) if undo else _planned(top, root)
        _show(files)
        changes = [file for file in files if file.old != file.new]
        if dry_run:
            return
        if not changes:
            screen.print("Nothing of it is there." if undo else "Every file is as it should be.")
        chosen = _chosen(changes, yes=yes)
        if undo and root is None and top / PLACES[SERVICE] in {change.path for change in chosen}:
            _run("systemctl", "disable", "--now", SERVICE, "ccdaemon.socket", "ccdaemon-expire.timer")
        for change in chosen:
            _make(change)
    except OSError as fault:
        message = f"{fault.filename}: {fault.strerror}. What was done before that stays; the same command goes on"
        raise stop(message) from None
    told = root is not None or _tell_systemd(undo=undo)
    left = [change.path for change in changes if change not in chosen]
    for path in left:
        errors.print(f"[yellow]left as it is[/] {escape(str(path))}: somebody changed it")
    if undo:
        screen.print(f"Left where they are: {STAYS}.")
    else:
        _say_next(top, asterisk=top / ASTERISK_FILE in {change.path for change in chosen})
    raise typer.Exit(0 if told and not left else 1)


# --- what would change -----------------------------------------------------------------------------------------------


def _planned(top: Path, root: Path | None) -> list[Change]:
    texts: dict[str, str | None] = {**wanted(_program(root))}
    folder = top / DEFAULT_FOLDER.relative_to("/")
    if (folder / MAIN_FILE).exists():
        try:
            texts[SITE_FILE] = additions(load(folder, shipped("prompts")))
        except ConfigurationFaults:
            errors.print(
                f"[yellow]The site in {folder} has faults:[/] whether it names secrets or folders elsewhere cannot be "
                "seen. Mend it (`ccdaemon check`), then install again."
            )
        except OneName as fault:
            raise stop(str(fault)) from None
    return [Change(top / place, _current(top / place), text) for place, text in texts.items()]


def _undone(top: Path) -> list[Change]:
    return [Change(top / place, _current(top / place), None) for place in (*PLACES.values(), SITE_FILE)]


def _program(root: Path | None) -> Path:
    """The program that runs, as it is called on the machine that is installed."""
    program = Path(sys.executable).absolute().parent / "ccdaemon"
    if not program.exists():
        return Path(PROGRAM)
    if root is not None:
        inside = program.is_relative_to(root.absolute())
        return Path("/") / program.relative_to(root.absolute()) if inside else program
    if any(program.is_relative_to(folder) for folder in HIDDEN):
        message = f"{program} cannot be run by a service, which sees nothing of {', '.join(HIDDEN)}: move it to /opt"
        raise stop(message)
    return program


def _current(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return None


def _show(files: list[Change]) -> None:
    for change in files:
        path = escape(str(change.path))
        by_hand = " [yellow](changed by hand)[/]" if change.by_hand else ""
        if change.old == change.new:
            if change.new is not None:
                screen.print(f"same    {path}")
        elif change.new is None:
            screen.print(f"[red]away[/]    {path}{by_hand}")
        elif change.old is None:
            screen.print(f"[green]new[/]     {path}")
        else:
            screen.print(f"[yellow]changed[/] {path}{by_hand}")
            before, after = change.old.splitlines(), change.new.splitlines()
            for line in difflib.unified_diff(before, after, "now", "then", lineterm=""):
                colour = COLOURS.get(line[0], "none")
                screen.print(f"  [{colour}]{escape(line)}[/]")


def _chosen(changes: list[Change], *, yes: bool) -> list[Change]:
    """What may be done. With `yes` nobody is there to be asked about what somebody changed."""
    plain = [change for change in changes if not change.by_hand]
    if plain and not yes and not typer.confirm(f"Do this ({len(plain)} files)?"):
        raise typer.Exit(1)
    asked = [] if yes else [change for change in changes if change.by_hand]
    return plain + [each for each in asked if typer.confirm(f"{each.path} was changed by hand. Lose these changes?")]


# --- doing it --------------------------------------------------------------------------------------------------------


def _make(change: Change) -> None:
    path = change.path
    if change.new is None:
        path.unlink()
        if path.parent.suffix == ".d" and path.parent.name.endswith(".service.d") and not any(path.parent.iterdir()):
            path.parent.rmdir()
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(change.new)
    fresh.chmod(0o644)
    fresh.replace(path)


def _tell_systemd(*, undo: bool) -> bool:
    done = []
    if not undo:
        done.append(_run("systemd-sysusers", f"/{PLACES['ccdaemon.sysusers.conf']}"))
        done.append(_run("systemd-tmpfiles", "--create", f"/{PLACES['ccdaemon.tmpfiles.conf']}"))
    return all([*done, _run("systemctl", "daemon-reload")])


def _run(*words: str) -> bool:
    """A program of systemd's; what goes wrong is said, and the rest is done all the same. False if it went wrong."""
    if words[0] == "systemctl" and not BOOTED.is_dir():
        screen.print(f"Left out, as systemd does not run here: {' '.join(words)}")
        return True
    program = shutil.which(words[0])
    if program is None:
        errors.print(f"[yellow]{words[0]} is not on this machine:[/] run where it is: {' '.join(words)}")
        return True
    done = subprocess.run([program, *words[1:]], capture_output=True, text=True, check=False)  # noqa: S603 - no shell
    screen.print(" ".join(words))
    if done.returncode != 0:
        errors.print(f"[red]{escape(done.stderr.strip() or f'it ended with {done.returncode}')}[/]")
    return done.returncode == 0


def _say_next(top: Path, *, asterisk: bool) -> None:
    screen.print("Next:")
    if asterisk:
        screen.print(
            "  systemctl restart asterisk     until then everybody may read recordings; it ends calls that are up"
        )
    if not (top / DEFAULT_FOLDER.relative_to("/") / MAIN_FILE).exists():
        screen.print(f"  ccdaemon init {DEFAULT_FOLDER}    and change what is yours; then `ccdaemon install` once more")
    screen.print("  ccdaemon check                 what is still missing, and how to mend it")
    screen.print("  systemctl enable --now ccdaemon, or after an update: systemctl restart ccdaemon")
