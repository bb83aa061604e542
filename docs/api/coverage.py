#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""coverage: a table of the public functions: by which C test each is called, and whether the Python and Go bindings have it.
Usage: coverage.py SOURCE_ROOT [OUTPUT]; coverage.py --check SOURCE_ROOT fails where a function has no C test, where a binding lacks
one without a reason, and where docs/coverage.md is not what this writes."""

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

# A C test and how many others, in the page.
C_CELL = re.compile(r'`tests/[^`]*`( \+\d+)?')
# Functions that a binding has no use for: a pattern, and why. A binding that names one all the same is refused, so that none of these goes stale.
NOT_IN_BINDINGS = [
    (('Python', 'Go'), r'kata_\w+_unrefp', 'for C\'s cleanup attribute'),
    (('Python', 'Go'), r'kata_error_ref', 'an error is copied into an exception or a value, and released at once'),
    (('Python',), r'kata_\w+_ref', 'objects of Python\'s share the one reference that its handle has'),
    (('Python', 'Go'), r'kata_runtime_add_backend', 'takes a table of C functions, which only C has: see `kata_runtime_load_backend`'),
    (('Python', 'Go'), r'kata_program_\w+', 'for who writes a backend, which is C'),
    (('Python', 'Go'), r'kata_capability_name', 'numbers of capabilities are for who writes a backend; the bindings have their names'),
]


def reason(language, name):
    """Why a binding does not have a function, or None: it should."""
    return next((why for languages, pattern, why in NOT_IN_BINDINGS if language in languages and re.fullmatch(pattern, name)), None)


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


def binding_cell(language, name, used, notes):
    """Yes, or the number of the note that says why not."""
    if name in used:
        return 'yes'
    why = reason(language, name)
    if why is None:
        return '**no**'
    if why not in notes:
        notes.append(why)
    return f'– ({notes.index(why) + 1})'


def table(api, root):
    found = [uses(root, *column[1:]) for column in COLUMNS]
    counts = [sum(f['name'] in uses_of for f in api['functions']) for uses_of in found]
    total, notes = len(api['functions']), []
    lines = ['# Who uses which public function', '',
             'Made by `ninja -C build coverage-md` from the headers, the C tests and the bindings; not written by hand. A C test that calls a function is in its',
             'column, with how many others do; a binding has a function if it names it, and "–" has its reason below. `lint/coverage` refuses a public function',
             'without a C test, one that a binding lacks without a reason, and a page that is out of date.', '',
             '| of ' + f'{total} functions | ' + ' | '.join(c[0] for c in COLUMNS) + ' |', '|---|---|---|---|', '| | ' + ' | '.join(map(str, counts)) + ' |']
    for header in api['headers']:
        own = [f['name'] for f in api['functions'] if f['header'] == header['name']]
        if own:
            lines += ['', f'## `<{header["name"]}>`', '', '| function | C test | Python | Go |', '|---|---|---|---|']
            lines += ['| `' + name + '` | ' + ' | '.join([cell(found[0].get(name)), *(
                binding_cell(column[0], name, used, notes) for column, used in zip(COLUMNS[1:], found[1:]))]) + ' |' for name in own]
    lines += ['', '## Why a binding does without', ''] + [f'{n}. {note}' for n, note in enumerate(notes, 1)]
    return '\n'.join(lines) + '\n'


def faults(api, root):
    """What is missing, and what the table of reasons says wrongly."""
    for language, *where in COLUMNS:
        used = uses(root, *where)
        for f in api['functions']:
            name, why = f['name'], reason(language, f['name'])
            if name not in used and (language == 'C test' or why is None):
                yield f'{name}: no C test calls it' if language == 'C test' else f'{name}: {language} does not have it, and nothing says why'
            elif name in used and why is not None:
                yield f'{name}: {language} has it, but is said not to: {why}'
    yield from stale(api, root)


def stale(api, root):
    """The page says something else than the tree; which of many C tests it names, and how many others there are, it need not follow."""
    with open(os.path.join(root, 'docs', 'coverage.md'), encoding='utf-8') as page:
        text = page.read()
    if C_CELL.sub('', text) != C_CELL.sub('', table(api, root)):
        yield 'docs/coverage.md: not what the tree says; ninja -C build coverage-md'
    used = uses(root, *COLUMNS[0][1:])
    for name, path in re.findall(r'^\| `(\w+)` \| `([^`]+)`', text, re.M):
        if path not in used.get(name, []):
            yield f'docs/coverage.md: {path} does not call {name}; ninja -C build coverage-md'


def main():
    words = [w for w in sys.argv[1:] if w != '--check']
    api = describe.describe('0', os.path.join(words[0], 'include')).json()
    if '--check' in sys.argv[1:]:
        missing = list(faults(api, words[0]))
        print('\n'.join(missing))
        print(f'{len(api["functions"])} functions, {len(missing)} to mend')
        return 1 if missing else 0
    with open(words[1], 'w', encoding='utf-8') if len(words) > 1 else sys.stdout as f:
        f.write(table(api, words[0]))
    return 0


if __name__ == '__main__':
    sys.exit(main())
