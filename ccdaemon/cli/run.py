"""`ccdaemon run`: the daemon itself, in the foreground, as systemd wants it."""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import importlib.util
import os
import resource
from typing import Annotated, Literal

import typer

from ccdaemon.cli.configuration import DEFAULT_FOLDER, Folder, configuration, show, stop
from ccdaemon.config import Configuration, ConfigurationFaults
from ccdaemon.daemon import Daemon
from ccdaemon.keys import KeyWrong
from ccdaemon.logs import configure
from ccdaemon.places import folders
from ccdaemon.store.database import RegisterUnusable


def run(
    config: Folder = DEFAULT_FOLDER,
    log_level: Annotated[Literal["debug", "info", "warning", "error"], typer.Option(help="What is logged.")] = "info",
) -> None:
    """Answer calls until told to stop. A configuration with faults does not start."""
    site = configuration(config)
    configure(log_level)
    os.umask(0o077)  # what we keep is for us alone: our group asks at the control socket
    for folder in folders(site):
        if not os.access(folder, os.W_OK | os.X_OK):
            message = f"{folder} is not there, or not ours to write: `systemd-tmpfiles --create` makes it"
            raise stop(message)
    if importlib.util.find_spec("uvloop") is not None:
        import uvloop  # noqa: PLC0415 - it is there on most machines, and halves what a call costs

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed != most:  # systemd gives us all of it, and lets nobody change it
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # each call is a socket, and customary are 1,024
    faulthandler.enable()  # the watchdog's SIGABRT has it written where we hang
    gc.freeze()  # what was imported stays: to look through it again and again would be a tenth of what a call costs
    try:
        asyncio.run(_run(site))
    except ConfigurationFaults as wrong:
        show(wrong.faults)
        raise typer.Exit(1) from None
    except (OSError, RegisterUnusable, KeyWrong) as fault:
        raise stop(str(fault)) from None


async def _run(site: Configuration) -> None:
    await Daemon(site).run()
