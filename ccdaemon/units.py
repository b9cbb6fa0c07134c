"""What a machine needs so that systemd runs us: which shipped file goes where, and what a site adds to that.

Each file begins with the hash of its rest, so that one that somebody changed by hand is known as theirs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from ccdaemon.config import Configuration
from ccdaemon.shipped import shipped

PROGRAM = "/opt/ccdaemon/bin/ccdaemon"  # as the shipped units have it
SERVICE = "ccdaemon.service"
SYSTEM = "etc/systemd/system"
SITE_FILE = f"{SYSTEM}/{SERVICE}.d/site.conf"
ASTERISK_FILE = f"{SYSTEM}/asterisk.service.d/ccdaemon.conf"
PLACES = {  # below the root
    "ccdaemon.sysusers.conf": "etc/sysusers.d/ccdaemon.conf",
    "ccdaemon.tmpfiles.conf": "etc/tmpfiles.d/ccdaemon.conf",
    "asterisk-ccdaemon.conf": ASTERISK_FILE,
    "ccdaemon.socket": f"{SYSTEM}/ccdaemon.socket",
    SERVICE: f"{SYSTEM}/{SERVICE}",
    "ccdaemon-expire.service": f"{SYSTEM}/ccdaemon-expire.service",
    "ccdaemon-expire.timer": f"{SYSTEM}/ccdaemon-expire.timer",
}
MARK = "# Put here by `ccdaemon install`; what you want otherwise goes into `systemctl edit`. The rest of it: "

# What the shipped service has by itself.
SECRETS = {
    f"/etc/ccdaemon/{name}" for name in ("manager.secret", "gateway.secret", "mqtt.password", "site.key", "audit.key")
}
WRITABLE = (
    "/run/ccdaemon",
    "/var/lib/ccdaemon",
    "/var/lib/ccdaemon-keys",
    "/var/log/asterisk",
    "/var/spool/asterisk",
    "/var/spool/ccdaemon",
)


class OneName(Exception):
    """Two secrets lie in files of one name: systemd could hand only one of them to the daemon."""


def wanted(program: Path) -> dict[str, str]:
    """Every shipped file by where it goes, for a program that lies there."""
    folder = shipped("systemd")
    return {place: marked((folder / name).read_text().replace(PROGRAM, str(program))) for name, place in PLACES.items()}


def additions(site: Configuration) -> str | None:
    """The drop-in of a site that has secrets, folders, or files of other programs elsewhere. Raises `OneName`."""
    lines = [*_credentials(site), *_places(site)]
    if not lines:
        return None
    text = "# What the site file names that the shipped unit does not know; `ccdaemon install` writes it anew."
    return marked("\n".join([text, "[Service]", *lines, ""]))


def _credentials(site: Configuration) -> Iterator[str]:
    main = site.main
    password = main.mqtt.password if main.mqtt else None
    files = {
        file for file in (main.manager.secret, main.gateway.secret, password, main.keys.site, main.audit.key) if file
    }
    if len({file.name for file in files}) < len(files):
        names = ", ".join(sorted(map(str, files)))
        message = f"{names}: two of these have the same name, and systemd tells them apart by that alone: rename one"
        raise OneName(message)
    for file in sorted(files):
        if str(file) not in SECRETS:
            yield f"LoadCredential={file.name}:{_literal(file)}"
            yield f"SetCredential={file.name}:\\n"


def _places(site: Configuration) -> Iterator[str]:
    main = site.main
    heads = [main.audit.heads.parent] if main.audit.heads else []
    heads += [main.metrics.socket.parent] if main.metrics and main.metrics.socket else []
    records = any("prompts" in who.may for who in site.site.supervisors.values())  # at handsets
    own = [main.paths.state, main.paths.spool, main.paths.run, main.keys.folder, *heads]
    own += [main.paths.sounds] if records else []
    for folder in sorted({*own, *(each.folder for each in main.retention.files)}):
        if not any(folder.is_relative_to(known) for known in WRITABLE):
            yield f'ReadWritePaths="-{_literal(folder)}"'


def _literal(path: Path) -> str:
    """As it is, in a unit (systemd.unit(5), SPECIFIERS)."""
    return str(path).replace("%", "%%").replace('"', '\\"')


def marked(text: str) -> str:
    return f"{MARK}{_hash(text)}\n{text}"


def is_ours(content: str) -> bool:
    """Is it as some version of us put it there, or as it was shipped?"""
    first, _, rest = content.partition("\n")
    return first == MARK + _hash(rest) or content in {(shipped("systemd") / name).read_text() for name in PLACES}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
