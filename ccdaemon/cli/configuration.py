"""The configuration of a command: where it is, and what is printed when it is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from ccdaemon.config import Configuration, ConfigurationFaults, load
from ccdaemon.model import Fault
from ccdaemon.rules.numbers import e164
from ccdaemon.shipped import shipped
from ccdaemon.written import MAIN_FILE


def _folder(given: Path) -> Path:
    """Who names the main file means its folder."""
    return given.parent if given.name == MAIN_FILE and given.is_file() else given


Folder = Annotated[
    Path,
    typer.Option(
        "--config",
        "-c",
        help="The folder of the site's configuration.",
        envvar="CCDAEMON_CONFIG",
        show_default=True,
        callback=_folder,
    ),
]
DEFAULT_FOLDER = Path("/etc/ccdaemon")

screen = Console(highlight=False, soft_wrap=True)
wide = Console(highlight=False, soft_wrap=True, width=200)  # a number that is cut to a narrow screen is of no use
errors = Console(stderr=True, highlight=False, soft_wrap=True)


def configuration(folder: Path) -> Configuration:
    """The whole, sound configuration; or every fault on the screen, and exit status 1."""
    try:
        return load(folder, shipped("prompts"))
    except ConfigurationFaults as wrong:
        show(wrong.faults, more=wrong.more)
        raise typer.Exit(1) from None


def show(faults: Iterable[Fault], *, more: bool = False) -> None:
    """Faults for a person, one a line; `more` as in `ConfigurationFaults`."""
    faults = list(faults)
    for fault in faults:
        key = f" [bold]{escape(fault.key)}[/]" if fault.key else ""
        errors.print(f"[red]{escape(fault.file)}[/]{key}: {escape(fault.text)}")
    errors.print(f"{len(faults)} fault{'s' if len(faults) != 1 else ''}.")
    if more:
        errors.print(f"Whether the rest makes sense is seen once {MAIN_FILE} and the prompts are written well.")


def a_moment(written: str) -> datetime:
    """A day, or a moment of it, as people type it."""
    try:
        return datetime.fromisoformat(written)
    except ValueError:
        message = f"{written!r} is no day and no moment; write for example 2026-12-25 or 2026-12-25T10:00"
        raise typer.BadParameter(message) from None


def from_when(default: str) -> Any:  # noqa: ANN401 - typer's own type is private
    """The option --since."""
    text = "From when on, in local time, as 2026-12-25 or 2026-12-25T10:00."
    return typer.Option(help=text, parser=a_moment, metavar="WHEN", show_default=default)


UNTIL_WHEN = typer.Option(help="Until when, written in the same way.", parser=a_moment, metavar="WHEN")


def a_number(written: str, site: Configuration) -> str:
    """A telephone number as the register has it, in whatever way it is written."""
    if (number := e164(written, site.site.country)) is None:
        message = f"{written!r} is no telephone number; write it as you dial it, or as +44..."
        raise typer.BadParameter(message)
    return number


def local(moment: datetime, zone: tzinfo) -> datetime:
    """The same moment by the site's clocks. Without an offset from UTC it is theirs already."""
    return moment.astimezone(zone) if moment.tzinfo else moment.replace(tzinfo=zone)


def stop(message: str) -> typer.Exit:
    """Say why a command cannot go on; raise what it returns."""
    errors.print(f"[red]{escape(message)}[/]")
    return typer.Exit(1)
