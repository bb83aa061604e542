#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compiles each public header alone, as strict C99 and as C++, with gcc and clang where they are; it links nothing."""

import shutil
import subprocess

import source

WAYS = [
    ('gcc', ['-x', 'c', '-std=c99', '-pedantic']),
    ('gcc', ['-x', 'c', '-std=c17', '-pedantic']),
    ('clang', ['-x', 'c', '-std=c99', '-pedantic']),
    ('g++', ['-x', 'c++', '-std=c++11', '-pedantic']),
    ('clang++', ['-x', 'c++', '-std=c++11', '-pedantic', '-Wno-deprecated']),
]


def compile_text(compiler, flags, text):
    """The compiler's complaint about a text that includes public headers, or ''."""
    done = subprocess.run([compiler, *flags, '-Wall', '-Wextra', '-Werror', '-fsyntax-only', '-Iinclude', '-'], input=text,
                          cwd=source.ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    return done.stderr if done.returncode else ''


def main():
    names = [p for p in source.files('.h') if p.startswith('include/')]
    ways = [w for w in WAYS if shutil.which(w[0])]
    plain = any(w[0] in ('g++', 'clang++') and not compile_text(w[0], w[1], '#include <cstddef>\n') for w in ways)
    if not plain:   # a C compiler alone: C++ without its library still parses our headers
        print('note: no C++ library; headers are parsed as C++ without it')
    found = []
    for path in names:
        include = f'#include <{path[len("include/"):]}>\n'
        for compiler, flags in ways:
            # Twice, so that a missing guard shows.
            fault = compile_text(compiler, flags, include * 2 + 'extern int kata_lint_unused;\n')
            if fault:
                found.append(f'{path}: {compiler} {" ".join(flags)}:\n{fault}')
    source.report(found, len(names) * len(ways), 'compilations')


if __name__ == '__main__':
    main()
