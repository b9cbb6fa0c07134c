"""`ccdaemon simulate`: what a caller would hear and where they would land, by the very rules that answer calls."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import typer
from rich.markup import escape

from ccdaemon.cli.configuration import DEFAULT_FOLDER, Folder, a_moment, configuration, errors, local, screen
from ccdaemon.config import Configuration
from ccdaemon.model import Prompt
from ccdaemon.rules.menus import begin, step
from ccdaemon.rules.numbers import e164
from ccdaemon.rules.recording import Verdict
from ccdaemon.rules.turns import (
    Action,
    Collect,
    Dialled,
    Fallback,
    HangUp,
    Key,
    Outcome,
    Pay,
    Play,
    Played,
    Silence,
    TakeMessage,
    Wait,
)


@dataclass(frozen=True)
class Turn:
    """One thing that the caller hears, with what they did then."""

    service: str
    menu: str
    prompts: tuple[Prompt, ...]
    did: str


def simulate(
    did: Annotated[str, typer.Option(help="The number that is dialled, written in any way.")],
    keys: Annotated[str, typer.Option(help="Keys in their order, as 1,2 or 12; a dash is silence.")] = "",
    at: Annotated[
        datetime | None,
        typer.Option(
            help="When, in the site's local time, as 2026-12-25T10:00.",
            parser=a_moment,
            metavar="WHEN",
            show_default="now",
        ),
    ] = None,
    lang: Annotated[str, typer.Option(help="Choose this language at the question.")] = "",
    config: Folder = DEFAULT_FOLDER,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Walk a call through the menus without Asterisk: what the caller hears, and where the call goes.

    For example, Housing in Welsh on Christmas morning:

    ccdaemon simulate --did 01632960111 --lang cy --at 2026-12-25T10:00
    """
    site = configuration(config)
    number = e164(did, site.site.country)
    if number is None:
        message = f"{did!r} is no telephone number; write it as you dial it, for example 01632960111"
        raise typer.BadParameter(message, param_hint="--did")
    moment = local(at, site.site.timezone) if at else datetime.now(site.site.timezone)
    pressed = [key for key in keys if key not in ", "]
    if not set(pressed) <= set("0123456789*#-"):
        message = f"{keys!r} are no keys of a telephone; write for example 1,2 or 12, and - for silence"
        raise typer.BadParameter(message, param_hint="--keys")
    service = site.site.service_at(number)
    if lang:
        languages = service.languages
        if lang not in languages:
            message = f"this line speaks {', '.join(languages)}, not {lang!r}"
            raise typer.BadParameter(message, param_hint="--lang")
        if len(languages) > 1:
            pressed.insert(0, str(languages.index(lang) + 1))
    if number not in service.numbers:
        errors.print(f"[yellow]No service has {number}:[/] as for every such number, {service.id} answers")
    turns, end = walk(site, number, pressed, moment)
    if as_json:
        typer.echo(
            json.dumps({"at": moment.isoformat(), "turns": [_plain(site, turn) for turn in turns], "end": _end(end)})
        )
        return
    screen.print(f"[dim]{moment:%A %-d %B %Y, %H:%M}, {number}[/]")
    for turn in turns:
        _print(site, turn)
    screen.print(f"[bold]-> {escape(_end(end))}[/]")


def walk(site: Configuration, number: str, keys: list[str], moment: datetime) -> tuple[list[Turn], Action]:
    """Everything that a caller hears, and where the call goes. Who runs out of keys falls silent."""
    supply: Iterator[str] = iter(keys)
    turns: list[Turn] = []
    state, action = begin(site.site, Dialled(number), moment)
    while isinstance(action, Play | Collect):
        outcome: Outcome
        if isinstance(action, Play):
            outcome, did = Played(whole=True), "listens"
        else:
            key = next(supply, "-")
            outcome, did = (Silence(), "presses nothing") if key == "-" else (Key(key), f"presses {key}")
        turns.append(Turn(state.service, state.menu or "language", action.prompts, did))
        state, action = step(site.site, state, outcome, moment)
    return turns, action


def _end(action: Action) -> str:
    match action:
        case Wait(service, language, _, verdict):
            recorded = "recorded" if verdict is Verdict.RECORD else f"not recorded: {verdict.value}"
            return f"waits for a person of {service} ({language or 'no language chosen'}); {recorded}"
        case Pay(language):
            return f"goes to payments ({language or 'no language chosen'}); never recorded"
        case TakeMessage(service, language):
            return f"leaves a message for {service} ({language or 'no language chosen'}), which is recorded and kept"
        case HangUp() | Fallback():  # the latter comes only after hours in queues
            return "the call ends"
        case _:
            raise AssertionError(action)


def _print(site: Configuration, turn: Turn) -> None:
    screen.print(f"[cyan]{turn.service}[/] [dim]{turn.menu}[/]")
    for prompt in turn.prompts:
        screen.print(f"   [green]{prompt.language}[/] {escape(site.catalogue[prompt.id][prompt.language])}")
    if turn.did != "listens":
        screen.print(f"   [yellow]{turn.did}[/]")


def _plain(site: Configuration, turn: Turn) -> dict[str, object]:
    said = [
        {"prompt": each.id, "language": each.language, "text": site.catalogue[each.id][each.language]}
        for each in turn.prompts
    ]
    return {"service": turn.service, "menu": turn.menu, "hears": said, "does": turn.did}
