"""Does Asterisk's own configuration keep what we promise?

Our contexts included, queues that exist, members that are devices, phones that transfer to us, and no way for a caller
to transfer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from ccdaemon.model import AsteriskFiles, Fault, Setting, Site
from ccdaemon.rules.handset.rota import member_faults

OLDEST = (22, 1)  # the first with option D of MixMonitor and with event filters by name
ROOMS = {
    "cc-room": {"type": "bridge"},
    "cc-phone": {"type": "user", "marked": "yes", "end_marked": "yes"},
    "cc-brought": {"type": "user", "marked": "no", "end_marked": "yes"},
}
DEFAULTS = {"marked": "no"}  # as app_confbridge has it
LOT = {
    "parkpos": "1-9",
    "context": "cc-spaces",
    "comebackcontext": "cc-parked",
    "comebacktoorigin": "no",
    "parkedcalltransfers": "caller",
}
CONNECTED, ANSWERED = "cc-connected", "cc-answered"
TRUNK_CONTEXT, PHONES_CONTEXT, TRANSFER_CONTEXT = "cc-inbound", "cc-internal", "cc-transfer"
KEYS = {
    "cc-record": "nothing is recorded any more once an agent has consulted a colleague",
    "cc-announce": "nobody is told in mid-conversation that it is recorded from there",
    "cc-resume": "no recording goes on after a payment",
    "cc-watched": "no agent is told that a supervisor listens, where the site wants it",
    "cc-pays": "no agent can seal a call before they take card details",
    "cc-objects": "no agent can stop the recording for a caller who objects",
    "cc-keep": "no agent can keep the call of somebody who threatens",
}
_APPLICATION = re.compile(r"\b(Queue|Dial)\(", re.IGNORECASE)
_CALLING_PARTY = set("THKWX")  # what the party that called may do by key: transfer, hang up, park, record
_CALLED_PARTY = set("thkwx")


def too_old(version: str) -> str | None:
    """What is wrong with an Asterisk of this version (`AsteriskVersion` of CoreSettings); None if nothing is."""
    found = re.match(r"(\d+)\.(\d+)", version)
    if found is None or (int(found[1]), int(found[2])) >= OLDEST:
        return None
    oldest = ".".join(map(str, OLDEST))
    return f"Asterisk {version} is older than {oldest}: what it records cannot be told apart. Install a newer one"


def asterisk_faults(site: Site, fallback_queue: str, trunk: str, files: AsteriskFiles) -> list[Fault]:
    """All that is wrong with queues.conf, extensions.conf and pjsip.conf, as far as we depend on them."""
    if files.queues is None:
        text = "queues.conf is not there: run this on the machine of the PBX, or with --no-asterisk"
        return [Fault(str(files.folder), "", text)]
    return [
        *_included(files.dialplan or ()),
        *_queues(site, fallback_queue, files.queues),
        *member_faults(site, files.queues),
        *_options(trunk, files.dialplan or ()),
        *trunk_faults(trunk, files.endpoints or ()),
        *_phones(site, files.endpoints or ()),
        *_keys(files.features),
        *_conferences(files.conferences),
        *_parking(files.parking),
    ]


def _included(settings: tuple[Setting, ...]) -> Iterator[Fault]:
    if TRUNK_CONTEXT not in {setting.section for setting in settings}:
        text = (
            f"there is no context {TRUNK_CONTEXT}: nobody who calls would be answered. `ccdaemon dialplan install`, "
            "then write `#include ccdaemon/*.conf` into this file"
        )
        yield Fault("extensions.conf", "", text)


def _queues(site: Site, fallback_queue: str, settings: tuple[Setting, ...]) -> Iterator[Fault]:
    known = {setting.section for setting in settings if setting.section != "general"}
    gosubs = {setting.section: setting.value for setting in settings if setting.key == "membergosub"}
    if fallback_queue not in known:
        yield Fault("ccdaemon.toml", "asterisk.fallback_queue", _unknown(fallback_queue, "who have nowhere else to go"))
    for service in site.services.values():
        file = f"services/{service.id}.toml"
        names = {"queue.name": service.queue.name}
        names |= {f"queue.languages.{language}": name for language, name in service.queue.by_language.items()}
        for key, name in names.items():
            if name not in known:
                yield Fault(file, key, _unknown(name, f"to {service.name.get('en', service.id)}"))
            elif service.id == site.payments and gosubs.get(name) != ANSWERED:
                text = f"queue {name!r} has no membergosub = {ANSWERED} in queues.conf: the payments door stands there"
                yield Fault(file, key, text)
            elif service.records and not gosubs.get(name, "").startswith(CONNECTED):
                text = f"queue {name!r} has no membergosub = {CONNECTED} in queues.conf: no call would be recorded"
                yield Fault(file, key, text)
    for setting in settings:
        if setting.key == "member" and setting.value.lower().startswith("local/"):
            text = (
                f"member {setting.value.split(',')[0]} of queue {setting.section!r} is a Local channel: a recorder "
                "on it goes on after the agent has transferred the call. Name the device, PJSIP/..."
            )
            yield Fault(setting.where, setting.section, text)


def _unknown(queue: str, whom: str) -> str:
    return (
        f"queue {queue!r} is not known to Asterisk: callers {whom} would hear the fallback. Add it to queues.conf, or "
        "name another here"
    )


def _options(trunk: str, settings: tuple[Setting, ...]) -> Iterator[Fault]:
    for setting in settings:
        for found in _APPLICATION.finditer(setting.value):
            application = found[1].capitalize()
            written, plain = _arguments(setting.value[found.end() :])
            options = [*plain.split(","), "", ""][1 if application == "Queue" else 2]
            outward = application == "Dial" and re.search(rf"[@/]{trunk}(?![\w-])|CC_TRUNK", written)
            wrong = sorted(set(options) & (_CALLED_PARTY if outward else _CALLING_PARTY))
            if wrong:
                text = (
                    f"{application}() has option {', '.join(wrong)}: somebody outside could transfer, park or record "
                    "by key. Take it out"
                )
                yield Fault(setting.where, setting.section, text)


def _arguments(text: str) -> tuple[str, str]:
    """What stands up to the closing parenthesis: as it is written, and without what is in brackets of its own."""
    depth, plain = 0, ""
    for position, sign in enumerate(text):
        if sign in ")]}":
            depth -= 1
            if depth < 0:
                return text[:position], plain
        elif sign in "([{":
            depth += 1
        elif depth == 0:
            plain += sign
    return text, plain


def trunk_faults(trunk: str, settings: Iterable[Setting]) -> Iterator[Fault]:
    """What callers from outside may do: nothing but be answered."""
    mine = {setting.key: setting for setting in settings if setting.section == trunk}
    if not mine:
        text = (
            f"there is no endpoint {trunk!r} in pjsip.conf: phones could not call out, not even 999. Name yours here, "
            "or write one as in ccdaemon/samples/pjsip.conf"
        )
        yield Fault("ccdaemon.toml", "asterisk.trunk", text)
        return
    for key, wanted in (("context", TRUNK_CONTEXT), ("allow_transfer", "no")):
        if key not in mine or mine[key].value != wanted:
            where = mine[key].where if key in mine else mine[""].where
            yield Fault(where, f"{trunk}.{key}", f"must be {wanted!r} for the trunk")


def _phones(site: Site, settings: tuple[Setting, ...]) -> Iterator[Fault]:
    """Those that stand in pjsip.conf; others may come from a wizard or a database."""
    for phone in site.phones.values():
        mine = [setting for setting in settings if setting.section == phone.endpoint]
        if not any((setting.key, setting.value) == ("type", "endpoint") for setting in mine):
            continue
        contexts = [setting.value for setting in mine if setting.key == "context"]
        variables = [setting.value.replace(" ", "") for setting in mine if setting.key == "set_var"]
        if contexts[-1:] != [PHONES_CONTEXT]:
            text = f"must be {PHONES_CONTEXT!r} for a phone: there 999 and the extensions are dialled"
            yield Fault(mine[0].where, f"{phone.endpoint}.context", text)
        if f"TRANSFER_CONTEXT={TRANSFER_CONTEXT}" not in variables:
            text = f"must be TRANSFER_CONTEXT={TRANSFER_CONTEXT}: else a transfer may lead anywhere, the trunk included"
            yield Fault(mine[0].where, f"{phone.endpoint}.set_var", text)
        features = [value for value in variables if value.startswith("DYNAMIC_FEATURES=")]
        if missing := [name for name in KEYS if name not in "".join(features[-1:]).partition("=")[2].split("#")]:
            text = f"must be DYNAMIC_FEATURES={'#'.join(KEYS)}: without {', '.join(missing)} {KEYS[missing[0]]}"
            yield Fault(mine[0].where, f"{phone.endpoint}.set_var", text)


def _keys(settings: tuple[Setting, ...] | None) -> Iterator[Fault]:
    """What DYNAMIC_FEATURES names must be in features.conf."""
    there = {setting.key for setting in settings or () if setting.section == "applicationmap"}
    for name, else_ in KEYS.items():
        if name not in there:
            text = f"{name} is missing: without it {else_}. Copy it from ccdaemon/samples/features.conf"
            yield Fault("features.conf", "applicationmap", text)


def _conferences(settings: tuple[Setting, ...] | None) -> Iterator[Fault]:
    """What *61 to *69 name."""
    for name, wanted in ROOMS.items():
        missing = (
            "is missing: nobody could join a conference (*61 to *69). Copy it from ccdaemon/samples/confbridge.conf"
        )
        else_ = "callers would be left alone in a room, or never get in"
        yield from _section("confbridge.conf", settings or (), name, wanted, missing, else_)


def _parking(settings: tuple[Setting, ...] | None) -> Iterator[Fault]:
    """The lot to which *71 to *79 lead."""
    missing = "is missing: nobody could be parked (*71 to *79). Copy all of ccdaemon/samples/res_parking.conf"
    else_ = "callers whom nobody fetches are lost, may transfer, or *71 to *79 lead nowhere"
    yield from _section("res_parking.conf", settings or (), "cc", LOT, missing, else_)


def _section(
    file: str, settings: Iterable[Setting], name: str, wanted: Mapping[str, str], missing: str, else_: str
) -> Iterator[Fault]:
    """Is the section there, and does it hold these values, or Asterisk's own that are the same?"""
    mine = {setting.key: setting for setting in settings if setting.section == name}
    if not mine:
        yield Fault(file, name, missing)
        return
    for key, value in wanted.items():
        found = mine[key].value.lower() if key in mine else DEFAULTS.get(key, "")
        if found != value:
            yield Fault(mine.get(key, mine[""]).where, f"{name}.{key}", f"must be {value!r}: else {else_}")
