"""`ccdaemon check`: is this configuration whole, sound, and known to Asterisk?"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from ccdaemon import places
from ccdaemon.asterisk.confs import FILES, closed, read_asterisk
from ccdaemon.cli.configuration import DEFAULT_FOLDER, Folder, errors, screen, show
from ccdaemon.cli.dialplan import OURS, outdated, superseded
from ccdaemon.config import PLAIN, Configuration, ConfigurationFaults, load, secret, tls_context
from ccdaemon.dialplan import GENERATED
from ccdaemon.faults import KeyUnusable
from ccdaemon.keys import KeyWrong
from ccdaemon.model import Fault
from ccdaemon.rules.asterisk import asterisk_faults
from ccdaemon.rules.lock import Judgement, lock_faults, to_be_judged
from ccdaemon.rules.soundness import sound_files
from ccdaemon.shipped import shipped
from ccdaemon.signing import read_key

_NOT_SEEN = "Asterisk has no sounds in {0!r}: callers who wait would hear English numbers. ln -s {1}/{0} {2}/{0}"


def check(
    config: Folder = DEFAULT_FOLDER,
    asterisk: Annotated[bool, typer.Option(help="Also read Asterisk's own configuration.")] = True,
    sounds: Annotated[bool, typer.Option(help="Also look whether every prompt has a sound.")] = True,
    to: Annotated[Path | None, typer.Option(help="Asterisk's configuration folder, if not the site's own.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the faults as JSON.")] = False,
) -> None:
    """Report every fault of a site at once: its own files, and what they need of Asterisk and of the prompts.

    While a site is being written, on any machine:

    ccdaemon check --config site --no-asterisk --no-sounds
    """
    faults: list[Fault] = []
    judgements: list[Judgement] = []
    more = False
    draft: Configuration | None
    try:
        draft = load(config, shipped("prompts"))
    except ConfigurationFaults as wrong:
        faults += wrong.faults
        more, draft = wrong.more, wrong.draft
    if draft is not None:
        faults += _missing_sounds(draft) if sounds else []
        if asterisk:
            found, judgements = _asterisk(draft, to or draft.main.asterisk.config)
            faults += found
    if as_json:
        typer.echo(json.dumps([{"file": each.file, "key": each.key, "text": each.text} for each in faults]))
    elif faults:
        show(faults, more=more)
    elif draft is not None:
        services = draft.site.services.values()
        recorded = "; ".join(each.name.get("en", each.id) for each in services if each.records) or "none"
        screen.print(f"[green]No faults.[/] {len(services)} services; recorded: {recorded}.")
    if asterisk and draft is None and not as_json:
        errors.print("Asterisk's configuration was not looked at: mend these first, then check again.")
    ask_a_person(judgements)
    raise typer.Exit(1 if faults else 0)


def ask_a_person(judgements: Iterable[Judgement]) -> None:
    """Print what only a person can judge, and how it is signed off."""
    for each in judgements:
        errors.print(f"[yellow]{escape(each.where)}[/]: does this lead past the payments door? {escape(each.text)}")
    if written := [each.text for each in judgements]:
        errors.print("What is computed, a person must judge. What is safe goes into ccdaemon.toml, under \\[payment]:")
        errors.print(escape(f"signed_off = {json.dumps(written, ensure_ascii=False)}"))


def _secrets(site: Configuration) -> Iterator[Fault]:
    """What the daemon could not read at its start."""
    gateway, manager, mqtt = site.main.gateway, site.main.manager, site.main.mqtt
    readings: list[Callable[[], object]] = [
        partial(secret, gateway.secret, PLAIN),
        partial(secret, manager.secret, PLAIN),
    ]
    if mqtt is not None and mqtt.password is not None:
        readings.append(partial(secret, mqtt.password))
    readings += [partial(tls_context, each.ca) for each in (manager, mqtt) if each is not None and each.tls]
    for read in readings:
        try:
            read()
        except ConfigurationFaults as wrong:
            yield from wrong.faults
    try:
        read_key(site.main.audit.key)
    except KeyUnusable as fault:
        yield Fault(str(site.main.audit.key), "", f"no call could be certified: {fault}")
    try:
        places.keys(site)
    except KeyWrong as fault:
        yield Fault(str(site.main.keys.site), "", f"nothing could be kept: {fault}")


def _missing_sounds(site: Configuration) -> list[Fault]:
    folder = site.main.paths.sounds
    missing = [file for file in sound_files(site.site, site.catalogue) if not os.access(folder / file, os.R_OK)]
    if not missing:
        return []
    some = ", ".join(missing[:3]) + (" and others" if len(missing) > 3 else "")  # noqa: PLR2004 - enough to see which
    text = f"{len(missing)} sounds are not there, or cannot be read ({some}): `ccdaemon prompts build` makes them"
    return [Fault(str(folder), "", text)]


def _closed(folder: Path) -> Iterator[Fault]:
    for file, why in closed(folder, (*FILES, f"{OURS}/{GENERATED}")).items():
        text = f"cannot be read: {why}. Run this as root or in Asterisk's group, or with --no-asterisk"
        yield Fault(str(file), "", text)


def _asterisk(site: Configuration, folder: Path) -> tuple[list[Fault], list[Judgement]]:
    ours = site.main.asterisk
    if closed := [*_closed(folder)]:
        return closed, []
    files = read_asterisk(folder)
    unreadable = [*_secrets(site)]
    faults = asterisk_faults(site.site, ours.fallback_queue, ours.trunk, files) + unreadable
    faults += lock_faults(site.site, site.main.manager.user, files)
    if files.queues is not None and not unreadable and (outdated(site, folder.absolute()) or superseded(folder)):
        text = "is not what this site needs: `ccdaemon dialplan diff` shows how, `ccdaemon dialplan install` mends it"
        faults.append(Fault(str(folder / OURS), "", text))
    unseen = [
        language
        for language in site.site.languages
        if language != "en" and not any((ours.sounds / language).glob("queue-thereare.*"))
    ]
    faults += [
        Fault(str(ours.sounds / language), "", _NOT_SEEN.format(language, site.main.paths.sounds, ours.sounds))
        for language in unseen
    ]
    return faults, to_be_judged(files, site.main.payment.signed_off)
