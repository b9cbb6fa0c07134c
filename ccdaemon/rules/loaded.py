"""Is what Asterisk has loaded what our files say? And what else has it loaded, that leads round the payments door?

Files may not be read again yet, and a dialplan may come from elsewhere: from a script, from another program, from the
command line. Only what is loaded counts for a call. What lies behind a `switch`, as in a database, nobody can list: it
is for a person to judge.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from ccdaemon.model import LOADED, Fault, Setting, Site
from ccdaemon.rules.lock import OURS

ASTERISKS = {  # its own contexts
    "park-dial",  # calls back who parked, where a lot says so (res_parking.conf)
    "__func_periodic_hook_context__",  # runs what PERIODIC_HOOK names, which is judged where it is named
}
_STEP = re.compile(r"(?:[^,]*,)?\s*(?:\d+|n)(?:\([\w-]+\))?\s*,\s*(?P<name>\w+)\s*(?:\((?P<data>.*)\))?\s*")


def strangers(loaded: Sequence[Setting], installed: Sequence[Setting]) -> list[Setting]:
    """What is loaded and stands in none of our own files.

    Of a context of ours that is loaded in another state nothing can be said before it is loaded anew.
    """
    ours, older = Counter(_as_loaded(installed)), _missing(loaded, installed)
    found = []
    for setting in loaded:
        if ours[mine := _key(setting)] > 0:
            ours[mine] -= 1
        elif setting.section not in older | ASTERISKS:
            found.append(setting)
    return found


def not_loaded(loaded: Sequence[Setting], installed: Sequence[Setting]) -> list[Fault]:
    """Our contexts that Asterisk has not, or not as they are installed."""
    text = "is not loaded as it is installed: asterisk -rx 'dialplan reload'"
    return [Fault(LOADED, context, text) for context in sorted(_missing(loaded, installed))]


def phones_not_loaded(site: Site, endpoints: Iterable[Setting]) -> list[Fault]:
    """Phones of the site that no loaded endpoint stands for."""
    there = {setting.section for setting in endpoints}
    text = "is no endpoint that Asterisk has: the phone with this extension cannot ring"
    missing = [phone for phone in site.phones.values() if phone.endpoint not in there]
    return [Fault(LOADED, phone.endpoint, f"{text} ({phone.extension})") for phone in missing]


def _missing(loaded: Iterable[Setting], installed: Iterable[Setting]) -> set[str]:
    """Our contexts of which something is not loaded."""
    return {context for context, _, _ in Counter(_as_loaded(installed)) - Counter(map(_key, loaded))}


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
