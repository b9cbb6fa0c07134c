"""`ccdaemon check`: is this configuration whole, sound, and known to Asterisk?"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ccdaemon.asterisk.confs import read_asterisk
from ccdaemon.cli.configuration import DEFAULT_FOLDER, Folder, screen, show
from ccdaemon.config import Configuration, ConfigurationFaults, load
from ccdaemon.model import Fault
from ccdaemon.rules.asterisk import asterisk_faults
from ccdaemon.rules.soundness import sound_files
from ccdaemon.shipped import shipped

_NOT_SEEN = (
    "Asterisk has no sounds in {0!r}: callers who wait would hear English numbers. "
    "ln -s {1}/{0} beside its other languages"
)


def check(
    config: Folder = DEFAULT_FOLDER,
    asterisk: Annotated[bool, typer.Option(help="Also read Asterisk's own configuration.")] = True,  # noqa: FBT002
    as_json: Annotated[bool, typer.Option("--json", help="Print the faults as JSON.")] = False,  # noqa: FBT002
) -> None:
    """Report every fault of a site at once: its own files, and what they need of Asterisk and of the prompts."""
    faults: list[Fault] = []
    try:
        site = load(config, shipped("prompts"))
        faults += _around(site, asterisk=asterisk)
    except ConfigurationFaults as wrong:
        faults += wrong.faults
    if as_json:
        typer.echo(json.dumps([{"file": each.file, "key": each.key, "text": each.text} for each in faults]))
    elif faults:
        show(faults)
    else:
        services = site.site.services.values()
        recorded = ", ".join(each.name.get("en", each.id) for each in services if each.records) or "none"
        screen.print(f"[green]No faults.[/] {len(services)} services; recorded: {recorded}.")
    raise typer.Exit(1 if faults else 0)


def _around(site: Configuration, *, asterisk: bool) -> list[Fault]:
    faults = [
        Fault(str(site.main.paths.sounds), file, "is not there: `ccdaemon prompts build` makes it")
        for file in sound_files(site.site, site.catalogue)
        if not (site.main.paths.sounds / file).exists()
    ]
    if asterisk:
        files = read_asterisk(site.main.asterisk.config)
        faults += asterisk_faults(site.site, site.main.asterisk.fallback_queue, site.main.asterisk.trunk, files)
        faults += [
            Fault(str(site.main.asterisk.sounds / language), "", _NOT_SEEN.format(language, site.main.paths.sounds))
            for language in site.site.languages
            if language != "en" and not any((site.main.asterisk.sounds / language).glob("queue-thereare.*"))
        ]
    return faults
