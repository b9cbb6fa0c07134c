"""`ccdaemon menus`: a service's menus as a tree on the screen or as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from ccdaemon.cli.configuration import DEFAULT_FOLDER, Folder, configuration, screen, stop
from ccdaemon.drawing import svg
from ccdaemon.grammar import WAYS
from ccdaemon.model import Catalogue, Service, Site
from ccdaemon.rules.handset.codes import CODES
from ccdaemon.rules.reaching import ENTRANCES
from ccdaemon.ways import ToMenu, Way


def menus(
    service: Annotated[str, typer.Argument(help="A service of the site, for example housing.")] = "",
    svg_file: Annotated[Path | None, typer.Option("--svg", help="Draw a picture into this file.")] = None,
    config: Folder = DEFAULT_FOLDER,
    card: Annotated[bool, typer.Option("--card", help="Print what handsets can dial, for a card of one page.")] = False,
) -> None:
    """Show the menus of a service, as a tree or as a picture; or the feature codes of handsets, as a card.

    For example:

    ccdaemon menus housing --svg housing.svg

    ccdaemon menus --card
    """
    if not (service or card):
        message = "name a service, or --card"
        raise typer.BadParameter(message)
    site = configuration(config)
    if card:
        _print_card(site.site, site.catalogue)
        return
    wanted = site.site.services.get(service)
    if wanted is None:
        message = f"there is no service {service!r}; there are {', '.join(site.site.services)}"
        raise typer.BadParameter(message, param_hint="SERVICE")
    if svg_file is not None:
        try:
            svg_file.write_text(svg(site.site, wanted))
        except OSError as fault:
            message = f"{svg_file} cannot be written: {fault.strerror}"
            raise stop(message) from None
        screen.print(f"wrote {svg_file}")
        return
    for name in ENTRANCES:
        if name in wanted.menus:
            tree = Tree(f"[bold]{name}[/]")
            _grow(tree, wanted, name, {name})
            screen.print(tree)


def _print_card(site: Site, catalogue: Catalogue) -> None:
    """In every language of the site that the table of codes has; with the numbers that follow some codes."""
    for language in site.languages:
        table = Table("", "", "", title=site.name, show_header=False, title_justify="left")
        for code in CODES:
            if language in code.does:
                table.add_row(
                    f"[bold]{escape(code.written_in(language))}[/]",
                    "PIN" if code.pin else "",
                    escape(code.does[language]),
                )
        table.add_section()
        for number, reason in site.pauses.reasons.items():
            table.add_row(f"*46 {number}", "", escape(catalogue[f"pause-{reason}"].get(language, reason)))
        table.add_section()
        for service in site.services.values():
            table.add_row(service.extension, "", escape(service.name.get(language, service.id)))
        screen.print(table)


def _grow(tree: Tree, service: Service, name: str, seen: set[str]) -> None:
    menu = service.menus[name]
    tree.add(f"[dim]says {escape(menu.prompt)}[/]")
    for key, way in [*menu.keys.items(), ("no key:", menu.otherwise)]:
        branch = tree.add(f"[bold]{escape(key)}[/] {escape(written(way))}")
        if isinstance(way, ToMenu) and way.menu not in seen:
            _grow(branch, service, way.menu, seen | {way.menu})


def written(way: Way) -> str:
    """A way as it is written in a service's file."""
    verb = next(verb for verb, kind in WAYS.items() if isinstance(way, kind))
    names = [getattr(way, name) for name in way.__slots__]
    return " ".join([verb, *names])
