"""`ccdaemon messages`: what callers left for a service after hours, and what became of it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer
from rich.table import Table

from ccdaemon.cli import recordings
from ccdaemon.cli.configuration import (
    DEFAULT_FOLDER,
    UNTIL_WHEN,
    Folder,
    configuration,
    from_when,
    local,
    screen,
    wide,
)
from ccdaemon.cli.recordings import PurposeOption, ReferenceOption, a_recording
from ccdaemon.cli.running import do
from ccdaemon.cli.takes import DeviceOption

ALL = 1_000_000  # one that waits may be older than many that are done

app = typer.Typer(
    help="Messages that callers left. Agents are brought them as calls, when the line is open, until they are done."
)


@app.callback(invoke_without_command=True)
def list_(
    context: typer.Context,
    config: Folder = DEFAULT_FOLDER,
    since: Annotated[datetime | None, from_when("the beginning")] = None,
    until: Annotated[datetime | None, UNTIL_WHEN] = None,
    service: Annotated[str | None, typer.Option(help="Only this service.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Those that are done, too.")] = False,
    limit: Annotated[int, typer.Option(help="At most so many, the newest.", min=1, max=100_000)] = 200,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List messages that wait for an agent, without whose they are (`ccdaemon recordings show` tells that)."""
    if context.invoked_subcommand is not None:
        return
    site = configuration(config)
    zone = site.site.timezone
    begins = local(since, zone).timestamp() if since else 0.0
    ends = local(until, zone) if until else datetime.now(zone)
    found: list[dict[str, Any]] = do(site, "messages", since=begins, until=ends.timestamp(), service=service, limit=ALL)
    rows = [row for row in found if every or row["done"] is None][:limit]
    if as_json:
        typer.echo(json.dumps([{"id": _id(row), **row} for row in rows]))
        return

    def when(at: float | None) -> str:
        return "" if at is None else f"{datetime.fromtimestamp(at, zone):%d %b %H:%M}"

    table = Table("message", "left", "lasts", "service", "language", "last brought", "done", box=None)
    for row in rows:
        done = f"{when(row['done'])} {row['doer']}" if row["done"] else ""
        lasts = f"{timedelta(seconds=round(row['seconds']))}"
        about = (row["service"], row["language"] or "", when(row["tried"]), done)
        table.add_row(_id(row), when(row["left"]), lasts, *about)
    if rows:
        wide.print(table)
    else:
        screen.print("No messages wait.")


@app.command()
def play(
    message: Annotated[str, typer.Argument(help="As `ccdaemon messages` lists it.")],
    purpose: PurposeOption,
    reference: ReferenceOption,
    config: Folder = DEFAULT_FOLDER,
    device: DeviceOption = None,
) -> None:
    """Hear a message. It is opened in memory: no file is written. It waits on until it is done.

    ccdaemon messages play 1783328400.2-1 --purpose understanding --reference M-7
    """
    recordings.play(message, purpose, reference, config, device)


@app.command()
def done(
    message: Annotated[str, typer.Argument(help="As `ccdaemon messages` lists it.")], config: Folder = DEFAULT_FOLDER
) -> None:
    """Say that a message is done: no agent is brought it any more. It is kept for its time all the same."""
    leg, segment = a_recording(message, "message")
    do(configuration(config), "message done", leg=leg, segment=segment)
    screen.print(f"Message {message} is done.")


def _id(row: dict[str, Any]) -> str:
    return f"{row['leg']}-{row['segment']}"
