"""`ccdaemon doctor`: everything that telecoms staff want to know when something is wrong, looked at and judged.

A module for each family; what is seen there is judged by the rules in `rules.examined`, and by those that `check` uses.
"""

from __future__ import annotations

from pathlib import Path

from ccdaemon.asterisk.ami import AmiDisconnected, AmiRefused, AmiUnreachable, connect
from ccdaemon.config import Configuration, ConfigurationFaults
from ccdaemon.edges import manager_address
from ccdaemon.examining.asterisk import asterisk
from ccdaemon.examining.broker import broker
from ccdaemon.examining.callers import callers, prompts
from ccdaemon.examining.daemon import daemon
from ccdaemon.examining.files import files
from ccdaemon.examining.lock import lock
from ccdaemon.examining.looking import Away, Examined
from ccdaemon.examining.machine import machine
from ccdaemon.examining.recorder import recorder
from ccdaemon.findings import Finding, State
from ccdaemon.rules.lock import Judgement

FAMILIES = {
    "Asterisk": asterisk,
    "Ways to a person": callers,
    "Prompts": prompts,
    "Payments door": lock,
    "Recorder": recorder,
    "Files": files,
    "Machine": machine,
    "Broker": broker,
    "Daemon": daemon,
}


async def examine(site: Configuration, folder: Path) -> tuple[dict[str, list[Finding]], list[Judgement]]:
    """All findings, in groups; and what only a person can judge. `folder` is that of Asterisk's configuration."""
    link = f"{site.main.manager.host}:{site.main.manager.port}"
    try:
        async with connect(manager_address(site)) as ami:
            return await _all(Examined(site, folder, ami), Finding("manager link", State.OK, f"is there, at {link}"))
    except ConfigurationFaults as wrong:
        text = f"{'; '.join(map(str, wrong.faults))}. Ask as root or as the daemon's user, if it is there"
        down = Finding("manager link", State.UNSEEN, text)
    except (AmiUnreachable, AmiRefused, AmiDisconnected) as fault:
        text = (
            f"Asterisk does not answer at {link}: {fault}. Callers get the second tier, or nobody at all. systemctl "
            "status asterisk; manager.conf says who may log in where"
        )
        down = Finding("manager link", State.FAULT, text, "manager.conf")
    return await _all(Examined(site, folder, Away("there is no manager link")), down)


async def _all(examined: Examined, link: Finding) -> tuple[dict[str, list[Finding]], list[Judgement]]:
    found = {name: await family(examined) for name, family in FAMILIES.items()}
    return {**found, "Asterisk": [link, *found["Asterisk"]]}, examined.judgements
