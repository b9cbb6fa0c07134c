"""What telecoms staff tell a daemon that runs: reload, close and open lines, alarms that they have seen, the log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.markup import escape

from ccdaemon.cli.configuration import DEFAULT_FOLDER, Folder, errors, screen, show, stop
from ccdaemon.cli.running import tell
from ccdaemon.logs import Level
from ccdaemon.model import Fault

Lines = Annotated[list[str] | None, typer.Argument(help="Services, as the files in services/ are called.")]
All = Annotated[bool, typer.Option("--all", help="Every line at once.")]


def reload(config: Folder = DEFAULT_FOLDER) -> None:
    """Have the daemon take the configuration anew. Exit status 1, with every fault, if it keeps the old one.

    Callers who are in a menu end with the rules that they began with. `systemctl reload ccdaemon` does the same.
    """
    told = tell(config, "reload")
    if told["faults"]:
        show(Fault(**fault) for fault in told["faults"])
        message = "The daemon keeps the configuration that it has."
        raise stop(message)
    screen.print("The new configuration counts. Numbers, queues, phones: `ccdaemon dialplan install`.")
    if told["later"]:
        screen.print(f"[yellow]After a restart only: {', '.join(told['later'])}.[/]")


def close(
    lines: Lines = None,
    config: Folder = DEFAULT_FOLDER,
    every: All = False,
    message: Annotated[
        str | None,
        typer.Option(help="A prompt: callers hear nothing but it, in their language or in all.", metavar="PROMPT"),
    ] = None,
) -> None:
    """Close lines at once, whatever their hours are, until `ccdaemon open`.

    Who calls hears what is said after hours; or, with --message, that prompt alone, and the call ends. Callers who
    wait in a queue stay there.

    ccdaemon close --all --message evacuation
    """
    done = tell(config, "rule", services=_named(lines, every=every), state="closed", message=message)
    screen.print(f"Closed: {escape(', '.join(done['lines']))}. `ccdaemon open` takes it back.")
    _say_if_not_kept(done)


def open_(
    lines: Lines = None,
    config: Folder = DEFAULT_FOLDER,
    every: All = False,
    outside_hours: Annotated[
        bool, typer.Option("--outside-hours", help="Open them whatever their hours are, until this is called again.")
    ] = False,
) -> None:
    """Take lines back to their hours, after `ccdaemon close`.

    ccdaemon open housing
    """
    named = _named(lines, every=every)
    if outside_hours:
        done = tell(config, "rule", services=named, state="open")
        screen.print(f"Open, whatever their hours are: {escape(', '.join(done['lines']))}.")
    else:
        done = tell(config, "take back", services=named)
        names = escape(", ".join(done["lines"])) or "none was closed or opened by command"
        screen.print(f"Back to their hours: {names}.")
    _say_if_not_kept(done)


def acknowledge(
    alarm: Annotated[str, typer.Argument(help="As `ccdaemon status` names it.")], config: Folder = DEFAULT_FOLDER
) -> None:
    """Say that you are at an alarm: monitoring sees that, until it is over."""
    done = tell(config, "acknowledge", alarm=alarm)
    screen.print(f"{escape(alarm)}: acknowledged.")
    _say_if_not_kept(done)


def log_level(
    level: Annotated[Level, typer.Argument(help="The least grave that is said.")], config: Folder = DEFAULT_FOLDER
) -> None:
    """Change how much the daemon logs, until it ends. No level logs a number, a name or a key."""
    tell(config, "log level", level=level)
    screen.print(f"From now on: {level}.")


def _say_if_not_kept(done: Mapping[str, Any]) -> None:
    if not done["kept"]:
        errors.print("[yellow]It counts, but the register takes nothing now: a restart of the daemon forgets it.[/]")


def _named(lines: list[str] | None, *, every: bool) -> list[str]:
    if bool(lines) == every:
        message = "name lines, or --all"
        raise typer.BadParameter(message)
    return lines or []
