"""`ccdaemon man`: all commands in one manual page, made of what --help says of each.

Source: man-pages(7), groff_man(7)
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from ccdaemon import __version__
from ccdaemon.cli import app

ABOUT = """
ccdaemon stands beside an Asterisk: Asterisk carries the calls, ccdaemon decides which menu a caller hears and in which
language, where the call goes, whether it may be recorded, and what is kept of it. Each command says more with --help.
"""
ENDINGS = (("0", "It is done."), ("1", "The answer is no; what and why was said."), ("2", "It was used wrongly."))
FILES = (
    ("/etc/ccdaemon/ccdaemon.toml, /etc/ccdaemon/services/*.toml", "The site; --config names another."),
    ("/var/lib/ccdaemon", "The register, finished recordings, sounds."),
    ("/var/lib/ccdaemon-keys", "The keys of what is kept; never in a backup."),
    ("/var/spool/ccdaemon", "What Asterisk records, and what other programs leave to be taken in."),
    ("/run/ccdaemon/control", "The socket at which commands ask the daemon."),
)


def man() -> None:
    """Print the manual page of all commands; `ccdaemon man | man -l -` shows it."""
    typer.echo("\n".join(_page(get_command(app))))


def _page(commands: Any) -> Iterator[str]:  # noqa: ANN401 - typer's own types are private
    yield f'.TH CCDAEMON 1 "" "ccdaemon {__version__}" "User Commands"'
    yield from (".SH NAME", r"ccdaemon \- contact centre daemon for Asterisk")
    yield from (".SH SYNOPSIS", r".B ccdaemon", r"\fICOMMAND\fR [\fIOPTION\fR]...")
    yield from (".SH DESCRIPTION", _plain(ABOUT), ".SH COMMANDS")
    for path, command in _all(commands, ()):
        yield from _one(path, command)
    yield ".SH EXIT STATUS"
    for status, text in ENDINGS:
        yield from (".TP", f".B {status}", _plain(text))
    yield ".SH FILES"
    for file, text in FILES:
        yield from (".TP", f".I {_plain(file)}", _plain(text))
    yield from (".SH SEE ALSO", ".BR asterisk (8),", ".BR systemctl (1)")


def _all(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:  # noqa: ANN401 - as above
    """Every command that does something, groups that do so by themselves among them."""
    group = isinstance(command, TyperGroup)
    if path and (not group or command.invoke_without_command):
        yield path, command
    if group:
        with typer.Context(command) as context:
            for name in command.list_commands(context):
                yield from _all(command.get_command(context, name), (*path, name))


def _one(path: tuple[str, ...], command: Any) -> Iterator[str]:  # noqa: ANN401 - as above
    shown = [each for each in command.params if not getattr(each, "hidden", False) and each.name != "help"]
    arguments = [_argument(each) for each in shown if each.param_type_name == "argument"]
    yield f".SS ccdaemon {_plain(' '.join(path))} {' '.join(arguments)}".rstrip()
    first, *more = inspect.cleandoc(command.help or "").split("\n\n")
    yield _plain(first)
    for paragraph in more:
        yield from (".PP", _plain(paragraph))
    for each in shown:
        if each.param_type_name == "option":
            names = ", ".join([*each.opts, *each.secondary_opts])
            value = "" if each.is_flag else rf" \fI{_plain(each.metavar or each.name.upper())}\fR"
            yield from (".TP", rf"\fB{_plain(names)}\fR{value}", _plain(each.help or ""))


def _argument(argument: Any) -> str:  # noqa: ANN401 - as above
    name = _plain(argument.metavar or argument.name.upper())
    return rf"\fI{name}\fR" if argument.required else rf"[\fI{name}\fR]"


def _plain(text: str) -> str:
    """In one line; nothing in it means something to troff."""
    line = " ".join(text.split()).replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq")
    return rf"\&{line}" if line.startswith(".") else line
