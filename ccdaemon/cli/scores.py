"""`ccdaemon scores`: what supervisors think of recordings, one by one or summed up."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from ccdaemon.cli.configuration import (
    DEFAULT_FOLDER,
    UNTIL_WHEN,
    Folder,
    configuration,
    from_when,
    local,
    screen,
    stop,
    wide,
)
from ccdaemon.cli.running import do
from ccdaemon.pages import table
from ccdaemon.rules.scoring import summed_up

ALL = 1_000_000
ONE_BY_ONE = ("recording", "scored", "scorer", "agent", "service", "total", "failed", "comment")
SUMMED_UP = ("scores", "total", "failed")


class By(StrEnum):
    """What they are summed up by."""

    AGENT = "agent"
    SERVICE = "service"
    MONTH = "month"


def scores(
    config: Folder = DEFAULT_FOLDER,
    since: Annotated[datetime | None, from_when("the beginning")] = None,
    until: Annotated[datetime | None, UNTIL_WHEN] = None,
    service: Annotated[str | None, typer.Option(help="Only this service.")] = None,
    agent: Annotated[str | None, typer.Option(help="Only this agent, by their extension.")] = None,
    by: Annotated[
        list[By] | None,
        typer.Option("--by", help="Sum them up by this; give it again for more."),
    ] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write all of it into this file.", metavar="FILE")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List what supervisors think of recordings (`*95` at a handset), the newest first; or means, with `--by`.

    `total` is in per cent of the points that could be had, and 0 where a fatal criterion failed. `recordings play ID`
    plays a recording by the first column, and what was said of it by the column `comment`. Scores go with their
    recordings: keep an export for longer.

    ccdaemon scores --since 2026-11-01 --by agent --by service --csv november.csv
    """
    site = configuration(config)
    zone = site.site.timezone
    begins = local(since, zone).timestamp() if since else 0.0
    ends = local(until, zone) if until else datetime.now(zone)
    found = do(site, "scores", since=begins, until=ends.timestamp(), service=service, agent=agent, limit=ALL)
    rows, first = (summed_up(found, by, zone), (*by, *SUMMED_UP)) if by else (found, ONE_BY_ONE)
    criteria = [*dict.fromkeys([*site.site.scoring.criteria, *(name for row in rows for name in row["points"])])]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
    elif csv is not None:
        try:
            csv.write_bytes(table((*first, *criteria), (_cells(row, first, criteria, zone) for row in rows)))
        except OSError as fault:
            message = f"{csv} cannot be written: {fault.strerror}"
            raise stop(message) from None
        screen.print(escape(f"{csv}: {len(rows):,} lines"))
    elif rows:
        shown = Table(*first, *criteria, box=None, header_style="bold")
        for row in rows:
            shown.add_row(*(escape("" if cell is None else str(cell)) for cell in _cells(row, first, criteria, zone)))
        wide.print(shown)
    else:
        screen.print("Nothing was scored in this time.")


def _cells(row: Mapping[str, Any], first: Sequence[str], criteria: Sequence[str], zone: tzinfo) -> list[object]:
    """0 is written for a criterion that did not apply, where scores are listed one by one."""
    told = dict(row)
    if "leg" in row:
        told["recording"] = f"{row['leg']}-{row['segment']}"
        told["scored"] = f"{datetime.fromtimestamp(row['at'], zone):%Y-%m-%d %H:%M}"
        told["failed"] = "yes" if row["failed"] else ""
    return [*(told[name] for name in first), *(row["points"].get(criterion) for criterion in criteria)]
