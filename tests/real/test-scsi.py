#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-scsi: a container whose root is a disk on virtio-scsi, by the key of Kata's own files; the guest finds it by its serial number.
Arguments: KATACTL."""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from ctl import Katactl, make_rootfs, require_guest, skip  # noqa: E402

PATH = os.environ["PATH"] + ":/sbin:/usr/sbin"


def expect(what, good, seen):
    print(("ok: " if good else "BAD: ") + what)
    if not good:
        raise SystemExit(f"{what}: {seen}")


def main():
    if not shutil.which("mke2fs", path=PATH):
        skip("mke2fs is not installed (package e2fsprogs)")
    ctl = Katactl(sys.argv[1], hypervisor="qemu", timeout=120)
    require_guest(ctl)
    with open(os.path.join(os.path.dirname(os.path.abspath(sys.argv[1])), "configuration.toml"), encoding="utf-8") as f:
        settings = f.read()
    table = "[hypervisor.qemu]\n"
    ctl.config = os.path.join(ctl.directory, "configuration.toml")
    with open(ctl.config, "w", encoding="utf-8") as f:
        f.write(settings.replace(table, table + "block_device_driver = \"virtio-scsi\"\n"))
    make_rootfs(ctl.rootfs)
    image = os.path.join(ctl.directory, "image")
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", ctl.rootfs, image, "32M"], check=True, stdout=subprocess.DEVNULL,
                   env=dict(os.environ, PATH=PATH))
    try:
        result = ctl.run("run", "--rootfs", image, "--", "sh", "-c", "echo kept > /file && ls /sys/block && cat /file")
        words = result.stdout.decode().split()
        expect("written and read", result.returncode == 0 and words[-1:] == ["kept"], result)
        expect("a SCSI disk and no other", "sda" in words and "vda" not in words, words)
        left = ctl.ids() + ctl.settled_leftovers()
        expect("nothing left", not left, left)
    finally:
        ctl.clean()
        ctl.close()


if __name__ == "__main__":
    main()
