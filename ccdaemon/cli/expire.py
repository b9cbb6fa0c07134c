"""`ccdaemon expire`: what the nightly run does, now."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from ccdaemon.cli.configuration import DEFAULT_FOLDER, Folder, errors, screen
from ccdaemon.cli.running import tell

NAMES = {
    "recording": "recordings",
    "message": "callers' messages",
    "comment": "comments on recordings",
    "call": "calls",
    "transcript": "transcripts",
    "sms": "SMS",
    "webchat": "webchats",
    "social": "social media",
}


def expire(
    config: Folder = DEFAULT_FOLDER,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")] = False,
    if_missed: Annotated[bool, typer.Option("--if-missed", help="Only if the night's run has not been.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Delete what has been kept for its whole time, as each night. Exit status 1 if something could not be.

    What a hold keeps stays (`ccdaemon holds`). Of calls, what is counted stays: their number and all that happened in
    them goes.

    ccdaemon expire --dry-run
    """
    if dry_run:
        would = tell(config, "would expire")
        if as_json:
            typer.echo(json.dumps(would))
        else:
            _summary(would, "would be deleted")
            screen.print(f"[bold]{len(would['files']):>8,}[/] files of other programs would be deleted")
            for each in would["files"]:
                screen.print(f"             {escape(each)}")
        return
    ended = _run(config, {"if_missed": True} if if_missed else {}, quiet=as_json)
    if as_json:
        typer.echo(json.dumps(ended))
    elif "not needed" in ended:
        screen.print(f"Nothing to do: {ended['not needed']}.")
    elif "failed" in ended:
        errors.print(f"[red]{escape(ended['failed'])}[/]")
    else:
        _summary(ended, "deleted")
        keys = ", ".join(ended["keys"])
        screen.print(f"[bold]{ended['files']:>8,}[/] files of other programs deleted")
        screen.print(f"{len(ended['keys']):>8,} keys destroyed{f': {keys}' if keys else ''}")
        for each in ended["left"]:
            errors.print(f"[red]{escape(each)}[/]")
    raise typer.Exit(1 if ended.get("failed") or ended.get("left") else 0)


def _run(config: Path, how: Mapping[str, bool], *, quiet: bool) -> dict[str, Any]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, disable=quiet or not errors.is_terminal) as progress:
        watching = _Watching(progress)
        tell(config, "expire", watching, **how)
        return watching.ended


class _Watching:
    """Takes what the daemon says while it runs, as a file takes bytes."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}
        self.ended: dict[str, Any] = {"failed": "the daemon ended before the run did"}

    def writelines(self, lines: Iterable[bytes]) -> None:
        for line in lines:
            said = json.loads(line)
            if "class" in said:
                name = NAMES[said["class"]]
                if name not in self._tasks:
                    self._tasks[name] = self._progress.add_task(name, total=None)
                self._progress.update(self._tasks[name], completed=said["done"])
            else:
                self.ended = said.get("ended", said)


def _summary(counts: Mapping[str, Mapping[str, int]], what: str) -> None:
    for kind, name in NAMES.items():
        services = counts.get(kind, {})
        screen.print(f"[bold]{sum(services.values()):>8,}[/] {name} {what}")
        for service, count in sorted(services.items()):
            screen.print(f"{count:>12,} {service or 'no service'}")
