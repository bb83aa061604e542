#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-packed: with a guest that shares no directory, a root directory and volumes come as an EROFS image, and can be written in the guest.
Arguments: KATACTL HYPERVISOR."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from ctl import Katactl, make_rootfs, require_guest, skip  # noqa: E402

PROGRAM, HYPERVISOR = sys.argv[1:3]
SCRIPT = """cat /v/text /note; stat -c '%u %a' /v/text; mkdir /new && echo changed > /bin/file && cat /bin/file
echo no > /v/text || echo refused; mount | grep ' / '; exit 5"""


def expect(what, good, seen):
    print(("ok: " if good else "BAD: ") + what)
    if not good:
        raise SystemExit(f"{what}: {seen}")


def main():
    if not shutil.which("mkfs.erofs"):
        skip("mkfs.erofs is not installed (package erofs-utils)")
    ctl = Katactl(PROGRAM, hypervisor=HYPERVISOR, timeout=120)
    require_guest(ctl)
    with open(os.path.join(os.path.dirname(os.path.abspath(PROGRAM)), "configuration.toml"), encoding="utf-8") as f:
        settings = f.read()
    table = f"[hypervisor.{HYPERVISOR}]\n"
    ctl.config = os.path.join(ctl.directory, "configuration.toml")
    with open(ctl.config, "w", encoding="utf-8") as f:
        f.write(settings.replace(table, table + "shared_fs = \"none\"\npacked_containers = 2\n"))
    make_rootfs(ctl.rootfs)
    volume, note = os.path.join(ctl.directory, "volume"), os.path.join(ctl.directory, "note")
    os.mkdir(volume)
    for path, text in ((os.path.join(volume, "text"), "volume\n"), (note, "note\n")):
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
    os.chown(os.path.join(volume, "text"), 7, 7)
    try:
        result = ctl.run("run", "--rootfs", ctl.rootfs, "-v", f"{volume}:/v:ro", "-v", f"{note}:/note", "--", "sh", "-c", SCRIPT)
        out = result.stdout.decode()
        expect("exit code", result.returncode == 5, result)
        expect("volume, file, owner, root that can be written", out.startswith("volume\nnote\n7 644\nchanged\nrefused\n"), out)
        expect("the root is an overlay", "overlay on / type overlay" in out, out)
        expect("nothing of it on the host", not os.path.exists(os.path.join(ctl.rootfs, "new")), os.listdir(ctl.rootfs))
        expect("the copy of a file is spoken of", b"copy of this file" in result.stderr, result.stderr)
        result = ctl.run("run", "--rootfs", ctl.rootfs, "-v", f"{volume}:/v", "--", "true")
        expect("a directory to write to is refused", result.returncode == 125 and b"make the volume read-only" in result.stderr, result)
        left = ctl.ids() + ctl.settled_leftovers()
        expect("nothing left", not left, left)
    finally:
        ctl.clean()
        ctl.close()


if __name__ == "__main__":
    main()
