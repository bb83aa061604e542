#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Adds up what ./check ran, from meson's JSON logs and its own list of steps; it runs nothing and exits 1 if anything failed."""

import glob
import json
import os
import re
import sys

GOOD = {'OK', 'EXPECTEDFAIL'}
# Of what a failed test has printed, this many last lines are shown.
TAIL = 40


def reasons(record):
    """What a test says of what it leaves out: "SKIP: why", or as unittest words it."""
    text = record.get('stdout', '') + '\n' + record.get('stderr', '')
    found = re.findall(r"(?:\bSKIP(?:PED)?\b[:\s]+|\.\.\. skipped )(.*\S)", text)
    return list(dict.fromkeys(found))


def parts(record):
    """(name, result, reasons) of each test that one which speaks the Test Anything Protocol has run; nothing for others."""
    text = record.get('stdout', '')
    if not text.startswith('TAP version'):
        return
    for good, name, note in re.findall(r'^(ok|not ok) \d+ - (.*?)(?: # SKIP (.*))?$', text, re.M):
        yield name, 'SKIP' if note else 'OK' if good == 'ok' else 'FAIL', [note] if note else []


def last_words(record):
    """The last lines that a failed test has printed; of one that speaks the Test Anything Protocol, those of its failed parts."""
    text = record.get('stdout', '')
    if text.startswith('TAP version'):
        failed = [part.splitlines() for part in re.split(r'^(?=(?:not )?ok )', text, flags=re.M) if part.startswith('not ok')]
        return [line for part in failed for line in part[:1] + part[1:][-TAIL:]]
    return (text + '\n' + record.get('stderr', '')).splitlines()[-TAIL:]


def stops(record):
    """(what, lines) of each time when a bed, not the test, stood still: the lines say where."""
    for what, lines in re.findall(r'^# STOOD STILL: (.*)\n((?:#   .*\n)*)', record.get('stdout', ''), re.M):
        yield what, [line[4:] for line in lines.splitlines()]


def records(folder):
    """Yields (run, record) of every test: the run is one call of meson."""
    for path in sorted(glob.glob(os.path.join(folder, '*.json'))):
        with open(path, encoding='utf-8') as f:
            for line in f:
                yield os.path.basename(path)[:-len('.json')], json.loads(line)


def read(folder):
    """Yields (name, result, reasons) of every test and step."""
    steps = os.path.join(folder, 'steps')
    if os.path.exists(steps):
        with open(steps, encoding='utf-8') as f:
            for line in f:
                name, code = line.rstrip('\n').split('\t')
                yield f'step {name}', 'OK' if code == '0' else 'FAIL', []
    for run, record in records(folder):
        inside = list(parts(record))
        yield from ((f'{run} {name}', result, why) for name, result, why in inside)
        # What ends as its parts say adds nothing to them.
        if inside and (record['result'] in GOOD or any(result == 'FAIL' for _, result, _ in inside)):
            continue
        yield f"{run} {record['name']}", record['result'], reasons(record)


def main():
    results = list(read(sys.argv[1]))
    skipped = [r for r in results if r[1] == 'SKIP']
    failed = [r for r in results if r[1] not in GOOD and r[1] != 'SKIP']
    for name, _, why in skipped:
        print(f'skipped: {name}: {why[0] if why else "no reason printed"}')
    for name, _, why in (r for r in results if r[1] in GOOD and r[2]):
        print(f'passed, but left out a part: {name}: {"; ".join(why)}')
    for run, record in records(sys.argv[1]):
        for what, lines in stops(record):
            print(f'{run} {what}; it was doing:')
            print('\n'.join(f'    {line}' for line in lines))
        if record['result'] not in GOOD and record['result'] != 'SKIP':
            print(f"what {run} {record['name']} printed last:")
            print('\n'.join(f'    {line}' for line in last_words(record)))
    for name, result, _ in failed:
        print(f'failed: {name}{"" if name.startswith("step ") else ": " + result}')
    print(f'{len(results) - len(skipped) - len(failed)} passed, {len(failed)} failed, {len(skipped)} skipped')
    return 1 if failed or not results else 0


if __name__ == '__main__':
    sys.exit(main())
