"""Processes that tests start: each with a time limit, and nothing left behind."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
LIMIT = 240  # seconds; a loaded machine is slow, not wrong


def start(*words, **environment):
    """A Python process with these arguments, in a session of its own."""
    return subprocess.Popen(
        [sys.executable, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
        start_new_session=True,
    )


def finish(process, limit=LIMIT):
    """(exit status, stdout, stderr). Ends the process, and all of its own, in time."""
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        raise AssertionError(f"no end within {limit} s\n{out}\n{err}") from None
    return process.returncode, out, err


def objects(process):
    """The lines of JSON that a process prints; it must end well."""
    status, out, err = finish(process)
    assert status == 0, f"{out}\n{err}"
    lines = [line for line in out.splitlines() if line[:1] in '{"']
    return [json.loads(line) for line in lines]


def torchrun(size, *words):
    """As torchrun starts them: so many processes of one script."""
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", size)
    return start(*launcher, *words)


def free_ports(number):
    """Ports of this machine that nobody uses now."""
    sockets = [socket.socket() for _ in range(number)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
