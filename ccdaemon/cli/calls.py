"""`ccdaemon calls`: the calls in the register, and one of them as a timeline."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from ccdaemon.cli.configuration import (
    DEFAULT_FOLDER,
    UNTIL_WHEN,
    Folder,
    a_number,
    configuration,
    from_when,
    local,
    screen,
    wide,
)
from ccdaemon.cli.register import ask_register
from ccdaemon.cli.running import tell

app = typer.Typer()
COLUMNS = ("call", "began", "lasted", "caller", "dialled", "service", "language", "answered by", "recorded")
LIVE = ("call", "lasts", "service", "language", "is", "phones", "")
TIERS = {1: "daemon", 2: "script", 3: "dialplan"}
REFUSED = {  # by what knocked at the payments door
    "answered": "answers for payments, and is not connected",
    "conference": "is not let into the conference",
    "fetch": "is not given who is parked",
    "here": "is told that the call may not be sealed",
}


@app.callback(invoke_without_command=True)
def list_(
    context: typer.Context,
    config: Folder = DEFAULT_FOLDER,
    since: Annotated[datetime | None, from_when("today")] = None,
    until: Annotated[datetime | None, UNTIL_WHEN] = None,
    service: Annotated[str | None, typer.Option(help="Only this service.")] = None,
    number: Annotated[str | None, typer.Option(help="Only calls from this number, written in any way.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many, the newest.", min=1, max=100_000)] = 200,
    live: Annotated[bool, typer.Option("--live", help="Those of this moment, and where they are.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List calls, the newest last. `ccdaemon calls show ID` tells one of them in full.

    For example:

    ccdaemon calls --since 2026-07-06 --service housing
    """
    if context.invoked_subcommand is not None:
        return
    if live:
        _list_live(config, service, as_json=as_json)
        return
    site = configuration(config)
    zone = site.site.timezone
    now = datetime.now(zone)
    begin = local(since, zone) if since else now.replace(hour=0, minute=0, second=0, microsecond=0)
    end = local(until, zone) if until else now + timedelta(days=1)
    rows = ask_register(
        site,
        "calls",
        since=begin.timestamp(),
        until=end.timestamp(),
        service=service,
        number=a_number(number, site) if number else None,
        limit=limit,
    )
    if as_json:
        typer.echo(json.dumps(rows[::-1], ensure_ascii=False))
        return
    table = Table(*COLUMNS, box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for row in reversed(rows):
        table.add_row(
            row["id"],
            _clock(row["began"], zone, "%d %b %H:%M:%S"),
            _lasted(row),
            row["number"] or "withheld",
            row["dialled"] or "",
            row["service"] or "",
            row["language"] or "",
            TIERS.get(row["tier"], ""),
            str(row["recordings"] or ""),
        )
    if rows:
        wide.print(table)
    elif service is None or service in site.site.services:
        screen.print("No calls in this time.")
    else:
        there = ", ".join(site.site.services)
        screen.print(f"No calls in this time. There is no service {escape(repr(service))} now; there are {there}.")


def _list_live(config: Path, service: str | None, *, as_json: bool) -> None:
    rows = [row for row in tell(config, "live") if service in {None, row["service"]}]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = Table(*LIVE, box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for row in rows:
        marks = [mark for mark, so in (("recorded", row["recorded"]), ("sealed", row["sealed"])) if so]
        where = row["at"] if row["waiting"] is None else f"{row['at']}, {_minutes(row['waiting'])}"
        table.add_row(
            *(row["id"], _minutes(row["seconds"]), row["service"] or "", row["language"] or "", where),
            *(escape(", ".join(row["phones"])), ", ".join(marks)),
        )
    if rows:
        wide.print(table)
    else:
        screen.print("No calls at this moment.")


def _minutes(seconds: int) -> str:
    return f"{seconds // 60}:{seconds % 60:02d}"


@app.command()
def show(
    call: Annotated[str, typer.Argument(help="As `ccdaemon calls` lists it.")],
    config: Folder = DEFAULT_FOLDER,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Tell one call from its beginning to its end, to the millisecond: menus, queue, agent, recorder, transfer."""
    site = configuration(config)
    told = ask_register(site, "call", call=call)
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
        return
    row, zone = told["call"], site.site.timezone
    began = _clock(row["began"], zone, "%A %-d %B %Y, %H:%M:%S")
    screen.print(f"[bold]{row['id']}[/]  {began}, {_lasted(row)}")
    caller = f"{row['number'] or 'withheld'} -> {row['dialled'] or '?'}"
    screen.print(
        f"{caller}, {row['service'] or 'no service'}, {row['language'] or 'no language'}, "
        f"answered by the {TIERS.get(row['tier'], 'dialplan')}"
    )
    devices = {
        moment["leg"]: moment["detail"]["channel"].rpartition("-")[0]
        for moment in told["timeline"]
        if "channel" in moment["detail"]
    }
    width = max(map(len, devices.values()), default=0)
    for moment in told["timeline"]:
        device = devices.get(moment["leg"], moment["leg"] or "")
        text = escape(_words(moment["kind"], moment["detail"]))
        screen.print(f"  {_clock(moment['at'], zone, '%H:%M:%S.%f')[:-3]}  [dim]{device:{width}}[/]  {text}")
    for recording in told["recordings"]:
        screen.print(f"  [green]recording[/] {_recording(recording)}")


def _words(kind: str, detail: Mapping[str, Any]) -> str:
    match kind, detail:
        case "menu", {"menu": menu, "service": service, "did": did}:
            return f"{service}, menu {menu}: {f'key {did}' if did else 'no key'}"
        case "announcement", {"whole": whole}:
            return "told that the call is recorded" if whole else "not told in full that the call is recorded"
        case "decision", {"result": result, "reason": reason}:
            return f"{_decision(result)}; {reason}"
        case "joined queue", {"queue": queue}:
            return f"waits in queue {queue}"
        case "left queue", {"queue": queue, "outcome": "answered", "member": member}:
            return f"leaves queue {queue}: {member} answers"
        case "left queue", {"queue": queue, "outcome": outcome}:
            return f"leaves queue {queue}: {outcome}"
        case "leg began", _:
            return "comes on the line"
        case "leg ended", _:
            return "hangs up" + (f" (Q.850 cause {detail['cause']})" if detail.get("cause") else "")
        case "entered bridge", {"bridge": bridge}:
            return f"enters bridge {bridge[:8]}"
        case "left bridge", {"bridge": bridge}:
            return f"leaves bridge {bridge[:8]}"
        case "blind transfer" | "attended transfer", {"to": to}:
            return f"{kind} to {to or 'whom nobody said'}"
        case "door", {"took": took, "channels": channels, "supervisors": supervisors}:
            stopped = sum(each["recorders"] for each in channels)
            done = (
                f"channels sealed: {len(channels)}, recorders stopped: {stopped}, supervisors off: {len(supervisors)}"
            )
            return f"the payments door opens after {_ms(took)}; {done}"
        case "refusal", {"about": about, "service": service}:
            back = f", and taken back to {service}" if service else ""
            return REFUSED.get(about, "is not connected to payments") + back
        case "resumed", _:
            return "asks for the recording to go on; the call is no longer sealed"
        case "objection", {"who": who}:
            return f"{who}: the caller objects to being recorded; nothing records this call again"
        case "kept", {"who": who, "hold": hold}:
            return f"{who}: the call is kept for somebody's safety" + (f", by hold {hold}" if hold else "")
        case "guard", {"stopped": False, "channels": channels}:
            return f"the guard cannot stop what may record: {', '.join(channels)}"
        case "guard", {"exposure": exposure, "channels": channels}:
            return f"the guard stops a recorder after {_ms(exposure)}: {', '.join(channels)}"
        case "message", {"seconds": seconds}:
            return f"leaves a message of {seconds:.1f} s"
        case "recorder started", _:
            return "the recorder starts"
        case "recorder stopped", {"reason": reason}:
            return f"the recorder stops: {reason}"
        case _:
            said = ", ".join(f"{name} {value}" for name, value in detail.items() if value is not None)
            return f"{kind}: {said}" if said else kind


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.1f} ms"


def _decision(result: str) -> str:
    """What an answer to the dialplan means (dialplan `cc-do`)."""
    match result.split(":"):
        case ["queue", service, language, *_]:
            return f"on to the queue of {service}" + (f", in {language}" if language else "")
        case ["message", service, language]:
            return f"leaves a message for {service}" + (f", in {language}" if language else "")
        case ["deliver", message]:
            return f"brings message {message} to an agent"
        case ["payment", *_]:
            return "on to payments"
        case _:
            return result


def _recording(recording: Mapping[str, Any]) -> str:
    if recording["fault"]:
        return escape(f"of leg {recording['leg']}: {recording['fault']}")
    if recording["file"] is None:
        return f"of leg {recording['leg']}: not finished yet"
    return escape(
        f"{recording['file']}, {recording['seconds']:.1f} s, {recording['bytes']} bytes, sha256 {recording['sha256']}"
    )


def _lasted(row: Mapping[str, Any]) -> str:
    if row["ended"] is None:
        return "live"
    about = "" if row["seen_end"] else "at most "
    return f"{about}{timedelta(seconds=round(row['ended'] - row['began']))}"


def _clock(at: float, zone: tzinfo, form: str) -> str:
    return datetime.fromtimestamp(at, zone).strftime(form)
