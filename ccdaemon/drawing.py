"""A service's menus as a picture: each menu a box, each key an arrow to where it leads."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from ccdaemon.model import Service, Site
from ccdaemon.ways import (
    CLOSED,
    HOLIDAY,
    MAIN,
    UNANSWERED,
    Back,
    Farewell,
    Menu,
    Repeat,
    Say,
    ToMenu,
    ToMessage,
    ToQueue,
    ToService,
    Way,
)

WIDTH, LINE, GAP, COLUMN = 300, 22, 34, 380  # pixels
INK, PAPER, DIM = "#1b2733", "#ffffff", "#5d6b78"
COLOURS = {MAIN: "#d9ecff", CLOSED: "#ece6f6", HOLIDAY: "#ece6f6", UNANSWERED: "#fdeed3"}
OTHER = "#e4f3e4"


@dataclass(frozen=True)
class _Box:
    menu: Menu
    x: int
    y: int

    @property
    def height(self) -> int:
        return (len(self.menu.keys) + 2) * LINE + 10


def svg(site: Site, service: Service) -> str:
    """An SVG document. The main menu stands at the left, menus behind it to the right, those for other times below."""
    boxes = _place(service)
    width = max((box.x for box in boxes.values()), default=0) + WIDTH + 40
    height = max((box.y + box.height for box in boxes.values()), default=0) + 40
    root = Element(
        "svg", xmlns="http://www.w3.org/2000/svg", width=str(width), height=str(height), viewBox=f"0 0 {width} {height}"
    )
    SubElement(root, "title").text = f"Menus of {service.name.get('en', service.id)}"
    SubElement(root, "rect", width="100%", height="100%", fill=PAPER)
    marker = SubElement(
        SubElement(root, "defs"),
        "marker",
        {"id": "tip", "viewBox": "0 0 8 8", "refX": "8", "refY": "4", "markerWidth": "8", "markerHeight": "8"},
    )
    marker.set("orient", "auto")
    SubElement(marker, "path", d="M0 0 L8 4 L0 8 z", fill=DIM)
    names = " / ".join(service.name.get(language, "") for language in service.languages)
    _text(root, 20, 30, names, size=18, weight="bold")
    for name, box in boxes.items():
        _draw(root, site, name, box, boxes)
    indent(root)
    return tostring(root, encoding="unicode") + "\n"


def _place(service: Service) -> dict[str, _Box]:
    depth = _depths(service)
    bottoms: dict[int, int] = {}
    boxes: dict[str, _Box] = {}
    for name in sorted(service.menus, key=lambda name: (depth[name], name != MAIN, name)):
        column = depth[name]
        y = bottoms.get(column, 50)
        boxes[name] = box = _Box(service.menus[name], 20 + column * COLUMN, y)
        bottoms[column] = y + box.height + GAP
    return boxes


def _depths(service: Service) -> dict[str, int]:
    """How many keys lie between the door and a menu."""
    depth = {name: 0 for name in service.menus if name in COLOURS}
    frontier = [*depth]
    while frontier:
        name = frontier.pop(0)
        menu = service.menus[name]
        for way in (*menu.keys.values(), menu.otherwise):
            if isinstance(way, ToMenu) and way.menu in service.menus and way.menu not in depth:
                depth[way.menu] = depth[name] + 1
                frontier.append(way.menu)
    return {name: depth.get(name, 0) for name in service.menus}


def _draw(root: Element, site: Site, name: str, box: _Box, boxes: dict[str, _Box]) -> None:
    colour = COLOURS.get(name, OTHER)
    frame = {"x": str(box.x), "y": str(box.y), "width": str(WIDTH), "height": str(box.height), "rx": "6"}
    SubElement(root, "rect", frame, fill=colour, stroke=INK)
    _text(root, box.x + 10, box.y + LINE - 4, name, weight="bold")
    _text(root, box.x + WIDTH - 10, box.y + LINE - 4, box.menu.prompt, colour=DIM, anchor="end")
    rows: list[tuple[str, Way]] = [*box.menu.keys.items(), ("no key", box.menu.otherwise)]
    for number, (key, way) in enumerate(rows, 1):
        y = box.y + LINE - 4 + number * LINE
        _text(root, box.x + 10, y, key, colour=DIM if key == "no key" else INK, weight="bold")
        _text(root, box.x + 70, y, _words(site, way))
        if isinstance(way, ToMenu) and way.menu in boxes:
            target = boxes[way.menu]
            start, end = (box.x + WIDTH, y - 5), (target.x, target.y + LINE - 9)
            middle = (start[0] + end[0]) // 2
            path = f"M{start[0]} {start[1]} C{middle} {start[1]} {middle} {end[1]} {end[0]} {end[1]}"
            SubElement(root, "path", {"d": path, "fill": "none", "stroke": DIM, "marker-end": "url(#tip)"})


def _words(site: Site, way: Way) -> str:
    match way:
        case ToMenu(menu):
            return f"menu {menu}"
        case ToService(service):
            return f"service: {site.services[service].name.get('en', service)}"
        case ToQueue():
            return "a person"
        case ToMessage():
            return "leaves a message"
        case Say(prompt):
            return f"hears {prompt}"
        case Repeat():
            return "again"
        case Back():
            return "back"
        case Farewell():
            return "goodbye"


def _text(
    root: Element,
    x: int,
    y: int,
    text: str,
    *,
    size: int = 13,
    weight: str = "normal",
    colour: str = INK,
    anchor: str = "start",
) -> None:
    style = {"font-size": str(size), "font-weight": weight, "fill": colour, "text-anchor": anchor}
    SubElement(root, "text", {"x": str(x), "y": str(y), "font-family": "sans-serif", **style}).text = text
