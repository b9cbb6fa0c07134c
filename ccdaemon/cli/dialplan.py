"""`ccdaemon dialplan`: our contexts in Asterisk's configuration, and the one file that is generated."""

from __future__ import annotations

import difflib
import grp
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from ccdaemon.cli.configuration import DEFAULT_FOLDER, Folder, configuration, screen, show, stop
from ccdaemon.config import PLAIN, Configuration, ConfigurationFaults, secret
from ccdaemon.dialplan import GENERATED, SECOND_TIER, generated
from ccdaemon.shipped import shipped

app = typer.Typer(help="Our contexts in Asterisk's configuration.", no_args_is_help=True)
To = Annotated[Path | None, typer.Option(help="Asterisk's configuration folder, if not the one that the site names.")]
GROUP = "asterisk"
OURS = "ccdaemon"  # our folder in Asterisk's
SECRET_LINE = "secret = "  # noqa: S105 - a key of manager.conf


@dataclass(frozen=True)
class Wanted:
    """A file as it should be. `hidden` ones hold a secret, and nothing of them is shown."""

    path: Path
    content: str
    hidden: bool = False
    program: bool = False


@app.command()
def diff(config: Folder = DEFAULT_FOLDER, to: To = None) -> None:
    """Show what `install` would change, without its secrets. Exit status 1 if there is anything.

    To see it before Asterisk does, in a folder of its own:

    ccdaemon dialplan diff --to asterisk
    """
    site = configuration(config)
    folder = _place(site, to)
    changed, old = outdated(site, folder), superseded(folder)
    for file in changed:
        current = _current(file.path)
        if not file.hidden:
            _show(current or "", file.content, file.path)
        elif current is None:
            screen.print(f"[green]new[/] {file.path} (holds a secret)")
        elif _without_secrets(current) == _without_secrets(file.content):
            screen.print(f"[yellow]another secret[/] in {file.path}")
        else:
            _show(_without_secrets(current), _without_secrets(file.content), file.path)
    for path in old:
        screen.print(f"[red]no longer ours[/] {path}")
    if not changed and not old:
        screen.print(
            f"Nothing to change in {folder / OURS}. Whether Asterisk's own files are right, `ccdaemon check` says."
        )
    raise typer.Exit(1 if changed or old else 0)


@app.command()
def install(config: Folder = DEFAULT_FOLDER, to: To = None) -> None:
    """Write our contexts, the generated site file and the second tier's script into Asterisk's configuration folder.

    All of it goes into its folder ccdaemon/; your own files are not touched. What would change, says `diff` first.
    """
    site = configuration(config)
    folder = _place(site, to)
    is_new = not folder.exists()
    changed, old = outdated(site, folder), superseded(folder)
    group = _group()
    try:
        for file in changed:
            _write(file, group)
            screen.print(f"wrote {file.path}")
        for path in old:
            path.unlink()
            screen.print(f"removed {path}, which is no longer ours")
    except OSError as fault:
        message = f"{fault.filename} cannot be written: {fault.strerror}"
        raise stop(message) from None
    screen.print(f"{len(changed)} files written, {len(old)} removed." if changed or old else "Nothing to change.")
    if is_new:
        another = "" if to is not None else " If Asterisk's own is another, give it with --to"
        screen.print(f"[yellow]There was no folder {folder}.[/]{another}")
    is_asterisks = to is None or (folder / "asterisk.conf").exists()
    if changed and is_asterisks and os.geteuid() == 0 and group is None:
        screen.print(f"[yellow]There is no group {GROUP}:[/] let Asterisk read what is now in {folder / OURS}")
    if changed:
        screen.print("Then, in Asterisk's own files (examples: ccdaemon/samples/):")
        screen.print("  extensions.conf  #include ccdaemon/*.conf")
        screen.print("  manager.conf     \\[ccdaemon] as in samples/manager.conf")
        screen.print("  queues.conf      membergosub = cc-connected in every queue, cc-answered in those of payments")
        screen.print("  pjsip.conf       phones and trunk as in samples/pjsip.conf")
        screen.print("  features.conf    the keys of samples/features.conf")
        screen.print("  confbridge.conf  all of samples/confbridge.conf")
        screen.print("  res_parking.conf all of samples/res_parking.conf")
        screen.print("and: asterisk -rx 'core reload' (a restart, where one of the last two is new)")
        screen.print("then: ccdaemon prompts build; ccdaemon check; ccdaemon doctor")


def _place(site: Configuration, to: Path | None) -> Path:
    """Whole, since Asterisk and the dialplan know no working directory."""
    return (to or site.main.asterisk.config).absolute()


def _group() -> int | None:
    """Asterisk's group, if it is ours to give."""
    try:
        return grp.getgrnam(GROUP).gr_gid if os.geteuid() == 0 else None
    except KeyError:
        return None


def superseded(folder: Path) -> list[Path]:
    """Contexts that an earlier ccdaemon installed: Asterisk would still include them."""
    ours = {file.name for file in shipped("dialplan").glob("*.conf")} | {GENERATED}
    return sorted(file for file in (folder / OURS).glob("cc-*.conf") if file.name not in ours)


def outdated(site: Configuration, folder: Path) -> list[Wanted]:
    """Those that are not in Asterisk's configuration folder, or not as they should be."""
    return [file for file in wanted(site, folder) if _current(file.path) != file.content]


def wanted(site: Configuration, folder: Path) -> list[Wanted]:
    """Every file that belongs into Asterisk's configuration folder."""
    ours = folder / OURS
    source = shipped("dialplan")
    try:
        gateway, manager = secret(site.main.gateway.secret, PLAIN), secret(site.main.manager.secret, PLAIN)
    except ConfigurationFaults as wrong:
        show(wrong.faults)
        raise typer.Exit(1) from None
    script = ours / SECOND_TIER
    text = (source / "agi-bin" / SECOND_TIER).read_text().replace("/usr/bin/env python3", sys.executable, 1)
    return [
        *(Wanted(ours / file.name, file.read_text()) for file in sorted(source.glob("*.conf"))),
        *(
            Wanted(ours / "samples" / file.name, file.read_text())
            for file in sorted((source / "samples").glob("*.conf"))
        ),
        Wanted(script, text, program=True),
        Wanted(ours / GENERATED, generated(site, gateway, script), hidden=True),
        Wanted(ours / "manager" / "secret.conf", f"{SECRET_LINE}{manager}\n", hidden=True),
    ]


def _write(file: Wanted, group: int | None) -> None:
    """Whole or not at all, and never readable by others for a moment, if it holds a secret."""
    file.path.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.path.with_name(f".{file.path.name}.new")
    fresh.unlink(missing_ok=True)  # of an installation that was interrupted: it may be for everybody to read
    fresh.touch(mode=0o600)
    fresh.write_text(file.content)
    if group is not None:
        os.chown(fresh, -1, group)
    fresh.chmod(0o755 if file.program else 0o640 if file.hidden else 0o644)
    fresh.replace(file.path)


def _current(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as fault:
        message = f"{path} cannot be read: {fault.strerror}. Only root and Asterisk may read what holds a secret"
        raise stop(message) from None


def _without_secrets(text: str) -> str:
    return "\n".join(
        line.partition("=")[0] + "=..." if line.startswith(("CC_SECRET=", SECRET_LINE)) else line
        for line in text.splitlines()
    )


def _show(old: str, new: str, path: Path) -> None:
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for line in difflib.unified_diff(
        old.splitlines(), new.splitlines(), f"{path} (now)", f"{path} (then)", lineterm=""
    ):
        colour = colours.get(line[0])
        screen.print(f"[{colour}]{escape(line)}[/]" if colour else escape(line))
