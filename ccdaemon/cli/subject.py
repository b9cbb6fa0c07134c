"""`ccdaemon subject`: all that is kept of somebody, for them, and its erasure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from ccdaemon import audio
from ccdaemon.cli import cases
from ccdaemon.cli.configuration import (
    DEFAULT_FOLDER,
    Folder,
    a_moment,
    configuration,
    errors,
    local,
    screen,
    stop,
    wide,
)
from ccdaemon.cli.passphrase import PassphraseFile, passphrase
from ccdaemon.cli.recordings import a_recording, seconds
from ccdaemon.cli.running import do
from ccdaemon.cli.subject_files import sound_of, written
from ccdaemon.config import Configuration
from ccdaemon.disk import in_memory, pieces
from ccdaemon.package import package

app = typer.Typer(
    help="What people ask about themselves: their cases, all that is kept of them, and its erasure.",
    no_args_is_help=True,
)
app.command("cases")(cases.cases)
app.command("open")(cases.open_)
app.command("pause")(cases.pause)
app.command("resume")(cases.resume)
app.command("extend")(cases.extend)
app.command("close")(cases.close)

AT_ALL = 1e12  # seconds after the epoch
Parties = Annotated[
    list[str],
    typer.Option("--number", help="A number, written in any way, or an address. May be given again.", metavar="WHO"),
]
CaseOption = Annotated[int, typer.Option(help="An open case, as `ccdaemon subject cases` lists it.")]
Since = Annotated[datetime | None, typer.Option(help="Only from then on.", parser=a_moment, metavar="WHEN")]
Until = Annotated[datetime | None, typer.Option(help="Only until then.", parser=a_moment, metavar="WHEN")]


class _Lines:
    """Takes what the daemon tells, as a file takes bytes."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.recordings: list[dict[str, Any]] = []
        self.items: list[dict[str, Any]] = []

    def writelines(self, lines: Iterable[bytes]) -> None:
        for line in lines:
            said = json.loads(line)
            getattr(self, f"{said['kind']}s").append(said[said["kind"]])


@app.command()
def search(
    parties: Parties,
    case: CaseOption,
    config: Folder = DEFAULT_FOLDER,
    since: Since = None,
    until: Until = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON, with all that was said.")] = False,
) -> None:
    """List what is kept of somebody.

    ccdaemon subject search --number '01632 960 777' --number sian@example.com --case 3
    """
    site = configuration(config)
    found, _ = _found(site, parties, case, since, until)
    if as_json:
        typer.echo(json.dumps(vars(found), ensure_ascii=False))
        return
    table = Table("what", "when", "service", "redacted", box=None, header_style="bold")
    for call in found.calls:
        table.add_row(f"call {call['id']}", _when(site, call["began"]), call["service"] or "", "")
    for recording in found.recordings:
        name = f"{recording['kind']} {recording['leg']}-{recording['segment']}"
        parts = str(len(recording["silent"]) or "")
        table.add_row(name, _when(site, recording["started"]), recording["service"] or "", parts)
    for item in found.items:
        name = escape(f"{item['kind']}:{item['source']}")
        table.add_row(name, _when(site, item["at"]), item["service"] or "", str(item["redacted"] or ""))
    if table.row_count:
        wide.print(table)
    else:
        screen.print("Nothing is kept of them in this time.")


@app.command()
def export(
    parties: Parties,
    case: CaseOption,
    out: Annotated[Path, typer.Option(help="The ZIP file to write.", metavar="FILE")],
    config: Folder = DEFAULT_FOLDER,
    since: Since = None,
    until: Until = None,
    passphrase_file: PassphraseFile = None,
    unencrypted: Annotated[bool, typer.Option("--unencrypted", help="Let whoever has the file open it.")] = False,
) -> None:
    """Write all that is kept of somebody into a file for them: a page in both languages, tables, and audio as MP3.

    It is encrypted with a passphrase (AES-256), which you tell them in another way. What is redacted is masked, or
    silent.

    ccdaemon subject export --number '01632 960 777' --case 3 --out SAR-2026-31.zip --passphrase-file passphrase
    """
    site = configuration(config)
    _not_there(out)
    secret = None if unencrypted else passphrase(passphrase_file, "what is kept of somebody")
    found, told = _found(site, parties, case, since, until)
    scope = {
        "reference": told["case"]["reference"],
        "received": told["case"]["received"],
        "parties": parties,
        "since": since and since.isoformat(" "),
        "until": until and until.isoformat(" "),
        "made": f"{datetime.now(site.site.timezone):%Y-%m-%d %H:%M}",
        "classes": ["call", "recording", "message", "comment", "transcript", "sms", "webchat", "social"],
    }
    missing: list[dict[str, Any]] = []
    try:
        with package(out, secret) as parcel:
            quiet = not errors.is_terminal
            for recording in track(found.recordings, "recordings", console=errors, disable=quiet):
                with in_memory() as opened, in_memory() as heard:
                    wanted = {
                        "case": case,
                        "parties": parties,
                        "leg": recording["leg"],
                        "segment": recording["segment"],
                    }
                    try:
                        given = do(site, "subject audio", opened, **wanted)
                    except typer.Exit:  # it said why; the others are given all the same
                        missing.append(recording)
                        continue
                    opened.seek(0)
                    audio.convert(opened, heard, "mp3", [tuple(each) for each in given["silent"]])
                    heard.seek(0)
                    parcel.add(sound_of(recording), pieces(heard))
            there = [each for each in found.recordings if each not in missing]
            for name, content in written(site.site, scope, found.calls, there, found.items):
                parcel.add(name, [content])
    except (OSError, audio.AudioFault) as fault:
        message = f"{out} cannot be written: {fault}"
        raise stop(message) from None
    kept = f"{len(found.calls):,} calls, {len(there):,} recordings, {len(found.items):,} messages"
    screen.print(escape(f"{out}: {kept}. Files of other programs, as voicemail, are not in it: look there too."))
    for call in told["joint"]:
        errors.print(f"[yellow]Somebody else called in {call} too: hear it, and redact what is theirs.[/]")
    for each in missing:
        errors.print(f"[red]{each['leg']}-{each['segment']} is not in it.[/]")
    if missing:
        raise typer.Exit(1)


@app.command("erase")
def erase_(
    parties: Parties,
    case: CaseOption,
    config: Folder = DEFAULT_FOLDER,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go, and what would stay.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Erase what is kept of somebody, before its time. Exit status 1 if some of it stays.

    What a hold keeps stays, and is said. That a call was is counted still, without its number.

    ccdaemon subject erase --number '01632 960 777' --case 4 --dry-run
    """
    told = do(configuration(config), "subject erase", parties=parties, case=case, dry=dry_run)
    stays = [f"{name} stays: hold {', '.join(map(str, holds))}" for name, holds in told["held"].items()]
    stays += [f"call {call} stays: it has not ended, or is not finished; ask again" for call in told["going_on"]]
    stays += [f"call {call} stays: somebody else called in it too" for call in told["joint"]]
    stays += told.get("left", [])
    if as_json:
        typer.echo(json.dumps(told))
    else:
        what = "would be erased" if dry_run else "erased"
        screen.print(f"{told['calls']:,} calls, {told['recordings']:,} recordings, {told['items']:,} messages {what}.")
        for each in stays:
            errors.print(f"[red]{escape(each)}[/]")
        if not dry_run:
            screen.print(
                "Not reached: files of other programs, lines that wait or were not taken in the drop folder; and "
                "backups of before, until their month is over."
            )
    raise typer.Exit(1 if stays else 0)


@app.command()
def redact(
    what: Annotated[str, typer.Argument(help="A recording, or an item as sms:77.", metavar="ITEM")],
    why: Annotated[
        Literal["third-party", "privilege", "crime", "serious-harm"], typer.Option(help="Why they are not given it.")
    ],
    config: Folder = DEFAULT_FOLDER,
    begins: Annotated[
        str | None, typer.Option("--from", help="Of a recording: as 1:05 or 65.5.", metavar="TIME")
    ] = None,
    ends: Annotated[str | None, typer.Option("--to", help="Until then.", metavar="TIME")] = None,
    words: Annotated[str | None, typer.Option(help="Of an item: these words, wherever they stand in it.")] = None,
) -> None:
    """Keep a part from whoever asks: silence in a recording, masked words in a text. The original stays as it is.

    ccdaemon subject redact 1783328400.2-1 --from 1:05 --to 1:12.5 --why third-party
    """
    site = configuration(config)
    if begins is not None and ends is not None and words is None:
        leg, segment = a_recording(what)
        part: dict[str, Any] = {"leg": leg, "segment": segment, "begins": seconds(begins), "ends": seconds(ends)}
        made = do(site, "redact", why=why, **part)
    elif begins is None and ends is None and words and ":" in what:
        kind, _, source = what.partition(":")
        made = do(site, "redact words", why=why, kind=kind, source=source, words=words)
    else:
        message = "name a recording with --from and --to, or an item, as sms:77, with --words"
        raise typer.BadParameter(message)
    screen.print(f"Redactions: {', '.join(map(str, made['redactions']))}")


@app.command()
def redactions(
    config: Folder = DEFAULT_FOLDER,
    remove: Annotated[int | None, typer.Option(help="Take one back, by its number.", metavar="NUMBER")] = None,
) -> None:
    """List redactions, or take one back."""
    site = configuration(config)
    if remove is not None:
        do(site, "unredact", redaction=remove)
        screen.print(f"Redaction {remove} is taken back.")
        return
    table = Table("redaction", "of", "from", "to", "why", box=None, header_style="bold")
    for row in do(site, "redactions"):
        of = f"{row['leg']}-{row['segment']}" if row["leg"] else f"{row['kind']}:{row['source']} ({row['message'] + 1})"
        table.add_row(str(row["id"]), escape(of), f"{row['begins']:g}", f"{row['ends']:g}", row["why"])
    wide.print(table)


def _found(
    site: Configuration, parties: list[str], case: int, since: datetime | None, until: datetime | None
) -> tuple[_Lines, dict[str, Any]]:
    zone, found = site.site.timezone, _Lines()
    told = do(
        site,
        "subject",
        found,
        parties=parties,
        case=case,
        since=local(since, zone).timestamp() if since else 0.0,
        until=local(until, zone).timestamp() if until else AT_ALL,
    )
    return found, told


def _not_there(out: Path) -> None:
    if out.exists():
        message = f"{out} is there already, and was not changed"
        raise stop(message)


def _when(site: Configuration, at: float | None) -> str:
    return "" if at is None else f"{datetime.fromtimestamp(at, site.site.timezone):%d %b %Y %H:%M}"
