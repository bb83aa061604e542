#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that each public function has a whole doc block in the grammar of docs/api/blocks.py, and each type, struct, enum and constant a comment."""

import os
import sys

import source

sys.path.insert(0, os.path.join(source.ROOT, 'docs', 'api'))
import describe  # noqa: E402


def faults(path, text):
    """Of one header alone, which names nothing of another."""
    whole = describe.Description('0')
    whole.add(path, text)
    whole.finish()
    return whole.faults


def main():
    whole = describe.describe('0', os.path.join(source.ROOT, 'include'))
    source.report(whole.faults, len(whole.functions), 'functions')


if __name__ == '__main__':
    main()
