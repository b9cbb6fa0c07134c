"""`ccdaemon recordings`: what is in the archive, and one of them as a file."""

from __future__ import annotations

import json
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.markup import escape
from rich.table import Table

from ccdaemon import audio
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
from ccdaemon.cli.register import ask_register, do

Purpose = Literal["transfer", "quality", "understanding", "complaint", "legal-claim", "safety"]
PurposeOption = Annotated[
    Purpose, typer.Option(help="What it is for: one of those in the council's notice. It is written down.")
]
ReferenceOption = Annotated[
    str, typer.Option(help="Of the case, complaint or review: whoever asks later will find it by that.")
]
ENDINGS = (".flac", ".wav")

app = typer.Typer(help="Recordings in the archive: every access says what it is for, and is written down.")


@app.callback(invoke_without_command=True)
def list_(
    context: typer.Context,
    config: Folder = DEFAULT_FOLDER,
    since: Annotated[datetime | None, from_when("a week ago")] = None,
    until: Annotated[datetime | None, UNTIL_WHEN] = None,
    service: Annotated[str | None, typer.Option(help="Only this service.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many, the newest.", min=1, max=100_000)] = 200,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List recordings."""
    if context.invoked_subcommand is not None:
        return
    site = configuration(config)
    zone = site.site.timezone
    rows = ask_register(
        site,
        "recordings",
        since=(local(since, zone) if since else datetime.now(zone) - timedelta(days=7)).timestamp(),
        until=(local(until, zone) if until else datetime.now(zone)).timestamp(),
        service=service,
        limit=limit,
    )
    if as_json:
        typer.echo(json.dumps([{"id": _id(row), **row} for row in rows], ensure_ascii=False))
        return
    table = Table("recording", "call", "began", "lasted", "service", "fault", box=None, header_style="bold")
    for row in rows:
        began = f"{datetime.fromtimestamp(row['started'], zone):%d %b %Y %H:%M:%S}" if row["started"] else ""
        lasted = f"{timedelta(seconds=round(row['seconds']))}"
        table.add_row(_id(row), row["call"] or "", began, lasted, row["service"] or "", row["fault"] or "")
    if rows:
        wide.print(table)
    else:
        screen.print("No recordings in this time.")


@app.command()
def export(
    recording: Annotated[str, typer.Argument(help="As `ccdaemon recordings` lists it.")],
    out: Annotated[Path, typer.Option(help="The file to write: NAME.flac or NAME.wav.", metavar="FILE")],
    purpose: PurposeOption,
    reference: ReferenceOption,
    config: Folder = DEFAULT_FOLDER,
) -> None:
    """Write a recording into a file, agent left, caller right.

    The file can be heard by whoever has it: what becomes of it is yours to answer for.

    ccdaemon recordings export 1783328400.2-1 --purpose complaint --reference C-2026-117 --out call.flac
    """
    if out.suffix not in ENDINGS:
        message = f"{out} is neither .flac nor .wav"
        raise typer.BadParameter(message)
    leg, _, segment = recording.rpartition("-")
    if not segment.isdecimal() or not leg:
        message = f"{recording!r} is no recording; `ccdaemon recordings` lists them, as 1783328400.2-1"
        raise typer.BadParameter(message)
    if not reference.strip():
        message = "a reference is what this access is found by later; it cannot be empty"
        raise typer.BadParameter(message)
    site = configuration(config)
    wanted = {"leg": leg, "segment": int(segment), "purpose": purpose, "reference": reference}
    try:
        out.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        message = f"{out} is there already, and was not changed"
        raise stop(message) from None
    except OSError as fault:
        message = f"{out} cannot be written: {fault.strerror}"
        raise stop(message) from None
    try:
        with tempfile.TemporaryFile(dir=out.parent) as opened, out.open("wb") as file:
            do(site, "audio", opened, **wanted)
            opened.seek(0)
            audio.convert(opened, file, out.suffix[1:])
    except BaseException as fault:
        out.unlink()
        if isinstance(fault, OSError | audio.AudioFault):
            message = f"{out} cannot be written: {fault}"
            raise stop(message) from None
        raise
    screen.print(escape(f"{out}: {out.stat().st_size:,} bytes"))


def _id(row: dict[str, Any]) -> str:
    return f"{row['leg']}-{row['segment']}"
