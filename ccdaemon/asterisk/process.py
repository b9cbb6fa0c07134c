"""As whom Asterisk runs, as the kernel has it. Source: proc_pid_status(5); Asterisk's own file asterisk.pid."""

from __future__ import annotations

from pathlib import Path

from ccdaemon.findings import Runs


def runs_as(run: Path) -> Runs:
    """Of the process whose number lies in Asterisk's run folder. Raises `OSError`, `ValueError` where it is hidden."""
    number = int((run / "asterisk.pid").read_text())
    lines = Path(f"/proc/{number}/status").read_text().splitlines()
    told = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
    try:
        user, group = int(told["Uid"][1]), int(told["Gid"][1])  # the effective ones
    except (KeyError, IndexError):
        message = f"/proc/{number}/status says nothing of a user"
        raise ValueError(message) from None
    umask = told.get("Umask")
    groups = {group, *map(int, told.get("Groups", []))}
    return Runs(user, frozenset(groups), int(umask[0], 8) if umask else None)
