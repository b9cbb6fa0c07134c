"""`ccdaemon audit`: the chain of what happened to recordings and payments, held against itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.markup import escape

from ccdaemon import __version__
from ccdaemon.asked import Json
from ccdaemon.chain import Head
from ccdaemon.cli.configuration import (
    DEFAULT_FOLDER,
    Folder,
    a_moment,
    configuration,
    errors,
    local,
    screen,
    stop,
)
from ccdaemon.cli.init import keep
from ccdaemon.cli.register import ask_register
from ccdaemon.config import Configuration
from ccdaemon.faults import KeyUnusable
from ccdaemon.places import ARCHIVE
from ccdaemon.rules import audit_day
from ccdaemon.rules.certificate import differences, statement, unfinished
from ccdaemon.signing import holds, new_key, public, read_key, signed

ALARMING = ("guarded", "not_stopped", "longest_exposure_ms", "recordings_faulty")
HELD = "nothing was recorded after a door had opened, nor round one"
NEVER = "no way of this call to payments is known, so nothing had to stop"

app = typer.Typer(help="The chain of what happened to recordings and payments.", no_args_is_help=True)


def _heads(written: str) -> tuple[Head, ...]:
    """One, or those that stand at the ends of a file's lines."""
    if (head := Head.read(written)) is not None:
        return (head,)
    try:
        lines = Path(written).read_text().splitlines()
    except (OSError, ValueError):
        message = f"{written!r} is no head of a chain, nor a file of heads; write SEQ:HASH, as `ccdaemon audit head`"
        raise typer.BadParameter(message) from None
    found = [Head.read(line.rpartition(" ")[2]) for line in lines]
    if None in found or not found:
        message = f"{written}: line {found.index(None) + 1 if found else 1} does not end with a head, as SEQ:HASH"
        raise typer.BadParameter(message)
    return tuple(head for head in found if head is not None)


@app.command()
def head(config: Folder = DEFAULT_FOLDER) -> None:
    """Print the last row of the chain, as SEQ:HASH: keep it where nobody can change it who can change the register."""
    typer.echo(ask_register(configuration(config), "audit head"))


@app.command()
def verify(
    config: Folder = DEFAULT_FOLDER,
    against: Annotated[
        str | None,
        typer.Option(help="A head that was kept elsewhere, as SEQ:HASH, or a file of such.", metavar="HEAD|FILE"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Find rows that were changed, taken out, moved, or cut off. Exit status 1 if there are any.

    Without a head that was kept elsewhere, a chain that was cut off, or made anew as a whole, is not found out. Heads
    are on MQTT too, at `audit`.
    """
    told = ask_register(
        configuration(config), "audit verify", against=" ".join(map(str, _heads(against) if against else ()))
    )
    if as_json:
        typer.echo(json.dumps(told))
    else:
        for fault in told["faults"]:
            errors.print(f"[red]{fault}[/]")
        if not told["faults"]:
            screen.print(f"[green]The chain is whole.[/] Its head is {told['head']}")
            if told["behind"]:
                screen.print(f"It begins behind row {told['behind']:,}: the time of those before is over.")
    raise typer.Exit(1 if told["faults"] else 0)


@app.command()
def report(
    config: Folder = DEFAULT_FOLDER,
    day: Annotated[
        datetime | None,
        typer.Option(help="As 2026-12-24.", parser=a_moment, metavar="DAY", show_default="yesterday"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """A day's payments, refusals, and what went round the payments door. Exit status 1 if something did."""
    site = configuration(config)
    zone = site.site.timezone
    chosen = local(day, zone) if day else datetime.now(zone) - timedelta(days=1)
    begin = chosen.replace(hour=0, minute=0, second=0, microsecond=0)
    end = (begin.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=zone)
    rows = ask_register(site, "audit day", since=begin.timestamp(), until=end.timestamp())
    counts = audit_day.day(rows)
    if as_json:
        typer.echo(json.dumps({"day": f"{begin:%Y-%m-%d}", **counts}))
    else:
        screen.print(f"[bold]{begin:%A %-d %B %Y}[/]")
        for name, count in counts.items():
            colour = "red" if name in ALARMING and count else "none"
            screen.print(f"  [{colour}]{count:>8}[/]  {name.replace('_', ' ').replace(' ms', ', in ms')}")
    raise typer.Exit(1 if counts["guarded"] else 0)


@app.command()
def key(
    config: Folder = DEFAULT_FOLDER,
    new: Annotated[bool, typer.Option("--new", help="Make the key, where there is none yet.")] = False,
) -> None:
    """Print the public half of the key that signs certificates: give it to whoever is to check them."""
    file = configuration(config).main.audit.key
    try:
        if new:
            if file.exists():
                message = f"{file} is there already, and was not changed: who has its certificates could check none"
                raise stop(message)
            keep(file, new_key())
        typer.echo(public(read_key(file)))
    except OSError as fault:
        message = f"{file} cannot be written: {fault.strerror}"
        raise stop(message) from None
    except KeyUnusable as fault:
        raise stop(str(fault)) from None


@app.command()
def certificate(
    call: Annotated[str | None, typer.Argument(help="As `ccdaemon calls` lists it.")] = None,
    config: Folder = DEFAULT_FOLDER,
    out: Annotated[Path | None, typer.Option(help="Write it into this file.", metavar="FILE")] = None,
    check: Annotated[Path | None, typer.Option(help="Check a certificate instead.", metavar="FILE")] = None,
    with_key: Annotated[
        str | None, typer.Option("--key", help="The public key to check it with.", show_default="the site's own")
    ] = None,
    signature_only: Annotated[
        bool, typer.Option("--signature-only", help="Check nothing but the signature with --key: that needs no site.")
    ] = False,
) -> None:
    """Write down, signed, what is known of a call's recordings and payments; or check what was written down.

    It says when the payments door opened, what had recorded until then, what each file is, and on which layer every
    passage rested. `--check` says true or false, and what is different now: in the register, in the audit chain, or in
    the files.

    ccdaemon audit certificate 1783328400.1 --out call.json

    ccdaemon audit certificate --check call.json
    """
    if (call is None) == (check is None):
        message = "name a call, or a certificate with --check"
        raise typer.BadParameter(message)
    if signature_only:
        if check is None or with_key is None:
            message = "it needs --check, and --key, the public key of whoever signed"
            raise typer.BadParameter(message, param_hint="--signature-only")
        read = _read(check)
        _tell(read, [*_unsigned(read, with_key)])
    site = configuration(config)
    try:
        if call is not None:
            said = _certified(site, call)
            text = json.dumps(said, indent=1, ensure_ascii=False) + "\n"
            if out is None:
                typer.echo(text, nl=False)
            else:
                out.write_text(text)
                screen.print(escape(f"{out}: {_verdict(said)}"))
            return
        assert check is not None
        said = _read(check)
        own = with_key or public(read_key(site.main.audit.key))
    except KeyUnusable as fault:
        raise stop(str(fault)) from None
    except OSError as fault:
        message = f"{fault.filename}: {fault.strerror}"
        raise stop(message) from None
    _tell(said, [*_wrong(site, said, own)])


def _tell(said: Mapping[str, Any], wrong: Sequence[str]) -> NoReturn:
    typer.echo("false" if wrong else "true")
    for each in wrong:
        errors.print(escape(each))
    if not wrong:
        screen.print(escape(f"It says: {_verdict(said)}"))
    raise typer.Exit(1 if wrong else 0)


def _verdict(said: Mapping[str, Any]) -> str:
    return "; ".join(said["against"]) or (HELD if said["passages"] else NEVER)


def _read(file: Path) -> Json:
    try:
        return json.loads(file.read_text(), object_pairs_hook=_once)
    except OSError as fault:
        message = f"{file}: {fault.strerror}"
        raise stop(message) from None
    except ValueError as fault:
        message = f"{file} is no certificate: {fault}"
        raise stop(message) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Who reads a file sees the first of two keys, and a program the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        message = "a key stands in it twice"
        raise ValueError(message)
    return found


def _certified(site: Configuration, call: str) -> dict[str, Any]:
    told = ask_register(site, "certificate", call=call)
    if (why := unfinished(told)) is not None:
        message = f"{why}: ask again later"
        raise stop(message)
    chain = ask_register(site, "audit verify", against="")
    if chain["faults"]:
        message = f"the audit chain is not whole, so it proves nothing: {'; '.join(chain['faults'][:3])}"
        raise stop(message)
    said = statement(told)
    made = {"site": site.site.name, "made": datetime.now(site.site.timezone).isoformat(), "program": __version__}
    key = read_key(site.main.audit.key)
    return signed({**said, **made, "chain": chain, "key": public(key)}, key)


def _wrong(site: Configuration, said: Json, key: str) -> Iterator[str]:
    """All that is not as a certificate says."""
    if unsigned := [*_unsigned(said, key)]:
        yield from unsigned
        return
    head = said["chain"]["head"]
    if faults := ask_register(site, "audit verify", against=head)["faults"]:
        yield from (f"the audit chain: {each}" for each in faults)
        return
    now = statement(ask_register(site, "certificate", call=said["call"]))
    yield from differences({key: value for key, value in said.items() if key in now}, now)
    for recording in said["recordings"]:
        if recording["file"] is not None:
            yield from _changed(site.main.paths.state / ARCHIVE / recording["file"], recording["sha256"])


def _unsigned(said: Json, key: str) -> Iterator[str]:
    if isinstance(said, dict) and said.get("key") != key:
        yield f"it was signed with another key: name that with --key, if it is one of yours: {said.get('key')}"
    elif not isinstance(said, dict) or not holds(said, key):
        yield "it was not signed with this key, or was changed since"


def _changed(file: Path, sha256: str) -> Iterator[str]:
    try:
        with file.open("rb") as content:
            found = hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as fault:
        yield f"{file}: {fault.strerror}"
    else:
        if found != sha256:
            yield f"{file} is not the file that was recorded"
