#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-cli: katactl's command line, help, man pages and completion; runs no container. Arguments: KATACTL SOURCE_ROOT."""
import glob
import json
import os
import re
import subprocess
import sys
import unittest

PROGRAM, SOURCE = sys.argv[1], sys.argv[2]
COMMANDS = ("run exec list inspect logs stats pause resume snapshot restore refresh resize disk device kill stop delete wait plan check env hypervisor recover monitor version "
            "help").split()
EVERYWHERE = {"config", "state-dir", "hypervisor", "backend-library", "log-level", "json", "help"}


def call(*words):
    return subprocess.run([PROGRAM, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)


def help_options(command):
    return set(re.findall(r"^ +(?:-\w,)? *--([a-z-]+)", call(command, "--help").stdout, re.M))


class Help(unittest.TestCase):
    def test_overview(self):
        for words in (["help"], ["--help"], ["-h"]):
            result = call(*words)
            self.assertEqual(result.returncode, 0)
            for command in COMMANDS:
                self.assertRegex(result.stdout, rf"(?m)^  {command} ")

    def test_each_command(self):
        for command in COMMANDS:
            result = call(command, "--help")
            self.assertEqual(result.returncode, 0, command)
            self.assertEqual(result.stderr, "")
            self.assertIn("Usage: katactl " + (command + " " if command != "help" else ""), result.stdout)
            self.assertIn("Examples:", result.stdout)
            self.assertEqual(call("help", command).stdout if command != "help" else result.stdout, result.stdout)
            self.assertLessEqual(EVERYWHERE, help_options(command))

    def test_aliases(self):
        for alias, command in (("ps", "list"), ("rm", "delete"), ("cleanup", "recover")):
            self.assertEqual(call(alias, "--help").stdout, call(command, "--help").stdout)

    def test_the_background_option_is_hidden(self):
        self.assertNotIn("report-fd", call("run", "--help").stdout)
        self.assertNotIn("supervise", call("help").stdout)


class ManPages(unittest.TestCase):
    def page(self, command):
        with open(os.path.join(SOURCE, "docs", "man", f"katactl-{command}.1"), encoding="utf-8") as f:
            return f.read()

    def test_each_option_is_described(self):
        for command in COMMANDS:
            options = set(o.replace("\\-", "-") for o in re.findall(r"\\-\\-((?:[a-z]|\\-)+)", "\n".join(
                line for line in self.page(command).splitlines() if line.startswith((".B", ".BI", ".BR")))))
            self.assertLessEqual(help_options(command), options | {"help"}, command)

    def test_sections(self):
        for command in COMMANDS:
            for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "EXAMPLES", "SEE ALSO"):
                self.assertIn(f".SH {section}\n", self.page(command), command)

    def test_no_page_too_many(self):
        pages = {os.path.basename(p) for p in glob.glob(os.path.join(SOURCE, "docs", "man", "katactl*.1"))}
        self.assertEqual(pages, {f"katactl-{c}.1" for c in COMMANDS} | {"katactl.1"})


class Completion(unittest.TestCase):
    script = os.path.join(SOURCE, "tools", "completion", "katactl.bash")

    def complete(self, *words):
        text = (f'source "{self.script}"; katactl() {{ echo web; echo db; }}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _katactl; '
                'printf "%s\\n" "${COMPREPLY[@]}"')
        result = subprocess.run(["bash", "-c", text, "bash", *words], capture_output=True, text=True, timeout=30, check=True)
        return set(result.stdout.split())

    def test_syntax(self):
        subprocess.run(["bash", "-n", self.script], check=True, timeout=30)

    def test_commands(self):
        self.assertEqual(self.complete("katactl", ""), set(COMMANDS))
        self.assertEqual(self.complete("katactl", "re"), {"resume", "restore", "refresh", "resize", "recover"})

    def test_options_are_those_of_the_help(self):
        for command in COMMANDS:
            self.assertEqual(self.complete("katactl", command, "--"), {f"--{o}" for o in help_options(command)}, command)

    def test_ids(self):
        self.assertEqual(self.complete("katactl", "logs", ""), {"web", "db"})
        self.assertEqual(self.complete("katactl", "--state-dir", "/x", "rm", "w"), {"web"})


class Mistakes(unittest.TestCase):
    def refused(self, *words, text, code=2):
        result = call(*words)
        self.assertEqual(result.returncode, code, words)
        self.assertEqual(result.stdout, "")
        self.assertRegex(result.stderr, r"\Akatactl: error: [^\n]+; [^\n]+\n\Z")
        self.assertIn(text, result.stderr)

    def test_commands(self):
        self.refused(text="a command is missing")
        self.refused("rnu", text='did you mean "run"?')
        self.refused("xyzzy", text='no command "xyzzy"')
        self.refused("help", "xyzzy", text='no command "xyzzy"')

    def test_options(self):
        self.refused("run", "--rotfs", "/", "true", text="did you mean --rootfs?")
        self.refused("run", "--memory", text="needs a value")
        self.refused("run", "--memory", "12Q", "--rootfs", "/", "true", text='"12Q" is not a size')
        self.refused("run", "-m12Q", text='"12Q" is not a size')
        self.refused("run", "--cpus", "zero", text="not a number of CPUs")
        self.refused("run", "--timeout=1y", text="not a duration")
        self.refused("run", "--rm=yes", text="takes no value")
        self.refused("run", "-Z", text="unknown option -Z")
        self.refused("list", "--log-level", "wraning", text="did you mean warning?")
        self.refused("kill", "-s", "NOPE", "x", text="no signal")
        self.refused("hypervisor", "lst", text="did you mean list?")

    def test_arguments(self):
        self.refused("run", text="--rootfs DIR or --bundle DIR")
        self.refused("run", "--rootfs", "/", text="a command is missing")
        self.refused("exec", text="the id of a sandbox is missing")
        self.refused("exec", "x", text="a command is missing")
        self.refused("delete", text="an argument is missing")
        self.refused("list", "x", text="one argument too many")
        self.refused("run", "--rootfs", "/", "-v", "nothing", "true", text="is not SOURCE:/DESTINATION")
        self.refused("run", "--rootfs", "/", "-v", "/:/mnt:rx", "true", text="must end in :ro or :rw")
        self.refused("run", "--rootfs", "/", "--annotation", "x", "true", text="is not KEY=VALUE")
        self.refused("run", "--rootfs", "/", "-e", "=x", "true", text="has no name")
        self.refused("run", "-it", "--rootfs", "/", "true", text="no terminal")
        self.refused("run", "--rootfs", "/nonexistent", "true", text="/nonexistent", code=125)
        self.refused("run", "--rootfs", "/dev/null", "true", text="--rootfs-type", code=125)
        self.refused("run", "--rootfs", "/", "-v", "/nonexistent:/x", "true", text="/nonexistent", code=125)

    def test_json(self):
        result = call("run", "--json", "--rotfs", "/")
        self.assertEqual(result.returncode, 2)
        error = json.loads(result.stderr)["error"]
        self.assertEqual((error["code"], error["exit_code"]), ("usage", 2))
        self.assertEqual(result.stderr.count("\n"), 1)
        self.assertEqual(json.loads(call("--json", "rnu").stderr)["error"]["exit_code"], 2)

    def test_version(self):
        self.assertRegex(call("version").stdout, r"\Akatactl \d+\.\d+\.\d+ \(libkata .+\)\n\Z")
        self.assertEqual(call("--version").stdout, call("version").stdout)
        self.assertLessEqual({"katactl", "libkata"}, set(json.loads(call("version", "--json").stdout)))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
