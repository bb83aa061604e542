#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-aarch64: a container for another architecture, under emulation: streams, exit code, a volume, a second process; and mismatches are refused
before anything starts. One guest, because each takes long. Arguments: KATACTL GUEST_DIR."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from ctl import APPLETS, Katactl, skip  # noqa: E402

PROGRAM, GUEST = sys.argv[1:3]
QEMU = "/usr/bin/qemu-system-aarch64"
CONFIG = """[hypervisor.qemu]
path = "{qemu}"
machine_type = "{machine}"
kernel = "{guest}/vmlinuz"
initrd = "{guest}/kata-containers-initrd.img"
default_memory = 256
[agent.kata]
dial_timeout = 300
"""


def config(ctl, name, **values):
    path = os.path.join(ctl.directory, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(CONFIG.format(**{"qemu": QEMU, "machine": "virt", "guest": GUEST, **values}))
    return path


def make_rootfs(directory):
    for name in ("bin", "proc", "sys", "dev", "tmp", "etc", "root", "mnt"):
        os.makedirs(os.path.join(directory, name), exist_ok=True)
    shutil.copy(f"{GUEST}/busybox", f"{directory}/bin/busybox")
    for applet in APPLETS:
        os.symlink("busybox", f"{directory}/bin/{applet}")


def expect(result, code, out, err=None):
    got = (result.returncode, result.stdout.decode(), result.stderr.decode())
    assert got[:2] == (code, out) and (err is None or err in got[2]), got


def refused(ctl, text, **values):
    ctl.config = config(ctl, "wrong.toml", **values)
    result = ctl.run("run", "--rm", "--rootfs", ctl.rootfs, "--", "true")
    assert result.returncode == 125 and text in result.stderr.decode(), (result.returncode, result.stderr)
    assert ctl.ids() == [] and ctl.leftovers() == [], ctl.leftovers()


def test_refusals(ctl):
    refused(ctl, "aarch64", qemu="/usr/bin/qemu-system-x86_64", machine="q35")
    refused(ctl, "machine_type", machine="q35")
    # No manifest beside it: the kernel's own header tells.
    bare = os.path.join(ctl.directory, "bare")
    os.mkdir(bare)
    for name in ("vmlinuz", "kata-containers-initrd.img"):
        os.symlink(f"{GUEST}/{name}", f"{bare}/{name}")
    refused(ctl, "is a kernel for aarch64", guest=bare, qemu="/usr/bin/qemu-system-x86_64", machine="q35")


def test_container(ctl):
    ctl.config = config(ctl, "aarch64.toml")
    volume = os.path.join(ctl.directory, "volume")
    os.mkdir(volume)
    with open(f"{volume}/in", "w", encoding="ascii") as f:
        f.write("from the host\n")
    (qemu,) = [row for row in ctl.json("hypervisor", "list") if row["name"] == "qemu"]
    shared = any(row["name"] == "fs-share-virtiofs" and row["have"] for row in qemu["capabilities"])
    words = ["-v", f"{volume}:/mnt"] if shared else []
    result = ctl.run("run", "-d", "--name", "far", *words, "--rootfs", ctl.rootfs, "--", "sh", "-c", "uname -m; sleep 600", timeout=400)
    assert result.returncode == 0, result.stderr.decode()
    ctl.wait_until("uname's output", lambda: b"aarch64" in ctl.run("logs", "far").stdout)
    expect(ctl.run("exec", "far", "--", "sh", "-c", "uname -m; echo bad >&2; exit 7"), 7, "aarch64\n", "bad\n")
    if shared:
        expect(ctl.run("exec", "far", "--", "sh", "-c", "cat /mnt/in; echo from the guest >/mnt/out"), 0, "from the host\n")
        with open(f"{volume}/out", encoding="ascii") as f:
            assert f.read() == "from the guest\n"
    result = ctl.run("delete", "-f", "far")
    assert result.returncode == 0, result.stderr.decode()
    assert ctl.ids() == [] and ctl.settled_leftovers() == [], ctl.leftovers()


def main():
    if not os.path.exists(QEMU):
        skip(f"{QEMU} is not there (package qemu-system-arm)")
    if not os.path.exists(f"{GUEST}/guest.json"):
        skip(f"{GUEST}: no guest image for aarch64 (ninja guest-image-aarch64)")
    ctl = Katactl(PROGRAM, hypervisor="qemu", timeout=300)
    try:
        make_rootfs(ctl.rootfs)
        test_refusals(ctl)
        test_container(ctl)
    finally:
        ctl.close()
    print("aarch64: ok")


if __name__ == "__main__":
    main()
