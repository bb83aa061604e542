#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tables of docs/limitations.md, docs/hostile-images.md and docs/oci-validation.md: each row names tests that are there; it runs none of them.

test-tables.py SOURCE-FOLDER BUILD-FOLDER
"""
import ast
import functools
import json
import pathlib
import re
import sys
import unittest

TOP, BUILD = (pathlib.Path(path) for path in sys.argv[1:3])
FILES = {"L": "tests/oci/test-limits.py", "P": "tests/oci/test-podman.py", "V": "tests/oci/test-verbs.py"}
UNTESTED = ("by no test", "by hand")
HOSTILE = range(36, 48)


def rows(page):
    """Section, cells of each row of a page's tables, without their heads."""
    section, head = "", True
    for line in (TOP / "docs" / page).read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            section = line.lstrip("# ")
        if not line.startswith("|"):
            head = True
        elif head:
            head = False
        elif not line.startswith("|---"):
            yield section, [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


@functools.cache
def names_of(path):
    """Methods, with and without their class, and the keys of the file's tables."""
    found = set()
    for node in ast.parse((TOP / path).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            found.add(node.name)
            for one in node.body:
                if isinstance(one, ast.FunctionDef) and one.name.startswith("test_"):
                    found |= {one.name, f"{node.name}.{one.name}"}
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            found |= {key.value for key in node.value.keys if isinstance(key, ast.Constant)}
    return found


def meson_names():
    """Of the tests that this build folder has, and of those of the bed."""
    tests = json.loads((BUILD / "meson-info/intro-tests.json").read_text(encoding="utf-8"))
    names = {test["name"] for test in tests}
    for path in (BUILD / "tests/bed").glob("*.list"):
        names |= {line.split()[0] for line in path.read_text(encoding="utf-8").splitlines() if line and line[0] not in "#%"}
    return names


MESON = meson_names()


class Tables(unittest.TestCase):
    def check_whole(self, word):
        """A meson test's name or a path of the tree."""
        self.assertTrue(word in MESON or (TOP / word).exists() or (TOP / "tests" / word).exists(), f"{word}: no such test")

    def check_limits_cell(self, cell, letter):
        names = {key: names_of(path) for key, path in FILES.items()}
        found = re.findall(r"(?:\b([LPV]) )?`([^`]+)`", cell)
        for given, word in found:
            letter = given or letter
            with self.subTest(word):
                if "/" in word:
                    self.check_whole(word)
                else:
                    self.assertIn(letter, names, f"{cell}: whose is it?")
                    self.assertTrue(word in names[letter] or f"test_{word}" in names[letter], f"{FILES[letter]} has no {word}")
        return len(found)

    def test_limitations(self):
        count = 0
        for section, cells in rows("limitations.md"):
            with self.subTest(cells[0]):
                self.assertEqual(len(cells), 3)
                tests = self.check_limits_cell(cells[2], "L" if section.startswith("Without") else None)
                self.assertTrue(tests or cells[2].startswith(UNTESTED), "names no test")
                count += 1
        self.assertGreater(count, 40)

    def test_hostile_images(self):
        files = sorted(path for folder in ("oci", "shim", "tools") for path in (TOP / "tests" / folder).glob("test-*.py"))
        names = set().union(*(names_of(path.relative_to(TOP)) for path in files))
        seen, kind = set(), ""
        for _, cells in rows("hostile-images.md"):
            case = re.match(r"[0-9]+", cells[0])
            seen |= {int(case.group())} if case else set()
            words = re.findall(r"(fuzz )?`([^`]+)`", cells[2])
            with self.subTest(cells[0]):
                self.assertTrue(words, "names no test")
            for fuzz, word in words:
                with self.subTest(f"{cells[0]}: {word}"):
                    if fuzz:
                        self.assertTrue((TOP / f"tests/fuzz/{word}.c").exists(), f"no fuzz target {word}")
                    elif word.startswith("."):
                        self.assertIn(f"{kind}{word}", names)
                    elif re.match(r"[A-Z]\w*(\.|$)", word):
                        kind = word.split(".")[0]
                        self.assertIn(word, names)
                    elif word.startswith("test_"):
                        start = word.rstrip("…")
                        self.assertTrue(any(name.startswith(start) if start != word else name == word for name in names))
                    else:
                        self.check_whole(word if "/" in word else f"oci/{word}")
        self.assertEqual(sorted(seen), list(HOSTILE))

    def test_validation(self):
        """Every program once, with a verdict that the page explains, and a reason for each that does not pass."""
        page = (TOP / "docs/oci-validation.md").read_text(encoding="utf-8")
        verdicts, seen = set(re.findall(r"\*([a-z ]+)\*", page)), []
        for _, (program, good, bad, verdict, why) in rows("oci-validation.md"):
            with self.subTest(program):
                self.assertIn(verdict, verdicts)
                self.assertTrue(good.isdigit() and bad.isdigit())
                self.assertTrue(why or verdict == "passes")
                seen.append(program)
        self.assertEqual(seen, sorted(set(seen)))


if __name__ == "__main__":
    if "oci/limits-guest" not in MESON:
        print("SKIP: this build folder has no guest, whose tests the tables name")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
