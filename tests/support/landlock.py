# SPDX-License-Identifier: LGPL-2.1-or-later
"""landlock: how much of Landlock the host's Linux has, and what a configuration for Cloud Hypervisor says of it."""
import ctypes

CREATE_RULESET, VERSION = 444, 1   # on all architectures; the flag that asks for the version
NEEDED = 3                         # Linux 6.2


def version():
    """0 = none."""
    return max(0, ctypes.CDLL(None, use_errno=True).syscall(CREATE_RULESET, None, ctypes.c_size_t(0), VERSION))


def waiver():
    """The line that goes without it, where it is too old for Cloud Hypervisor."""
    return "" if version() >= NEEDED else 'confine_waive = ["landlock"]\n'
