#!/usr/bin/env python3
"""Opens HTML files in headless Chromium: check_html.py [--pictures DIR] FILE… prints what is wrong, and exits with 1 if
anything is: a request to anywhere, a script, an error in the console, or anything wider than a phone (390 px) or paper.

With --pictures, writes what a phone and a desktop show, light and dark, and the PDF that is printed. It talks to Chromium
over a pair of pipes, so that it needs nothing but Python and Chromium.
"""

import argparse
import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading

FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync --disable-dev-shm-usage --remote-debugging-pipe""".split()
WIDTHS = {"phone": 390, "desktop": 1200}
SCHEMES = ["light", "dark"]
# A page is looked at in a second or two; a Chromium that takes so long for all of them hangs.
PATIENCE_S = 240
# What is wider than the window (not `innerWidth`: a phone zooms out until all of it fits), but for what scrolls in itself.
WIDER = """[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > WIDTH + 0.5
    && !e.closest(".scroll")).map(e => e.outerHTML.slice(0, 120))
    .concat(document.documentElement.scrollWidth > WIDTH ? ["the page: " + document.documentElement.scrollWidth] : [])"""
# Text of the picture beyond its box.
SPILLED = """[...document.querySelectorAll("svg g")].flatMap(g => { const box = g.querySelector("rect").getBoundingClientRect();
    return [...g.querySelectorAll("text")].filter(t => { const r = t.getBoundingClientRect();
        return r.right > box.right || r.bottom > box.bottom; }).map(t => "beyond its box: " + t.textContent); })"""


class Browser:
    def __init__(self, program: str, home: str):
        read, self.write = os.pipe()
        self.read, write = os.pipe()

        def as_three_and_four():
            os.dup2(read, 30), os.dup2(write, 40)
            os.dup2(30, 3), os.dup2(40, 4)

        self.process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={home}", "about:blank"],
            preexec_fn=as_three_and_four, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        os.close(read), os.close(write)
        self.number, self.buffer, self.events = 0, b"", []
        # A dead Chromium closes its pipe, which ends whoever reads from it.
        self.timer = threading.Timer(PATIENCE_S, self.process.kill)
        self.timer.start()

    def message(self) -> dict:
        while b"\0" not in self.buffer:
            more = os.read(self.read, 1 << 16)
            if not more:
                sys.exit("Chromium has ended")
            self.buffer += more
        line, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(line)

    def call(self, method: str, session: str | None = None, **parameters) -> dict:
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.message()
            if answer.get("id") == self.number:
                if "error" in answer:
                    sys.exit(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def wait(self, method: str) -> None:
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.message())

    def end(self) -> None:
        self.timer.cancel()
        self.process.kill()
        self.process.wait()


def look(browser: Browser, path: pathlib.Path, pictures: pathlib.Path | None) -> list[str]:
    found = []
    target = browser.call("Target.createTarget", url="about:blank")["targetId"]
    session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def call(method, **parameters):
        return browser.call(method, session, **parameters)

    def ask(expression):
        return call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    for domain in ("Page", "Network", "Runtime", "Log"):
        call(f"{domain}.enable")
    for name, width in WIDTHS.items():
        for scheme in SCHEMES:
            browser.events.clear()
            call("Emulation.setDeviceMetricsOverride", width=width, height=844, deviceScaleFactor=2, mobile=name == "phone")
            call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            call("Page.navigate", url=path.resolve().as_uri())
            browser.wait("Page.loadEventFired")
            found += [f"at {width} px: {what}" for what in ask(WIDER.replace("WIDTH", str(width))) + ask(SPILLED)]
            for event in browser.events:
                url = event.get("params", {}).get("request", {}).get("url", "")
                if event.get("method") == "Network.requestWillBeSent" and url != path.resolve().as_uri():
                    found.append(f"a request: {url}")
                if event.get("method") in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"):
                    found.append(f"in the console: {json.dumps(event['params'])[:300]}")
            if pictures:
                size = call("Page.getLayoutMetrics")["cssContentSize"]
                clip = {"x": 0, "y": 0, "width": width, "height": size["height"], "scale": 1}
                data = call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)["data"]
                (pictures / f"{path.stem}-{name}-{scheme}.png").write_bytes(base64.b64decode(data))
    if ask("document.scripts.length + document.querySelectorAll('[src], [href], [onload], [onerror], [onclick]').length"):
        found.append("a script, or something that loads")
    pdf = base64.b64decode(call("Page.printToPDF", preferCSSPageSize=True)["data"])
    if not pdf.startswith(b"%PDF"):
        found.append("it does not print")
    if pictures:
        (pictures / f"{path.stem}.pdf").write_bytes(pdf)
    browser.call("Target.closeTarget", targetId=target)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=pathlib.Path)
    parser.add_argument("--chromium", default=shutil.which("chromium") or shutil.which("google-chrome"))
    parser.add_argument("files", type=pathlib.Path, nargs="+")
    options = parser.parse_args()
    if not options.chromium:
        sys.exit("there is no Chromium here")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        browser = Browser(options.chromium, home)
        try:
            found = [f"{path}: {what}" for path in options.files for what in look(browser, path, options.pictures)]
        finally:
            browser.end()
    print("\n".join(found) or "The pages are as they are meant.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
