"""What telecoms staff type. A file for each noun, which is imported once one of its commands is asked for.

Every command exits with 0 when it is done, 1 when the answer is no, 2 when it was used wrongly.
"""

from __future__ import annotations

import gc
import os
import pkgutil
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from ccdaemon import __version__

# Where each is, in the order of --help. Imported all at once, they would keep every one of them waiting.
COMMANDS = {
    "init": "ccdaemon.cli.init:init",
    "install": "ccdaemon.cli.install:install",
    "check": "ccdaemon.cli.check:check",
    "doctor": "ccdaemon.cli.doctor:doctor",
    "run": "ccdaemon.cli.run:run",
    "reload": "ccdaemon.cli.operating:reload",
    "status": "ccdaemon.cli.status:status",
    "acknowledge": "ccdaemon.cli.operating:acknowledge",
    "log-level": "ccdaemon.cli.operating:log_level",
    "close": "ccdaemon.cli.operating:close",
    "open": "ccdaemon.cli.operating:open_",
    "simulate": "ccdaemon.cli.simulate:simulate",
    "menus": "ccdaemon.cli.menus:menus",
    "calls": "ccdaemon.cli.calls:app",
    "recordings": "ccdaemon.cli.recordings:app",
    "messages": "ccdaemon.cli.messages:app",
    "scores": "ccdaemon.cli.scores:scores",
    "holds": "ccdaemon.cli.holds:app",
    "expire": "ccdaemon.cli.expire:expire",
    "import": "ccdaemon.cli.import_:import_",
    "subject": "ccdaemon.cli.subject:app",
    "disclose": "ccdaemon.cli.disclose:app",
    "keys": "ccdaemon.cli.keys:app",
    "backup": "ccdaemon.cli.backup:backup",
    "restore": "ccdaemon.cli.backup:restore",
    "supervisors": "ccdaemon.cli.supervisors:app",
    "audit": "ccdaemon.cli.audit:app",
    "prompts": "ccdaemon.cli.prompts:app",
    "dialplan": "ccdaemon.cli.dialplan:app",
    "man": "ccdaemon.cli.man:man",
}


class _Commands(TyperGroup):
    """All commands by name; each is made of its module when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - typer's own type is private
        return [*COMMANDS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 - typer's own types are private
        for name in [cmd_name] if cmd_name in COMMANDS else COMMANDS:  # who mistypes is told which are near
            if name not in self.commands:
                self.add_command(_made(name), name)
        return super().get_command(ctx, cmd_name)


def _made(name: str) -> Any:  # noqa: ANN401 - typer's own type is private
    """A command, or a group of them, as typer makes it of what the table names."""
    found = pkgutil.resolve_name(COMMANDS[name])
    around = typer.Typer(add_completion=False)
    if isinstance(found, typer.Typer):
        around.add_typer(found, name=name)
    else:
        around.command(name)(found)
    return get_group(around).commands[name]


app = typer.Typer(
    cls=_Commands,
    help="A bilingual contact centre beside Asterisk: menus, recording policy, register, status.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:  # noqa: FBT001 - so typer calls it
    if wanted:
        typer.echo(f"ccdaemon {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_version)] = False,
) -> None:
    if not gc.isenabled():  # the command is imported by now
        gc.freeze()
        gc.enable()


def main() -> None:
    """Entry point of the console script."""
    gc.disable()  # what is imported stays: to look through it for what has gone would be a tenth of a start
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")  # nor is every package that is installed asked for one
    app()
