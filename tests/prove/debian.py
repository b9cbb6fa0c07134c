"""A fresh Debian with git, python3 and certificates, and nothing else: the README's two commands, as root and not."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from pathlib import Path

from tests.prove.proof import NotHeld, run

SUITES = {"12": "bookworm", "13": "trixie"}
PACKAGES = "git,python3,ca-certificates"
CLONE = "srv/ccdaemon"
SOMEBODY = 1000
CERTIFICATES = Path("etc/ssl/certs/ca-certificates.crt")
DEADLINE = 3000.0  # seconds for one command
# /dev and /proc as a container has them; what is mounted ends with the command.
INSIDE = """
mount --rbind /dev {root}/dev
mount -t proc proc {root}/proc
mount -t tmpfs -o mode=1777 tmpfs {root}/tmp
exec chroot {root} setpriv --reuid={user} --regid={user} --clear-groups env -i HOME={home} LANG=C.UTF-8 \\
    PATH=/usr/sbin:/usr/bin:/sbin:/bin PIP_DEFAULT_TIMEOUT=180 /bin/sh -c 'cd {clone} && {command}'
"""


async def demo_and_test(root_folder: Path, version: str, source: Path) -> str:
    """Make a Debian and run both commands in a fresh clone in it."""
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        message = "this takes root and debootstrap (apt-get install debootstrap)"
        raise NotHeld(message)
    root = root_folder / f"debian-{version}"
    await asyncio.to_thread(shutil.rmtree, root, ignore_errors=True)
    await run(
        "debootstrap",
        "--variant=minbase",
        f"--include={PACKAGES}",
        SUITES[version],
        str(root),
        await _mirror(),
        within=DEADLINE,
    )
    for file in (CERTIFICATES, Path("etc/resolv.conf")):  # as this machine has them: its way to the mirrors needs them
        shutil.copy(Path("/") / file, root / file)
    (root / "etc/apt/apt.conf.d/machine").write_text(await run("apt-config", "dump", "Acquire", within=60))
    clones = {0: f"{CLONE}-root", SOMEBODY: f"{CLONE}-somebody"}
    for user, clone in clones.items():
        await run("git", "clone", "--quiet", str(source), str(root / clone), within=60)
        await run("chown", "-R", f"{user}:{user}", str(root / clone), within=60)
    (root / "home" / "somebody").mkdir()
    os.chown(root / "home" / "somebody", SOMEBODY, SOMEBODY)
    took = []
    for user, command in ((0, "./dev demo --json"), (0, "./dev test -q"), (SOMEBODY, "./dev demo --json")):
        began = time.monotonic()
        home = "/root" if user == 0 else "/home/somebody"
        script = INSIDE.format(root=root, user=user, home=home, clone=f"/{clones[user]}", command=command)
        words = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", script)
        name = f"{command}{'' if user == 0 else ' without root'}"
        await run(*words, within=DEADLINE, log=root_folder / f"debian-{version}.log", name=name)
        took.append(f"{name} {time.monotonic() - began:.0f} s")
    await asyncio.to_thread(shutil.rmtree, root)
    return ", ".join(took)


async def _mirror() -> str:
    """The one that this machine uses."""
    lines = await run("apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)", within=60)
    mirrors = [line.split()[1] for line in lines.splitlines() if line.startswith("Debian ")]
    if not mirrors:
        message = "this machine's apt knows no mirror of Debian"
        raise NotHeld(message)
    return mirrors[0]
