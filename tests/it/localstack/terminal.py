"""Runs a program on a terminal of its own and takes the terminal away as soon as it has shown a word.

terminal.py WORD keep|ignore PROGRAM ARGUMENT…: `ignore` starts it as nohup does. Ends as the program does.
"""

import os
import pty
import signal
import sys

word, hangup, *command = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    # Said in either case: who was started with nohup passes that on.
    signal.signal(signal.SIGHUP, signal.SIG_IGN if hangup == "ignore" else signal.SIG_DFL)
    os.execv(command[0], command)
shown = b""
while word.encode() not in shown:
    try:
        shown += os.read(terminal, 65536)
    except OSError:
        sys.exit(f"ended without a word of {word}:\n{shown.decode(errors='replace')}")
os.close(terminal)
if hangup != "ignore":
    # The kernel has told; the shell would tell as well.
    os.kill(pid, signal.SIGHUP)
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status) % 256)
