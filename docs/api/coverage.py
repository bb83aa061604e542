#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""coverage: a table of the public functions: by which C test each is called, and whether the Python and Go bindings have it.
Usage: coverage.py SOURCE_ROOT [OUTPUT]; coverage.py --check SOURCE_ROOT says which functions no C test calls, and fails if there is one."""

import os
import re
import sys

import describe

COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.S)
# Where a use is looked for: the table's column, folders, endings, what a use looks like.
COLUMNS = [
    ('C test', ('tests',), '.c', r'\b(kata_\w+) ?\(|\bREFERENCES \((\w+),'),
    ('Python', ('bindings/python',), '.py', r'\b(kata_\w+)\b'),
    ('Go', ('bindings/go',), '.go', r'\bC\.(kata_\w+)\b|\b(kata_\w+) ?\('),
]


def sources(root, folders, ending):
    for folder in folders:
        for top, below, names in os.walk(os.path.join(root, folder)):
            below[:] = sorted(b for b in below if not b.startswith(('.', 'build')) and b != '__pycache__')
            for name in sorted(names):
                if name.endswith(ending):
                    yield os.path.relpath(os.path.join(top, name), root)


def uses(root, folders, ending, pattern):
    """{function: [files]}; in C, strings and comments are no calls."""
    found = {}   # REFERENCES: tests/lifecycle/test-handles.c calls the three functions of an object by its noun
    for path in sources(root, folders, ending):
        with open(os.path.join(root, path), encoding='utf-8', errors='replace') as f:
            text = f.read()
        if ending == '.c':
            text = COMMENT.sub(' ', text)
        for name in {m for n in names(pattern, text) for m in n}:
            found.setdefault(name, []).append(path)
    return found


def names(pattern, text):
    """The functions that each match means."""
    for groups in re.findall(pattern, text):
        for n in [groups] if isinstance(groups, str) else groups:
            if n:
                yield [n] if n.startswith('kata_') else [f'kata_{n}_{verb}' for verb in ('ref', 'unref', 'unrefp')]


def cell(files):
    """The test that is most about it: the one with the shortest name, and how many more there are."""
    if not files:
        return '**none**'
    first = min(files, key=lambda p: (not os.path.basename(p).startswith('test-'), len(p), p))
    return f'`{first}`' + (f' +{len(files) - 1}' if len(files) > 1 else '')


def table(api, root):
    found = [uses(root, *column[1:]) for column in COLUMNS]
    counts = [sum(f['name'] in uses_of for f in api['functions']) for uses_of in found]
    total = len(api['functions'])
    lines = ['# Who uses which public function', '',
             'Made by `ninja -C build coverage-md` from the headers, the C tests and the bindings; not written by hand. A C test that calls a function is in its',
             'column, with how many others do; a binding has a function if it names it. `lint/coverage` refuses a public function without a C test.', '',
             '| of ' + f'{total} functions | ' + ' | '.join(c[0] for c in COLUMNS) + ' |', '|---|---|---|---|', '| | ' + ' | '.join(map(str, counts)) + ' |']
    for header in api['headers']:
        own = [f['name'] for f in api['functions'] if f['header'] == header['name']]
        if own:
            lines += ['', f'## `<{header["name"]}>`', '', '| function | C test | Python | Go |', '|---|---|---|---|']
            lines += [f'| `{name}` | {cell(found[0].get(name))} | {"yes" if name in found[1] else "no"} | {"yes" if name in found[2] else "no"} |'
                      for name in own]
    return '\n'.join(lines) + '\n'


def untested(api, root):
    called = uses(root, *COLUMNS[0][1:])
    return [f['name'] for f in api['functions'] if f['name'] not in called]


def main():
    words = [w for w in sys.argv[1:] if w != '--check']
    api = describe.describe('0', os.path.join(words[0], 'include')).json()
    if '--check' in sys.argv[1:]:
        missing = untested(api, words[0])
        for name in missing:
            print(f'{name}: no C test calls it')
        print(f'{len(api["functions"])} functions, {len(missing)} to mend')
        return 1 if missing else 0
    with open(words[1], 'w', encoding='utf-8') if len(words) > 1 else sys.stdout as f:
        f.write(table(api, words[0]))
    return 0


if __name__ == '__main__':
    sys.exit(main())
