#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that each lint can fail: gives it text that breaks its rule, and text that does not."""

import sys

import doc_blocks
import header
import layering
import manual_pages
import public_headers
import size
import source
import state
import symbols

SPDX = '/* SPDX-License-Identifier: LGPL-2.1-or-later */\n'
DOC = ('/**\n * kata_x_do:\n * Does it.\n * @a: a\n * @err: (out) (optional): why\n * Returns: 0\n * Errors: none are expected\n * Threads: any. Blocks: no. '
       'Since: 0.1\n */\n')
CALL = 'KATA_API int kata_x_do (int a, kata_error **err);\n'

# Lint, what it is given, how many faults it must find.
CASES = [
    ('down is allowed', lambda: layering.faults('lib/plan/a.c', '#include "oci/spec.h"\n'), 0),
    ('up is refused', lambda: layering.faults('lib/base/a.c', '#include "oci/spec.h"\n'), 1),
    ('siblings of L1', lambda: layering.faults('lib/oci/a.c', '#include "config/config.h"\n'), 1),
    ('vmm from qemu', lambda: layering.faults('lib/backend/qemu/a.c', '#include "vmm/bus.h"\n'), 1),
    ('vmm from builtin', lambda: layering.faults('lib/backend/builtin/a.c', '#include "vmm/bus.h"\n'), 0),
    ('parent folder', lambda: layering.faults('lib/oci/a.c', '#include "../oci/b.h"\n'), 1),
    ('glib in the agent', lambda: layering.faults('guest/agent/a.c', '#include <glib.h>\n'), 1),
    ('glib in a subproject', lambda: layering.faults('subprojects/toml/a.c', '#include <glib.h>\n'), 1),
    ('internals in a tool', lambda: layering.faults('tools/a.c', '#include "base/fd.h"\n'), 1),
    ('insides linked to a tool', lambda: layering.build_faults('tools/meson.build', "executable('a', 'a.c', dependencies: kata_static_dep)"), 1),
    ('glib in a public header', lambda: layering.faults('include/kata/a.h', '#include <glib.h>\n'), 1),
    ('an include in a comment', lambda: layering.faults('lib/base/a.c', '/*\n#include "oci/spec.h"\n*/\n'), 0),
    ('order kept', lambda: layering.faults('lib/oci/a.c', '#include "oci/a.h"\n#include <stdio.h>\n#include "oci/b.h"\n'), 0),
    ('order broken', lambda: layering.faults('lib/oci/a.c', '#include "oci/a.h"\n#include "oci/b.h"\n#include <stdio.h>\n'), 1),
    ('short function', lambda: size.faults('a.c', 'int\nf (void)\n{\n' + '  g ();\n' * 58 + '}\n', {}), 0),
    ('long function', lambda: size.faults('a.c', 'int\nf (void)\n{\n' + '  g ();\n' * 59 + '}\n', {}), 1),
    ('allowed long function', lambda: size.faults('a.c', 'int\nf (void)\n{\n' + '  g ();\n' * 59 + '}\n', {'a.c f': ''}), 0),
    ('a brace in a string', lambda: size.faults('a.c', 'int\nf (void)\n{\n  g ("\\\n}");\n' + 'x;\n' * 60 + '}\n', {}), 1),
    ('long file', lambda: size.faults('a.h', '\n' * 601, {}), 1),
    ('licence and sentence', lambda: header.faults('a.c', SPDX + '/* a: says what it is and is not. */\n'), 0),
    ('no licence', lambda: header.faults('a.c', '/* a: says what it is and is not. */\n'), 1),
    ('no sentence', lambda: header.faults('a.c', SPDX + '#include <stdio.h>\n'), 1),
    ('whole doc block', lambda: doc_blocks.faults('a.h', DOC + CALL), 0),
    ('no doc block', lambda: doc_blocks.faults('a.h', CALL), 1),
    ('parameter missing', lambda: doc_blocks.faults('a.h', DOC.replace(' * @a: a\n', '') + CALL), 1),
    ('another parameter', lambda: doc_blocks.faults('a.h', DOC.replace('@a', '@b') + CALL), 1),
    ('no Blocks', lambda: doc_blocks.faults('a.h', DOC.replace('Blocks', 'Sleeps') + CALL), 1),
    ('no Since', lambda: doc_blocks.faults('a.h', DOC.replace(' Since: 0.1', '') + CALL), 1),
    ('an error that is none', lambda: doc_blocks.faults('a.h', DOC.replace('none are expected', 'KATA_E_WRONG') + CALL), 1),
    ('an error in words', lambda: doc_blocks.faults('a.h', DOC.replace('none are expected', 'when it fails') + CALL), 1),
    ('@err without errors', lambda: doc_blocks.faults('a.h', DOC.replace('none are expected', 'none') + CALL), 1),
    ('a function that is not there', lambda: doc_blocks.faults('a.h', DOC.replace('Does it', 'As kata_y()') + CALL), 1),
    ('an unknown annotation', lambda: doc_blocks.faults('a.h', DOC.replace('@a: a', '@a: (borrowed): a') + CALL), 1),
    ('a time without a unit', lambda: doc_blocks.faults('a.h', (DOC + CALL).replace('@a:', '@a_ms:').replace('int a,', 'int64_t a_ms,')), 1),
    ('a number to write to', lambda: doc_blocks.faults('a.h', DOC + CALL.replace('int a,', 'int *a,')), 1),
    ('whose is the text', lambda: doc_blocks.faults('a.h', DOC.replace('@a: a', '@a: (out): a') + CALL.replace('int a,', 'char **a,')), 1),
    ('how to release it', lambda: doc_blocks.faults('a.h', DOC.replace('@a:', '@a: (out) (transfer full):') + CALL.replace('int a,', 'char **a,')), 1),
    ('whose is the result', lambda: doc_blocks.faults('a.h', DOC + CALL.replace('int kata', 'const char *kata')), 1),
    ('a struct without a size', lambda: doc_blocks.faults('a.h', '/** X. */\ntypedef struct kata_x {\n  int32_t a;\n} kata_x;\n'), 1),
    ('a field without a fixed size', lambda: doc_blocks.faults('a.h', '/** X. */\ntypedef struct kata_x {\n  size_t size;\n  long a;\n} kata_x;\n'), 1),
    ('an enum without a comment', lambda: doc_blocks.faults('a.h', 'enum kata_x { KATA_X = 1 };\n'), 1),
    ('an object without references', lambda: doc_blocks.faults('a.h', '/** X. */\ntypedef struct kata_x kata_x;\n'), 3),
    ('export missing', lambda: symbols.faults(['kata_a'], {}, ['KATA_0.1']), 1),
    ('export too many', lambda: symbols.faults([], {'kata_a': 'KATA_0.1'}, ['KATA_0.1']), 1),
    ('export without a node', lambda: symbols.faults(['kata_a'], {'kata_a': ''}, ['KATA_0.1']), 1),
    ('a link to nowhere', lambda: manual_pages.broken({'a.html': '<p id="x"><a href="a.html#x">x</a><a href="a.html#y">y</a><a href="b.html">b</a>'}), 2),
    ('a script', lambda: manual_pages.broken({'a.html': '<script>1</script>'}), 1),
    ('a page that is not there', lambda: manual_pages.references({'kata_a.3': '.BR kata_a (3),\n\\fBkata_b\\fR(3)\n'}), 1),
    ('mutable state', lambda: state.faults([('a.o', 'counter', '.bss'), ('a.o', 'table', '.data.rel.ro.local')], {}), 1),
    ('allowed state', lambda: state.faults([('a.o', 'cache.7', '.bss.cache')], {'cache': 'why'}), 0),
    ('broken header', lambda: filter(None, [public_headers.compile_text('gcc', ['-x', 'c', '-std=c99'], 'int f(')]), 1),
]


def main():
    found = []
    for name, run, wanted in CASES:
        got = list(run())
        if len(got) != wanted:
            found.append(f'{name}: {len(got)} faults instead of {wanted}: {got}')
    if symbols.declared('KATA_API int\nkata_a (void);\n') != ['kata_a']:
        found.append('symbols: a declaration over two lines is not read')
    if [f[0] for f in source.functions('static const int t[] =\n{\n  1,\n};\nint\nf (int a)\n{\n}\n')] != ['f']:
        found.append('functions: a table is taken for a function')
    source.report(found, len(CASES), 'cases')


if __name__ == '__main__':
    main()
