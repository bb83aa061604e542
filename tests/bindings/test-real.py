#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-real: the life of a sandbox over a real guest and every error around one, from Python, then from Go. Arguments: BUILD_DIR HYPERVISOR."""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
codes = [subprocess.run([sys.executable, os.path.join(HERE, name), *sys.argv[1:3], *words], check=False).returncode
         for name, words in (("test-python.py", ["Life.test_life"]), ("test-errors.py", []), ("test-go.py", ["-test.run", "^(TestLife|TestErrors)$"]))]
# A language that is not there leaves the other one's answer.
sys.exit(max((c for c in codes if c != 77), default=77))
