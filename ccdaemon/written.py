"""What stands in a site's TOML files, and how a fault in one of them is named."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic_core import ErrorDetails

from ccdaemon.model import Fault

MAIN_FILE = "ccdaemon.toml"


def read_toml(file: Path, faults: list[Fault]) -> dict[str, Any] | None:
    """What stands in a TOML file. Editors of other systems begin it with a byte order mark."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as fault:
        text = f"cannot be read: {fault.strerror}"
        if file.name == MAIN_FILE:
            text += ". `ccdaemon init` writes an example site; its folder is given with --config"
        faults.append(Fault(str(file), "", text))
    except ValueError as fault:
        faults.append(Fault(named(file), "", f"is not valid TOML: {fault}"))
    return None


def named(file: Path) -> str:
    return file.name if file.name == MAIN_FILE else f"{file.parent.name}/{file.name}"


def key_path(fault: ErrorDetails) -> str:
    """A key path as people write it. Pydantic marks what is wrong with a key itself."""
    return ".".join(str(part) for part in fault["loc"] if part != "[key]")
