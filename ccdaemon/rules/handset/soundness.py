"""Do phones and supervisors make sense together? Every way in which they do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from ccdaemon.model import Catalogue, Fault, Site, Supervisor
from ccdaemon.rules.handset.lines import line_faults
from ccdaemon.rules.handset.prompts import prompts_faults
from ccdaemon.rules.handset.rota import agent_faults
from ccdaemon.rules.handset.scoring import PROMPTS as SCORING
from ccdaemon.rules.wording import prompt_faults

PROMPTS = (
    "handset-not-allowed",
    "handset-unavailable",
    "supervisor-number",
    "pin",
    "pin-wrong",
    "pin-locked",
    "spy-nobody",
    "spy-not-in-a-call",
    "spy-not-your-service",
    "spy-payments",
    "spy-over",
)
MAIN = "ccdaemon.toml"


def handset_faults(site: Site, catalogue: Catalogue, services: Collection[str]) -> Iterator[Fault]:
    """All of them; `services` are those that there are."""
    for phone in site.phones.values():
        if phone.language not in site.languages:
            key = f"phones.{phone.extension}.language"
            yield Fault(MAIN, key, f"{phone.language!r} is none of the site's languages ([site])")
    if site.supervisors:
        for prompt in PROMPTS:
            yield from prompt_faults(MAIN, "supervisors", prompt, site.languages, catalogue)
    yield from _scoring(site, catalogue)
    for who in site.supervisors.values():
        yield from _supervisor(site, who, services)
    yield from _shared(site)
    yield from line_faults(site, catalogue)
    yield from prompts_faults(site, catalogue)
    yield from agent_faults(site, catalogue, services)


def _supervisor(site: Site, who: Supervisor, services: Collection[str]) -> Iterator[Fault]:
    key = f"supervisors.{who.id}"
    for service in sorted(who.services):
        if service not in services:
            yield Fault(MAIN, f"{key}.services", f"there is no services/{service}.toml")
        elif service == site.payments and who.may & {"listen", "whisper", "barge"}:
            yield Fault(MAIN, f"{key}.services", "nobody listens to payments: take this service out")
    for extension in sorted(who.handsets):
        if extension not in site.phones:
            yield Fault(MAIN, f"{key}.handsets", f"there is no phone {extension} in [phones]")
        elif site.phones[extension].device in site.officers:
            text = f"payments are taken on {extension}, where nobody may listen to others: name another phone"
            yield Fault(MAIN, f"{key}.handsets", text)
    if "score" in who.may and not any(site.services[name].records for name in who.services & site.services.keys()):
        yield Fault(MAIN, f"{key}.services", "none of these is recorded: there is nothing that they could score (*95)")
    if not who.services and who.may & {"listen", "whisper", "barge"}:
        yield Fault(MAIN, f"{key}.services", "names no service: there is no call that they could listen to (*90)")
    if not who.may:
        yield Fault(MAIN, f"{key}.may", "is empty: they could do nothing by their PIN")
    if not who.handsets:
        yield Fault(MAIN, f"{key}.handsets", "names no phone: there is none from which this PIN would count")


def _scoring(site: Site, catalogue: Catalogue) -> Iterator[Fault]:
    scoring = site.scoring
    for criterion in sorted(scoring.fatal - {*scoring.criteria}):
        yield Fault(MAIN, "scoring.fatal", f"{criterion!r} is none of the criteria")
    for criterion, often in Counter(scoring.criteria).items():
        if often > 1:
            yield Fault(MAIN, "scoring.criteria", f"{criterion!r} is written {often} times: once is enough")
    if scoring.criteria:
        services = [f"service-{name}" for name, service in site.services.items() if service.records]
        for prompt in (*SCORING, *(f"score-{each}" for each in scoring.criteria), *services):
            yield from prompt_faults(MAIN, "scoring", prompt, site.languages, catalogue)
    elif any("score" in who.may for who in site.supervisors.values()):
        text = 'names no criterion, though some supervisors may score; write for example ["greeting", "answer"]'
        yield Fault(MAIN, "scoring.criteria", text)


def _shared(site: Site) -> Iterator[Fault]:
    """Who shares a handset is told from others by a number of their own."""
    for who in site.supervisors.values():
        others = [each for each in site.supervisors.values() if each is not who and who.number in {"", each.number}]
        shared = {each.id: min(each.handsets & who.handsets) for each in others if each.handsets & who.handsets}
        if shared:
            where = ", ".join(f"{each} may use {extension} too" for each, extension in sorted(shared.items()))
            yield Fault(MAIN, f"supervisors.{who.id}.number", f"must be a number of their own: {where}")
