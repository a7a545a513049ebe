"""Runs a command that dies with the process that started it: `tether.py PARENT COMMAND …`.

Linux only; elsewhere the command just runs, and the next start clears what was left behind.
Run as a script without `site`, so that it costs a few milliseconds. The command has the script's
process id, which is written to the file `TETHER_PID_FILE` if the environment names one.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PID_FILE = "TETHER_PID_FILE"


def run(parent: int, command: list[str]) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        # a parent that died before the call sends no signal any more
        if os.getppid() != parent:
            sys.exit(1)
    if pid_file := os.environ.pop(PID_FILE, ""):
        with open(pid_file, "w") as file:
            file.write(str(os.getpid()))
    os.execvp(command[0], command)  # noqa: S606  the supervisor's own words, no shell


if __name__ == "__main__":
    run(int(sys.argv[1]), sys.argv[2:])
