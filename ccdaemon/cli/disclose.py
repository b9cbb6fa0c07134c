"""`ccdaemon disclose`: recordings that are given to others, who asked for that, and who allowed it."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Annotated, Any, Literal

import pyzipper
import typer
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from ccdaemon.cli.configuration import DEFAULT_FOLDER, Folder, configuration, errors, screen, stop, wide
from ccdaemon.cli.passphrase import PassphraseFile, passphrase
from ccdaemon.cli.recordings import a_recording
from ccdaemon.cli.running import do
from ccdaemon.disk import in_memory, pieces
from ccdaemon.package import package
from ccdaemon.pages import page, table

MANIFEST, RECEIPT = "manifest.json", "receipt.html"
COLUMNS = (
    *("disclosure", "to", "organisation", "ground", "reference", "recordings", "requested", "requester"),
    *("approved", "approver", "refused", "refuser", "packaged", "packager", "manifest", "received"),
)
Number = Annotated[int, typer.Argument(help="As `ccdaemon disclose` lists it.", metavar="DISCLOSURE")]

app = typer.Typer(help="Recordings that are given to others: one person asks, another one allows it.")


@app.callback(invoke_without_command=True)
def list_(
    context: typer.Context,
    config: Folder = DEFAULT_FOLDER,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write all of it into this file.", metavar="FILE")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List disclosures: the register for the data protection officer."""
    if context.invoked_subcommand is not None:
        return
    site = configuration(config)
    rows, zone = do(site, "disclosures"), site.site.timezone
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
    elif csv is not None:
        try:
            csv.write_bytes(table(COLUMNS, (_cells(row, zone) for row in rows)))
        except OSError as fault:
            message = f"{csv} cannot be written: {fault.strerror}"
            raise stop(message) from None
        screen.print(escape(f"{csv}: {len(rows):,} disclosures"))
    elif rows:
        shown = Table("disclosure", "to", "ground", "reference", "recordings", "state", box=None, header_style="bold")
        for row in rows:
            request = row["request"]
            to = f"{request['organisation']} ({request['to']})"
            cells = (to, request["ground"], request["reference"], str(len(request["recordings"])), _state(row, zone))
            shown.add_row(str(row["id"]), *map(escape, cells))
        wide.print(shown)
    else:
        screen.print("No disclosures.")


@app.command()
def request(
    recordings: Annotated[list[str], typer.Argument(help="As `ccdaemon recordings` lists them.")],
    to: Annotated[
        Literal["council-service", "police", "care-organisation", "court"], typer.Option(help="What kind of recipient.")
    ],
    organisation: Annotated[str, typer.Option(help="Which one: no person's name.")],
    ground: Annotated[
        Literal["complaint", "dispute", "crime", "care", "court-order", "legal-claim"],
        typer.Option(help="Why they may have it."),
    ],
    reference: Annotated[str, typer.Option(help="Of their request, or of the case.")],
    config: Folder = DEFAULT_FOLDER,
) -> None:
    """Ask that recordings be given to somebody. Another person has to approve it.

    To a service of the council in a complaint or dispute, to the police in a criminal matter, to an organisation in the
    person's care, to a court by its order or for a legal claim; nothing else is taken.

    ccdaemon disclose request 1783328400.2-1 --to police --organisation 'Example Police' --ground crime --reference X-9
    """
    wanted: dict[str, Any] = {"to": to, "organisation": organisation, "ground": ground, "reference": reference}
    chosen = [a_recording(each) for each in recordings]
    made = do(configuration(config), "disclosure request", recordings=chosen, **wanted)
    screen.print(
        f"Disclosure {made['id']} waits for approval: `ccdaemon disclose approve {made['id']}`, by somebody else."
    )


@app.command()
def approve(disclosure: Number, config: Folder = DEFAULT_FOLDER) -> None:
    """Allow a disclosure that somebody else has asked for."""
    do(configuration(config), "disclosure decide", disclosure=disclosure, approve=True)
    screen.print(f"Disclosure {disclosure} is approved: `ccdaemon disclose package {disclosure} --out FILE.zip`.")


@app.command()
def refuse(disclosure: Number, config: Folder = DEFAULT_FOLDER) -> None:
    """Refuse a disclosure that somebody else has asked for."""
    do(configuration(config), "disclosure decide", disclosure=disclosure, approve=False)
    screen.print(f"Disclosure {disclosure} is refused.")


@app.command("package")
def package_(
    disclosure: Number,
    out: Annotated[Path, typer.Option(help="The ZIP file to write.", metavar="FILE")],
    config: Folder = DEFAULT_FOLDER,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Write what was approved into an encrypted file: the recordings, a signed list of their hashes, and a receipt.

    The passphrase goes to the recipient in another way. They open it with 7-Zip, WinZip or the like.
    """
    site = configuration(config)
    rows = {row["id"]: row for row in do(site, "disclosures")}
    if disclosure not in rows:
        message = f"there is no disclosure {disclosure}"
        raise stop(message)
    asked = rows[disclosure]["request"]
    secret = passphrase(passphrase_file, "what is given away")
    try:
        with package(out, secret) as parcel:
            for leg, segment in track(
                asked["recordings"], "recordings", console=errors, disable=not errors.is_terminal
            ):
                with in_memory() as opened:
                    told = do(site, "disclosure audio", opened, disclosure=disclosure, leg=leg, segment=segment)
                    opened.seek(0)
                    encoding = told["file"].rpartition(".sealed")[0].rpartition(".")[2]
                    parcel.add(f"{leg}-{segment}.{encoding}", pieces(opened))
            parcel.add(RECEIPT, [page("receipt", id=disclosure, files={**parcel.hashes}, **asked)])
            made = do(site, "disclosure manifest", disclosure=disclosure, files=parcel.hashes)
            parcel.add(MANIFEST, [made["manifest"].encode()])
    except OSError as fault:
        message = f"{out} cannot be written: {fault}"
        raise stop(message) from None
    screen.print(escape(f"{out}: {len(asked['recordings'])} recordings; the hash of the list is {made['sha256']}"))


@app.command()
def receipt(disclosure: Number, config: Folder = DEFAULT_FOLDER) -> None:
    """Note that the recipient has sent the receipt back."""
    do(configuration(config), "disclosure receipt", disclosure=disclosure)
    screen.print(f"The receipt of disclosure {disclosure} is noted.")


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="As `ccdaemon disclose package` wrote it.")],
    config: Folder = DEFAULT_FOLDER,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Is a package as it was given away? Exit status 1 if anything in it is another."""
    rows = do(configuration(config), "disclosures")
    known = {package["manifest"]: row["id"] for row in rows for package in row["packages"]}
    secret = passphrase(passphrase_file)
    try:
        found, listed = _looked_into(file, secret)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, pyzipper.BadZipFile) as fault:
        message = f"{file} cannot be opened: {fault}"
        raise stop(message) from None
    number = known.get(found.pop(MANIFEST))
    wrong = sorted(name for name in {*listed, *found} if found.get(name) != listed.get(name))
    if number is None:
        errors.print("[red]No disclosure of this site has such a list of files.[/]")
    for name in wrong:
        errors.print(f"[red]{escape(name)} is not what was given away.[/]")
    if number is not None and not wrong:
        screen.print(f"[green]It is disclosure {number}, as it was given away.[/]")
    raise typer.Exit(1 if wrong or number is None else 0)


def _looked_into(file: Path, secret: str) -> tuple[dict[str, str], dict[str, str]]:
    """The hashes of all files of a package, and those that its list names."""
    with pyzipper.AESZipFile(file) as archive:
        archive.setpassword(secret.encode())
        if len(names := archive.namelist()) != len({*names}):
            message = "a file is in it twice"
            raise ValueError(message)
        found = {}
        for name in names:
            digest = hashlib.sha256()
            with archive.open(name) as content:
                for piece in pieces(content):
                    digest.update(piece)
            found[name] = digest.hexdigest()
        return found, dict(json.loads(archive.read(MANIFEST))["files"])


def _state(row: dict[str, Any], zone: tzinfo) -> str:
    given = row["packages"][-1]["at"] if row["packages"] else None
    steps = (
        ("received", row["received"]),
        ("given", given),
        ("refused", row["refused"]),
        ("approved", row["approved"]),
    )
    for words, at in steps:
        if at is not None:
            return f"{words} {datetime.fromtimestamp(at, zone):%-d %b %Y}"
    return f"{row['requester']} asks for approval"


def _cells(row: dict[str, Any], zone: tzinfo) -> list[object]:
    told = {**row, **row["request"], "disclosure": row["id"]}
    told["recordings"] = " ".join(f"{leg}-{segment}" for leg, segment in told["recordings"])
    last = row["packages"][-1] if row["packages"] else {"at": None, "packager": None, "manifest": None}
    told |= {"packaged": last["at"], "packager": last["packager"], "manifest": last["manifest"]}
    for name in ("requested", "approved", "refused", "packaged", "received"):
        if told[name] is not None:
            told[name] = f"{datetime.fromtimestamp(told[name], zone):%Y-%m-%d %H:%M}"
    return [told[name] for name in COLUMNS]
