"""`ccdaemon supervisors`: PINs for what supervisors do at a handset, and who is locked out."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from ccdaemon.cli.configuration import DEFAULT_FOLDER, Folder, configuration, screen, stop
from ccdaemon.cli.running import do, tell
from ccdaemon.pins import hashed, weakness

app = typer.Typer(help="What supervisors may do at a handset, and their PINs.", no_args_is_help=True)


@app.command()
def pin() -> None:
    """Make the line of ccdaemon.toml for a PIN. Asks for it twice, and shows it to nobody.

    6 to 12 digits, 4 different ones or more, and no sequence: it opens what callers say to whoever guesses it.

    Nothing is changed: write the line into the table of that supervisor, then `ccdaemon reload`.
    """
    said = str(typer.prompt("PIN", hide_input=True, confirmation_prompt=True))
    if (fault := weakness(said)) is not None:
        raise stop(fault)
    typer.echo(f'pin = "{hashed(said)}"')


@app.command("list")
def list_(config: Folder = DEFAULT_FOLDER) -> None:
    """Who may do what, on which lines, from which handsets; and who is locked out now."""
    site = configuration(config)
    locked = do(site, "locked out")
    table = Table("name", "number", "may", "services", "handsets", "PIN")
    for who in site.site.supervisors.values():
        left = locked.get(who.id, 0.0) - time.time()
        state = f"[red]locked for {left / 60:.0f} min[/]" if left > 0 else "open"
        words = (", ".join(sorted(each)) for each in (who.may, who.services, who.handsets))
        table.add_row(escape(who.id), who.number or "-", *(escape(each) for each in words), state)
    screen.print(table)


@app.command()
def unlock(
    supervisor: Annotated[str, typer.Argument(help="NAME of its table supervisors.NAME in ccdaemon.toml.")],
    config: Folder = DEFAULT_FOLDER,
) -> None:
    """Let a supervisor try their PIN again at once, whose PIN was wrong too often.

    Ask yourself first who it was that guessed, and at which handset: each wrong PIN stands in the audit chain, and in
    `ccdaemon calls show` of that handset's call.
    """
    done = tell(config, "unlock", supervisor=supervisor)
    known = "may try again at once" if done["was_wrong"] else "had no wrong PIN"
    screen.print(f"{escape(supervisor)} {known}.")
