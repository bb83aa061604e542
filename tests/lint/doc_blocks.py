#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that each public function has a whole doc block: summary, every parameter, Returns, Errors, Threads, Blocks, Since."""

import re

import source

# A function that returns no int result has no errors to list; one that returns nothing has no Returns.
DECLARATION = re.compile(r'(?P<doc>/\*\*(?:(?!\*/).)*\*/)?\s*^KATA_API\b(?P<rest>[^;{]*);', re.S | re.M)


def parameters(rest):
    """Names of a declaration's parameters; that of a function pointer is inside its first parentheses."""
    m = re.search(r'kata_\w+\s*\((.*)\)[^()]*$', rest.strip(), re.S)
    if not m:
        return []
    depth, part, parts = 0, '', []
    for char in m.group(1):
        depth += (char == '(') - (char == ')')
        if char == ',' and depth == 0:
            parts.append(part)
            part = ''
        else:
            part += char
    names = []
    for part in parts + [part]:
        found = re.search(r'\(\s*\*\s*(\w+)', part) or re.search(r'(\w+)\s*(?:\[[^\]]*\])?\s*$', part.strip())
        if found and part.strip() not in ('void', '...'):
            names.append(found.group(1))
    return names


def faults(path, text):
    for m in DECLARATION.finditer(text):
        rest = re.sub(r'/\*.*?\*/', '', m.group('rest'), flags=re.S)
        found = re.search(r'(kata_\w+)\s*\(', rest)
        if not found:
            continue
        name, doc = found.group(1), m.group('doc') or ''
        where = f'{path}:{text.count(chr(10), 0, m.start("rest")) + 1}: {name}'
        if not doc:
            yield f'{where}: no doc block'
            continue
        if f'* {name}:' not in doc:
            yield f'{where}: its doc block does not begin with its name'
        for parameter in parameters(rest):
            if f'@{parameter}:' not in doc:
                yield f'{where}: parameter {parameter} is not described'
        result = rest[:rest.index(name)].strip()
        wanted = ['Threads', 'Blocks', 'Since']
        if result != 'void':
            wanted.append('Returns')
        if '**err' in rest.replace(' ', ''):
            wanted.append('Errors')
        for field in wanted:
            if f'{field}:' not in doc:
                yield f'{where}: its doc block has no "{field}:"'


def main():
    names = [p for p in source.files('.h') if p.startswith('include/')]
    found = [f for p in names for f in faults(p, source.read(p))]
    source.report(found, sum(len(list(DECLARATION.finditer(source.read(p)))) for p in names), 'functions')


if __name__ == '__main__':
    main()
