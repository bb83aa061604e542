#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-pods: the Go example, a pod server: a client runs a pod with two containers. Arguments: BUILD_DIR HYPERVISOR."""
import os
import signal
import subprocess
import sys
import time

from golang import build, environment
from place import Place

WANTED = ("job ended with 3", "exec in web: hello", "pod running web running job stopped", "web is up", "job is done")


def main():
    place = Place(sys.argv[1], sys.argv[2])
    env = environment(place)
    program, socket = build(place, env, "pods", "build", "./examples/pods"), os.path.join(place.directory, "pods.sock")
    command = [program, "-socket", socket, "-state", place.state, "-config", place.config, "-hypervisor", place.hypervisor]
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as server:
        while not os.path.exists(socket) and server.poll() is None:
            time.sleep(0.02)
        client = subprocess.run([program, "-socket", socket, "-demo", place.rootfs], env=env, capture_output=True, text=True, timeout=200, check=False)
        server.send_signal(signal.SIGTERM)
        words = server.stderr.read()
    left = place.leftovers()
    print(client.stdout, client.stderr, words, f"exit {client.returncode}, {server.returncode}; left behind: {left or 'nothing'}")
    good = client.stdout.splitlines() == list(WANTED) and (client.returncode, server.returncode) == (0, 0)
    return 0 if good and not left else 1


if __name__ == "__main__":
    sys.exit(main())
