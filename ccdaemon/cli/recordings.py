"""`ccdaemon recordings`: what is in the archive, and one of them as a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from ccdaemon import audio, card
from ccdaemon.cli.configuration import (
    DEFAULT_FOLDER,
    UNTIL_WHEN,
    Folder,
    a_number,
    configuration,
    from_when,
    local,
    screen,
    stop,
    wide,
)
from ccdaemon.cli.register import ask_register
from ccdaemon.cli.running import do
from ccdaemon.cli.takes import DeviceOption, hear
from ccdaemon.disk import in_memory
from ccdaemon.kept import Item, Purpose
from ccdaemon.rules.lines import messages

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
        **_span(since or datetime.now(zone) - timedelta(days=7), until, zone),
        service=service,
        limit=limit,
    )
    _print(rows, zone, as_json=as_json)


@app.command()
def search(
    purpose: PurposeOption,
    reference: ReferenceOption,
    config: Folder = DEFAULT_FOLDER,
    number: Annotated[str | None, typer.Option(help="Of calls from this number, written in any way.")] = None,
    agent: Annotated[str | None, typer.Option(help="That this phone answered: its extension.")] = None,
    call: Annotated[str | None, typer.Option(help="Of this call.")] = None,
    words: Annotated[str | None, typer.Option(help="In whose transcripts these words stand.")] = None,
    since: Annotated[datetime | None, from_when("the beginning")] = None,
    until: Annotated[datetime | None, UNTIL_WHEN] = None,
    service: Annotated[str | None, typer.Option(help="Only this service.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many, the newest.", min=1, max=100_000)] = 200,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Find recordings by who called, who answered, or what was said. The search is written down.

    ccdaemon recordings search --number '01632 960 777' --purpose complaint --reference C-2026-117
    """
    if not (number or agent or call or words):
        message = "say what to look for: --number, --agent, --call or --words; without one, `ccdaemon recordings` lists"
        raise typer.BadParameter(message)
    site = configuration(config)
    zone = site.site.timezone
    rows = do(
        site,
        "find recordings",
        **_why(purpose, reference),
        number=a_number(number, site) if number else None,
        agent=agent,
        call=call,
        text=words,
        **_span(since, until, zone),
        service=service,
        limit=limit,
    )
    _print(rows, zone, as_json=as_json)


@app.command()
def show(
    recording: Annotated[str, typer.Argument(help="As `ccdaemon recordings` lists it.")],
    purpose: PurposeOption,
    reference: ReferenceOption,
    config: Folder = DEFAULT_FOLDER,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Tell what is known of a recording: its call, what was said, what keeps it, and who opened it."""
    leg, segment = a_recording(recording)
    site = configuration(config)
    told = do(site, "recording", leg=leg, segment=segment, **_why(purpose, reference))
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
        return
    for line in _told(told, site.site.timezone):
        screen.print(line)


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
    leg, segment = a_recording(recording)
    site = configuration(config)
    wanted = {"leg": leg, "segment": segment, **_why(purpose, reference)}
    try:
        out.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        message = f"{out} is there already, and was not changed"
        raise stop(message) from None
    except OSError as fault:
        message = f"{out} cannot be written: {fault.strerror}"
        raise stop(message) from None
    try:
        with in_memory() as opened, out.open("wb") as file:
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


@app.command()
def play(
    recording: Annotated[str, typer.Argument(help="As `ccdaemon recordings` lists it.")],
    purpose: PurposeOption,
    reference: ReferenceOption,
    config: Folder = DEFAULT_FOLDER,
    device: DeviceOption = None,
    begins: Annotated[str, typer.Option("--from", help="Begin there: 1:05, or 65.5.", metavar="TIME")] = "0",
) -> None:
    """Hear a recording, agent left, caller right. It is opened in memory: no file is written.

    ccdaemon recordings play 1783328400.2-1 --purpose quality --reference QA-7
    """
    leg, segment = a_recording(recording)
    first = round(seconds(begins) * audio.RATE) * audio.FRAME
    wanted = {"leg": leg, "segment": segment, **_why(purpose, reference)}
    try:
        card.check(audio.RATE, 2, device)  # whoever hears nothing has opened nothing
        with in_memory() as opened:
            do(configuration(config), "audio", opened, **wanted)
            opened.seek(0)
            hear(_behind(audio.samples(opened), first), audio.RATE, 2, device)
    except (card.NoSound, audio.AudioFault) as fault:
        raise stop(str(fault)) from None


def _behind(pieces: Iterator[bytes], first: int) -> Iterator[bytes]:
    for piece in pieces:
        yield piece[first:]
        first = max(0, first - len(piece))


def seconds(written: str) -> float:
    """`1:05.5`, `1:00:00` or `65.5`."""
    try:
        parts = [float(part) for part in written.split(":")]
    except ValueError:
        parts = []
    if not 1 <= len(parts) <= 3 or any(part < 0 for part in parts):  # noqa: PLR2004 - hours, minutes, seconds
        message = f"{written!r} is no time in a recording; write 1:05.5, or 65.5"
        raise typer.BadParameter(message)
    total = 0.0
    for part in parts:
        total = 60 * total + part
    return total


def a_recording(written: str, kind: str = "recording") -> tuple[str, int]:
    """Leg and segment of a recording, or of a message, as it is listed."""
    leg, _, segment = written.rpartition("-")
    if not segment.isdecimal() or not leg:
        message = f"{written!r} is no {kind}; `ccdaemon {kind}s` lists them, as 1783328400.2-1"
        raise typer.BadParameter(message)
    return leg, int(segment)


def _why(purpose: str, reference: str) -> dict[str, Any]:
    if not reference.strip():
        message = "a reference is what this access is found by later; it cannot be empty"
        raise typer.BadParameter(message)
    return {"purpose": purpose, "reference": reference}


def _span(since: datetime | None, until: datetime | None, zone: tzinfo) -> dict[str, Any]:
    """In seconds since the epoch; from the beginning, and until now, where nobody says otherwise."""
    begins = local(since, zone).timestamp() if since else 0.0
    return {"since": begins, "until": (local(until, zone) if until else datetime.now(zone)).timestamp()}


def _print(rows: list[dict[str, Any]], zone: tzinfo, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([{"id": _id(row), **row} for row in rows], ensure_ascii=False))
        return
    table = Table("recording", "call", "began", "lasted", "service", "remarks", box=None, header_style="bold")
    for row in rows:
        began = _when(row["started"], zone)
        lasted = f"{timedelta(seconds=round(row['seconds']))}"
        remarks = "; ".join(filter(None, (row["fault"], row["objected"] and "the caller objected")))
        table.add_row(_id(row), row["call"] or "", began, lasted, row["service"] or "", remarks)
    if rows:
        wide.print(table)
    else:
        screen.print("No recordings in this time.")


def _told(told: dict[str, Any], zone: tzinfo) -> Iterator[str]:
    row, call = told["recording"], told["call"]
    lasted = f"{row['seconds'] or 0:.1f} s"
    yield f"[bold]{_id(row)}[/]  {_when(row['started'], zone)}, {lasted}, {row['service'] or 'no service'}"
    if call is not None:
        yield f"  call {call['id']} from {call['number'] or 'a number that is withheld or gone'}"
    if row["fault"]:
        yield f"  [red]{escape(row['fault'])}[/]"
    if row["objected"]:
        yield f"  [yellow]the caller objected to being recorded, {_when(row['objected'], zone)}[/]"
    if row["reason"]:
        yield f"  it stopped because {escape(row['reason'])}"
    if row["file"]:
        yield f"  {escape(row['file'])}, {row['bytes']:,} bytes, sha256 {row['sha256']}"
    for hold in told["holds"]:
        yield f"  [yellow]kept by hold {hold}[/]"
    for item in told["transcripts"]:
        yield f"  transcript {escape(item['source'])}"
        for said in messages(Item(**item)):
            yield f"    [dim]{escape(said['by'])}[/]  {escape(said['text'])}"
    for access in told["accesses"]:
        said = json.loads(access["detail"])
        did = "looked at it" if said.get("did") == "show" else "opened it"
        why = f"{said['purpose']}, {escape(said['reference'])}"
        yield f"  {_when(access['at'] / 1000, zone)}  {said['who']} {did}: {why}"


def _when(at: float | None, zone: tzinfo) -> str:
    return "" if at is None else f"{datetime.fromtimestamp(at, zone):%d %b %Y %H:%M:%S}"


def _id(row: dict[str, Any]) -> str:
    return f"{row['leg']}-{row['segment']}"
