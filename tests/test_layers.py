"""Imports point one way: cli -> daemon -> flows -> rules -> model, and daemon -> edges -> model."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "ccdaemon"
MODEL = {"model", "agents", "scoring", "kept", "notices", "faults", "chain", "ways", "cases", "topics", "findings"}
RULES = {"rules"}
FLOWS = {"flows"}
EDGES = {
    "asterisk",
    "store",
    "archive",
    "audio",
    "card",
    "keys",
    "lent",
    "escrow",
    "erasures",
    "disk",
    "drop",
    "foreign",
    "parties",
    "sealed",
    "machine",
    "metrics",
    "mqtt",
    "package",
    "sounds",
    "spoken",
    "spool",
    "control",
    "asked",
    "notify",
    "owned",
    "pins",
    "alarms",
    "logs",
    "signing",
    "voices",
}
# A site's files: read and written for commands and daemon.
SITE = {
    "pages",
    "config",
    "catalogue",
    "written",
    "credentials",
    "tables",
    "grammar",
    "dialplan",
    "drawing",
    "shipped",
    "units",
}
DAEMON = {"daemon", "gateway", "handsets", "current", "edges", "places", "answers", "upkeep", "examining"}
CLI = {"cli", "__main__"}
VERSION = {"__init__"}
LOADED_BY_NAME = re.compile(r"ccdaemon(\.\w+)+:\w+")  # as in `cli.COMMANDS`, for `pkgutil.resolve_name`

# Who may import what, besides rooms of the same layer. Rules and edges never see each other.
ALLOWED: dict[frozenset[str], set[str]] = {
    frozenset(MODEL): MODEL,
    frozenset(RULES): RULES | MODEL,
    frozenset(FLOWS): FLOWS | RULES | MODEL,
    frozenset(EDGES): EDGES | MODEL,
    frozenset(SITE): SITE | RULES | MODEL,
    frozenset(DAEMON): DAEMON | FLOWS | RULES | EDGES | SITE | MODEL | VERSION,
    frozenset(CLI): CLI | DAEMON | SITE | RULES | EDGES | MODEL | VERSION,
    frozenset(VERSION): set(),
}


def _rooms() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def _layer_name(file: Path) -> str:
    return file.relative_to(PACKAGE).with_suffix("").parts[0]


def _imports(file: Path) -> Iterator[str]:
    """First part of every import of ours, wherever it stands: under TYPE_CHECKING, in functions, in tables of names."""
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.Import(names):
                modules = [name.name for name in names]
            case ast.ImportFrom(module=str(module), names=names, level=0):
                modules = [f"{module}.{name.name}" for name in names] if module == "ccdaemon" else [module]
            case ast.ImportFrom():
                modules = ["ccdaemon.relative"]  # we name what we import from the top
            case ast.Constant(value=str(name)) if LOADED_BY_NAME.fullmatch(name):
                modules = [name]
            case _:
                modules = []
        for module in modules:
            top, _, rest = module.partition(".")
            if top == "ccdaemon":
                first = rest.partition(".")[0]
                yield first if (PACKAGE / first).exists() or (PACKAGE / f"{first}.py").exists() else "__init__"


@pytest.mark.parametrize("file", _rooms(), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_no_import_points_upwards(file: Path) -> None:
    name = _layer_name(file)
    allowed = next(allowed for layer, allowed in ALLOWED.items() if name in layer)
    assert set(_imports(file)) <= allowed, f"{name} may import {sorted(allowed)}"


def test_every_room_belongs_to_a_layer() -> None:
    layers = set().union(*ALLOWED)
    assert {_layer_name(file) for file in _rooms()} == layers
