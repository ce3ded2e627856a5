"""The entity-relationship picture: dimensions in the middle, facts on both sides, a line for every key to one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from tests.docs.star import DIMENSIONS, Table, dimensions, facts

WIDTH = 1360
MARGIN = 24
FACT_WIDTH, DIMENSION_WIDTH = 380, 260
HEAD, LINE, GAP = 26, 18, 20
TOP = 84
# one colour a dimension, told apart by people who see few colours: Okabe and Ito's palette, darkened for thin lines
COLOURS = ("#555555", "#0072b2", "#5b9bd5", "#d55e00", "#b5528f", "#007a5a", "#8a6d00", "#7a3db8", "#a3272e")
# columns of a dimension that are shown beside its keys
SHOWN = 5


@dataclass(frozen=True)
class Box:
    """A table in its place."""

    table: Table
    x: int
    y: int
    width: int
    lines: tuple[tuple[str, str | None], ...]

    @property
    def height(self) -> int:
        return HEAD + LINE * len(self.lines) + 8

    def line_y(self, number: int) -> int:
        """The middle of a line."""
        return self.y + HEAD + LINE * number + LINE // 2 + 4


def picture(found: list[Table]) -> str:
    """The star schema as one SVG image."""
    middle = _stack(
        [(table, _dimension_lines(table)) for table in dimensions(found)],
        (WIDTH - DIMENSION_WIDTH) // 2,
        DIMENSION_WIDTH,
    )
    colour = {box.table.name: COLOURS[number % len(COLOURS)] for number, box in enumerate(middle)}
    centre = {box.table.name: box.y + box.height / 2 for box in middle}
    left, right = _sides(found, centre)
    columns = (
        _stack(left, MARGIN, FACT_WIDTH),
        middle,
        _stack(right, WIDTH - MARGIN - FACT_WIDTH, FACT_WIDTH),
    )
    tallest = max(column[-1].y + column[-1].height for column in columns)
    placed = [_centred(column, tallest) for column in columns]
    height = tallest + MARGIN
    parts = [*_lines(placed, colour), *(part for column in placed for box in column for part in _drawn(box, colour))]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
            'font-family="Helvetica, Arial, sans-serif" font-size="12">',
            "<title>Throughline: the star schema</title>",
            f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
            f'<text x="{MARGIN}" y="38" font-size="20" font-weight="bold" fill="#222222">The star schema</text>',
            f'<text x="{MARGIN}" y="60" fill="#555555">Facts on both sides, the dimensions that they share in the '
            "middle. A line is a key that a test follows.</text>",
            *parts,
            "</svg>",
            "",
        ]
    )


def _fact_lines(table: Table) -> tuple[tuple[str, str | None], ...]:
    """Every key of a fact and where it leads, in the order of the dimensions; keys of other facts last."""
    place = {name: number for number, name in enumerate(DIMENSIONS)}
    keys = [(column, target) for column, target in table.references.items() if target.startswith(("dim_", "fct_"))]
    return tuple(sorted(keys, key=lambda key: (place.get(key[1], len(place)), key[0])))


def _dimension_lines(table: Table) -> tuple[tuple[str, str | None], ...]:
    keys = [(column, target) for column, target in table.references.items() if target.startswith("dim_")]
    own = [column for column in table.columns if not column.endswith(("_key", "_id"))][:SHOWN]
    return tuple(keys) + tuple((column, None) for column in own)


def _sides(found: list[Table], centre: dict[str, float]) -> tuple[list, list]:
    """Facts on two sides of about one height, each near the dimensions that it leads to."""

    def pull(table: Table) -> float:
        reached = [centre[target] for target in table.references.values() if target in centre]
        return sum(reached) / len(reached) if reached else 0.0

    ordered = sorted(facts(found), key=lambda table: (pull(table), table.name))
    sides: tuple[list, list] = ([], [])
    heights = [0, 0]
    for table in ordered:
        lines = _fact_lines(table)
        side = 0 if heights[0] <= heights[1] else 1
        sides[side].append((table, lines))
        heights[side] += HEAD + LINE * len(lines) + 8 + GAP
    return sides


def _stack(entries: Iterable[tuple[Table, tuple[tuple[str, str | None], ...]]], x: int, width: int) -> list[Box]:
    boxes: list[Box] = []
    y = TOP
    for table, lines in entries:
        boxes.append(Box(table, x, y, width, lines))
        y += boxes[-1].height + GAP
    return boxes


def _centred(boxes: list[Box], bottom: int) -> list[Box]:
    """The same boxes with their gaps stretched until they end at `bottom`."""
    spare = bottom - boxes[-1].y - boxes[-1].height
    share = spare / max(len(boxes) - 1, 1)
    return [Box(box.table, box.x, box.y + round(share * n), box.width, box.lines) for n, box in enumerate(boxes)]


def _lines(columns: list[list[Box]], colour: dict[str, str]) -> list[str]:
    left, middle, right = columns
    target_box = {box.table.name: box for box in middle}
    drawn = []
    for side, boxes in (("left", left), ("right", right)):
        arriving: dict[str, list[tuple[int, Box, int]]] = {}
        for box in boxes:
            for number, (_, target) in enumerate(box.lines):
                if target in target_box:
                    arriving.setdefault(target, []).append((box.line_y(number), box, number))
        for target, ends in arriving.items():
            end = target_box[target]
            for place, (y, box, _) in enumerate(sorted(ends, key=lambda entry: entry[0])):
                # lines arrive side by side along the dimension's edge
                y_end = end.y + (place + 1) * end.height / (len(ends) + 1)
                x_from, x_to = (box.x + box.width, end.x) if side == "left" else (box.x, end.x + end.width)
                bend = (x_to - x_from) * 0.45
                curve = f"C{x_from + bend:.0f} {y} {x_to - bend:.0f} {y_end:.0f} {x_to} {y_end:.0f}"
                drawn.append(
                    f'<path d="M{x_from} {y} {curve}" '
                    f'fill="none" stroke="{colour[target]}" stroke-width="1.4" stroke-opacity="0.75"/>'
                )
    return drawn


def _drawn(box: Box, colour: dict[str, str]) -> list[str]:
    own = colour.get(box.table.name, "#2b2b2b")
    frame = f'x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}"'
    head = f"M{box.x} {box.y + HEAD} v{4 - HEAD} q0 -4 4 -4 h{box.width - 8} q4 0 4 4 v{HEAD - 4} z"
    parts = [
        f'<rect {frame} rx="4" fill="#ffffff" stroke="{own}"/>',
        f'<path d="{head}" fill="{own}"/>',
        f'<text x="{box.x + 10}" y="{box.y + 17}" font-weight="bold" fill="#ffffff">{escape(box.table.name)}</text>',
    ]
    if box.table.kind:
        parts.append(
            f'<text x="{box.x + box.width - 10}" y="{box.y + 17}" text-anchor="end" fill="#dddddd">'
            f"{escape(box.table.kind)}</text>"
        )
    for number, (column, target) in enumerate(box.lines):
        y = box.line_y(number) + 4
        tint = colour.get(target or "", "#555555")
        weight = ' font-weight="bold"' if target else ""
        parts.append(f'<text x="{box.x + 10}" y="{y}" fill="{tint}"{weight}>{escape(column)}</text>')
        if target and (not box.table.is_fact or target not in colour):
            parts.append(
                f'<text x="{box.x + box.width - 10}" y="{y}" text-anchor="end" fill="{tint}">→ {escape(target)}</text>'
            )
    return parts
