"""`ccdaemon doctor`: what is wrong with the contact centre that runs, what callers notice of it, and what mends it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from ccdaemon.cli.check import ask_a_person
from ccdaemon.cli.configuration import DEFAULT_FOLDER, Folder, configuration, screen
from ccdaemon.examining import examine
from ccdaemon.findings import Finding, State

MARKS = {
    State.OK: "[green]ok     [/]",
    State.WARNING: "[yellow]warning[/]",
    State.FAULT: "[bold red]FAULT  [/]",
    State.UNSEEN: "[yellow]unseen [/]",
}


def doctor(
    config: Folder = DEFAULT_FOLDER,
    to: Annotated[Path | None, typer.Option(help="Asterisk's configuration folder, if not the site's own.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what is found as JSON.")] = False,
) -> None:
    """Look at everything that runs: Asterisk, recorder, prompts, payments door, files, disk, clock, broker, daemon.

    `ccdaemon check` reads what is written; this sees what is so. Run it as root: what it may not look at it says, and
    counts as nothing. It takes some ten seconds, and records a tone meanwhile. Exit status 1 if there is a fault.
    """
    site = configuration(config)
    found, judgements = asyncio.run(examine(site, to or site.main.asterisk.config))
    states = Counter(finding.state for group in found.values() for finding in group)
    if as_json:
        typer.echo(json.dumps(_told(found, states), ensure_ascii=False))
    else:
        _print(found, states)
    ask_a_person(judgements)
    raise typer.Exit(1 if states[State.FAULT] else 0)


def _told(found: Mapping[str, Iterable[Finding]], states: Mapping[State, int]) -> dict[str, object]:
    return {
        "faults": states[State.FAULT],
        "warnings": states[State.WARNING],
        "not_looked_at": states[State.UNSEEN],
        "found": [{"group": group, **asdict(each)} for group, findings in found.items() for each in findings],
    }


def _print(found: Mapping[str, Iterable[Finding]], states: Mapping[State, int]) -> None:
    for group, findings in found.items():
        screen.print(f"[bold]{group}[/]")
        for each in findings:
            where = f"[bold]{escape(each.where)}[/]: " if each.where else ""
            screen.print(f"  {MARKS[each.state]} {escape(each.thing)}: {where}{escape(each.text)}")
    counts = f"{_counted(states[State.FAULT], 'fault')}, {_counted(states[State.WARNING], 'warning')}"
    colour = "red" if states[State.FAULT] else "green"
    screen.print(f"[{colour}]{counts}[/], {states[State.UNSEEN]} not looked at.")


def _counted(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
