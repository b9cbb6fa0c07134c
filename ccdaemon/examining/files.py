"""Whose files are whose: spool, secrets, keys, and what Asterisk runs with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from ccdaemon.dialplan import GENERATED, MISSED, RECORDINGS
from ccdaemon.edges import archive
from ccdaemon.examining.looking import Examined, looked, runs
from ccdaemon.faults import KeyUnusable
from ccdaemon.findings import Finding, Runs, State, Unseen, found
from ccdaemon.keys import KeyWrong
from ccdaemon.model import Fault
from ccdaemon.owned import is_there, owned, way_to
from ccdaemon.places import LENT, REGISTER, SOCKET, TAKES, VOICES, keys
from ccdaemon.rules.examined.modes import (
    closed_faults,
    folder_faults,
    heard_faults,
    lent_faults,
    replaced_faults,
    secret_faults,
    spool_faults,
    umask_faults,
)
from ccdaemon.rules.examined.upkeep import strays_findings
from ccdaemon.rules.lock import OURS
from ccdaemon.rules.reaching import offers_messages
from ccdaemon.signing import read_key

UMASK, SPOOL, SPOKEN, SECRETS, KEYS = "Asterisk's umask", "spool", "spoken at handsets", "secrets", "keys"


async def files(examined: Examined) -> list[Finding]:
    return [
        *await looked(UMASK, _umask(examined)),
        *await looked(SPOOL, _spool(examined)),
        *await looked(SPOKEN, _spoken(examined)),
        *await looked(SECRETS, _secrets(examined)),
        *await looked(KEYS, _keys(examined)),
    ]


async def _umask(examined: Examined) -> list[Finding]:
    return found(UMASK, umask_faults(await runs(examined)), "withholds what is recorded from everybody else")


async def _spool(examined: Examined) -> list[Finding]:
    try:
        asterisk: Runs | None = await runs(examined)
    except Unseen:  # which is said elsewhere
        asterisk = None
    spool = examined.site.main.paths.spool
    faults = [fault for name in (RECORDINGS, MISSED) for fault in _of_spool(spool / name, asterisk)]
    site = examined.site.site
    if site.scoring.criteria or any(offers_messages(service) for service in site.services.values()):
        faults += _of_lent(examined.site.main.paths.run / LENT, asterisk)
    lines = found(SPOOL, faults, f"{spool} is for Asterisk and the daemon, and for nobody else")
    with suppress(KeyWrong, OSError):  # which is said at the keys, and above
        lines += strays_findings(_strays(examined), str(spool / RECORDINGS))
    return lines


async def _spoken(examined: Examined) -> list[Finding]:
    """Emergency messages, and prompts that are recorded by phone: where somebody may do that."""
    site, paths = examined.site.site, examined.site.main.paths
    may = {right for who in site.supervisors.values() for right in who.may}
    if not may & {"lines", "prompts"}:
        return []
    try:
        asterisk: Runs | None = await runs(examined)
    except Unseen:  # which is said elsewhere
        asterisk = None
    faults = [*_of_spool(paths.spool / TAKES, asterisk)]
    if is_there(paths.state / VOICES):
        faults += heard_faults(way_to(paths.state / VOICES), asterisk)
    if "prompts" in may:
        folders = [paths.sounds / language / below for language in site.languages for below in ("", "cc")]
        faults += [
            fault for each in folders if is_there(each) for fault in replaced_faults(owned(each), _daemon(examined))
        ]
    return found(SPOKEN, faults, "Asterisk and the daemon can read and write it where they must")


def _of_spool(folder: Path, asterisk: Runs | None) -> Iterator[Fault]:
    try:
        yield from spool_faults(owned(folder), asterisk)
    except FileNotFoundError:
        text = "is not there: nothing is recorded. systemd-tmpfiles --create makes it, with its owners and mode"
        yield Fault(str(folder), "", text)


def _of_lent(folder: Path, asterisk: Runs | None) -> Iterator[Fault]:
    try:
        yield from lent_faults(owned(folder), asterisk)
    except FileNotFoundError:
        text = "is not there: nothing is heard at phones. systemd-tmpfiles --create makes it, with its owners and mode"
        yield Fault(str(folder), "", text)


def _strays(examined: Examined) -> list[str]:
    return archive(examined.site, keys(examined.site)).strays()


async def _secrets(examined: Examined) -> list[Finding]:
    main, daemon = examined.site.main, _daemon(examined)
    alone = [main.gateway.secret, main.manager.secret, main.keys.site, main.audit.key]
    alone += [main.mqtt.password] if main.mqtt is not None and main.mqtt.password is not None else []
    faults = [fault for file in alone for fault in _of_secret(file, daemon)]
    asterisks = [examined.folder / OURS / GENERATED, examined.folder / OURS / "manager" / "secret.conf"]
    shared = [(file, "chmod 640") for file in asterisks] + [(main.paths.state / REGISTER, "chmod 600")]
    faults += [fault for file, mend in shared if is_there(file) for fault in closed_faults(owned(file), mend)]
    return found(SECRETS, faults, f"{len(alone) + len(shared)} files are for those alone who need them")


def _of_secret(file: Path, daemon: int | None) -> Iterable[Fault]:
    if not is_there(file):
        text = "is not there: the daemon cannot start, or not sign or open what it keeps. `ccdaemon check` says more"
        return [Fault(str(file), "", text)]
    return secret_faults(owned(file), daemon)


def _daemon(examined: Examined) -> int | None:
    """The user of the daemon: whose socket, or else whose register it is."""
    paths = examined.site.main.paths
    for path in (paths.run / SOCKET, paths.state / REGISTER, paths.state):
        try:
            return owned(path).user
        except OSError:
            continue
    return None


async def _keys(examined: Examined) -> list[Finding]:
    main = examined.site.main
    lines = found(KEYS, folder_faults(owned(main.keys.folder)), f"{main.keys.folder} is for the daemon alone")
    for use, file, lost in (
        (lambda: keys(examined.site), main.keys.site, "nothing that is kept can be opened"),
        (lambda: read_key(main.audit.key), main.audit.key, "no call can be certified"),
    ):
        try:
            use()
        except (KeyWrong, KeyUnusable) as fault:
            readable = _readable(file)
            text = f"{lost}: {fault}" if readable else f"whether it is sound: {fault}. Run this as root"
            lines.append(Finding(KEYS, State.FAULT if readable else State.UNSEEN, text, str(file)))
    return lines


def _readable(file: Path) -> bool:
    """Or not there at all, which is as bad as one that is no key."""
    try:
        file.open("rb").close()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
