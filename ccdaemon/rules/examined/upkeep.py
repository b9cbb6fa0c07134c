"""How the daemon and its machine are: alarms, disks, clock, the last night, the last backup."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import Any

from ccdaemon.findings import Finding, State
from ccdaemon.topics import Clock, Disk

HOUR, DAY = 3600.0, 86400.0  # seconds
NIGHT = 26 * HOUR  # from one nightly run to the next, with a change of the clocks and a long run
WEEK = 7 * DAY
SOON = 120.0  # seconds: the daemon catches up with a night when it starts, and looks at its register each minute
FULL, NEARLY_FULL = 95.0, 85.0  # per cent; the daemon's alarm begins at the first
ON_THE_MACHINE = {"files", "myhostname", "mymachines", "resolve"}  # sources of names; the last three are systemd's
ROOM = 2 * 2**30  # bytes: a day's recordings of a middling centre, before they are compressed


def daemon_findings(told: Mapping[str, Any], version: str) -> list[Finding]:
    """What the daemon says of itself: `topics` as `ccdaemon status` has them."""
    topics = told["topics"]
    state, runs = topics["daemon"]["state"], topics["daemon"]["version"]
    found = []
    if state != "online":
        text = f"is {state}: new calls go to the second tier. systemctl start ccdaemon, once it has ended"
        found.append(Finding("daemon", State.FAULT, text, "control socket"))
    if runs != version:
        text = f"runs in version {runs}, and {version} is installed. systemctl restart ccdaemon: calls do not notice"
        found.append(Finding("daemon", State.WARNING, text, "control socket"))
    ami = topics.get("ami", {})
    if ami.get("state") != "up":
        text = f"has no link with Asterisk ({ami.get('reason')}): callers get the second tier. Its log says more"
        found.append(Finding("daemon", State.FAULT, text, "control socket"))
    return [*(found or [Finding("daemon", State.OK, f"runs in version {runs}, and has a link with Asterisk")])]


def alarm_findings(topics: Mapping[str, Any]) -> list[Finding]:
    """Every alarm that stands; one that somebody is at is a warning."""
    found = [
        Finding("alarms", State.WARNING if alarm["acknowledged"] else State.FAULT, alarm["text"], topic)
        for topic, alarm in sorted(topics.items())
        if topic.startswith("alarms/")
    ]
    return found or [Finding("alarms", State.OK, "none stands")]


def disk_finding(name: str, disk: Disk) -> Finding:
    free = f"{disk['free_bytes'] / 2**30:.1f} GiB free, {disk['used_percent']:.0f}% used"
    if disk["used_percent"] >= FULL:
        text = f"{free}: what is recorded is lost once it is full. Calls go on. Make room, or add to it"
        return Finding("disk", State.FAULT, text, name)
    if disk["used_percent"] >= NEARLY_FULL or disk["free_bytes"] < ROOM:
        return Finding("disk", State.WARNING, f"{free}: nothing is lost yet. Make room, or add to it", name)
    return Finding("disk", State.OK, f"{name}: {free}")


def swap_finding(*, swaps: bool, kept_out: bool) -> Finding:
    """May what the daemon has open be written to a disk?"""
    if not swaps:
        return Finding("swap", State.OK, "there is none: what is open stays in memory")
    if kept_out:
        return Finding("swap", State.OK, "the daemon, and what it opens, is kept out of it")
    text = (
        "what the daemon has open, with recordings that are heard, may be written to a disk. MemorySwapMax=0 in its "
        "unit keeps it in memory; this needs cgroups v2. Or encrypt the swap space"
    )
    return Finding("swap", State.WARNING, text, "/proc/swaps")


def clock_finding(clock: Clock) -> Finding:
    if clock["synchronised"] is None:
        return Finding("clock", State.UNSEEN, "the kernel tells nobody here how its clock is set")
    if clock["synchronised"]:
        return Finding("clock", State.OK, f"is set, and at most {clock['error_ms']:.0f} ms wrong")
    text = "nothing sets this machine's clock: lines open and close at the wrong time, and evidence loses its worth. "
    return Finding("clock", State.FAULT, text + "timedatectl set-ntp true, or look at chronyd", "this machine")


def own_sources(nsswitch: str) -> list[str]:
    """Where names of hosts are looked up before anything that may be away is asked; from nsswitch.conf(5)."""
    lines = [hosts[1] for line in nsswitch.splitlines() if (hosts := re.match(r"\s*hosts[\s:]+([^#]*)", line))]
    last = lines[-1] if lines else "files"
    sources = re.sub(r"\[[^]]*\]", " ", last).split()  # without what to do next, in brackets
    return [*takewhile(ON_THE_MACHINE.__contains__, sources)]


def name_finding(name: str, *, known: bool) -> Finding:
    """Must Asterisk ask a name server for its own machine?

    Source: `ast_rtp_prop_set` in res/res_rtp_asterisk.c, `ast_find_ourip` in main/acl.c.
    """
    if known:
        return Finding("name", State.OK, f"{name} is known here without a name server")
    text = (
        f"no file of this machine knows its own name, {name}: Asterisk looks it up for each leg of a call whose RTP is "
        f"bound to no address, and while no name server answers callers wait 20 s for each. Write `127.0.1.1 {name}` "
        "into /etc/hosts, and see that /etc/nsswitch.conf has `files` before `dns` at `hosts`"
    )
    return Finding("name", State.WARNING, text, "/etc/hosts")


def night_finding(register: Mapping[str, Any] | None, since: float, now: float) -> Finding:
    """The last run that came to its end, as the topic `register` has it; `since` is when the daemon started."""
    last: float | None = None if register is None else register["expired"]
    if register is None or (last is None and now - since < SOON):
        return Finding("expiry", State.UNSEEN, "the daemon has just started: ask again in two minutes")
    if last is None:
        text = "has never come to its end: what is due is kept. `ccdaemon expire` does it now, and says what hinders it"
    elif register["whole"] is False:
        text = "did not delete all that was due: it is kept longer than the site promises. The daemon's log says why"
    elif now - last > NIGHT:
        text = (
            f"ended last {_ago(now - last)} ago: what is due since is kept longer than the site promises. `ccdaemon "
            "expire` does it now"
        )
    else:
        return Finding("expiry", State.OK, f"ran {_ago(now - last)} ago, and all that was due is gone")
    return Finding("expiry", State.FAULT, text, "nightly run")


def backup_finding(last: float | None, now: float) -> Finding:
    """A warning and no fault: callers lose nothing, and what copies the disk in another way we cannot see."""
    if last is not None and now - last <= WEEK:
        return Finding("backup", State.OK, f"`ccdaemon backup` ran {_ago(now - last)} ago")
    when = "has never run" if last is None else f"ran last {_ago(now - last)} ago"
    text = f"`ccdaemon backup` {when}: if the disk fails, all recordings since are gone. Run it each night from cron"
    return Finding("backup", State.WARNING, text, "audit chain")


def _ago(seconds: float) -> str:
    days, hours = seconds // DAY, seconds // HOUR
    return f"{days:.0f} days" if days > 1 else f"{hours:.0f} hours" if hours > 1 else f"{seconds / 60:.0f} minutes"


def strays_findings(names: list[str], spool: str) -> Iterator[Finding]:
    """Files in the spool that no recorder of ours wrote."""
    if names:
        text = f"{len(names)} files there are no recordings of ours ({names[0]}): nothing expires them. Take them away"
        yield Finding("spool", State.WARNING, text, spool)
