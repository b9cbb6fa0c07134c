"""`ccdaemon status`: one screen of how the contact centre is, and what each topic says."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, tzinfo
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, TypeAlias, get_type_hints
from zoneinfo import ZoneInfo

import typer
from pydantic import TypeAdapter
from rich.console import Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from ccdaemon.cli.configuration import DEFAULT_FOLDER, Folder, screen, stop, wide
from ccdaemon.cli.running import tell
from ccdaemon.topics import TOPICS

EVERY = 1.0  # seconds
GIB = 2**30
Told: TypeAlias = Mapping[str, Any]
CLOCKS = {True: "is set", False: "[yellow]is not set by anything[/]", None: "unknown"}
FIRST, LAST = ("line", "is", "by", "calls", "wait", "longest"), ("answered", "gave up", "level")
AGENTS = ("free", "talking", "wrapping_up", "paused")
COLOURS = {"open": "green", "emergency": "red", "closed": "", "bank-holiday": ""}


def status(
    config: Folder = DEFAULT_FOLDER,
    watch: Annotated[bool, typer.Option("--watch", help="Keep it up to date, until Ctrl-C.")] = False,
    topics: Annotated[bool, typer.Option("--topics", help="Tell what is published on MQTT, and as what.")] = False,
    alert_rules: Annotated[bool, typer.Option("--alert-rules", help="Print rules for Prometheus.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON; the topics as JSON Schema.")] = False,
) -> None:
    """Say how the contact centre is: lines, queues, calls, recorders, links, the last night, alarms.

    Exit status 1 while an alarm stands that nobody has acknowledged. Nothing personal is in it.
    """
    if topics:
        _print_topics(as_json=as_json)
        return
    if alert_rules:
        typer.echo(files("ccdaemon").joinpath("alerts.yml").read_text(), nl=False)
        return
    told = tell(config, "status")
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
    elif watch:
        _watch(config, told)
    else:
        wide.print(_screen(told))
    raise typer.Exit(1 if any(alarm["acknowledged"] is None for _, alarm in _of(told, "alarms")) else 0)


def _watch(config: Path, told: Told) -> None:
    if not screen.is_terminal:
        message = "--watch needs a terminal; a program asks again with --json, or listens on MQTT"
        raise stop(message)
    with Live(_screen(told), screen=True, auto_refresh=False) as shown:
        try:
            while True:
                time.sleep(EVERY)
                shown.update(_screen(tell(config, "status")), refresh=True)
        except KeyboardInterrupt:
            raise typer.Exit(0) from None


def _screen(told: Told) -> RenderableType:
    now, zone = time.time(), ZoneInfo(told["timezone"])
    return Group(
        *(_links(told, zone), ""),
        *(_lines(told, now), ""),
        *_kept(told, zone),
        "",
        *_alarms(told, zone),
    )


def _links(told: Told, zone: tzinfo) -> str:
    daemon, ami, calls = (_one(told, topic) for topic in ("daemon", "ami", "calls"))
    since = _when(daemon["since"], zone)
    up, why = ami.get("state") == "up", escape(str(ami.get("reason", "not yet")))
    parts = [
        f"[bold]{escape(told['site'])}[/]  ccdaemon {daemon['version']} {daemon['state']} since {since}",
        f"Asterisk {ami['asterisk']}" if up else f"[red]no link to Asterisk: {why}. Callers get the second tier[/]",
        *(_trunk(name, trunk) for name, trunk in _of(told, "trunks")),
    ]
    if phones := _one(told, "endpoints"):
        parts.append(f"phones: {phones['idle']} idle, {phones['busy']} busy, {phones['unavailable']} not there")
    if calls:
        parts.append(f"[bold]{calls['live']}[/] calls, {_one(told, 'recorders')['running']} recorded")
    else:
        parts.append("calls, queues, agents and recorders: unknown until there is a link")
    return "\n".join(parts)


def _trunk(name: str, trunk: Told) -> str:
    said = {True: "reachable", False: "[red]does not answer[/]", None: "not asked"}[trunk["reachable"]]
    if trunk["registered"] is not None:
        said += ", registered" if trunk["registered"] else ", [red]not registered[/]"
    if trunk["round_trip_ms"] is not None:
        said += f", {trunk['round_trip_ms']} ms"
    return f"trunk {escape(name)}: {said}, {trunk['calls']} calls"


def _lines(told: Told, now: float) -> Table:
    """A line a row. Agents are those of its own queue; who waits or was answered, in those by language too."""
    table = Table(*FIRST, "free", "talk", "wrap", "pause", *LAST, box=None, header_style="bold", padding=(0, 1, 0, 0))
    live, queues = _one(told, "calls").get("by_service", {}), dict(_of(told, "queues"))
    for name, service in _of(told, "services"):
        line = told["lines"].get(name, {"name": {}, "queues": []})
        there = [queues[queue] for queue in line["queues"] if queue in queues]
        since = min((each["longest_since"] for each in there if each["longest_since"]), default=None)
        levels = [each["service_level"] for each in there if each["service_level"] is not None]
        colour = COLOURS[service["state"]]
        table.add_row(
            escape(" / ".join(line["name"].values()) or name),
            f"[{colour}]{service['state']}[/]" if colour else service["state"],
            "" if service["why"] == "timetable" else service["why"],
            *(str(live.get(name, "")), _figure(sum(each["waiting"] for each in there))),
            "" if since is None else "{}:{:02d}".format(*divmod(int(now - since), 60)),
            *(_figure(there[0][what]) for what in AGENTS if there),
            *(_figure(sum(each[what] for each in there)) for what in ("answered", "abandoned")),
            f"{min(levels):.0f}%" if levels else "",
        )
    return table


def _figure(count: int) -> str:
    """Nothing for none: what is there is seen at once."""
    return str(count or "")


def _kept(told: Told, zone: tzinfo) -> Iterator[str]:
    payments, register = _one(told, "payments"), _one(told, "register")
    yield (
        f"payments door: opened {payments['opened']}, refused {payments['refused']}, guarded {payments['guarded']}, "
        f"at most {payments['slowest_ms']} ms"
    )
    if register:
        night = "never" if register["expired"] is None else _when(register["expired"], zone)
        whole = "" if register["whole"] in {True, None} else " [red](not all that was due)[/]"
        yield (
            f"register: {register['bytes'] / GIB:.2f} GiB, {register['holds']} holds, last night run {night}{whole}, "
            f"next answer due {register['cases_due'] or '-'}"
        )
        if waiting := register["messages"]:
            counts = ", ".join(f"{name} {count}" for name, count in sorted(waiting.items()))
            yield f"messages of callers that wait (`ccdaemon messages`): {counts}"
    disks = [f"{name} {disk['used_percent']:.0f}% used" for name, disk in _of(told, "disk")]
    clock = CLOCKS[_one(told, "clock").get("synchronised")]
    yield f"disks: {', '.join(disks) or 'unknown'}; clock {clock}"


def _alarms(told: Told, zone: tzinfo) -> Iterator[str]:
    found = [*_of(told, "alarms")]
    if not found:
        yield "[green]No alarms.[/]"
    for name, alarm in found:
        mark = "[yellow]seen [/]" if alarm["acknowledged"] else "[bold red]ALARM[/]"
        yield f"{mark} {name} since {_when(alarm['raised'], zone)}: {escape(alarm['text'])}"


def _one(told: Told, topic: str) -> Told:
    found: Told = told["topics"].get(topic, {})
    return found


def _of(told: Told, kind: str) -> Iterator[tuple[str, Told]]:
    """Each topic of a kind, by its name."""
    for topic, payload in told["topics"].items():
        if topic.startswith(f"{kind}/"):
            yield topic.partition("/")[2], payload


def _when(at: float, zone: tzinfo) -> str:
    return f"{datetime.fromtimestamp(at, zone):%-d %b %H:%M}"


def _print_topics(*, as_json: bool) -> None:
    if as_json:
        schemas = {
            each.pattern: {**TypeAdapter(each.payload).json_schema(), "description": each.says} for each in TOPICS
        }
        typer.echo(json.dumps(schemas, indent=2))
        return
    screen.print("Below ccdaemon/SITE/, retained, QoS 1, JSON:")
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for each in TOPICS:
        table.add_row(f"[bold]{each.pattern}[/]", f"{each.says}: {', '.join(get_type_hints(each.payload))}")
    screen.print(table)
