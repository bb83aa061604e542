# SPDX-License-Identifier: LGPL-2.1-or-later
"""exposition: reads Prometheus' text format 0.0.4, and is as strict as promtool is: what it does not like, it raises."""
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? ([^ ]+)\Z")
TYPES = ("counter", "gauge", "histogram", "summary", "untyped")


class Wrong(Exception):
    """The text is not of the format."""


def labels_of(text):
    found, at = {}, 0
    while text and at < len(text):
        match = LABEL.match(text, at)
        if not match or match[1] in found:
            raise Wrong(f"labels: {text}")
        found[match[1]] = re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], match[2])
        at = match.end()
    return found


class Family:
    def __init__(self, name):
        self.name, self.help, self.type, self.samples = name, None, None, []

    def holds(self, name):
        ends = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("", "_sum", "_count")}.get(self.type, ("",))
        return name in [self.name + end for end in ends]

    def check(self):
        if not self.type or self.help is None:
            raise Wrong(f"{self.name}: no type or no help")
        if self.type == "counter" and any(value < 0 for _, _, value in self.samples):
            raise Wrong(f"{self.name}: a counter below 0")
        # promtool's rules of names.
        if self.type == "gauge" and self.name.endswith("_total"):
            raise Wrong(f"{self.name}: a gauge is no total")
        series = {}
        for name, labels, value in self.samples:
            if name.endswith("_bucket") and self.type == "histogram":
                key = tuple(sorted((k, v) for k, v in labels.items() if k != "le"))
                series.setdefault(key, []).append((float(labels["le"].replace("+Inf", "inf")), value))
        for buckets in series.values():
            if buckets != sorted(buckets) or [v for _, v in buckets] != sorted(v for _, v in buckets) or buckets[-1][0] != float("inf"):
                raise Wrong(f"{self.name}: buckets {buckets}")


def number(text):
    if not re.match(r"([+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]Inf|NaN)\Z", text):
        raise Wrong(f"number: {text}")
    return float(text)


class Text:
    """All families of one text."""

    def __init__(self, text):
        self.families, self.seen, last = {}, set(), None
        if text and not text.endswith("\n"):
            raise Wrong("cut short")
        for line in text.split("\n")[:-1]:
            comment = re.match(rf"# (HELP|TYPE) ({NAME}) (.*)\Z", line)
            if comment:
                last = self.enter(comment[2], last)
                self.describe(last, comment[1], comment[3])
            elif line and not line.startswith("#"):
                last = self.sample(line, last)
        for family in self.families.values():
            family.check()

    def enter(self, name, last):
        if last and last.name == name:
            return last
        if name in self.families:
            raise Wrong(f"{name}: in two pieces")
        return self.families.setdefault(name, Family(name))

    @staticmethod
    def describe(family, what, text):
        if family.samples or getattr(family, what.lower()) is not None or (what == "TYPE" and text not in TYPES):
            raise Wrong(f"{family.name}: {what} {text}")
        setattr(family, what.lower(), text)

    def sample(self, line, last):
        match = SAMPLE.match(line)
        if not match:
            raise Wrong(f"line: {line}")
        labels = labels_of(match[2])
        if not last or not last.holds(match[1]):
            last = self.enter(match[1], last)
        key = (match[1], tuple(sorted(labels.items())))
        if key in self.seen:
            raise Wrong(f"twice: {line}")
        self.seen.add(key)
        last.samples.append((match[1], labels, number(match[3])))
        return last

    def values(self, name, **labels):
        """The values of all samples with these labels."""
        found = [s for f in self.families.values() for s in f.samples if s[0] == name]
        return [value for _, have, value in found if labels.items() <= have.items()]

    def value(self, name, **labels):
        values = self.values(name, **labels)
        if len(values) != 1:
            raise AssertionError(f"{name} {labels}: {values}")
        return values[0]

    def ids(self):
        return {labels.get("sandbox_id") for f in self.families.values() for _, labels, _ in f.samples}
