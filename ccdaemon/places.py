"""Where what a site keeps lies, and its keys: for the commands that need no more of it than that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ccdaemon.config import Configuration
from ccdaemon.credentials import handed
from ccdaemon.dialplan import MISSED, RECORDINGS
from ccdaemon.keys import Keys, KeyWrong, site_key
from ccdaemon.model import Site
from ccdaemon.parties import Parties
from ccdaemon.rules.retention import period_of
from ccdaemon.signing import Signer

REGISTER = "register.sqlite3"
ARCHIVE = "recordings"
SOCKET = "control"
DROP = "drop"  # below the spool
LENT = "messages"  # below /run: what agents hear
TAKES = "takes"  # below the spool: what Asterisk records at handsets
VOICES = "voices"  # below the state: what was spoken there, as it is played


def folders(configuration: Configuration) -> list[Path]:
    """Where we must be able to write."""
    paths = configuration.main.paths
    return [paths.state, configuration.main.keys.folder, paths.run, paths.spool / RECORDINGS, paths.spool / MISSED]


def keys(configuration: Configuration) -> Keys:
    """Raises `KeyWrong` where there is no site key to be had."""
    table = configuration.main.keys
    if following(table.site).exists():
        message = f"{following(table.site)}: the site key is being changed: `ccdaemon keys rotate` goes on with that"
        raise KeyWrong(message)
    found = Keys(table.folder, site_key(handed(table.site)))
    if (names := found.names()) and found.unusable() == names:
        message = f"none of the keys in {table.folder} was wrapped by the site key {table.site}: is it another site's?"
        raise KeyWrong(message)
    return found


def signer(configuration: Configuration) -> Signer:
    return Signer(handed(configuration.main.audit.key))


def following(site: Path) -> Path:
    """Where the next site key lies while it takes the place of the present one."""
    return site.with_name(f"{site.name}.new")


def parties(keys: Keys, site: Callable[[], Site]) -> Parties:
    return Parties(keys, lambda kind, at: period_of(kind, at, site()))
