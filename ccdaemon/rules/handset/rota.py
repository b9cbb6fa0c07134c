"""Do agents, their pauses and Asterisk's queues make sense together? Every way in which they do not."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from ccdaemon.agents import Agent
from ccdaemon.model import Catalogue, Fault, Setting, Site
from ccdaemon.rules.agents import RESERVED, interface
from ccdaemon.rules.wording import prompt_faults

MAIN = "ccdaemon.toml"
PROMPTS = (
    "agent-logged-in",
    "agent-logged-out",
    "agent-not-logged-in",
    "agent-paused",
    "agent-reason",
    "agent-takes-calls",
    "agent-unanswered",
    "agent-wrap-up-longer",
    "handset-not-allowed",
    "handset-unavailable",
    "pause-back",
    "pause-wrap-up",
)


def agent_faults(site: Site, catalogue: Catalogue, services: Collection[str]) -> Iterator[Fault]:
    """All of them; `services` are those that there are."""
    for number, reason in site.pauses.reasons.items():
        key = f"pauses.reasons.{number}"
        if reason in RESERVED:
            yield Fault(MAIN, key, f"{reason!r} is what ccdaemon itself writes: choose another word")
        yield from prompt_faults(MAIN, key, f"pause-{reason}", site.languages, catalogue)
        if number in site.agents:
            yield Fault(MAIN, key, f"*46{number} is the key of a light too, that of extension {number}: renumber it")
    if site.agents:
        for prompt in PROMPTS:
            yield from prompt_faults(MAIN, "agents", prompt, site.languages, catalogue)
    for agent in site.agents.values():
        yield from _agent(site, agent, catalogue, services)


def _agent(site: Site, agent: Agent, catalogue: Catalogue, services: Collection[str]) -> Iterator[Fault]:
    key, phone = f"agents.{agent.extension}", site.phones.get(agent.extension)
    if phone is None:
        yield Fault(MAIN, key, f"there is no phone {agent.extension} in [phones]")
    if not agent.services:
        yield Fault(MAIN, f"{key}.services", "names no service: no call would ever ring this phone")
    for service in agent.services:
        if service not in services:
            yield Fault(MAIN, f"{key}.services", f"there is no services/{service}.toml")
        elif service == site.payments and phone is not None and phone.device not in site.officers:
            text = (
                f"payments are taken on officers' phones only: write service = {service!r} for {agent.extension} in "
                "[phones], or take it out here"
            )
            yield Fault(MAIN, f"{key}.services", text)
        else:
            yield from prompt_faults(MAIN, f"{key}.services", f"service-{service}", site.languages, catalogue)
    for service in sorted(agent.penalties.keys() - {*agent.services}):
        yield Fault(MAIN, f"{key}.penalties.{service}", "is none of this agent's services")
    spoken = {language for each in agent.services if each in site.services for language in _queues(site, each)}
    for language in sorted(agent.languages - spoken):
        text = f"none of these services has a queue for {language!r} ([queue] languages in its file)"
        yield Fault(MAIN, f"{key}.languages", text)


def _queues(site: Site, service: str) -> Collection[str]:
    """The languages that have a queue of their own."""
    return site.services[service].queue.by_language


def member_faults(site: Site, settings: Iterable[Setting]) -> Iterator[Fault]:
    """Does queues.conf let those log in and out who do so?"""
    if not site.agents:
        return
    settings = [*settings]
    kept = [each for each in settings if (each.section, each.key) == ("general", "persistentmembers")]
    if not kept or kept[-1].value.lower() not in {"yes", "true", "on", "1", "y", "t"}:
        text = "must be yes: else a restart of Asterisk logs everybody out until ccdaemon puts them back"
        yield Fault(kept[-1].where if kept else "queues.conf", "general.persistentmembers", text)
    for agent in site.agents.values():
        phone = site.phones.get(agent.extension)
        if phone is None:
            continue
        for each in settings:
            if each.key == "member" and _is(each.value, phone.endpoint):
                text = (
                    f"{agent.extension} logs in and out by *45 ([agents] in ccdaemon.toml), and cannot leave a queue "
                    "that this line puts it into: there it is only paused. Take the line out"
                )
                yield Fault(each.where, each.section, text)


def _is(member: str, endpoint: str) -> bool:
    return member.partition(",")[0].strip().lower() == interface(endpoint).lower()
