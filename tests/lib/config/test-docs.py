#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs/configuration.md is what the key table says."""
import sys

with open(sys.argv[1], encoding="utf-8") as made, open(sys.argv[2], encoding="utf-8") as kept:
    same = made.read() == kept.read()
if not same:
    sys.exit("%s is stale; run: ninja -C build configuration-md" % sys.argv[2])
