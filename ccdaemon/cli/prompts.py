"""`ccdaemon prompts`: the catalogue, and the sounds that are made from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import track
from rich.table import Column, Table

from ccdaemon.cli import takes
from ccdaemon.cli.configuration import DEFAULT_FOLDER, Folder, configuration, screen, stop
from ccdaemon.cli.takes import recorded
from ccdaemon.voices import RECORDED, VoicesMissing, sounds, unheard
from ccdaemon.voices import build as make

app = typer.Typer(help="The catalogue of prompts and their sounds.", no_args_is_help=True)
app.command()(takes.record)
app.command()(takes.play)
app.command()(takes.devices)


@app.command()
def build(
    config: Folder = DEFAULT_FOLDER,
    to: Annotated[Path | None, typer.Option(help="Where to, if not where the site keeps its sounds.")] = None,
) -> None:
    """Make the sounds of all prompts: from people's recordings where there are any, else by a placeholder voice.

    Recordings are WAV or FLAC files, CONFIG/recorded/LANGUAGE/PROMPT.wav, and what was spoken at handsets (*29): of two
    the newer one counts.
    """
    site = configuration(config)
    folder = to or site.main.paths.sounds
    made = 0
    try:
        wanted = sounds(site.catalogue, *recorded(site))
        for _, anew in track(make(wanted, folder), "Prompts", total=len(wanted), transient=True):
            made += anew
    except VoicesMissing as fault:
        raise stop(str(fault)) from None
    except OSError as fault:
        message = (
            f"{fault.filename}: {fault.strerror}. {made} prompts were made; make room or set its owner, then again"
        )
        raise stop(message) from None
    for file in unheard(wanted, config / RECORDED):
        screen.print(f"[yellow]{escape(str(file))} is heard by nobody: no prompt has this name, language and ending[/]")
    people = [each.recording for each in wanted if each.recording is not None]
    handsets = sum(each.is_relative_to(site.main.paths.state) for each in people)
    screen.print(
        f"{len(wanted)} prompts in {folder}, {made} made anew; {len(people)} spoken by people"
        f"{f' ({handsets} at a handset)' if handsets else ''}, the rest placeholders."
    )


@app.command("list")
def list_(
    config: Folder = DEFAULT_FOLDER,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Show what is said, prompt by prompt, in each language: for those who record or translate it.

    The number is dialled after *29 to record it at a handset. What has none is recorded at the console only.
    """
    site = configuration(config)
    if as_json:
        told = {
            prompt: {**texts, **({"number": site.numbers[prompt]} if prompt in site.numbers else {})}
            for prompt, texts in site.catalogue.items()
        }
        typer.echo(json.dumps(told, ensure_ascii=False))
        return
    table = Table("number", Column("prompt", no_wrap=True), *site.site.languages, show_lines=True)
    for prompt, texts in sorted(site.catalogue.items()):
        number = str(site.numbers.get(prompt, ""))
        table.add_row(number, prompt, *(texts.get(language, "[red]missing[/]") for language in site.site.languages))
    screen.print(table)
