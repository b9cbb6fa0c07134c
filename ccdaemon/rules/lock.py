"""The lock: does Asterisk's own configuration leave a way round the payments door?

What is said here literally is a fault. What is computed while a call goes on (`Dial(${X})`, an AGI) nobody can judge
from the text: it is listed for a person, who signs it off in `payment.signed_off`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from ccdaemon.model import AsteriskFiles, Fault, Setting, Site
from ccdaemon.rules.events import event_faults
from ccdaemon.rules.reaching import offers_messages

OURS = "ccdaemon/"  # the folder of our own contexts
_CALL = re.compile(r"\b([A-Za-z]+)\(|,\s*([A-Za-z]+)\s*$")  # an application needs no parentheses
_COMPUTED = ("agi", "fastagi", "eagi", "asyncagi", "stasis", "exec", "tryexec", "execif", "originate", "dial", "queue")
_SPYING = "only cc-supervise may: who listens is asked for a PIN there, never hears a payment, and is written down"
_CONFERENCE = "the rooms *61 to *69 of cc-meet ask it for whoever joins"
_PARKING = "the spaces *71 to *79 of cc-meet ask it for whoever fetches"
_ROUND = {
    "pickup": "an officer who picks a call up brings its recorder along",
    "pickupchan": "an officer who picks a call up brings its recorder along",
    "bridge": "it joins calls without asking the door",
    "bridgeadd": "it joins calls without asking the door",
    "mixmonitor": "only cc-connected may start a recorder",
    "monitor": "only cc-connected may start a recorder",
    "chanspy": _SPYING,
    "extenspy": _SPYING,
    "dahdiscan": _SPYING,
    "confbridge": _CONFERENCE,
    "meetme": _CONFERENCE,
    "page": "it is a conference, and asks the door for nobody",
    "park": _PARKING,
    "parkandannounce": _PARKING,
    "parkedcall": _PARKING,
}
_NAMED = {  # in the arguments of any application
    re.compile(r"\bcc-trial\b"): "cc-trial is for the recorder that `ccdaemon doctor` tries: no call may come there",
    re.compile(r"CONFBRIDGE\(bridge,\s*record_conference\)", re.IGNORECASE): (
        "it records whoever joins a conference, officers too"
    ),
    re.compile(r"\bFEATURE\(pickupexten\)", re.IGNORECASE): "whoever dials it takes a ringing call without the door",
    re.compile(r"\bFEATUREMAP\((?:automixmon|automon)\)", re.IGNORECASE): "agents could start a recorder by key",
    re.compile(r"\bFEATUREMAP\(parkcall\)", re.IGNORECASE): "callers would be parked without the door",
    re.compile(r"(?<![A-Za-z0-9])_*TRANSFER_CONTEXT=(?!cc-transfer\b)"): (
        "a transfer would lead elsewhere than to cc-transfer"
    ),
}
_OURS_MAY = {"call", "agent", "reporting", "user", "originate"}
_OURS_MUST_READ = {"call", "agent", "user"}
_UNSEEN = "the daemon does not hear of calls, queues, or who knocks at the payments door, which opens for nobody"
_JOINING = {"all", "call", "system", "originate", "command"}
_KEYS = {  # of features.conf, any section
    "pickupexten": "whoever dials it takes a ringing call without the door",
    "automixmon": "agents could start a recorder by key",
    "automon": "agents could start a recorder by key",
    "parkcall": "callers would be parked without the door",
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """Something that only a person can judge, as it is signed off: `context: Application(arguments)`."""

    where: str
    text: str


def lock_faults(site: Site, us: str, files: AsteriskFiles) -> list[Fault]:
    """Every literal way round the door, and what keeps us from hearing of one. `us` is our user of the manager port."""
    return [
        *_dialplan(site, files.dialplan or ()),
        *_features(files.features or ()),
        *_conferences(files.conferences or ()),
        *_parking(files.parking or ()),
        *_endpoints(site, files.endpoints or ()),
        *_managers(us, files.managers or (), takes_messages=any(map(offers_messages, site.services.values()))),
        *event_faults(us, site, files.managers or ()),
        *_ari(files.ari or ()),
    ]


def to_be_judged(files: AsteriskFiles, signed_off: Collection[str]) -> list[Judgement]:
    """Computed targets outside our contexts that nobody has signed off."""
    found = []
    for setting, name, arguments in _applications(files.dialplan or ()):
        computed = "${" in arguments or name.lower() in _COMPUTED[:6]
        text = f"{setting.section}: {name}({arguments})"
        if name.lower() in _COMPUTED and computed and text not in signed_off:
            found.append(Judgement(setting.where, text))
    for setting in files.dialplan or ():
        text = f"{setting.section}: switch {setting.value}"
        if setting.key in {"switch", "lswitch", "eswitch"} and text not in signed_off:
            found.append(Judgement(setting.where, text))
    return found


def _applications(settings: Iterable[Setting]) -> Iterator[tuple[Setting, str, str]]:
    """Each application that a context of the site's own runs, with its arguments as they are written."""
    for setting in settings:
        if not setting.where.startswith(OURS) and setting.key in {"exten", "same"}:
            for found in _CALL.finditer(setting.value):
                yield setting, found[1] or found[2], _inside(setting.value[found.end() :])


def _inside(text: str) -> str:
    """What stands up to the closing parenthesis."""
    depth = 0
    for position, sign in enumerate(text):
        depth += (sign in "([{") - (sign in ")]}")
        if depth < 0:
            return text[:position]
    return text


def _dialplan(site: Site, settings: Iterable[Setting]) -> Iterator[Fault]:
    officers = {phone.endpoint for phone in site.phones.values() if phone.device in site.officers}
    queues = set(site.services[site.payments].queue.names) if site.payments in site.services else set()
    settings = list(settings)
    for setting in settings:
        if setting.key == "include" and setting.value.partition(",")[0].strip() == "parkedcalls":
            yield Fault(setting.where, setting.section, "includes parkedcalls: who fetches a call there asks no door")
        elif not setting.where.startswith(OURS):
            for pattern, because in _NAMED.items():
                if (named := pattern.search(setting.value)) is not None:
                    yield Fault(setting.where, setting.section, f"has {named[0]} in it: {because}. Take it out")
    for setting, name, arguments in _applications(settings):
        is_function = name == "CONFBRIDGE" and arguments.partition(",")[0] in {"bridge", "user", "menu"}
        if (why := _ROUND.get(name.lower())) is not None and not is_function:
            yield Fault(setting.where, setting.section, f"{name}() leads round the payments door: {why}. Take it out")
        devices = [each.split("/") for each in arguments.partition(",")[0].split("&")]
        dialled = {device[1].partition("@")[0] for device in devices if len(device) > 1}
        if name.lower() == "dial" and dialled & officers:
            whom = min(dialled & officers)
            text = f"dials the officer {whom} past the payments door: Goto(cc-transfer,EXTENSION,1)"
            yield Fault(setting.where, setting.section, text)
        if name.lower() == "queue" and arguments.partition(",")[0] in queues:
            text = f"goes to queue {arguments.partition(',')[0]!r} past the payments door: Goto(cc-payments,s,1)"
            yield Fault(setting.where, setting.section, text)


def _features(settings: Iterable[Setting]) -> Iterator[Fault]:
    for setting in settings:
        if (why := _KEYS.get(setting.key.lower())) is not None and setting.value:
            yield Fault(setting.where, setting.key, f"leads round the payments door: {why}. Leave it empty")


def _conferences(settings: Iterable[Setting]) -> Iterator[Fault]:
    for setting in settings:
        if setting.key == "record_conference" and setting.value.lower() in {"yes", "true", "on", "1"}:
            yield Fault(setting.where, setting.section, "record_conference records whoever joins, officers too: set no")


def _parking(settings: Iterable[Setting]) -> Iterator[Fault]:
    settings = list(settings)
    if settings and "default" not in {setting.section for setting in settings}:
        text = "is missing: Asterisk makes one with parkext 700, which fetches calls without asking the payments door"
        yield Fault("res_parking.conf", "default", f"{text}. Copy it from ccdaemon/samples/res_parking.conf")
    for setting in settings:
        if setting.key == "parkext":
            text = "makes extensions that fetch calls without asking the payments door: take it out, and park at *71"
            yield Fault(setting.where, f"{setting.section}.parkext", text)


def _endpoints(site: Site, settings: Iterable[Setting]) -> Iterator[Fault]:
    """Groups for pick-up, one-touch recording, and phones whose own forwarding goes straight through."""
    phones = set(site.devices)
    for setting in settings:
        if setting.section not in phones:
            continue
        officer = site.devices[setting.section] in site.officers
        match setting.key, setting.value.lower():
            case ("pickup_group" | "named_pickup_group", value) if value and officer:
                text = "lets an officer pick up calls of others, their recorders along: take it out"
            case ("one_touch_recording", "yes" | "true" | "on" | "1"):
                text = "lets the phone start a recorder by key: set no"
            case ("redirect_method", value) if value != "user":
                text = "a phone that forwards (302) would lead callers straight to anybody: set user"
            case _:
                continue
        yield Fault(setting.where, f"{setting.section}.{setting.key}", text)


def _managers(us: str, settings: Iterable[Setting], *, takes_messages: bool) -> Iterator[Fault]:
    """Our user of the manager port, with no more rights than it needs; and others who could join calls."""
    settings = list(settings)
    if settings and us not in {setting.section for setting in settings}:
        text = f"there is no [{us}]: the daemon could not log in. Copy it from ccdaemon/samples/manager.conf"
        yield Fault("manager.conf", "", text)
    for setting in settings:
        rights = {right.strip() for right in setting.value.split(",")}
        if setting.section == us and setting.key in {"read", "write"} and not rights <= _OURS_MAY:
            text = "is more than the daemon needs, and may be card digits: write call,agent,reporting,user"
            yield Fault(setting.where, f"{us}.{setting.key}", text)
        elif setting.section == us and setting.key == "read" and (unseen := _OURS_MUST_READ - rights):
            text = f"lacks {','.join(sorted(unseen))}: {_UNSEEN}. Write call,agent,reporting,user"
            yield Fault(setting.where, f"{us}.read", text)
        elif setting.section == us and setting.key == "write" and takes_messages and "originate" not in rights:
            text = "lacks originate: no agent is brought a caller's message. Write call,agent,reporting,user,originate"
            yield Fault(setting.where, f"{us}.write", text)
        elif setting.section != us and setting.key == "write" and rights & _JOINING:
            has = ",".join(sorted(rights & _JOINING))
            text = f"manager user {setting.section!r} has write = {has}: it can join calls past the payments door"
            yield Fault(setting.where, f"{setting.section}.write", text)


def _ari(settings: Iterable[Setting]) -> Iterator[Fault]:
    """Users of ARI who may do more than look."""
    settings = list(settings)
    enabled = not any((each.section, each.key, each.value.lower()) == ("general", "enabled", "no") for each in settings)
    users = {each.section for each in settings if (each.key, each.value) == ("type", "user")}
    looking = {each.section for each in settings if each.key == "read_only" and each.value.lower() in {"yes", "true"}}
    for setting in settings:
        if enabled and setting.key == "type" and setting.section in users - looking:
            text = "may join and record calls past the payments door: read_only = yes, or enabled = no under [general]"
            yield Fault(setting.where, setting.section, f"ARI user {setting.section!r} {text}")
