"""TOML files to the frozen values of `model`; every fault is reported, all at once, by file and key path.

A configuration is either whole and sound, or it is refused with all its faults: nothing is ever half loaded. What is
written in the files is described here; whether it makes sense together is decided in `rules.soundness`.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
)
from pydantic_core import ErrorDetails

from ccdaemon.model import (
    CLOSED,
    HOLIDAY,
    UNANSWERED,
    Back,
    Catalogue,
    Farewell,
    Fault,
    Hours,
    Language,
    Menu,
    Phone,
    Queue,
    Repeat,
    Say,
    Service,
    Site,
    Span,
    ToMenu,
    ToQueue,
    ToService,
    Way,
)
from ccdaemon.rules.numbers import e164, is_country
from ccdaemon.rules.soundness import soundness

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MAIN_FILE = "ccdaemon.toml"


class ConfigurationFaults(Exception):
    """The configuration is refused. `faults` names every reason."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))


# --- the small grammars inside the files -----------------------------------------------------------------------------

WAYS: dict[str, type[Any]] = {
    "menu": ToMenu,
    "service": ToService,
    "say": Say,
    "queue": ToQueue,
    "repeat": Repeat,
    "back": Back,
    "goodbye": Farewell,
}


def _way(written: object) -> Way:
    verb, _, name = str(written).partition(" ")
    kind = WAYS.get(verb)
    if kind is None or bool(name) != (kind in (ToMenu, ToService, Say)):
        message = (
            f"{written!r} leads nowhere; write 'menu NAME', 'service NAME', 'say PROMPT', 'queue', 'repeat', 'back' "
            "or 'goodbye'"
        )
        raise ValueError(message)
    return kind(name) if name else kind()  # type: ignore[no-any-return]


def _span(written: object) -> Span:
    clock = r"([01]\d|2[0-3]):([0-5]\d)"
    found = re.fullmatch(rf"{clock}-(?:24:00|{clock})", str(written))
    if found is None:
        message = f"{written!r} is no span of a day; write for example '09:00-17:00' (until midnight: '24:00')"
        raise ValueError(message)
    start_hour, start_minute, *end = found.groups()
    until = time(int(end[0]), int(end[1])) if end[0] else time.max
    return Span(time(int(start_hour), int(start_minute)), until)


def _number(written: object, info: ValidationInfo) -> str:
    country = (info.context or {}).get("country", "GB")
    if (number := e164(str(written), country)) is None:
        message = f"{written!r} is no telephone number; write it as you dial it, or as +44..."
        raise ValueError(message)
    return number


def _queue_name(written: str) -> str:
    if written == "general":
        message = "no queue can be called 'general': that is a section of queues.conf for Asterisk itself"
        raise ValueError(message)
    return written


def _zone(written: object) -> ZoneInfo:
    try:
        return ZoneInfo(str(written))
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a folder of zones, as 'Europe'
        message = f"{written!r} is no time zone; write for example 'Europe/London'"
        raise ValueError(message) from None


def _country(written: str) -> str:
    if not is_country(written):
        message = f"{written!r} is no country; write its two letters as in ISO 3166, for example 'GB'"
        raise ValueError(message)
    return written


def _bank_holidays(written: str) -> str:
    try:
        _holidays(written)
    except NotImplementedError:
        message = f"no bank holidays are known for {written!r}; write for example 'GB-WLS'"
        raise ValueError(message) from None
    return written


def _holidays(written: str) -> holidays.HolidayBase:
    country, _, part = written.partition("-")
    return holidays.country_holidays(country, subdiv=part or None)


def _languages(written: tuple[Language, ...]) -> tuple[Language, ...]:
    if not 1 <= len(written) <= 9 or len(set(written)) < len(written):  # noqa: PLR2004 - keys 1 to 9
        message = "name one to nine languages, none of them twice: each has a key of its own"
        raise ValueError(message)
    return written


WORD = r"[a-z][a-z0-9-]{0,39}"
Word = Annotated[str, StringConstraints(pattern=rf"^{WORD}$")]
QueueName = Annotated[Word, AfterValidator(_queue_name)]
Extension = Annotated[str, StringConstraints(pattern=r"^\d{2,8}$")]
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=7200)]
KeyName = Annotated[str, StringConstraints(pattern=r"^[0-9*#]$")]
WrittenWay = Annotated[Way, PlainValidator(_way)]
WrittenSpan = Annotated[Span, PlainValidator(_span)]
Number = Annotated[str, BeforeValidator(_number)]
Endpoint = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]+$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$"), AfterValidator(_country)]
BankHolidays = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}(-[A-Z]{2,3})?$"), AfterValidator(_bank_holidays)]
Languages = Annotated[
    tuple[Annotated[Language, StringConstraints(pattern=r"^[a-z]{2,3}(_[A-Z]{2})?$")], ...],
    AfterValidator(_languages),
]


_PROMPTS = TypeAdapter(dict[str, dict[Language, str]])


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


_T = TypeVar("_T", bound=_Table)


# --- services/NAME.toml ----------------------------------------------------------------------------------------------


class QueueTable(_Table):
    name: QueueName
    wait: Seconds = 900
    languages: dict[Language, QueueName] = {}
    language_wait: Seconds = 45


class HoursTable(_Table):
    always: bool = False
    monday: tuple[WrittenSpan, ...] = ()
    tuesday: tuple[WrittenSpan, ...] = ()
    wednesday: tuple[WrittenSpan, ...] = ()
    thursday: tuple[WrittenSpan, ...] = ()
    friday: tuple[WrittenSpan, ...] = ()
    saturday: tuple[WrittenSpan, ...] = ()
    sunday: tuple[WrittenSpan, ...] = ()
    open_on_bank_holidays: bool = False
    closed_on: frozenset[date] = frozenset()

    def hours(self) -> Hours:
        if self.always:
            whole_day = (Span(time.min, time.max),)
            return Hours(dict.fromkeys(range(7), whole_day), on_bank_holidays=True, closures=self.closed_on)
        week = {number: getattr(self, name) for number, name in enumerate(WEEKDAYS)}
        return Hours(week, self.open_on_bank_holidays, self.closed_on)


class MenuTable(_Table):
    prompt: Word
    keys: dict[KeyName, WrittenWay] = {}
    otherwise: WrittenWay | None = None
    wait: Seconds = 5

    def menu(self, name: str) -> Menu:
        nobody_there = name in (CLOSED, HOLIDAY, UNANSWERED)
        return Menu(self.prompt, self.keys, self.otherwise or (Farewell() if nobody_there else ToQueue()), self.wait)


class ServiceTable(_Table):
    name: dict[Language, str]
    numbers: tuple[Number, ...]
    extension: Extension
    languages: Languages | None = None
    records: bool = False
    welcome: Word | None = None
    emergency: Word | None = None
    queue: QueueTable
    hours: HoursTable
    menus: dict[Word, MenuTable]


# --- ccdaemon.toml ---------------------------------------------------------------------------------------------------


class SiteTable(_Table):
    name: Word
    country: Country = "GB"
    timezone: Annotated[ZoneInfo, PlainValidator(_zone)] = ZoneInfo("Europe/London")
    bank_holidays: BankHolidays = "GB-WLS"
    languages: Languages = ("cy", "en")
    welcome: Word = "welcome"
    general: Word
    payments: Word


class RecordingTable(_Table):
    allowed_services: tuple[Word, ...] = ("housing", "assist")
    announcement: Word = "recording-announcement"


class ManagerTable(_Table):
    """How we log in to Asterisk's manager port."""

    host: str = "127.0.0.1"
    port: Port = 5038
    user: str = "ccdaemon"
    secret: Path
    tls: bool = False
    ca: Path | None = None


class GatewayTable(_Table):
    """Where Asterisk asks us. The secret proves each side to the other."""

    host: str = "127.0.0.1"
    port: Port = 573
    secret: Path


class AsteriskTable(_Table):
    """The Asterisk beside us: its configuration is read by `check`, never written but by `dialplan install`."""

    config: Path = Path("/etc/asterisk")
    sounds: Path = Path("/usr/share/asterisk/sounds")
    trunk: Word = "trunk"
    fallback_queue: QueueName


class MqttTable(_Table):
    host: str = "127.0.0.1"
    port: Port = 1883
    user: str | None = None
    password: Path | None = None
    tls: bool = False
    ca: Path | None = None


class PathsTable(_Table):
    state: Path = Path("/var/lib/ccdaemon")
    spool: Path = Path("/var/spool/ccdaemon")
    run: Path = Path("/run/ccdaemon")
    sounds: Path = Path("/var/lib/ccdaemon/sounds")


class PhoneTable(_Table):
    endpoint: Endpoint | None = None
    service: Word


class MainTable(_Table):
    site: SiteTable
    recording: RecordingTable = RecordingTable()
    manager: ManagerTable
    gateway: GatewayTable
    asterisk: AsteriskTable
    mqtt: MqttTable | None = None
    paths: PathsTable = PathsTable()
    phones: dict[Extension, PhoneTable] = {}


@dataclass(frozen=True)
class Configuration:
    """A whole, sound configuration: the site for the rules, the rest for the edges."""

    folder: Path
    site: Site
    catalogue: Catalogue
    main: MainTable


# --- reading ---------------------------------------------------------------------------------------------------------


def load(folder: Path, shipped_prompts: Path) -> Configuration:
    """Read a site's folder. Raises `ConfigurationFaults` with everything that is wrong with it."""
    faults: list[Fault] = []
    catalogue = _catalogue([shipped_prompts, folder / "prompts"], faults)
    prompts_are_whole = not faults
    main = _read(folder / MAIN_FILE, MainTable, faults)
    files = {file.stem: file for file in sorted((folder / "services").glob("*.toml"))}
    tables = _services(files, main.site.country if main else "GB", faults)
    if main is None:
        raise ConfigurationFaults(faults)
    site = _site(main, tables)
    if prompts_are_whole:
        faults += soundness(site, catalogue, main.recording.allowed_services, files.keys() - tables.keys())
    if faults:
        raise ConfigurationFaults(faults)
    return Configuration(folder, site, catalogue, main)


def secret(file: Path) -> str:
    """The secret in a file, without the line's end. Raises `ConfigurationFaults` if there is none to be had."""
    try:
        value = file.read_text(errors="replace").strip()
    except OSError as fault:
        raise ConfigurationFaults([Fault(str(file), "", f"the secret cannot be read: {fault.strerror}")]) from None
    if len(value) < 16 or not re.fullmatch(r"[!-~]+", value):  # noqa: PLR2004 - 16 letters cannot be guessed
        text = "a secret is one line of 16 or more letters and digits; `ccdaemon init` makes one"
        raise ConfigurationFaults([Fault(str(file), "", text)])
    return value


def _services(files: Mapping[str, Path], country: str, faults: list[Fault]) -> dict[str, ServiceTable]:
    """The services whose files are as they should be. Their names stand in the dialplan and in files' names."""
    found: dict[str, ServiceTable] = {}
    for name, file in files.items():
        if re.fullmatch(WORD, name) is None:
            text = "a service is called as its file: small letters, digits and hyphens, a letter first, 40 at most"
            faults.append(Fault(_named(file), "", text))
        elif (table := _read(file, ServiceTable, faults, country)) is not None:
            found[name] = table
    return found


def _read(file: Path, shape: type[_T], faults: list[Fault], country: str = "GB") -> _T | None:
    try:
        written = tomllib.loads(file.read_text())
    except OSError as fault:
        faults.append(
            Fault(_named(file), "", f"cannot be read: {fault.strerror}. `ccdaemon init` writes an example site")
        )
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        faults.append(Fault(_named(file), "", f"is not valid TOML: {fault}"))
    else:
        try:
            return shape.model_validate(written, context={"country": country})
        except ValidationError as wrong:
            faults += [_explained(file, shape, each) for each in wrong.errors()]
    return None


def _named(file: Path) -> str:
    return file.name if file.name == MAIN_FILE else f"{file.parent.name}/{file.name}"


def _explained(file: Path, shape: type[_Table], fault: ErrorDetails) -> Fault:
    path = [str(part) for part in fault["loc"] if part != "[key]"]
    match fault["type"]:
        case "extra_forbidden":
            near = difflib.get_close_matches(path[-1], _keys(shape), n=1)
            text = f"is no key that is known here{f'; did you mean {near[0]!r}?' if near else ''}"
        case "missing":
            text = "is missing"
        case "string_pattern_mismatch":
            text = f"{fault['input']!r} does not have the form {fault['ctx']['pattern']}"
        case _:
            text = fault["msg"].removeprefix("Value error, ")
    return Fault(_named(file), ".".join(path), text)


def _keys(shape: type[BaseModel]) -> set[str]:
    """All keys of a file, at any depth: a key in the wrong table is as good a guess as a misspelt one."""
    found: set[str] = set()
    for name, info in shape.model_fields.items():
        found.add(name)
        for part in (info.annotation, *get_args(info.annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                found |= _keys(part)
    return found


def _catalogue(folders: Iterable[Path], faults: list[Fault]) -> Catalogue:
    """Prompts of all files in these folders; a later one replaces an earlier one."""
    found: dict[str, dict[Language, str]] = {}
    for folder in folders:
        for file in sorted(folder.glob("*.toml")):
            try:
                found |= _PROMPTS.validate_python(tomllib.loads(file.read_text()))
            except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
                faults.append(Fault(f"{folder.name}/{file.name}", "", f"cannot be read: {fault}"))
            except ValidationError as wrong:
                for each in wrong.errors():
                    key = ".".join(map(str, each["loc"]))
                    text = 'a prompt is a table of language and text: en = "..."'
                    faults.append(Fault(f"{folder.name}/{file.name}", key, text))
    return found


def _site(main: MainTable, tables: Mapping[str, ServiceTable]) -> Site:
    services = {
        name: Service(
            id=name,
            name=table.name,
            numbers=table.numbers,
            extension=table.extension,
            languages=table.languages or main.site.languages,
            records=table.records,
            hours=table.hours.hours(),
            queue=Queue(table.queue.name, table.queue.wait, table.queue.languages, table.queue.language_wait),
            menus={menu: written.menu(menu) for menu, written in table.menus.items()},
            welcome=table.welcome or main.site.welcome,
            emergency=table.emergency,
        )
        for name, table in tables.items()
    }
    phones = {
        extension: Phone(extension, table.endpoint or extension, table.service)
        for extension, table in main.phones.items()
    }
    return Site(
        name=main.site.name,
        country=main.site.country,
        timezone=main.site.timezone,
        languages=main.site.languages,
        services=services,
        general=main.site.general,
        payments=main.site.payments,
        announcement=main.recording.announcement,
        bank_holidays=_holidays(main.site.bank_holidays),
        phones=phones,
    )
