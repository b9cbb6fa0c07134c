"""`ccdaemon holds`: what is kept longer than its time, and why."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from datetime import datetime, timedelta, tzinfo
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from ccdaemon.cli.configuration import (
    DEFAULT_FOLDER,
    Folder,
    a_moment,
    a_number,
    configuration,
    errors,
    local,
    screen,
    wide,
)
from ccdaemon.cli.running import do
from ccdaemon.kept import Hold, Reason

app = typer.Typer(help="Holds: they keep calls and recordings beyond their time, until they are released.")


@app.callback(invoke_without_command=True)
def list_(
    context: typer.Context,
    config: Folder = DEFAULT_FOLDER,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List holds, the newest first."""
    if context.invoked_subcommand is not None:
        return
    site = configuration(config)
    rows = do(site, "holds")
    if as_json:
        typer.echo(json.dumps(rows))
        return
    zone, now = site.site.timezone, time.time()
    table = Table("hold", "about", "reason", "reference", "made", "by", "review", box=None, header_style="bold")
    for row in rows:
        due = row["released"] is None and row["review"] is not None and row["review"] < now
        until = f"released {_day(row['released'], zone)}" if row["released"] else _day(row["review"], zone) or "open"
        span = _span(row["since"], row["until"], zone) if row["since"] is not None else "a number"
        about = row["call"] or row["number"] or span
        table.add_row(
            *(str(row["id"]), escape(about), row["reason"], escape(row["reference"]), _day(row["made"], zone)),
            *(row["maker"], f"[red]{until}: is it needed still?[/]" if due else until),
        )
    if rows:
        wide.print(table)
    else:
        screen.print("No holds.")


@app.command()
def add(
    reason: Annotated[Reason, typer.Option(help="Why it has to be kept.")],
    reference: Annotated[str, typer.Option(help="Of the complaint, claim or case.")],
    config: Folder = DEFAULT_FOLDER,
    number: Annotated[
        str | None, typer.Option(help="All calls with this number, and those that are still to come.")
    ] = None,
    call: Annotated[str | None, typer.Option(help="This call, as `ccdaemon calls` lists it.")] = None,
    since: Annotated[
        datetime | None, typer.Option(help="All calls from then on ...", parser=a_moment, metavar="WHEN")
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(help="... until then; of a day, to its end.", parser=a_moment, metavar="WHEN"),
    ] = None,
    review: Annotated[
        datetime | None,
        typer.Option(
            help="When to ask whether it is needed still.", parser=a_moment, metavar="DAY", show_default="open"
        ),
    ] = None,
) -> None:
    """Keep calls, with all that belongs to them, until the hold is released.

    ccdaemon holds add --number '01632 960 777' --reason complaint --reference C-2026-117
    """
    if sum(about is not None for about in (number, call, since)) != 1 or (since is None) != (until is None):
        message = "name a --number, or a --call, or a span of time with --since and --until"
        raise typer.BadParameter(message)
    site = configuration(config)
    zone = site.site.timezone
    hold = Hold(
        reason,
        reference,
        number=a_number(number, site) if number else None,
        call=call,
        since=local(since, zone).timestamp() if since else None,
        until=local(_whole(until), zone).timestamp() if until else None,
        review=local(review, zone).timestamp() if review else None,
    )
    made = do(site, "hold", hold=asdict(hold))
    screen.print(f"Hold {made['hold']} keeps {made['calls']:,} calls now, and what comes.")
    if not made["calls"]:
        errors.print("[yellow]No call of now is under it: is it written as it should be?[/]")


@app.command()
def release(
    hold: Annotated[int, typer.Argument(help="As `ccdaemon holds` lists it.")], config: Folder = DEFAULT_FOLDER
) -> None:
    """End a hold. What it kept beyond its time goes with the next nightly run."""
    do(configuration(config), "release", hold=hold)
    screen.print(f"Hold {hold} is released.")


def _whole(until: datetime) -> datetime:
    """Whoever names a day means all of it."""
    return until + timedelta(days=1) if until.time() == datetime.min.time() else until


def _day(at: float | None, zone: tzinfo) -> str:
    return "" if at is None else f"{datetime.fromtimestamp(at, zone):%-d %b %Y}"


def _span(since: float, until: float, zone: tzinfo) -> str:
    return " to ".join(f"{datetime.fromtimestamp(at, zone):%-d %b %Y %H:%M}" for at in (since, until))
