#!/usr/bin/env python3
"""Feeds user data to cloud-init's own code, and leaves in a directory the scripts that it would run.

    cloud_init.py CLOUD-INIT USER-DATA DIRECTORY

CLOUD-INIT is where the package `cloudinit` is. Exit code 77: it cannot be loaded here.
"""

import sys
from pathlib import Path

UNAVAILABLE = 77


def main() -> int:
    package, given, directory = sys.argv[1:]
    sys.path.insert(0, package)
    try:
        from cloudinit import handlers, helpers, user_data, util
        from cloudinit.handlers.shell_script import ShellScriptPartHandler
    except ImportError as error:
        print(f"cloud-init cannot be loaded: {error}", file=sys.stderr)
        return UNAVAILABLE
    paths = helpers.Paths({"cloud_dir": directory, "run_dir": directory})
    Path(directory, "instance", "scripts").mkdir(parents=True)
    scripts = ShellScriptPartHandler(paths)
    # What it is handed is what it unpacked and recognised: the type of each part, and its bytes.
    message = user_data.UserDataProcessor(paths).process(Path(given).read_bytes())
    for part in message.walk():
        if part.is_multipart():
            continue
        kind = part.get_content_type()
        print(kind)
        if kind == "text/x-shellscript":
            text = util.fully_decoded_payload(part)
            scripts.handle_part(None, kind, part.get_filename("part-001"), text, handlers.PER_INSTANCE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
