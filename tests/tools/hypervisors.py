#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""hypervisors: docs/hypervisors.md from what the adapters' probes say of themselves, with the test that shows each cell.

Arguments: KATACTL FILE [BUILD]. With BUILD: is FILE what the adapters say, and are the tests there? Without: write FILE.
The programs are stand-ins that only tell a version: the matrix is about the adapters, not about one host.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

PROGRAMS = {  # hypervisor: what its program says of its version, a recent one
    "qemu": "QEMU emulator version 9.0.0",
    "clh": "cloud-hypervisor v51.0.0",
    "fc": "Firecracker v1.17.0",
    "stratovirt": "StratoVirt 2.5.0",
    "acrn": "DM version is: 3.2-unstable",
}
OF_THE_HOST = ("run", "kvm", "vsock-vhost", "net-vhost", "vfio")  # devices of the host decide about these

# Which test shows that a capability is there: "hypervisor capability". Those under bed/ run in a host that has KVM.
PROOFS = {
    "builtin run": "bed:real/builtin-process-run",
    "builtin kvm": "bed:real/builtin-process-run",
    "builtin fs-share-virtiofs": "bed:real/builtin-process-run",
    "builtin block": "bed:vmm/disk-full",
    "builtin net": "bed:real/builtin-process-network",
    "builtin pause": "bed:real/builtin-process-run",
    "builtin vsock-hybrid": "bed:vmm/sockets-full",
    "qemu run": "real/run",
    "qemu kvm": "bed:bed/katactl",
    "qemu fs-share-virtiofs": "real/run",
    "qemu fs-share-9p": "backend/qemu-argv",
    "qemu block": "backend/qemu-guest",
    "qemu block-hotplug": "real/disk",
    "qemu net": "real/network",
    "qemu net-hotplug": "real/network",
    "qemu cpu-resize": "guest/resize",
    "qemu memory-resize": "guest/resize",
    "qemu pause": "real/run",
    "qemu vsock-vhost": "backend/qemu-argv",
    "qemu agent-serial": "real/run",
    "qemu net-stream": "backend/qemu-argv",
    "qemu net-vhost": "backend/qemu-argv",
    "qemu confidential": "backend/qemu-argv",
    "qemu vfio": "bed:real/vfio",
    "clh vfio": "backend/host-device",
    "qemu vfio-hotplug": "bed:real/vfio",
    "clh vfio-hotplug": "lifecycle/device-clh",
    "qemu vhost-user": "real/vhost",
    "clh run": "lifecycle/life-clh",
    "clh kvm": "lifecycle/life-clh",
    "clh fs-share-virtiofs": "backend/clh-config",
    "clh block": "backend/clh-config",
    "clh block-hotplug": "lifecycle/disk-clh",
    "clh net": "lifecycle/network-clh",
    "clh net-hotplug": "lifecycle/network-clh",
    "clh cpu-resize": "lifecycle/resize-clh",
    "clh memory-resize": "lifecycle/resize-clh",
    "clh vhost-user": "backend/clh-config",
    "clh pause": "lifecycle/life-clh",
    "clh snapshot": "lifecycle/snapshot-clh",
    "clh vsock-hybrid": "lifecycle/life-clh",
    "fc run": "lifecycle/network-fc",
    "fc kvm": "lifecycle/network-fc",
    "fc block": "backend/fc-request",
    "fc block-hotplug": "lifecycle/disk-fc",
    "fc block-port-modes": "lifecycle/disk-fc",
    "fc memory-resize": "lifecycle/resize-fc",
    "fc snapshot": "lifecycle/snapshot-fc",
    "fc net": "lifecycle/network-fc",
    "fc pause": "lifecycle/faults-fc",
    "fc vsock-hybrid": "lifecycle/network-fc",
    "fc net-by-name": "lifecycle/network-fc",
    "fc block-by-order": "backend/fc-request",
    "stratovirt run": "lifecycle/life-stratovirt",
    "stratovirt kvm": "lifecycle/life-stratovirt",
    "stratovirt fs-share-virtiofs": "backend/stratovirt-argv",
    "stratovirt block": "backend/stratovirt-argv",
    "stratovirt block-hotplug": "lifecycle/disk-stratovirt",
    "stratovirt net": "lifecycle/network-stratovirt",
    "stratovirt pause": "lifecycle/life-stratovirt",
    "stratovirt vsock-vhost": "lifecycle/life-stratovirt",
    "stratovirt net-vhost": "backend/stratovirt-argv",
    "acrn run": "lifecycle/life-acrn",
    "acrn vsock-vhost": "lifecycle/life-acrn",
    "acrn block": "backend/acrn-argv",
    "acrn block-by-order": "backend/acrn-argv",
    "acrn block-hotplug": "lifecycle/disk-acrn",
    "acrn net": "lifecycle/network-acrn",
    "acrn net-by-name": "lifecycle/network-acrn",
    "acrn net-vhost": "backend/acrn-argv",
}


def probe(katactl):
    """What `katactl hypervisor list --json` says where each program is there."""
    with tempfile.TemporaryDirectory(prefix="kata-hypervisors-") as directory:
        def program(name, says):
            path = os.path.join(directory, name)
            with open(path, "w", encoding="ascii") as f:
                f.write("#!/bin/sh\necho '%s'\n" % says)
            os.chmod(path, 0o755)
            return path
        virtiofsd = program("virtiofsd", "virtiofsd 1.10.0")
        config = os.path.join(directory, "configuration.toml")
        with open(config, "w", encoding="ascii") as f:
            for name, says in PROGRAMS.items():
                f.write('[hypervisor.%s]\npath = "%s"\nvirtio_fs_daemon = "%s"\n' % (name, program(name, says), virtiofsd))
                if name == "acrn":
                    f.write('ctlpath = "%s"\n' % program("acrnctl", ""))
        command = [katactl, "--config", config, "--state-dir", os.path.join(directory, "state"), "--json", "hypervisor", "list"]
        output = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    return [h for h in json.loads(output) if h["name"] != "null"]


def judge(hypervisor, capability):
    """"yes", "host" or "no"."""
    reason = capability.get("reason") or ""
    if (hypervisor, capability["name"]) == ("qemu", "confidential"):  # processor, firmware, kernel, modules
        return "host"
    if capability["name"] in OF_THE_HOST and (hypervisor, capability["name"]) != ("qemu", "run"):
        return "host" if capability["have"] or "/dev/" in reason else "no"
    return "yes" if capability["have"] or "needs root" in reason else "no"


def text(hypervisors):
    names = [h["name"] for h in hypervisors]
    rows = [c["name"] for c in hypervisors[0]["capabilities"]]
    cell = {(h["name"], c["name"]): (judge(h["name"], c), (c.get("reason") or "").partition("; here: ")[0]) for h in hypervisors for c in h["capabilities"]}
    out = ["# Hypervisors", "",
           "Made by `ninja -C build hypervisors-md` from what the adapters say of themselves; a test refuses a stale one.", "",
           "*yes*: the adapter does it. *host*: it does where the host has what it takes (`/dev/kvm`, `/dev/vhost-vsock`,",
           "`/dev/vhost-net`, `/dev/vfio/vfio`, for ACRN `/dev/acrn_hsm`, for confidential guests SEV-SNP or TDX). *no*: with the reason below; asking for it is an error before anything starts.",
           "`katactl hypervisor list` shows the same of this host, `katactl hypervisor choose --require NAME,NAME` puts them in an order.",
           "The programs are taken to be there, in a recent version. The `null` backend is for tests and is left out.", "",
           "| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for row in rows:
        out.append("| %s | %s |" % (row, " | ".join(cell[name, row][0] for name in names)))
    out += ["", "## The tests", "",
            "Fakes stand for the programs in tests whose names end with the hypervisor's. *(bed)*: in a host that has KVM (`HACKING.md`)."]
    for name in names:
        out += ["", "### " + name, "", "| capability | shown by |", "|---|---|"]
        for row in rows:
            if cell[name, row][0] != "no":
                proof = PROOFS.get("%s %s" % (name, row))
                shown = "no test yet" if proof is None else "`%s` (bed)" % proof[4:] if proof.startswith("bed:") else "`%s`" % proof
                out.append("| %s | %s |" % (row, shown))
        out += ["", "Not there:", ""]
        out += ["- %s: %s" % (row, cell[name, row][1]) for row in rows if cell[name, row][0] == "no"]
    return "\n".join(out) + "\n"


def missing_tests(build):
    """Names of PROOFS that this build has not. One that leaves a whole kind of tests out says nothing about those."""
    with open(os.path.join(build, "meson-info", "intro-tests.json"), encoding="utf-8") as f:
        there = {t["name"].split(" / ")[-1] for t in json.load(f)}
    for batch in ("every.list", "vfio.list"):
        with open(os.path.join(build, "tests", "bed", batch), encoding="utf-8") as f:
            there |= {"bed:" + name for name in re.findall(r"[a-z-]+/[a-z0-9-]+", f.read())}
    kinds = {name.split("/")[0] for name in there}
    return sorted({proof for proof in PROOFS.values() if proof not in there and proof.split("/")[0] in kinds})


def main():
    katactl, path = sys.argv[1:3]
    now = text(probe(katactl))
    if len(sys.argv) == 3:
        with open(path, "w", encoding="utf-8") as f:
            f.write(now)
        return
    missing = missing_tests(sys.argv[3])
    if missing:
        sys.exit("named as a proof in tests/tools/hypervisors.py, but there is no such test: " + ", ".join(missing))
    with open(path, encoding="utf-8") as f:
        if f.read() != now:
            sys.exit("%s is stale; run: ninja -C build hypervisors-md" % path)


main()
