"""The Asterisk that runs: version, modules, the rights of our user, and whether it has loaded what is installed."""

from __future__ import annotations

from pathlib import Path

from ccdaemon.asterisk.loaded import allowed_actions, loaded_modules, places
from ccdaemon.examining.looking import Examined, looked
from ccdaemon.findings import Finding, State, found
from ccdaemon.model import LOADED, Fault
from ccdaemon.rules.asterisk import too_old
from ccdaemon.rules.examined.modules import module_findings, needed
from ccdaemon.rules.examined.rights import THING, rights_findings
from ccdaemon.rules.loaded import not_loaded
from ccdaemon.rules.lock import OURS
from ccdaemon.rules.reaching import offers_messages


async def asterisk(examined: Examined) -> list[Finding]:
    return [
        *await looked("version", _version(examined)),
        *await looked("configuration", _folder(examined)),
        *await looked("modules", _modules(examined)),
        *await looked(THING, _rights(examined)),
        *await looked("dialplan", _contexts(examined)),
    ]


async def _version(examined: Examined) -> list[Finding]:
    version = (await examined.switch.action("CoreSettings")).get("AsteriskVersion", "")
    old = too_old(version)
    return found("version", [Fault(LOADED, "", old)] if old else [], f"Asterisk {version}")


async def _folder(examined: Examined) -> list[Finding]:
    """Nothing that we read in another folder than Asterisk's says anything."""
    its, ours = (await places(examined.switch))["ASTETCDIR"], examined.folder
    if its and not _same(Path(its), ours):
        text = f"Asterisk reads {its}, and we {ours}: name the right one under [asterisk], or with --to"
        return [Finding("configuration", State.FAULT, text, "ccdaemon.toml: asterisk.config")]
    return [Finding("configuration", State.OK, f"Asterisk reads {ours}, as we do")]


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


async def _modules(examined: Examined) -> list[Finding]:
    wanted = needed(await examined.dialplan())
    return module_findings(wanted, await loaded_modules(examined.switch, wanted))


async def _rights(examined: Examined) -> list[Finding]:
    takes = any(offers_messages(service) for service in examined.site.site.services.values())
    allowed = await allowed_actions(examined.switch)
    return rights_findings(examined.site.main.manager.user, allowed, takes_messages=takes)


async def _contexts(examined: Examined) -> list[Finding]:
    loaded, installed = await examined.dialplan(), examined.files().dialplan or ()
    if not any(setting.where.startswith(OURS) for setting in installed):
        text = (
            "holds none of our contexts: nobody who calls would be answered. `ccdaemon dialplan install`, then write "
            "`#include ccdaemon/*.conf` into extensions.conf"
        )
        return [Finding("dialplan", State.FAULT, text, str(examined.folder))]
    well = f"{len(loaded)} lines are loaded, and ours are as they are installed"
    return found("dialplan", not_loaded(loaded, installed), well)
