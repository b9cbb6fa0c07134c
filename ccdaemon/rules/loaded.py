"""Is what Asterisk has loaded what our files say? And what else has it loaded, that leads round the payments door?

Files may not be read again yet, and a dialplan may come from elsewhere: from a database, from a script, from the
command line. Only what is loaded counts for a call.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from ccdaemon.model import LOADED, Fault, Setting
from ccdaemon.rules.lock import OURS

_STEP = re.compile(r"(?:[^,]*,)?\s*(?:\d+|n)(?:\([\w-]+\))?\s*,\s*(?P<name>\w+)\s*(?:\((?P<data>.*)\))?\s*")


def strangers(loaded: Iterable[Setting], installed: Iterable[Setting]) -> list[Setting]:
    """What is loaded and stands in none of our own files."""
    ours = Counter(_as_loaded(installed))
    found = []
    for setting in loaded:
        if ours[mine := _key(setting)] > 0:
            ours[mine] -= 1
        else:
            found.append(setting)
    return found


def not_loaded(loaded: Iterable[Setting], installed: Iterable[Setting]) -> list[Fault]:
    """Our contexts that Asterisk has not, or not as they are installed."""
    missing = Counter(_as_loaded(installed)) - Counter(map(_key, loaded))
    contexts = sorted({context for context, _, _ in missing})
    text = "is not loaded as it is installed: asterisk -rx 'dialplan reload'"
    return [Fault(LOADED, context, text) for context in contexts]


def _as_loaded(installed: Iterable[Setting]) -> list[tuple[str, str, str]]:
    ours = [setting for setting in installed if setting.where.startswith(OURS)]
    return [_key(setting) for setting in ours if setting.key == "include" or _STEP.fullmatch(_line(setting))]


def _key(setting: Setting) -> tuple[str, str, str]:
    """A line without its extension and priority, which Asterisk numbers itself."""
    step = _STEP.fullmatch(_line(setting))
    if setting.key == "include" or step is None:
        return setting.section, "include", setting.value.strip()
    return setting.section, step["name"].lower(), step["data"] or ""


def _line(setting: Setting) -> str:
    return f",{setting.value}" if setting.key == "same" else setting.value
