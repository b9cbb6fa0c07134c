"""What telecoms staff type. A file for each noun.

Every command exits with 0 when it is done, 1 when the answer is no, 2 when it was used wrongly.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from ccdaemon.cli import (
    audit,
    backup,
    calls,
    check,
    dialplan,
    disclose,
    doctor,
    expire,
    holds,
    import_,
    init,
    install,
    keys,
    menus,
    operating,
    prompts,
    recordings,
    run,
    simulate,
    status,
    subject,
)

app = typer.Typer(
    help="A bilingual contact centre beside Asterisk: menus, recording policy, register, status.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:  # noqa: FBT001 - so typer calls it
    if wanted:
        typer.echo(f"ccdaemon {version('ccdaemon')}")
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_version)] = False,
) -> None:
    pass


app.command()(init.init)
app.command()(install.install)
app.command()(check.check)
app.command()(doctor.doctor)
app.command()(run.run)
app.command()(operating.reload)
app.command()(status.status)
app.command()(operating.acknowledge)
app.command("log-level")(operating.log_level)
app.command()(operating.close)
app.command("open")(operating.open_)
app.command()(simulate.simulate)
app.command()(menus.menus)
app.add_typer(calls.app, name="calls")
app.add_typer(recordings.app, name="recordings")
app.add_typer(holds.app, name="holds")
app.command()(expire.expire)
app.command("import")(import_.import_)
app.add_typer(subject.app, name="subject")
app.add_typer(disclose.app, name="disclose")
app.add_typer(keys.app, name="keys")
app.command()(backup.backup)
app.command()(backup.restore)
app.add_typer(audit.app, name="audit")
app.add_typer(prompts.app, name="prompts")
app.add_typer(dialplan.app, name="dialplan")


def main() -> None:
    """Entry point of the console script."""
    app()
