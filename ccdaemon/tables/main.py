"""The tables of `ccdaemon.toml`: what the whole site shares."""

from __future__ import annotations

from datetime import time
from ipaddress import ip_address
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import ConfigDict, Field, model_validator

from ccdaemon.grammar import (
    BankHolidays,
    Clock,
    Country,
    DateForm,
    Extension,
    Host,
    Languages,
    Place,
    Port,
    QueueName,
    Seconds,
    Word,
    WrittenKeep,
    YesNo,
    Zone,
)
from ccdaemon.kept import Encoding, Files, Keep
from ccdaemon.tables import Table
from ccdaemon.tables.handsets import (
    AgentTable,
    PausesTable,
    PhoneTable,
    ScoringTable,
    SupervisionTable,
    SupervisorTable,
)
from ccdaemon.tables.messages import MessagesTable


class SiteTable(Table):
    name: Word
    country: Country = "GB"
    timezone: Zone = ZoneInfo("Europe/London")
    bank_holidays: BankHolidays = "GB-WLS"
    languages: Languages = ("cy", "en")
    welcome: Word = "welcome"
    general: Word
    payments: Word


class RecordingTable(Table):
    allowed_services: tuple[Word, ...] = ("housing", "assist")
    announcement: Word = "recording-announcement"
    transferred: Literal["never", "announced"] = "never"
    format: Encoding = "flac"


class PaymentTable(Table):
    """The payments door. There is one way only to meet a doubt: nobody is connected."""

    when_unverified: Literal["refuse"] = "refuse"
    deadline: Seconds = 15
    resume: Literal["never", "announced"] = "never"
    signed_off: frozenset[str] = frozenset()


class FilesTable(Table):
    """Files of another program."""

    folder: Path
    pattern: str = "*"
    age: Literal["changed", "name", "lines"] = "changed"
    date: DateForm = "%Y-%m-%d"
    keep: WrittenKeep = Keep(months=12)

    @model_validator(mode="after")
    def _is_whole(self) -> FilesTable:
        if not self.folder.is_absolute() or Path("/") in {self.folder, self.folder.parent}:
            message = (
                f"{str(self.folder)!r}: write the whole path of a folder below another one, as '/var/log/asterisk'"
            )
            raise ValueError(message)
        return self

    def rule(self) -> Files:
        return Files(str(self.folder), self.pattern, self.age, self.keep, self.date)


class RetentionTable(Table):
    """For how long each class is kept, and when at night it goes."""

    at: Clock = time(3, 0)
    call: WrittenKeep = Keep(months=12)
    recording: WrittenKeep = Keep(months=12)
    message: WrittenKeep = Keep(months=12)
    comment: WrittenKeep = Keep(months=12)
    transcript: WrittenKeep = Keep(months=12)
    sms: WrittenKeep = Keep(months=12)
    webchat: WrittenKeep = Keep(months=12)
    social: WrittenKeep = Keep(months=12)
    files: tuple[FilesTable, ...] = ()


class RolesTable(Table):
    """Users of this machine, by what they may do with what is kept (`rules.access`)."""

    telecoms: frozenset[str] = frozenset()
    supervisor: frozenset[str] = frozenset()
    data_protection: frozenset[str] = frozenset()


class KeysTable(Table):
    """Where the site's key lies, and the folder of those that it wraps."""

    site: Path = Path("/etc/ccdaemon/site.key")
    folder: Place = Path("/var/lib/ccdaemon-keys")


class AuditTable(Table):
    """Where the key lies that signs certificates and checkpoints, how long rows are kept, and where heads go."""

    key: Path = Path("/etc/ccdaemon/audit.key")
    keep: WrittenKeep = Keep(months=72)
    heads: Place | None = None


class ManagerTable(Table):
    """How we log in to Asterisk's manager port."""

    host: Host = "127.0.0.1"
    port: Port = 5038
    user: str = "ccdaemon"
    secret: Path
    tls: YesNo = False
    ca: Path | None = None


class GatewayTable(Table):
    """Where Asterisk asks us. The secret proves each side to the other."""

    host: Host = "127.0.0.1"
    port: Port = 573
    secret: Path


class AsteriskTable(Table):
    """The Asterisk beside us: its configuration is read by `check`, never written but by `dialplan install`."""

    config: Place = Path("/etc/asterisk")
    sounds: Place = Path("/usr/share/asterisk/sounds")
    trunk: Word = "trunk"
    fallback_queue: QueueName


class MqttTable(Table):
    host: Host = "127.0.0.1"
    port: Port = 1883
    user: str | None = None
    password: Path | None = None
    tls: YesNo = False
    ca: Path | None = None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name
        return host == "localhost"


class MetricsTable(Table):
    """Where Prometheus finds metrics: a port of this machine, or a socket."""

    host: Host = "127.0.0.1"
    port: Port | None = None
    socket: Place | None = None

    @model_validator(mode="after")
    def _is_one(self) -> MetricsTable:
        if (self.port is None) == (self.socket is None):
            message = "write either port or socket"
            raise ValueError(message)
        if not _is_loopback(self.host):
            message = f"{self.host} is no address of this machine alone: whoever reaches it would read all that it says"
            raise ValueError(message)
        return self


class PathsTable(Table):
    state: Place = Path("/var/lib/ccdaemon")
    spool: Place = Path("/var/spool/ccdaemon")
    run: Place = Path("/run/ccdaemon")
    sounds: Place = Path("/var/lib/ccdaemon/sounds")


class JudgedTable(Table):
    """That of the main file on which it depends whether a site makes sense."""

    model_config = ConfigDict(extra="ignore")

    site: SiteTable
    recording: RecordingTable = RecordingTable()
    payment: PaymentTable = PaymentTable()
    retention: RetentionTable = RetentionTable()
    audit: AuditTable = AuditTable()
    roles: RolesTable = RolesTable()
    phones: dict[Extension, PhoneTable] = Field(default_factory=dict)
    messages: MessagesTable = MessagesTable()
    supervision: SupervisionTable = SupervisionTable()
    scoring: ScoringTable = ScoringTable()
    supervisors: dict[Word, SupervisorTable] = Field(default_factory=dict)
    agents: dict[Extension, AgentTable] = Field(default_factory=dict)
    pauses: PausesTable = PausesTable()


class MainTable(JudgedTable):
    model_config = ConfigDict(extra="forbid")

    manager: ManagerTable
    gateway: GatewayTable
    asterisk: AsteriskTable
    mqtt: MqttTable | None = None
    metrics: MetricsTable | None = None
    keys: KeysTable = KeysTable()
    paths: PathsTable = PathsTable()
