# SPDX-License-Identifier: LGPL-2.1-or-later
"""python3 -m kata run [--config FILE] [--state-dir DIR] [--hypervisor NAME] ROOTFS COMMAND [ARGUMENT...]: an example, and useful."""
import argparse
import shutil
import sys
import threading

import kata

parser = argparse.ArgumentParser(prog="python3 -m kata")
run = parser.add_subparsers(required=True).add_parser("run", help="run a command in a virtual machine")
for option in ("--config", "--state-dir", "--hypervisor"):
    run.add_argument(option)
run.add_argument("rootfs")
run.add_argument("command", nargs=argparse.REMAINDER)
words = parser.parse_args()
try:
    with kata.Runtime(config_path=words.config, state_dir=words.state_dir, hypervisor=words.hypervisor) as runtime:
        with runtime.create_sandbox() as sandbox:
            sandbox.start()
            process = (container := sandbox.create_container(rootfs=words.rootfs, args=words.command)).process
            container.start()
            process.stdin.close()
            copies = [threading.Thread(target=shutil.copyfileobj, args=pair) for pair in
                      ((process.stdout, sys.stdout.buffer), (process.stderr, sys.stderr.buffer))]
            for copy in copies:
                copy.start()
            status = process.wait()
            for copy in copies:
                copy.join()
    sys.exit(status)
except kata.KataError as error:
    sys.exit(f"kata: {error}")
