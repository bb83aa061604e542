#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-wheel: builds the Python package's wheel without a network, installs it in a clean virtual environment, and runs a container from there.
Arguments: BUILD_DIR."""
import glob
import os
import shutil
import subprocess
import sys
import zipfile

from place import TOP, Place, skip


def call(*words, **more):
    result = subprocess.run(words, capture_output=True, text=True, check=False, **more)
    if result.returncode != 0:
        raise SystemExit(f"{' '.join(words)}: exit {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


def builder():
    """An interpreter with what builds wheels; Debian has it as python3-setuptools and python3-wheel."""
    for python in (sys.executable, "/usr/bin/python3"):
        if subprocess.run([python, "-c", "import setuptools, wheel"], capture_output=True, check=False).returncode == 0:
            return python
    return skip("setuptools and wheel are not installed (packages python3-setuptools, python3-wheel)")


def main():
    place = Place(sys.argv[1])
    python = builder()
    if subprocess.run([python, "-c", "import ensurepip, venv"], capture_output=True, check=False).returncode != 0:
        skip("virtual environments cannot be made (package python3-venv)")
    env = {k: v for k, v in place.environment().items() if k != "PYTHONPATH"}
    source = os.path.join(place.directory, "source") # setuptools writes beside what it builds
    shutil.copytree(os.path.join(TOP, "bindings", "python"), source, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "build"))
    backend = "import setuptools.build_meta as b, sys; print(b.build_wheel(sys.argv[1]))"
    call(python, "-c", backend, place.directory, cwd=source, env=env)
    (wheel,) = glob.glob(f"{place.directory}/*.whl")
    with zipfile.ZipFile(wheel) as z:
        names = z.namelist()
    for name in ("kata/__init__.py", "kata/__main__.py", "kata/aio.py", "kata/py.typed"):
        if name not in names:
            raise SystemExit(f"{name} is not in the wheel: {names}")
    call(python, "-m", "venv", os.path.join(place.directory, "clean"), env=env)
    clean = os.path.join(place.directory, "clean", "bin", "python")
    call(clean, "-m", "pip", "install", "--quiet", "--no-index", "--no-cache-dir", "--disable-pip-version-check", wheel, env=env)
    said = call(clean, "-m", "kata", "run", "--config", place.config, "--state-dir", place.state, "--hypervisor", "null", place.rootfs, "echo",
                "hello from a wheel", env=env, cwd=place.directory, stdin=subprocess.DEVNULL)
    where = call(clean, "-c", "import kata; print(kata.__file__, kata.version())", env=env, cwd=place.directory)
    left = place.leftovers()
    print(os.path.basename(wheel), said, where, f"left behind: {left or 'nothing'}")
    return 0 if said == "hello from a wheel\n" and place.directory in where and not left else 1


if __name__ == "__main__":
    sys.exit(main())
