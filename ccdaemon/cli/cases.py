"""`ccdaemon subject`: the register of who asks about themselves, and its clock of one month."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Literal

import typer
from rich.markup import escape
from rich.table import Table

from ccdaemon.cli.configuration import DEFAULT_FOLDER, Folder, a_moment, configuration, local, screen, wide
from ccdaemon.cli.running import do

SOON = 5  # days before a case stands in red

CaseNumber = Annotated[int, typer.Argument(help="As `ccdaemon subject cases` lists it.", metavar="CASE")]


def cases(
    config: Folder = DEFAULT_FOLDER,
    all_: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List cases, and until when each has to be answered."""
    rows = [row for row in do(configuration(config), "cases") if all_ or row["closed"] is None]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = Table("case", "about", "reference", "received", "answer by", box=None, header_style="bold")
    for row in rows:
        table.add_row(str(row["id"]), row["kind"], escape(row["reference"]), row["received"], _until(row))
    if rows:
        wide.print(table)
    else:
        screen.print("No cases.")


def open_(
    reference: Annotated[str, typer.Option(help="Of the council's own file: no number, no name.")],
    config: Folder = DEFAULT_FOLDER,
    kind: Annotated[Literal["access", "erasure"], typer.Option("--about", help="What is asked for.")] = "access",
    received: Annotated[
        datetime | None,
        typer.Option(help="The day on which it came.", parser=a_moment, metavar="DAY", show_default="today"),
    ] = None,
) -> None:
    """Open a case. It has to be answered within one month of the day on which it was received.

    ccdaemon subject open --reference SAR-2026-31 --received 2026-11-20
    """
    site = configuration(config)
    zone = site.site.timezone
    day = (local(received, zone) if received else datetime.now(zone)).date()
    _say(do(site, "case open", kind=kind, reference=reference, received=day.isoformat()))


def pause(case: CaseNumber, config: Folder = DEFAULT_FOLDER) -> None:
    """Stop the clock: who they are, or what they mean, has been asked back."""
    _say(do(configuration(config), "case pause", case=case))


def resume(case: CaseNumber, config: Folder = DEFAULT_FOLDER) -> None:
    """Let the clock go on: the answer has come."""
    _say(do(configuration(config), "case resume", case=case))


def extend(case: CaseNumber, config: Folder = DEFAULT_FOLDER) -> None:
    """Extend by two months, where it is complex or one of many. The person must be told within the first month."""
    _say(do(configuration(config), "case extend", case=case))


def close(
    case: CaseNumber,
    outcome: Annotated[Literal["answered", "refused", "withdrawn"], typer.Option(help="What came of it.")],
    config: Folder = DEFAULT_FOLDER,
) -> None:
    """Close a case: its clock ends."""
    _say(do(configuration(config), "case close", case=case, outcome=outcome))


def _say(row: dict[str, Any]) -> None:
    screen.print(f"Case {row['id']} ({row['kind']}, received {row['received']}): {_until(row)}")


def _until(row: dict[str, Any]) -> str:
    if row["closed"] is not None:
        return f"{row['outcome']} on {row['closed']}"
    if row["due"] is None:
        return "the clock stands still"
    left = (datetime.fromisoformat(row["due"]) - datetime.fromisoformat(row["today"])).days
    days = f"{left} days left" if left >= 0 else f"{-left} days late"
    return f"[red]{row['due']}: {days}[/]" if left <= SOON else f"{row['due']}: {days}"
