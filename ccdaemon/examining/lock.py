"""The payments door: does anything that is loaded, or that Asterisk would read, lead round it?"""

from __future__ import annotations

from dataclasses import replace

from ccdaemon.asterisk.loaded import loaded_endpoints, loaded_keys
from ccdaemon.examining.looking import Examined, looked
from ccdaemon.findings import Finding, State, found
from ccdaemon.model import AsteriskFiles
from ccdaemon.rules.loaded import strangers
from ccdaemon.rules.lock import lock_faults, to_be_judged

NOT_OURS, AS_LOADED = "dialplan of others", "phones and keys"


async def lock(examined: Examined) -> list[Finding]:
    return [
        *await looked(NOT_OURS, _others(examined)),
        *await looked(AS_LOADED, _loaded(examined)),
        *await looked("files", _files(examined)),
    ]


def _nothing(examined: Examined) -> AsteriskFiles:
    return AsteriskFiles(examined.folder, None, None, None)


async def _others(examined: Examined) -> list[Finding]:
    """Whatever is loaded and is not ours, wherever it came from."""
    others = strangers(await examined.dialplan(), examined.files().dialplan or ())
    files = replace(_nothing(examined), dialplan=tuple(others))
    main = examined.site.main
    examined.judgements += to_be_judged(files, main.payment.signed_off)
    lines = found(
        NOT_OURS,
        lock_faults(examined.site.site, main.manager.user, files),
        f"{len(others)} lines, and none leads round the door",
    )
    if examined.judgements:
        text = f"where they lead is computed in {len(examined.judgements)}: a person must judge that, and sign it off"
        lines.append(Finding(NOT_OURS, State.WARNING, text, "ccdaemon.toml: payment.signed_off"))
    return lines


async def _loaded(examined: Examined) -> list[Finding]:
    """Pick-up, one-touch recording, forwarding, keys: a phone may come from a wizard or a database."""
    site = examined.site
    endpoints = await loaded_endpoints(examined.switch, sorted({each.endpoint for each in site.site.phones.values()}))
    files = replace(_nothing(examined), endpoints=tuple(endpoints), features=tuple(await loaded_keys(examined.switch)))
    faults = lock_faults(site.site, site.main.manager.user, files)
    return found(AS_LOADED, faults, "none picks up, records by key, or forwards past the door")


async def _files(examined: Examined) -> list[Finding]:
    """What Asterisk tells nobody once it is loaded: conferences, parking, users of AMI and ARI, events."""
    site = examined.site
    files = replace(examined.files(), dialplan=None, endpoints=None, features=None)
    well = "no conference records, no lot is open, no other user may join calls, and every event that is read comes"
    return found("files", lock_faults(site.site, site.main.manager.user, files), well)
