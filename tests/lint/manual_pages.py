#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks the generated manual and HTML reference: a page for each function, no complaint by mandoc or man, no link that leads nowhere.
Arguments: JSON MAN_DIR HTML_DIR."""

import html.parser
import json
import os
import re
import shutil
import subprocess
import sys

import source


def complaints(pages):
    """What mandoc, or else man, says of them; None where there is neither. The pages bear no date, so that the same headers make the same pages."""
    if shutil.which('mandoc'):
        done = subprocess.run(['mandoc', '-T', 'lint', '-W', 'warning', *pages], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return [line for line in done.stdout.splitlines() if 'missing date' not in line]
    if shutil.which('man') and shutil.which('groff'):
        done = [subprocess.run(['man', '--warnings', '-E', 'UTF-8', '-l', '-Tutf8', '-Z', page], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                               check=False) for page in pages]
        return [line for d in done for line in d.stderr.splitlines()]
    return None


class Links(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.tags = set(), [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.ids |= {value for name, value in attrs if name == 'id'}
        self.links += [value for name, value in attrs if name in ('href', 'src')]


def broken(pages):
    """Faults of {name: text} of an HTML folder."""
    read = {name: Links(text) for name, text in pages.items()}
    for name, page in read.items():
        if 'script' in page.tags:
            yield f'{name}: has a script'
        for link in page.links:
            file, _, anchor = link.partition('#')
            if link != 'style.css' and (file not in read or (anchor and anchor not in read[file].ids)):
                yield f'{name}: {link} leads nowhere'


def references(pages):
    """Other pages of section 3 that a page names and that are not there."""
    for name, text in pages.items():
        for other in set(re.findall(r'(?:\\fB|\b)(kata_\w+|libkata)(?:\\fR)? ?\(3\)', text)):
            if f'{other}.3' not in pages:
                yield f'{name}: names {other}(3), which is not there'


def folder(path, end):
    return {name: source.read(name, path) for name in sorted(os.listdir(path)) if name.endswith(end)}


def main():
    with open(sys.argv[1], encoding='utf-8') as f:
        api = json.load(f)
    manual, reference = folder(sys.argv[2], '.3'), folder(sys.argv[3], '.html')
    found = [f'{f["name"]}: has no page' for f in api['functions'] if f'{f["name"]}.3' not in manual]
    found += [*references(manual), *broken(reference)]
    said = complaints([os.path.join(sys.argv[2], name) for name in manual])
    if said is None:
        print('note: neither mandoc nor man is installed; the pages are not tried')
    source.report(found + (said or []), len(manual) + len(reference), 'pages')


if __name__ == '__main__':
    main()
