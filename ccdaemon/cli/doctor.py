"""`ccdaemon doctor`: does the Asterisk that runs keep what the files promise?"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from ccdaemon.asterisk.ami import AmiDisconnected, AmiRefused, AmiUnreachable, connect
from ccdaemon.asterisk.confs import read_asterisk
from ccdaemon.asterisk.loaded import loaded_dialplan, loaded_endpoints
from ccdaemon.cli.check import ask_a_person
from ccdaemon.cli.configuration import DEFAULT_FOLDER, Folder, configuration, screen, show, stop
from ccdaemon.config import Configuration, ConfigurationFaults
from ccdaemon.edges import manager_address
from ccdaemon.model import LOADED, AsteriskFiles, Fault, Setting
from ccdaemon.rules.asterisk import too_old
from ccdaemon.rules.loaded import not_loaded, phones_not_loaded, strangers
from ccdaemon.rules.lock import OURS, Judgement, lock_faults, to_be_judged


def doctor(
    config: Folder = DEFAULT_FOLDER,
    to: Annotated[Path | None, typer.Option(help="Asterisk's configuration folder, if not the site's own.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the faults as JSON.")] = False,
) -> None:
    """Look at the Asterisk that runs: is our dialplan loaded, and does anything loaded lead round the payments door?

    `ccdaemon check` reads the files; what Asterisk has not read again yet, or has from elsewhere, only this sees.
    """
    site = configuration(config)
    try:
        version, dialplan, endpoints = asyncio.run(_look(site))
    except ConfigurationFaults as wrong:
        show(wrong.faults)
        raise typer.Exit(1) from None
    except (AmiUnreachable, AmiRefused, AmiDisconnected) as fault:
        message = f"Asterisk does not answer at {site.main.manager.host}:{site.main.manager.port}: {fault}"
        raise stop(message) from None
    faults, judgements = _judged(site, to or site.main.asterisk.config, dialplan, endpoints)
    if (old := too_old(version)) is not None:
        faults.insert(0, Fault(LOADED, "", old))
    if as_json:
        typer.echo(json.dumps([{"file": each.file, "key": each.key, "text": each.text} for each in faults]))
    elif faults:
        show(faults)
    else:
        screen.print(f"[green]No faults.[/] Asterisk {version} has loaded {len(dialplan)} lines of dialplan.")
    ask_a_person(judgements)
    raise typer.Exit(1 if faults else 0)


async def _look(site: Configuration) -> tuple[str, list[Setting], list[Setting]]:
    async with connect(manager_address(site)) as ami:
        version = (await ami.action("CoreSettings")).get("AsteriskVersion", "")
        names = sorted({phone.endpoint for phone in site.site.phones.values()})
        return version, await loaded_dialplan(ami), await loaded_endpoints(ami, names)


def _judged(
    site: Configuration, folder: Path, dialplan: list[Setting], endpoints: list[Setting]
) -> tuple[list[Fault], list[Judgement]]:
    installed = read_asterisk(folder).dialplan or ()
    if not any(setting.where.startswith(OURS) for setting in installed):
        message = (
            f"{folder} holds none of our contexts, or not for us to read: run this as root or in Asterisk's group; "
            "if they were never installed, `ccdaemon dialplan install`"
        )
        raise stop(message)
    others = strangers(dialplan, installed)
    files = AsteriskFiles(folder, None, tuple(others), tuple(endpoints))
    faults = [*not_loaded(dialplan, installed), *phones_not_loaded(site.site, endpoints)]
    faults += [*lock_faults(site.site, site.main.manager.user, files)]
    return faults, to_be_judged(files, site.main.payment.signed_off)
