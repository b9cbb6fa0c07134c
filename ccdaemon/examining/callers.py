"""Can callers reach a person, and hear what they should: queues, phones, trunk, prompts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from ccdaemon.asterisk.loaded import loaded_endpoints, loaded_queues, loaded_trunk
from ccdaemon.examining.looking import Examined, looked, runs
from ccdaemon.findings import Finding, Runs, State, Unseen, found
from ccdaemon.flows.readings import trunk_state
from ccdaemon.model import ENDINGS, Fault, Prompt
from ccdaemon.owned import is_there, way_to
from ccdaemon.rules.asterisk import asterisk_faults, trunk_faults
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.examined.modes import readable
from ccdaemon.rules.examined.staffing import PHONES, QUEUES, TRUNK, phone_findings, queue_findings, trunk_findings
from ccdaemon.rules.hours import Opening, opening
from ccdaemon.rules.loaded import phones_not_loaded

CONFIGURED = "Asterisk's files"
SOME = 3  # names in a message


async def callers(examined: Examined) -> list[Finding]:
    return [
        *await looked(CONFIGURED, _configured(examined)),
        *await looked(QUEUES, _queues(examined)),
        *await looked(PHONES, _phones(examined)),
        *await looked(TRUNK, _trunk(examined)),
    ]


async def _configured(examined: Examined) -> list[Finding]:
    """As `check` reads them, but for the dialplan: of that only counts what is loaded."""
    ours = examined.site.main.asterisk
    files = replace(examined.files(), dialplan=tuple(await examined.dialplan()))
    faults = asterisk_faults(examined.site.site, ours.fallback_queue, ours.trunk, files)
    return found(CONFIGURED, faults, "queues, phones, trunk, keys, rooms and parking are as this site needs them")


async def _queues(examined: Examined) -> list[Finding]:
    site, now = examined.site.site, datetime.now(UTC)
    is_open = [name for name, service in site.services.items() if opening(site, service, now) is Opening.OPEN]
    return queue_findings(
        site, examined.site.main.asterisk.fallback_queue, await loaded_queues(examined.switch), is_open
    )


async def _phones(examined: Examined) -> list[Finding]:
    site = examined.site.site
    there = await loaded_endpoints(examined.switch, sorted({phone.endpoint for phone in site.phones.values()}))
    if faults := phones_not_loaded(site, there):
        return found(PHONES, faults, "")
    states = {each["Device"]: each["State"] for each in await examined.switch.listing("DeviceStateList")}
    return phone_findings(site, states)


async def _trunk(examined: Examined) -> list[Finding]:
    name = examined.site.main.asterisk.trunk
    loaded = await loaded_trunk(examined.switch, name)
    faults = [*trunk_faults(name, loaded)]
    wide = found(TRUNK, faults, f"{name} leads to cc-inbound, and nobody outside may transfer")
    return [*wide, *(trunk_findings(name, await trunk_state(examined.switch, name, Calls())) if loaded else [])]


# --- prompts ---------------------------------------------------------------------------------------------------------


async def prompts(examined: Examined) -> list[Finding]:
    return await looked("prompts", _prompts(examined))


async def _prompts(examined: Examined) -> list[Finding]:
    asterisk: Runs | None = None
    unseen: list[Finding] = []
    try:
        asterisk = await runs(examined)
    except Unseen as why:
        unseen.append(Finding("prompts", State.UNSEEN, f"whether Asterisk may read them: {why}"))
    site, folder = examined.site, examined.site.main.paths.sounds
    wanted = [
        Prompt(prompt, language)
        for prompt, texts in sorted(site.catalogue.items())
        for language in site.site.languages
        if language in texts
    ]
    languages = " and ".join(site.site.languages)
    well = f"all {len(wanted)} are there, in {languages}" + (", and Asterisk may read them" if asterisk else "")
    return [*found("prompts", _of_prompts(folder, wanted, asterisk), well), *unseen]


def _of_prompts(folder: Path, wanted: list[Prompt], asterisk: Runs | None) -> Iterator[Fault]:
    files = {
        prompt: [file for ending in ENDINGS if is_there(file := folder / f"{prompt.sound}{ending}")]
        for prompt in wanted
    }
    if missing := [prompt for prompt, there in files.items() if not there]:
        some = _some([prompt.sound for prompt in missing])
        text = f"{len(missing)} have no sound ({some}): callers do not hear them. `ccdaemon prompts build` makes them"
        yield Fault(str(folder), "", text)
    if asterisk is None:
        return
    if shut := [file for there in files.values() for file in there if not readable(way_to(file), asterisk)]:
        text = (
            f"{len(shut)} cannot be read by Asterisk ({_some([str(file.relative_to(folder)) for file in shut])}): "
            "callers do not hear them. chmod 644 the files, and 755 each folder on the way"
        )
        yield Fault(str(folder), "", text)


def _some(names: list[str]) -> str:
    return ", ".join(names[:SOME]) + (" and others" if len(names) > SOME else "")
