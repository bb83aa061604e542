# SPDX-License-Identifier: LGPL-2.1-or-later
"""starve: a server that has no descriptor left for who waits to be let in, and the processor time that it spends on that."""
import os
import resource
import socket
import time

LEAST = 18 # the servers of metrics poll that many: with fewer allowed, poll() refuses


def dial(path):
    """A connected unix socket, whatever the path's length."""
    folder = os.open(os.path.dirname(path), os.O_PATH)
    client = socket.socket(socket.AF_UNIX)
    try:
        client.connect(f"/proc/self/fd/{folder}/{os.path.basename(path)}")
    finally:
        os.close(folder)
    return client


def processor(pid):
    """Seconds so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def starved(pid, path, seconds=1.0):
    """Connects to the server `pid` at `path` until it has no descriptor for one more; the seconds of processor time that it takes in the next
    `seconds`. It may have as many as before again when this returns, and nobody is connected."""
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    used = [int(fd) for fd in os.listdir(f"/proc/{pid}/fd")]
    limit = max(max(used) + 1, LEAST)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, hard))
    clients = []
    try:
        clients += [dial(path) for _ in range(limit - len(used) + 2)]
        time.sleep(0.2)
        before = processor(pid)
        time.sleep(seconds)
        return processor(pid) - before
    finally:
        for client in clients:
            client.close()
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
