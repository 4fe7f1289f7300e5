#!/usr/bin/env python3
"""Turns what a program prints in colour into a picture: ANSI text on stdin, SVG on stdout.

    provision plan --color always cluster.toml | tools/terminal_svg.py '$ provision plan cluster.toml' > docs/plan.svg

The argument is shown above as the command. Knows what `provision` uses: bold, faint and the eight colours.
"""

import re
import sys
from html import escape

CELL, LINE, SIZE, MARGIN = 8.4, 19, 14, 18
BACKGROUND, TEXT = "#0d1117", "#e6edf3"
COLORS = {31: "#ff7b72", 32: "#56d364", 33: "#e3b341", 34: "#79c0ff", 35: "#d2a8ff", 36: "#76e3ea", 90: "#8b949e"}
FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
SGR = re.compile(r"\x1b\[([0-9;]*)m")


def runs(line: str, style: dict) -> list[tuple[int, str, dict]]:
    """The pieces of a line with the column and the style of each; `style` is carried on to the next line."""
    pieces, column, at = [], 0, 0
    for match in [*SGR.finditer(line), None]:
        text = line[at : match.start() if match else len(line)]
        # Columns are set apart by spaces: each word group has a place of its own, so that no font can shift it.
        for group in re.finditer(r"\S+(?: \S+)*", text):
            pieces.append((column + group.start(), group[0], dict(style)))
        column += len(text)
        if match:
            at = match.end()
            for code in map(int, filter(None, (match[1] or "0").split(";"))):
                if code == 0:
                    style.clear()
                elif code in (1, 2):
                    style["weight"] = code
                elif code in COLORS:
                    style["color"] = COLORS[code]
            if match[1] in ("", "0"):
                style.clear()
    return pieces


def element(column: int, row: int, text: str, style: dict) -> str:
    look = f' fill="{style["color"]}"' if "color" in style else ""
    look += ' font-weight="bold"' if style.get("weight") == 1 else ""
    look += ' fill-opacity="0.6"' if style.get("weight") == 2 else ""
    x, y = MARGIN + column * CELL, MARGIN + row * LINE + SIZE
    # With its length given, a piece ends in its column whatever font there is.
    return f'<text x="{x:.1f}" y="{y}" textLength="{len(text) * CELL:.1f}"{look}>{escape(text)}</text>'


def main() -> None:
    lines = sys.stdin.read().rstrip("\n").split("\n")
    if len(sys.argv) > 1:
        lines = [f"\x1b[1m{sys.argv[1]}\x1b[0m", *lines]
    width = max(len(SGR.sub("", line)) for line in lines) * CELL + 2 * MARGIN
    height = len(lines) * LINE + 2 * MARGIN
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" viewBox="0 0 {width:.0f} {height}">')
    print(f'<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>')
    print(f'<g font-family="{FONTS}" font-size="{SIZE}" fill="{TEXT}">')
    style: dict = {}
    for row, line in enumerate(lines):
        for column, text, look in runs(line, style):
            print(element(column, row, text, look))
    print("</g>\n</svg>")


if __name__ == "__main__":
    main()
