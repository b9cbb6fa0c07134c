"""The catalogue of prompts: what is said in each language, and the number by which a handset may record it anew.

Shipped prompts have numbers below 9000, one thousand for each file, which never change: they stand on people's lists.
A site's own ones have theirs from 9000 on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ccdaemon.grammar import PROMPT_NUMBER, PROMPTS
from ccdaemon.model import Fault, Language
from ccdaemon.written import key_path, named, read_toml

FIRST_OWN = 9000
_TAKEN = f"must be {FIRST_OWN} or more: smaller numbers are kept for the prompts that come with ccdaemon"


@dataclass
class Prompts:
    """What is written of prompts, by their names."""

    catalogue: dict[str, dict[Language, str]] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    numbered_in: dict[str, str] = field(default_factory=dict)  # files, as faults name them
    misnumbered: list[Fault] = field(default_factory=list)  # the rest of the site is looked at all the same


def read_prompts(shipped: Path, own: Path, faults: list[Fault]) -> Prompts:
    """Prompts of all files in these folders; a site's own replace the shipped ones, whose numbers they keep."""
    found = Prompts()
    for file in (file for folder in (shipped, own) for file in sorted(folder.glob("*.toml"))):
        if (written := read_toml(file, faults)) is None:
            continue
        given = _numbers(file, written, faults)
        if file.parent == own:
            taken = {name for name, number in given.items() if number < FIRST_OWN and number != found.numbers.get(name)}
            found.misnumbered += [Fault(named(file), f"{name}.number", _TAKEN) for name in sorted(taken)]
            given = {name: number for name, number in given.items() if name not in taken}
        found.numbers |= given
        found.numbered_in |= dict.fromkeys(given, named(file))
        try:
            found.catalogue |= PROMPTS.validate_python(written)
        except ValidationError as wrong:
            text = 'a prompt is a table of language and text: en = "..."; its name is of small letters and hyphens'
            faults += [Fault(named(file), key_path(each), text) for each in wrong.errors()]
    return found


def _numbers(file: Path, written: dict[str, Any], faults: list[Fault]) -> dict[str, int]:
    """Those of prompts of a file, taken out of their tables."""
    found: dict[str, int] = {}
    for name, table in written.items():
        if isinstance(table, dict) and "number" in table:
            try:
                found[name] = PROMPT_NUMBER.validate_python(table.pop("number"))
            except ValidationError:
                text = "must be a whole number from 1 to 999999, without quotes"
                faults.append(Fault(named(file), f"{name}.number", text))
    return found
