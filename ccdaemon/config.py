"""A site's TOML files to the frozen values of `model`; every fault is reported, all at once, by file and key path.

A configuration is either whole and sound, or it is refused with all its faults: nothing is ever half loaded. What may
be written is described in `tables`; whether it makes sense together is decided in `rules.soundness`.
"""

from __future__ import annotations

import difflib
import hashlib
import re
import ssl
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ccdaemon.catalogue import read_prompts
from ccdaemon.credentials import handed
from ccdaemon.grammar import WORD, WORD_IS, bank_holidays
from ccdaemon.kept import CLASSES, ROLES
from ccdaemon.model import Catalogue, Fault, Numbers, Queue, Service, Site
from ccdaemon.rules.handset.prompts import number_faults
from ccdaemon.rules.soundness import soundness
from ccdaemon.tables import Table
from ccdaemon.tables.main import JudgedTable, MainTable
from ccdaemon.tables.service import ServiceTable
from ccdaemon.written import MAIN_FILE, key_path, named, read_toml

PLAIN = r"[A-Za-z0-9._~+/=-]"
VISIBLE = r"[!-~]"
SHORTEST_SECRET = 16  # signs; fewer might be guessed

# What a key must be, by pydantic's name for its not being so.
_MUST_BE = {
    "bool_type": "true or false, without quotes",
    "int_type": "a whole number, without quotes",
    "float_type": "a number, without quotes",
    "string_type": "a text, in quotes",
    "path_type": "a path, in quotes",
    "date_type": "a day, without quotes, as 2026-12-25",
    "tuple_type": "a list, in square brackets",
    "frozen_set_type": "a list, in square brackets",
    "dict_type": "a table: its keys in braces, or below a heading of its own",
    "model_type": "a table: its keys in braces, or below a heading of its own",
}


class ConfigurationFaults(Exception):
    """The configuration is refused. `faults` names every reason.

    There may be `more` where so much is written wrongly that nobody can say whether the rest makes sense; else there
    may be a `draft`, without what is wrong, which can be held against Asterisk all the same.
    """

    def __init__(self, faults: Iterable[Fault], *, more: bool = False, draft: Configuration | None = None) -> None:
        self.faults = tuple(faults)
        self.draft = draft
        self.more = more
        super().__init__("\n".join(map(str, self.faults)))


@dataclass(frozen=True)
class Configuration:
    """A whole, sound configuration: the site for the rules, the rest for the edges."""

    folder: Path
    site: Site
    catalogue: Catalogue
    main: MainTable
    fingerprint: str  # of all that is written in its files
    numbers: Numbers  # of its prompts


# --- reading ---------------------------------------------------------------------------------------------------------


def load(folder: Path, shipped_prompts: Path) -> Configuration:
    """Read a site's folder. Raises `ConfigurationFaults` with everything that is wrong with it."""
    faults: list[Fault] = []
    prompts = read_prompts(shipped_prompts, folder / "prompts", faults)
    prompts_are_whole = not faults
    main, judged = _main(folder / MAIN_FILE, faults)
    files = {file.stem: file for file in sorted((folder / "services").glob("*.toml"))}
    tables = _services(files, judged.site.country if judged else "GB", faults)
    if judged is None or not prompts_are_whole:
        raise ConfigurationFaults(faults, more=True)
    site = _site(judged, tables)
    faults += soundness(site, prompts.catalogue, judged.recording.allowed_services, files.keys() - tables.keys())
    faults += [*prompts.misnumbered, *number_faults(site, prompts.numbers, prompts.numbered_in)]
    if main is None:
        raise ConfigurationFaults(faults)
    configuration = Configuration(folder, site, prompts.catalogue, main, _fingerprint(folder), prompts.numbers)
    if faults:
        raise ConfigurationFaults(faults, draft=configuration)
    return configuration


def _fingerprint(folder: Path) -> str:
    """SHA-256 over the names and contents of the site's own files."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.toml")):
        with suppress(OSError):  # that is a fault by itself
            content = file.read_bytes()
            digest.update(f"{file.relative_to(folder)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def secret(file: Path, signs: str = VISIBLE) -> str:
    """The secret in a file, without the line's end. Raises `ConfigurationFaults` if there is none to be had.

    `signs` are those of which it may be made; `PLAIN` ones mean nothing in Asterisk's files.
    """
    try:
        value = handed(file).read_text(errors="replace").strip()
    except OSError as fault:
        text = f"the secret cannot be read: {fault.strerror}"
        if isinstance(fault, PermissionError):
            text += ". It is for root, and for the service that has it by systemd"
        raise ConfigurationFaults([Fault(str(file), "", text)]) from None
    if len(value) < SHORTEST_SECRET or not re.fullmatch(f"{signs}+", value):
        made_of = "letters, digits and ._~+/=-" if signs == PLAIN else "letters, digits and other signs, without blanks"
        text = f"a secret is one line of {SHORTEST_SECRET} or more {made_of}; `ccdaemon init` makes one"
        raise ConfigurationFaults([Fault(str(file), "", text)])
    return value


def tls_context(ca: Path | None) -> ssl.SSLContext:
    """What is needed to speak TLS. Raises `ConfigurationFaults` for an authority's file that is none."""
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as fault:  # ssl.SSLError is one
        text = f"is no certificate of an authority that can be used: {fault.strerror or fault}"
        raise ConfigurationFaults([Fault(str(ca), "", text)]) from None


def _main(file: Path, faults: list[Fault]) -> tuple[MainTable | None, JudgedTable | None]:
    """The main file; where something in it is wrong, what can be judged without that, so that all is said at once."""
    if (written := read_toml(file, faults)) is None:
        return None, None
    try:
        main = MainTable.model_validate(written)
    except ValidationError as wrong:
        for each in wrong.errors():
            faults.append(_explained(file, MainTable, each))
            _drop(written, each["loc"])
    else:
        return main, main
    try:
        return None, JudgedTable.model_validate(written)
    except ValidationError:  # what it needs is missing, and that is said
        return None, None


def _drop(written: dict[str, Any], path: Sequence[int | str]) -> None:
    """Take out the key at a path, or the list in which it lies; there may be none, where one is missing."""
    first, *rest = path
    inner = written.get(str(first))
    if isinstance(inner, dict) and rest and rest != ["[key]"]:
        _drop(inner, rest)
    else:
        written.pop(str(first), None)


def _services(files: Mapping[str, Path], country: str, faults: list[Fault]) -> dict[str, ServiceTable]:
    """The services whose files are as they should be. Their names stand in the dialplan and in files' names."""
    found: dict[str, ServiceTable] = {}
    for name, file in files.items():
        if re.fullmatch(WORD, name) is None:
            faults.append(Fault(named(file), "", f"a service is called as its file: {WORD_IS}"))
        elif (written := read_toml(file, faults)) is not None:
            try:
                found[name] = ServiceTable.model_validate(written, context={"country": country})
            except ValidationError as wrong:
                faults += [_explained(file, ServiceTable, each) for each in wrong.errors()]
    return found


def _explained(file: Path, shape: type[Table], fault: ErrorDetails) -> Fault:
    match fault["type"]:
        case "extra_forbidden":
            written = str(fault["loc"][-1])
            near = difflib.get_close_matches(written, _keys(shape) - {written}, n=1)
            text = f"is no key that is known here{f'; did you mean {near[0]!r}?' if near else ''}"
        case "missing":
            text = "is missing"
        case kind if kind in _MUST_BE:
            text = f"must be {_MUST_BE[kind]}"
        case _:
            text = fault["msg"].removeprefix("Value error, ").replace("Input should be", "must be", 1)
    return Fault(named(file), key_path(fault), text)


def _keys(shape: type[BaseModel]) -> set[str]:
    """All keys of a file, at any depth: a key in the wrong table is as good a guess as a misspelt one."""
    found: set[str] = set()
    for name, info in shape.model_fields.items():
        found.add(name)
        for part in (info.annotation, *get_args(info.annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                found |= _keys(part)
    return found


def _site(main: JudgedTable, tables: Mapping[str, ServiceTable]) -> Site:
    services = {
        name: Service(
            id=name,
            name=table.name,
            numbers=table.numbers,
            extension=table.extension,
            languages=table.languages or main.site.languages,
            records=table.records,
            hours=table.hours.hours(),
            queue=Queue(
                *(table.queue.name, table.queue.wait, table.queue.languages, table.queue.language_wait),
                *(table.queue.answer_within, table.queue.wrap_up or 0.0),
            ),
            menus={menu: written.menu(menu) for menu, written in table.menus.items()},
            welcome=table.welcome or main.site.welcome,
            emergency=table.emergency,
        )
        for name, table in tables.items()
    }
    phones = {extension: table.phone(extension, main.site.languages[0]) for extension, table in main.phones.items()}
    return Site(
        name=main.site.name,
        country=main.site.country,
        timezone=main.site.timezone,
        languages=main.site.languages,
        services=services,
        general=main.site.general,
        payments=main.site.payments,
        announcement=main.recording.announcement,
        announces_transferred=main.recording.transferred == "announced",
        resumes=main.payment.resume == "announced",
        audit=main.audit.keep,
        expires_at=main.retention.at,
        files=tuple(table.rule() for table in main.retention.files),
        retention={kind: getattr(main.retention, kind) for kind in CLASSES},
        roles={role: getattr(main.roles, role) for role in ROLES},
        bank_holidays=bank_holidays(main.site.bank_holidays),
        phones=phones,
        supervisors={name: table.supervisor(name) for name, table in main.supervisors.items()},
        messages=main.messages.rule(),
        agents={extension: table.agent(extension) for extension, table in main.agents.items()},
        pauses=main.pauses.pauses(),
        tells_agents=main.supervision.tone,
        scoring=main.scoring.rule(),
    )
