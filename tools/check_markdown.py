#!/usr/bin/env python3
"""Renders Markdown as GitHub does (cmark-gfm, GitHub's own renderer): check_markdown.py FILE… prints what is broken, and exits
with 1 if anything is: raw HTML beyond our own, links, mentions, a table or list that fell apart, an alert or fold that is none.

GitHub adds mentions and alerts after this renderer; for them the finished page is looked at as GitHub looks at it.
"""

import html.parser
import pathlib
import re
import sys

import cmarkgfm
from cmarkgfm.cmark import Options

# What our Markdown consists of: nothing that loads, links or runs.
TAGS = set("p strong code table thead tbody tr th td ul ol li blockquote details summary pre".split())
ATTRIBUTES = {("th", "align"), ("td", "align"), ("details", "open"), ("pre", "lang"), ("ol", "start")}
ALERTS = {"[!NOTE]", "[!WARNING]", "[!CAUTION]"}
MARKUP = re.compile(r"^\s*(\|.*\|\s*$|> |- \S|```|\d+\. |#+ )", re.MULTILINE)
MENTION = re.compile(r"(?<![\w@/])@\w|(?<!\w)#\d")


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.found, self.open, self.text = [], [], ""

    def handle_starttag(self, tag, attributes):
        self.flush()
        if tag not in TAGS:
            self.found.append(f"<{tag}> gets through")
        self.found += [f"<{tag} {name}> gets through" for name, _ in attributes if (tag, name) not in ATTRIBUTES]
        if tag in ("details", "table") and "p" in self.open:
            self.found.append(f"<{tag}> inside a paragraph")
        self.open.append(tag)

    def handle_endtag(self, tag):
        self.flush()
        if not self.open or self.open.pop() != tag:
            self.found.append(f"</{tag}> without its beginning")

    def handle_comment(self, data):
        self.found.append(f"a comment gets through: {data}")

    def handle_decl(self, decl):
        self.found.append(f"a declaration gets through: {decl}")

    def handle_pi(self, data):
        self.found.append(f"an instruction gets through: {data}")

    def handle_data(self, data):
        self.text += data

    def flush(self):
        text, self.text = self.text, ""
        if "code" in self.open or "pre" in self.open:
            return
        # The first paragraph of a block quote says which alert it is.
        if "blockquote" in self.open and text.strip().startswith("[!"):
            kind, _, text = text.strip().partition("\n")
            if kind not in ALERTS:
                self.found.append(f"no alert: {kind}")
        if MENTION.search(text):
            self.found.append(f"a mention or an issue: {text.strip()!r}")
        # Within a line, a name may look like Markdown; at its beginning it is a ruin.
        if self.open and self.open[-1] == "p" and MARKUP.search(text):
            self.found.append(f"Markdown that was not taken as such: {text.strip()!r}")

    def end(self):
        self.flush()
        self.found += [f"<{tag}> without its end" for tag in self.open]
        return self.found


def broken(text: str) -> list[str]:
    rendered = cmarkgfm.github_flavored_markdown_to_html(text, Options.CMARK_OPT_UNSAFE)
    page = Page()
    page.feed(rendered)
    page.close()
    found = page.end()
    for mark, tag in ((r"<details\b", "<details"), (r"^\| --- ", "<table>"), ("^```mermaid$", '<pre lang="mermaid">')):
        written = len(re.findall(mark, text, re.MULTILINE))
        if written != rendered.count(tag):
            found.append(f"{written} of {mark}, but {rendered.count(tag)} of {tag}")
    return found


def main() -> int:
    found = [f"{path}: {what}" for path in sys.argv[1:] for what in broken(pathlib.Path(path).read_text())]
    print("\n".join(found) or "The Markdown renders as it is meant.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
