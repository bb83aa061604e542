# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the lints share: the tree's files, C text without comments, functions, and one way to report; no rule of its own."""

import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SKIP = 77


def files(*suffixes, root=ROOT):
    """Paths, relative to the root, of the tree's own files: those that git knows or would add, else all but build folders."""
    try:
        out = subprocess.run(['git', '-C', root, 'ls-files', '-co', '--exclude-standard'], check=True, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        out = []
        for top, folders, names in os.walk(root):
            folders[:] = [f for f in folders if not f.startswith(('.', 'build'))]
            out += [os.path.relpath(os.path.join(top, n), root) for n in names]
    return sorted(p for p in set(out) if (not suffixes or p.endswith(suffixes)) and os.path.isfile(os.path.join(root, p)))


def read(path, root=ROOT):
    with open(os.path.join(root, path), encoding='utf-8', errors='replace') as f:
        return f.read()


def bare(text):
    """C text with comments, strings and character constants blanked, its lines kept."""
    pattern = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)

    def blank(m):
        inside = re.sub(r'[^\n]', ' ', m.group(0))
        return '"' + inside[1:-1] + '"' if m.group(0)[0] == '"' else inside

    return pattern.sub(blank, text)


def functions(text):
    """Yields (name, first line, number of lines) of each function body: a brace alone in column 0 after a parameter list."""
    lines = bare(text).split('\n')
    start = None
    for i, line in enumerate(lines):
        if line.rstrip() == '{' and start is None:
            head, j = '', i - 1
            while j >= 0 and lines[j].strip() and not lines[j].startswith(('}', '#')):
                head = lines[j] + ' ' + head
                j -= 1
            m = re.search(r'([A-Za-z_]\w*)\s*\(', head)
            if m and not head.rstrip().endswith('='):
                start, name = i, m.group(1)
        elif line.rstrip() == '}' and start is not None:
            yield name, start + 1, i - start + 1
            start = None


def allowed(name):
    """An allow-list `NAME.allow` beside the lints: `what: reason` a line. A line without a reason is an error."""
    path = os.path.join(ROOT, 'tests/lint', name + '.allow')
    result = {}
    if os.path.exists(path):
        with open(path, encoding='utf-8') as f:
            for number, line in enumerate(f, 1):
                line = line.strip()
                if line and not line.startswith('#'):
                    what, colon, reason = line.partition(': ')
                    if not colon or len(reason) < 10:
                        sys.exit(f'{path}:{number}: says no reason')
                    result[what] = reason
    return result


def report(found, checked, unit='files'):
    """Prints what was found and ends the program: 1 if there is anything."""
    for line in found:
        print(line)
    print(f'{checked} {unit}, {len(found)} to mend')
    sys.exit(1 if found else 0)


def skip(reason):
    print(f'SKIP: {reason}')
    sys.exit(SKIP)
