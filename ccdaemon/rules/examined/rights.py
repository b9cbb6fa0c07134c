"""May our user of the manager port do what it must, and nothing more? By what Asterisk lets it do (ListCommands).

What it may *read* beyond its need, `dtmf` above all, no action shows: that is seen in manager.conf only (`rules.lock`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from ccdaemon.findings import Finding, State

THING = "manager user"
MAY = frozenset({"call", "agent", "reporting", "user"})
ORIGINATE, WRITTEN = "originate", "call,agent,reporting,user"
ALL = "all"  # who has it has every other
ANYBODYS = frozenset({"", "<none>"})  # of actions that need no right
NEEDED = {  # what ccdaemon sends, and what it is for
    "Getvar": "the payments door finds no recorder",
    "Setvar": "there is no heartbeat: callers get the second tier",
    "StopMixMonitor": "the payments door opens for nobody",
    "Hangup": "the payments door leaves listeners on the line",
    "PlayDTMF": "no recording goes on after a consultation",
    "CoreSettings": "nobody knows Asterisk's version",
    "CoreShowChannels": "calls are not seen: callers get the second tier",
    "Status": "calls are not seen: callers get the second tier",
    "BridgeList": "calls are not seen: callers get the second tier",
    "QueueStatus": "nobody sees who waits",
    "QueueAdd": "no agent can log in (*45)",
    "QueueRemove": "no agent can log out (*45)",
    "QueuePause": "no agent can pause (*46), and nobody is paused who lets calls ring",
    "DeviceStateList": "nobody sees which phones are there",
    "ShowDialPlan": "this command cannot see what is loaded",
}
_RIGHTS = re.compile(r"\(Priv: ([^)]*)\)\s*$")


def rights_findings(user: str, allowed: Mapping[str, str], *, takes_messages: bool = False) -> list[Finding]:
    """`allowed` are the actions that our user may send, each with its description, at whose end stand the rights.

    Where a site `takes_messages`, agents are brought them by calls that we start.
    """
    where = f"manager.conf: {user}.write"
    found = [*_too_many(user, where, allowed, MAY | ({ORIGINATE} if takes_messages else set()))]
    found += _too_few(user, where, allowed)
    if takes_messages and "Originate" not in allowed:
        text = f"{user} may not send Originate: no agent is brought a caller's message. Write {WRITTEN},{ORIGINATE}"
        found.append(Finding(THING, State.FAULT, text, where))
    return found or [Finding(THING, State.OK, f"{user} may send what it needs, and nothing of system or command")]


def _too_many(user: str, where: str, allowed: Mapping[str, str], may: Collection[str]) -> Iterator[Finding]:
    wider = dict[str, str]()  # right -> an action that shows it
    for action, text in sorted(allowed.items(), key=lambda each: len(_rights(each[1]))):  # what is certain first
        rights = _rights(text)
        if rights and rights.isdisjoint((*may, *wider)):
            wider[" or ".join(sorted(rights))] = action
    if alone := wider.pop(ORIGINATE, None):
        text = (
            f"{user} may start calls ({alone}), and nothing in this site does so: whoever has the secret could. Take "
            "originate out, then asterisk -rx 'manager reload'"
        )
        yield Finding(THING, State.WARNING, text, where)
    if wider:
        text = (
            f"{user} has {', '.join(sorted(wider))} ({', '.join(sorted(set(wider.values())))}): whoever has the secret "
            f"could change Asterisk, record calls, or run programs. Write call,agent,reporting,user, then asterisk "
            "-rx 'manager reload'"
        )
        yield Finding(THING, State.FAULT, text, where)


def _too_few(user: str, where: str, allowed: Mapping[str, str]) -> Iterator[Finding]:
    for action, means in NEEDED.items():
        if action not in allowed:
            text = f"{user} may not send {action}: {means}. Write call,agent,reporting,user"
            yield Finding(THING, State.FAULT, text, where)


def _rights(text: str) -> set[str]:
    found = _RIGHTS.search(text)
    return set(found[1].split(",")) - ANYBODYS - {ALL} if found else set()
