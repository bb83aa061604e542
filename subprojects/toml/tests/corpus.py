#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the decoder over the official toml-test corpus (its list for TOML 1.0).

The corpus is looked for in TOML_TEST_DIR (the folder that holds files-toml-1.0.0), then as a Go module through the go
command's own cache. Without either, the test is skipped (exit status 77) and says so.
"""
import datetime
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile

MODULE = "github.com/toml-lang/toml-test@v1.6.0"
LIST = "files-toml-1.0.0"


def skip(why):
    print("SKIP: " + why)
    sys.exit(77)


def find_corpus():
    given = os.environ.get("TOML_TEST_DIR")
    if given:
        if not os.path.exists(os.path.join(given, LIST)):
            sys.exit("TOML_TEST_DIR=%s has no %s" % (given, LIST))
        return given
    if not shutil.which("go"):
        skip("the toml-test corpus is fetched by the go command, which is not installed; or set TOML_TEST_DIR")
    with tempfile.TemporaryDirectory() as empty:
        try:
            done = subprocess.run(["go", "mod", "download", "-json", MODULE], cwd=empty, capture_output=True, text=True, timeout=100)
        except subprocess.TimeoutExpired:
            skip("fetching %s took longer than 100 s" % MODULE)
    try:
        found = json.loads(done.stdout)
    except ValueError:
        found = {"Error": done.stderr.strip()}
    if "Dir" not in found:
        skip("%s cannot be had: %s" % (MODULE, found.get("Error", "no folder")))
    return os.path.join(found["Dir"], "tests")


def moment(text):
    """A date or time in a form that compares: fractions to the millisecond, as the corpus defines it, offsets applied."""
    text = text.replace("t", "T").replace("z", "Z").replace(" ", "T").replace("Z", "+00:00")
    text = re.sub(r"\.(\d+)", lambda m: "." + (m.group(1) + "000")[:3], text)
    if re.match(r"\d\d:", text):
        return datetime.time.fromisoformat(text)
    when = datetime.datetime.fromisoformat(text)
    if when.tzinfo is None:
        return when
    return (when.replace(tzinfo=None) - datetime.datetime(1970, 1, 1)) - when.utcoffset()


def differs(want, have, path="root"):
    if isinstance(want, list):
        if not isinstance(have, list) or len(want) != len(have):
            return "%s: want %r, have %r" % (path, want, have)
        for i, (w, h) in enumerate(zip(want, have)):
            wrong = differs(w, h, "%s[%d]" % (path, i))
            if wrong:
                return wrong
        return None
    is_value = set(want) == {"type", "value"} and isinstance(want["type"], str)
    if not isinstance(have, dict) or set(want) != set(have):
        return "%s: want %r, have %r" % (path, want, have)
    if not is_value:
        for key in want:
            wrong = differs(want[key], have[key], path + "." + key)
            if wrong:
                return wrong
        return None
    w, h = want["value"], have["value"]
    same = want["type"] == have["type"]
    if same and want["type"] == "float":
        a, b = float(w), float(h)
        same = (math.isnan(a) and math.isnan(b)) or (a == b)
    elif same and ("date" in want["type"] or "time" in want["type"]):
        same = moment(w) == moment(h)
    elif same:
        same = w == h
    return None if same else "%s: want %r, have %r" % (path, want, have)


def check(decoder, corpus, name):
    with open(os.path.join(corpus, name), "rb") as toml:
        done = subprocess.run([decoder], stdin=toml, capture_output=True, timeout=20)
    if name.startswith("invalid/"):
        if done.returncode != 1:
            return "accepted (exit status %d)" % done.returncode
        if not re.match(rb"[1-9]\d*:[1-9]\d*: .", done.stderr):
            return "no position in %r" % done.stderr
        return None
    if done.returncode != 0:
        return "refused: %r" % done.stderr
    with open(os.path.join(corpus, name[:-5] + ".json"), encoding="utf-8") as file:
        return differs(json.load(file), json.loads(done.stdout.decode("utf-8")))


def main():
    decoder = sys.argv[1]
    corpus = find_corpus()
    with open(os.path.join(corpus, LIST), encoding="utf-8") as file:
        names = [name for name in file.read().split("\n") if name.endswith(".toml")]
    failed = 0
    counts = {"valid": 0, "invalid": 0}
    for name in names:
        wrong = check(decoder, corpus, name)
        counts[name.split("/")[0]] += 1
        if wrong:
            failed += 1
            print("%s: %s" % (name, wrong))
    print("%d valid and %d invalid texts, %d failed" % (counts["valid"], counts["invalid"], failed))
    if not counts["valid"] or not counts["invalid"]:
        sys.exit("the corpus is empty")
    sys.exit(1 if failed else 0)


main()
