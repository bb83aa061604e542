# SPDX-License-Identifier: LGPL-2.1-or-later
"""Facts about the machine that decide how the bed runs: hardware virtualization and the clock's rate; it changes nothing."""

import os
import re


def cpuinfo():
    with open('/proc/cpuinfo', encoding='utf-8') as f:
        return f.read().partition('\n\n')[0]


def has_kvm():
    """Whether KVM can run a real guest here: a /dev/kvm without vmx or svm is a software one that boots no Linux."""
    flags = re.search(r'^flags\s*:(.*)$', cpuinfo(), re.M)
    return bool(flags and {'vmx', 'svm'} & set(flags.group(1).split())) and os.access('/dev/kvm', os.R_OK | os.W_OK)


def tsc_khz():
    """TCG's guests see the machine's own TSC; they have to be told its rate, or guests inside them hang at random."""
    m = re.search(r'^bogomips\s*:\s*([0-9.]+)', cpuinfo(), re.M)
    return int(float(m.group(1)) * 500) if m else 0
