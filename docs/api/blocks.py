# SPDX-License-Identifier: LGPL-2.1-or-later
"""blocks: the grammar of a public function's doc block; strict, so that what is generated from it can be relied on. See docs/abi.md."""

import re

from headers import Fault

ANNOTATION = re.compile(r'\((out|inout|optional|nullable|transfer full|transfer none)\)\s*')
LAST = re.compile(r'Threads: (?P<threads>.+?)\. Blocks: (?P<blocks>.+)\. Since: (?P<since>\d+\.\d+)$')
ERROR = re.compile(r'(KATA_E_[A-Z_]+)(?: \(((?:[^()]|\([^()]*\))*)\))?(?:, |$)')
UNITS = (('_ms', 'milliseconds'), ('_us', 'microseconds'), ('_ns', 'nanoseconds'), ('_mib', 'MiB'), ('_bytes', 'bytes'), ('_milli', 'thousandths'))


def unit(name):
    """The unit that a name ends in says, or None."""
    return next((what for end, what in UNITS if name.endswith(end)), None)


def annotated(text):
    """({annotation}, the rest) of `(out) (transfer full): new reference`."""
    marks = set()
    while m := ANNOTATION.match(text):
        marks.add(m.group(1))
        text = text[m.end():]
    if marks:
        if text and not text.startswith(':'):
            raise Fault(f'a colon must follow the annotations: "{text[:30]}"')
        text = text[1:].strip()
    if text.startswith('('):
        raise Fault(f'unknown annotation: "{text[:30]}"')
    return marks, text


def joined(comment):
    """The block's lines without stars; those that are indented continue the one before."""
    lines = []
    for line in comment.split('\n')[1:-1]:
        m = re.match(r' \*(?: (.*))?$', line)
        if not m:
            raise Fault(f'each line begins with " * ": "{line.strip()[:30]}"')
        text = m.group(1) or ''
        if text.startswith('  ') and lines:
            lines[-1] += ' ' + text.strip()
        elif text:
            lines.append(text)
    return lines


def errors(text):
    """{codes: [...], as: name or None, expected: bool} of the Errors line."""
    if text == 'none':
        return {'codes': [], 'as': None, 'possible': False}
    if text == 'none are expected':
        return {'codes': [], 'as': None, 'possible': True}
    if m := re.fullmatch(r'as (kata_\w+)\(\)', text):
        return {'codes': [], 'as': m.group(1), 'possible': True}
    codes, at = [], 0
    while at < len(text):
        m = ERROR.match(text, at)
        if not m:
            raise Fault(f'Errors: "{text[at:at + 40]}" is not "KATA_E_… (when), …", "none", "none are expected" or "as kata_…()"')
        codes.append({'code': m.group(1), 'when': m.group(2) or ''})
        at = m.end()
    return {'codes': codes, 'as': None, 'possible': True}


def parse(name, comment):
    """The block as a dict: text, parameters [(name, annotations, text)], result (annotations, text), errors, threads, blocks, since."""
    lines = joined(comment)
    if not lines or lines[0] != f'{name}:':
        raise Fault('its doc block does not begin with its name and a colon')
    text, given, at = [], [], 1
    while at < len(lines) and not lines[at].startswith(('@', 'Returns:')):
        text.append(lines[at])
        at += 1
    while at < len(lines) and (m := re.match(r'@(\w+): (.+)$', lines[at])):
        given.append((m.group(1), *annotated(m.group(2))))
        at += 1
    rest = lines[at:]
    if not text:
        raise Fault('no summary')
    if len(rest) != 3 or not rest[0].startswith('Returns: ') or not rest[1].startswith('Errors: '):
        raise Fault('after the parameters come the lines "Returns:", "Errors:" and "Threads: … Blocks: … Since: …", and nothing else')
    last = LAST.match(rest[2])
    if not last:
        raise Fault(f'"{rest[2][:60]}" is not "Threads: …. Blocks: …. Since: N.N"')
    return {'text': ' '.join(text), 'parameters': given, 'result': annotated(rest[0][9:]), 'errors': errors(rest[1][8:]), **last.groupdict()}
