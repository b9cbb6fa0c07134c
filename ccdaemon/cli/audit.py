"""`ccdaemon audit`: the chain of what happened to recordings and payments, held against itself."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ccdaemon.chain import Head
from ccdaemon.cli.configuration import DEFAULT_FOLDER, Folder, configuration, errors, screen
from ccdaemon.cli.register import ask_register

app = typer.Typer(help="The chain of what happened to recordings and payments.", no_args_is_help=True)


def _a_head(written: str) -> Head:
    head = Head.read(written)
    if head is None:
        message = f"{written!r} is no head of a chain; write SEQ:HASH, as `ccdaemon audit head` prints it"
        raise typer.BadParameter(message)
    return head


@app.command()
def head(config: Folder = DEFAULT_FOLDER) -> None:
    """Print the last row of the chain, as SEQ:HASH: keep it where nobody can change it who can change the register."""
    typer.echo(ask_register(configuration(config), "audit head"))


@app.command()
def verify(
    config: Folder = DEFAULT_FOLDER,
    against: Annotated[
        Head | None,
        typer.Option(help="A head that was kept elsewhere, as SEQ:HASH.", parser=_a_head, metavar="HEAD"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,  # noqa: FBT002
) -> None:
    """Find rows that were changed, taken out, moved, or cut off. Exit status 1 if there are any.

    Without a head that was kept elsewhere, a chain that was cut off, or made anew as a whole, is not found out. Heads
    are on MQTT too, at `audit`.
    """
    told = ask_register(configuration(config), "audit verify", against=str(against) if against else None)
    if as_json:
        typer.echo(json.dumps(told))
    else:
        for fault in told["faults"]:
            errors.print(f"[red]{fault}[/]")
        if not told["faults"]:
            screen.print(f"[green]The chain is whole.[/] Its head is {told['head']}")
    raise typer.Exit(1 if told["faults"] else 0)
