"""Asterisk's configuration files, read as Asterisk reads them: sections, templates, includes, comments.

Source: main/config.c; the Asterisk documentation on configuration files and templates.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from ccdaemon.model import AsteriskFiles, Setting

FILES = (  # in the order of `AsteriskFiles`
    "queues.conf",
    "extensions.conf",
    "pjsip.conf",
    "features.conf",
    "confbridge.conf",
    "res_parking.conf",
    "manager.conf",
    "ari.conf",
)
MAX_DEPTH = 10  # of includes; MAX_INCLUDE_LEVEL in main/config.c
_SECTION = re.compile(r"\[(?P<name>[^]]*)\]\s*(?:\((?P<options>[^)]*)\))?")
_SETTING = re.compile(r"(?P<key>[^=]+?)\s*=>?\s*(?P<value>.*)")
_COMMENT = re.compile(r"(?<!\\);.*")
_BLOCK = re.compile(r";--(?!-).*?--;", re.DOTALL)  # a rule of dashes begins none
_INCLUDE = re.compile(r'#(?:try)?include\s+["<]?(?P<name>/?[^">/\s][^">]*)')


def read_asterisk(folder: Path) -> AsteriskFiles:
    """The files of Asterisk's configuration folder that say what callers and phones may do."""
    return AsteriskFiles(folder, *(_settings(folder, name) for name in FILES))


def closed(folder: Path, names: Iterable[str] = FILES) -> dict[Path, str]:
    """Files that are there, but not for us, and why: to read nothing in them would be to find everything missing."""
    found = dict[Path, str]()
    for name in names:
        try:
            (folder / name).open().close()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as fault:
            found[folder / name] = fault.strerror or str(fault)
    return found


def wrap_ups(folder: Path) -> dict[str, float]:
    """Seconds after a call in which Asterisk gives an agent no other one, by queue: no event tells (app_queue.c).

    Empty where the file is not for us to read.
    """
    try:
        settings = _settings(folder, FILES[0]) or ()
    except OSError:
        return {}
    return {each.section: float(each.value) for each in settings if each.key == "wrapuptime" and each.value.isdecimal()}


def _settings(folder: Path, name: str) -> tuple[Setting, ...] | None:
    if not (folder / name).exists():
        return None
    templates: dict[str, list[Setting]] = {}
    found: list[Setting] = []
    section, is_template = "", False
    for where, line in _lines(folder, name, 0):
        if (heading := _SECTION.match(line)) is not None:
            section = heading["name"]
            options = [option.strip() for option in (heading["options"] or "").split(",") if option.strip()]
            is_template = "!" in options
            inherited = [each for option in options for each in templates.get(option, [])]
            mine = [Setting(section, each.key, each.value, each.where) for each in inherited]
            templates.setdefault(section, []).extend(mine)
            found += [] if is_template else [Setting(section, "", "", where), *mine]
        elif (pair := _SETTING.fullmatch(line)) is not None:
            setting = Setting(section, pair["key"].strip(), pair["value"].strip(), where)
            templates.setdefault(section, []).append(setting)
            found += [] if is_template else [setting]
    return tuple(found)


def _lines(folder: Path, name: str, depth: int) -> Iterator[tuple[str, str]]:
    """Lines without comments, those of included files in the place of their `#include`."""
    if depth > MAX_DEPTH:
        return
    root = Path("/") if name.startswith("/") else folder
    for path in sorted(root.glob(name.lstrip("/"))):
        try:
            text = path.read_text(errors="replace")
        except OSError:
            continue
        shown = path.relative_to(folder) if path.is_relative_to(folder) else path
        text = _BLOCK.sub(lambda block: "\n" * block[0].count("\n"), text)
        for number, raw in enumerate(text.splitlines(), 1):
            line = _COMMENT.sub("", raw).strip()
            if (include := _INCLUDE.match(line)) is not None:
                yield from _lines(folder, include["name"].strip(), depth + 1)
            elif line:
                yield f"{shown}:{number}", line
