# SPDX-License-Identifier: LGPL-2.1-or-later
"""Figures as Markdown tables for docs/performance.md: a column for each subject, ratios to the subject with the same transport, what is lost."""

import report

# A machine over PCI is compared with one over PCI.
PARTNERS = {'builtin': 'qemu-microvm', 'builtin-thread': 'qemu-microvm', 'builtin-pci': 'qemu-q35'}
ORDER = (*PARTNERS, 'qemu-microvm', 'qemu-q35')
LEVELS = {'job': 'katactl run with a container', 'machine': 'One machine alone'}


def cell(measure):
    if measure is None:
        return ''
    low, high = report.number(measure['min']), report.number(measure['max'])
    return low if low == high else f'{low}–{high}'


def pairs(subjects):
    return [(ours, theirs) for ours, theirs in PARTNERS.items() if ours in subjects and theirs in subjects]


def named(name):
    unit, what, _ = report.MEASURES[name]
    return f'{what}, {unit}' if unit else what


def rows(subjects):
    for name in report.MEASURES:
        cells = [cell(data['measures'].get(name)) for data in subjects.values()]
        if not any(cells):
            continue
        ratios = [report.ratio(subjects, ours, theirs, name) for ours, theirs in pairs(subjects)]
        yield [named(name), *cells, *('' if r is None else f'{r:.2f}' for r in ratios)]


def lost(subjects):
    """(what, ours, theirs, ratio) of medians that are worse than the partner's; nothing is left out for being close."""
    for name, (_, _, better) in report.MEASURES.items():
        for ours, theirs in pairs(subjects):
            r = report.ratio(subjects, ours, theirs, name)
            if r is not None and ((better == 'less' and r > 1) or (better == 'more' and r < 1)):
                yield named(name), ours, theirs, r


def counts(subjects):
    """How many samples of which kind each has; what a sample of another kind saw is not in it."""
    for name, subject in subjects.items():
        kinds = ', '.join(f'{kind} {n}' for kind, n in sorted(subject['kinds'].items()))
        yield f"{name}: {kinds}" + (f" ({subject['failed']} failed)" if subject['failed'] else '')


def level_lines(level, subjects):
    subjects = {name: subjects[name] for name in sorted(subjects, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))}
    head = ['', *subjects, *(f'{ours} to {theirs}'.replace('builtin to qemu-', 'to ').replace('qemu-', '') for ours, theirs in pairs(subjects))]
    yield from (f'## {LEVELS.get(level, level)}', '', 'Samples: ' + '; '.join(counts(subjects)) + '.', '', '| ' + ' | '.join(head) + ' |', '|---|' + '--:|' * (len(head) - 1))
    for row in rows(subjects):
        yield '| ' + ' | '.join(row) + ' |'
    yield ''
    bad = [f'{what} ({ours} to {theirs} {r:.2f})' for what, ours, theirs, r in lost(subjects)]
    yield ('Not won: ' + '; '.join(bad) + '.') if bad else 'Every row is won.'
    yield ''


def text(found, about):
    """Least to most of the samples in each cell; ratios are of medians."""
    lines = ['; '.join(f'{key}: {value}' for key, value in about.items()) + '. Cells: least to most; ratios are of medians.', '']
    for level, subjects in found.items():
        lines += level_lines(level, subjects)
    return '\n'.join(lines)
