#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-headers: today's headers against those of each stored release: additions are listed, breaks refused; and what breaks is seen to be refused."""

import concurrent.futures
import os
import shutil
import subprocess
import sys
import tempfile

import interface

HERE = os.path.dirname(os.path.abspath(__file__))
TODAY = os.path.join(interface.ROOT, 'include')

# A change to the headers (file, text, its replacement), and how many breaks it is, how many additions.
CHANGES = [
    ('a function is gone', 'process.h', 'kata_process_resize', 'kata_process_rescale', 1, 1),
    ('a function takes another type', 'process.h', 'KATA_API int kata_process_signal (kata_process *process, int signum',
     'KATA_API int kata_process_signal (kata_process *process, int64_t signum', 1, 0),
    ('a result of another type', 'common.h', 'KATA_API void kata_free', 'KATA_API int kata_free', None, None),
    ('another owner of a result', 'error.h', 'Returns: (transfer none): UTF-8', 'Returns: (transfer full): UTF-8', 1, 0),
    ('a field in the middle', 'sandbox.h', '  uint32_t vcpus;\n', '  uint64_t weight;\n  uint32_t vcpus;\n', 12, 1),
    ('fields swapped', 'sandbox.h', '  int32_t type;                       /* enum kata_event_type */\n  int32_t state;                      /* enum kata_state */',
     '  int32_t state;                      /* enum kata_state */\n  int32_t type;                       /* enum kata_event_type */', 2, 0),
    ('a field of another type', 'sandbox.h', '  uint64_t memory_mib;\n', '  int64_t memory_mib;\n', 1, 0),
    ('a field is gone', 'container.h', '  uint64_t read_bytes, write_bytes;\n', '  uint64_t read_bytes;\n', 5, 0),
    ('a longer array in the middle', 'placement.h', 'char hostname[256]', 'char hostname[512]', 3, 0),
    ('a value of an enum', 'error.h', 'KATA_E_BUSY = -8', 'KATA_E_BUSY = -88', 1, 0),
    ('a value in the middle', 'sys/backend.h', '  KATA_CAP_PAUSE,\n', '  KATA_CAP_NAP,\n  KATA_CAP_PAUSE,\n', 10, 1),
    ('a constant', 'common.h', '#define KATA_ID_MAX 128', '#define KATA_ID_MAX 129', 5, 0),
    ('an initializer is gone', 'sandbox.h', '#define KATA_EVENT_INIT ', '#define KATA_EVENT_IN_IT ', None, None),
    ('a field in the padding', 'container.h', '  uint32_t rows, columns;            /* of the terminal; 0 = 24, 80 */\n',
     '  uint32_t rows, columns;            /* of the terminal; 0 = 24, 80 */\n  uint32_t more;\n', 1, 1),
    ('a field at the end', 'sandbox.h', '  const char *network;\n', '  const char *network;\n  const char *more;\n', 0, 1),
    ('a value at the end', 'sandbox.h', '  KATA_STATE_STOPPED = 4 ', '  KATA_STATE_MOVED = 5, KATA_STATE_STOPPED = 4 ', 0, 1),
    ('a new function', 'common.h', 'KATA_API const char *kata_version (void);', 'KATA_API const char *kata_version (void);\n\n/**\n * kata_age:\n * How old.\n '
     '* Returns: years\n * Errors: none\n * Threads: any. Blocks: no. Since: 0.2\n */\nKATA_API int kata_age (void);', 0, 1),
]


def changed(stored, old, name, before, after):
    """How the stored headers compare with themselves after one change; None where that is no interface at all."""
    with tempfile.TemporaryDirectory(prefix='kata-abi-') as place:
        folder = os.path.join(place, 'include')
        shutil.copytree(stored, folder)
        path = os.path.join(folder, 'kata', name)
        with open(path, encoding='utf-8') as f:
            text = f.read()
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text.replace(before, after))
        try:
            return interface.Comparison(old, interface.read(folder, old))
        except (SystemExit, subprocess.CalledProcessError):
            return None


def bites(stored, old):
    """Faults of this test itself: changes to the stored headers that it takes for something else."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:   # each waits for a compiler
        all_seen = list(pool.map(lambda change: changed(stored, old, *change[1:4]), CHANGES))
    for (what, _, _, _, breaks, additions), seen in zip(CHANGES, all_seen):
        if breaks is None:
            if seen is not None and not seen.breaks:
                yield f'{what}: is let through'
        elif seen is None or (len(seen.breaks), len(seen.additions)) != (breaks, additions):
            yield f'{what}: {seen and seen.breaks}, {seen and seen.additions}'


def main():
    bad, today = [], interface.read(TODAY)
    for release in sorted(name for name in os.listdir(HERE) if name.isdigit()):
        stored = os.path.join(HERE, release, 'include')
        old = interface.read(stored)
        seen = interface.Comparison(old, today)
        print(f'since {release}: {len(seen.additions)} additions, {len(seen.breaks)} breaks')
        print(*(f'  + {line}' for line in seen.additions), sep='\n')
        bad += [f'  BREAK {line}' for line in seen.breaks]
        if release == '1':
            bad += [f'  the test does not bite: {line}' for line in bites(stored, old)]
    print(*bad, sep='\n')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
