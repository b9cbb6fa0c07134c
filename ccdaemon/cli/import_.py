"""`ccdaemon import`: messages, chats, posts and transcripts that other programs wrote."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from ccdaemon.cli.configuration import DEFAULT_FOLDER, Folder, configuration, errors, screen, stop
from ccdaemon.cli.running import do
from ccdaemon.config import Configuration
from ccdaemon.drop import lines, portions
from ccdaemon.rules.lines import LONGEST

Class = Literal["webchat", "social", "transcript", "sms"]


def import_(
    files: Annotated[list[Path], typer.Argument(help='JSON lines: README, "Import".', metavar="FILE...")],
    kind: Annotated[Class, typer.Option("--class", help="What is in them.")],
    config: Folder = DEFAULT_FOLDER,
) -> None:
    """Take in messages, chats and transcripts that other programs wrote. Exit status 1 if some lines were not taken.

    Each line is one message, chat, post or transcript. Lines that are not well written go to FILE.rejected, with the
    reason; the rest is taken. The same file twice makes no double.
    """
    site = configuration(config)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    rejected = 0
    with Progress(*columns, console=errors, disable=not errors.is_terminal) as progress:
        for file in files:
            try:
                rejected += _import(site, kind, file, progress)
            except OSError as fault:
                message = f"{fault.filename or file}: {fault.strerror}"
                raise stop(message) from None
    raise typer.Exit(1 if rejected else 0)


def _import(site: Configuration, kind: Class, file: Path, progress: Progress) -> int:
    task = progress.add_task(file.name, total=file.stat().st_size)
    new = known = rejected = 0
    aside = file.with_name(f"{file.name}.rejected")
    with file.open("rb") as source, ExitStack() as stack:
        sink = None
        for portion in portions(lines(source, LONGEST)):
            taken = do(site, "import", kind=kind, lines=[urlsafe_b64encode(line).decode() for line in portion])
            new, known, rejected = new + taken["new"], known + taken["known"], rejected + len(taken["rejected"])
            for place, why in taken["rejected"]:
                sink = sink or stack.enter_context(aside.open("w", errors="replace"))
                said = {"why": why, "line": portion[place].decode(errors="surrogateescape")}
                sink.write(json.dumps(said, ensure_ascii=False) + "\n")
            progress.update(task, completed=source.tell())
    screen.print(escape(f"{file}: {new:,} new, {known:,} known already, {rejected:,} not taken"))
    if rejected:
        errors.print(f"[red]What was not taken is in {escape(str(aside))}, with the reasons.[/]")
    return rejected
