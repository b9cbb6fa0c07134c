"""Who may read and write what: secrets for the daemon alone, the spool for two users, prompts for Asterisk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ccdaemon.findings import Owned, Runs
from ccdaemon.model import Fault

OTHERS, GROUP, SETGID = 0o007, 0o070, 0o2000
SHARED = 0o060  # of a file that two users read and write
LISTENED = 0o050  # of a folder in which the group reads
READ, ENTER = 4, 1


def secret_faults(file: Owned, daemon: int | None) -> Iterator[Fault]:
    """A file that nobody but the daemon's user may read."""
    if file.mode & (GROUP | OTHERS):
        text = (
            f"has mode {file.mode:04o}: others than the daemon can read it, and speak or decrypt in its name. chmod "
            f"400 {file.path}, and take a new one if anybody may have read it"
        )
        yield Fault(str(file.path), "", text)
    if daemon is not None and file.user != daemon:
        text = (
            f"belongs to user {file.user} and not to the daemon's, {daemon}: the daemon cannot read it at its next "
            f"start. chown ccdaemon {file.path}"
        )
        yield Fault(str(file.path), "", text)


def closed_faults(path: Owned, mend: str) -> Iterator[Fault]:
    """What the group may share, but nobody else."""
    if path.mode & OTHERS:
        yield Fault(
            str(path.path), "", f"has mode {path.mode:04o}: every user of the machine may use it. {mend} {path.path}"
        )


def folder_faults(folder: Owned) -> Iterator[Fault]:
    """The folder of the periods' keys."""
    if folder.mode & (GROUP | OTHERS):
        text = f"has mode {folder.mode:04o}: others than the daemon may get at the keys of recordings. chmod 700"
        yield Fault(str(folder.path), "", f"{text} {folder.path}")


def spool_faults(folder: Owned, asterisk: Runs | None) -> Iterator[Fault]:
    """Asterisk writes there, the daemon reads and removes, nobody else comes in; new files get the folder's group."""
    wrong = []
    if folder.mode & OTHERS:
        wrong.append("every user of the machine can read what is recorded")
    if folder.mode & GROUP != GROUP:
        wrong.append("Asterisk and the daemon cannot both write there: nothing is recorded, or nothing is finished")
    if not folder.mode & SETGID:
        wrong.append("what Asterisk records there does not get the group that the daemon reads with")
    mend = "chmod 2770"
    if asterisk is not None and folder.group not in asterisk.groups and folder.user != asterisk.user:
        wrong.append("it is not of Asterisk's group: nothing is recorded")
        mend = "chgrp asterisk; chmod 2770"
    if wrong:
        text = f"has mode {folder.mode:04o}: {'; '.join(wrong)}. {mend} {folder.path} (or systemd-tmpfiles --create)"
        yield Fault(str(folder.path), "", text)


def lent_faults(folder: Owned, asterisk: Runs | None) -> Iterator[Fault]:
    """The folder from which Asterisk plays what is sealed, at a phone: it reads there, and nobody else comes in."""
    wrong = []
    if folder.mode & OTHERS:
        wrong.append("every user of the machine can hear what is played there")
    if not folder.mode & SETGID or folder.mode & LISTENED != LISTENED:
        wrong.append("Asterisk cannot read there: agents and supervisors hear nothing")
    elif asterisk is not None and folder.group not in asterisk.groups and folder.user != asterisk.user:
        wrong.append("it is not of Asterisk's group: agents and supervisors hear nothing")
    if wrong:
        text = f"has mode {folder.mode:04o}: {'; '.join(wrong)}. systemd-tmpfiles --create puts it right"
        yield Fault(str(folder.path), "", text)


def heard_faults(way: Sequence[Owned], asterisk: Runs | None) -> Iterator[Fault]:
    """To the folder from which callers hear what was spoken at handsets."""
    if asterisk is not None and not readable(way, asterisk):
        text = "Asterisk cannot read there: no emergency message is heard. systemd-tmpfiles --create puts it right"
        yield Fault(str(way[-1].path), "", text)


def replaced_faults(folder: Owned, daemon: int | None) -> Iterator[Fault]:
    """A folder of prompts, in which the daemon puts those that are recorded at handsets."""
    if daemon not in {None, 0, folder.user}:
        text = (
            f"belongs to user {folder.user} and not to the daemon's, {daemon}: no prompt can be recorded at a handset. "
            "`ccdaemon prompts build` puts it right, as root, where the uppermost folder of the sounds is the daemon's"
        )
        yield Fault(str(folder.path), "", text)


def recorded_faults(file: Owned, folder: Owned) -> Iterator[Fault]:
    """A file that Asterisk has just recorded."""
    if file.mode & OTHERS:
        text = (
            f"Asterisk records with mode {file.mode:04o}, readable by every user who gets at it. Install "
            "systemd/asterisk-ccdaemon.conf (UMask=0007), then restart Asterisk"
        )
        yield Fault(str(file.path), "", text)
    if file.mode & SHARED != SHARED or file.group != folder.group:
        text = (
            f"Asterisk records with mode {file.mode:04o} for group {file.group}: the daemon cannot finish that. "
            f"chgrp asterisk, chmod 2770 {folder.path}; UMask=0007 for Asterisk"
        )
        yield Fault(str(file.path), "", text)


def umask_faults(asterisk: Runs) -> Iterator[Fault]:
    if asterisk.umask is not None and asterisk.umask & OTHERS != OTHERS:
        text = (
            f"Asterisk runs with the umask {asterisk.umask:04o}: what it records is readable by every user who gets at "
            "it. Install systemd/asterisk-ccdaemon.conf (UMask=0007), then restart Asterisk"
        )
        yield Fault("asterisk.service", "UMask", text)


def readable(path: Sequence[Owned], by: Runs) -> bool:
    """May a program read the last of these, going through all before it? Access lists (acl(5)) aside."""
    *folders, file = path
    return _may(file, by, READ) and all(_may(folder, by, ENTER) for folder in folders)


def _may(path: Owned, by: Runs, what: int) -> bool:
    if by.user == 0:
        return True
    if path.user == by.user:
        return bool(path.mode >> 6 & what)
    return bool(path.mode >> 3 & what if path.group in by.groups else path.mode & what)
