#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""reference: static HTML pages from the API description, one for each header and an index; a style sheet, no scripts.
Usage: reference.py JSON DIRECTORY."""

import html
import json
import os
import re
import shutil
import sys

import manual

HERE = os.path.dirname(os.path.abspath(__file__))
PAGE = '''<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="style.css">
</head>
<body>
<nav>{nav}</nav>
<main>
{body}
</main>
</body>
</html>
'''


class Reference:
    def __init__(self, api):
        self.api = api
        self.headers = [h for h in api['headers'] if h['name'] != 'kata/kata.h']
        self.where = {}   # name -> page#anchor
        for kind in ('functions', 'structs', 'enums', 'handles', 'callbacks', 'constants'):
            for thing in api[kind]:
                page = self.file(thing['header'])
                self.where[thing['name']] = f'{page}#{thing["name"]}'
                self.where.update({v['name']: f'{page}#{thing["name"]}' for v in thing.get('values', [])})
                if thing.get('initializer'):
                    self.where[thing['initializer']] = f'{page}#{thing["name"]}'

    @staticmethod
    def file(header):
        return manual.page_of(header) + '.html'

    def text(self, raw):
        """Prose with references; parameters in italics."""
        safe = re.sub(r'@(\w+)', r'<var>\1</var>', html.escape(raw, quote=False))
        return re.sub(r'\b(kata_\w+|KATA_[A-Z0-9_]+)\b(\(\))?', lambda m: self.link(m.group(1)) + (m.group(2) or ''), safe)

    def link(self, name):
        return f'<a href="{self.where[name]}"><code>{name}</code></a>' if name in self.where else f'<code>{name}</code>'

    def code(self, raw):
        safe = html.escape(raw, quote=False)
        return re.sub(r'\bkata_\w+\b', lambda m: f'<a href="{self.where[m.group(0)]}">{m.group(0)}</a>' if m.group(0) in self.where else m.group(0), safe)

    def rows(self, rows):
        return '<dl>\n' + '\n'.join(f'<dt>{head}</dt><dd>{text}</dd>' for head, text in rows) + '\n</dl>'

    def function(self, function):
        parts = [f'<section id="{function["name"]}">', f'<h3>{function["name"]}</h3>',
                 '<pre>' + '\n'.join(self.code(line) for line in manual.prototype(function)) + '</pre>',
                 f'<p>{self.text(function["summary"])} {self.text(function["description"])}</p>']
        rows = [(f'<var>{p["name"]}</var>{self.marks(p)}', self.parameter(p)) for p in function['parameters']]
        if rows:
            parts += ['<h4>Parameters</h4>', self.rows(rows)]
        if function['result']['type'] != 'void':
            parts += ['<h4>Returns</h4>', f'<p>{self.text(manual.full_stop(function["result"]["doc"]))}</p>']
        if function['errors']['codes']:
            parts += ['<h4>Errors</h4>', self.rows((self.link(e['code']), self.text(e['when'] or manual.meaning(self.api, e['code'])))
                                                   for e in function['errors']['codes'])]
        parts.append(f'<p class="facts">Threads: {self.text(function["threads"])}. Blocks: {self.text(function["blocks"])}. '
                     f'Since {function["since"]}.</p>')
        return '\n'.join(parts + ['</section>'])

    @staticmethod
    def marks(parameter):
        notes = [{'in': '', 'out': 'out', 'inout': 'in and out'}[parameter['direction']], 'may be NULL' if parameter['nullable'] else '']
        notes = ', '.join(n for n in notes if n)
        return f' <small>({notes})</small>' if notes else ''

    def parameter(self, parameter):
        text = self.text(parameter['doc'])
        if parameter['release']:
            text += f' <small>Released with {self.link(parameter["release"])}.</small>'
        elif parameter['transfer'] == 'full':
            text += ' <small>The call takes it over.</small>'
        return text

    def struct(self, struct):
        rows = ''.join(f'<tr><td><code>{self.code(f["type"])}</code></td><td><var>{f["name"]}</var></td>'
                       f'<td>{"May be NULL. " if f["nullable"] else ""}{self.text(f["doc"] or f["unit"] or "")}</td></tr>\n' for f in struct['fields'])
        made = f' Initialize it with <code>{struct["initializer"]}</code>.' if struct['initializer'] else ''
        return (f'<section id="{struct["name"]}">\n<h3>struct {struct["name"]}</h3>\n<p>{self.text(manual.full_stop(struct["doc"]))}{made}</p>\n'
                f'<table>\n<tr><th>type</th><th>field</th><th></th></tr>\n{rows}</table>\n</section>')

    def enum(self, enum):
        rows = ''.join(f'<tr><td><code>{v["name"]}</code></td><td>{v["value"]}</td><td>{self.text(v["doc"])}</td></tr>\n' for v in enum['values'])
        return (f'<section id="{enum["name"]}">\n<h3>enum {enum["name"]}</h3>\n<p>{self.text(manual.full_stop(enum["doc"]))}</p>\n'
                f'<table>\n<tr><th>name</th><th>value</th><th></th></tr>\n{rows}</table>\n</section>')

    def other(self, thing):
        line = thing.get('type', '') or f'#define {thing["name"]} {thing["value"]}' if 'value' in thing or 'type' in thing else ''
        shown = f'<pre>{self.code(line)}</pre>\n' if line else ''
        return f'<section id="{thing["name"]}">\n<h3>{thing["name"]}</h3>\n{shown}<p>{self.text(manual.full_stop(thing["doc"]))}</p>\n</section>'

    def header(self, header):
        body = [f'<h1>&lt;{header["name"]}&gt;</h1>', f'<p>{self.text(manual.full_stop(manual.capital(header["summary"])))}</p>']
        for title, kind, show in (('Objects', 'handles', self.other), ('Functions', 'functions', self.function), ('Structs', 'structs', self.struct),
                                  ('Enums', 'enums', self.enum), ('Callbacks', 'callbacks', self.other), ('Constants', 'constants', self.other)):
            own = [t for t in self.api[kind] if t['header'] == header['name']]
            if own:
                body += [f'<h2>{title}</h2>', *map(show, own)]
        return '\n'.join(body)

    def index(self):
        body = [f'<h1>libkata {self.api["version"]}</h1>', '<p>Containers in lightweight virtual machines, as a library.</p>']
        body += [f'<h3>{title}</h3>\n<p>{self.text(text)}</p>' for title, text in manual.OVERVIEW]
        for title, stability in (('For programs that run containers', 'stable'), ('For authors of hypervisor adapters', 'backend')):
            body.append(f'<h2>{title}</h2>')
            for header in self.headers:
                if header['stability'] == stability:
                    rows = ((self.link(f['name']), self.text(f['summary'])) for f in self.api['functions'] if f['header'] == header['name'])
                    body += [f'<h3><a href="{self.file(header["name"])}">&lt;{header["name"]}&gt;</a></h3>',
                             f'<p>{self.text(manual.full_stop(manual.capital(header["summary"])))}</p>', self.rows(rows)]
        return '\n'.join(body)

    def write(self, folder):
        nav = '<a href="index.html">libkata</a>' + ''.join(f' <a href="{self.file(h["name"])}">{h["name"].rpartition("/")[2][:-2]}</a>' for h in self.headers)
        pages = {'index.html': ('libkata', self.index())}
        pages |= {self.file(h['name']): (h['name'], self.header(h)) for h in self.headers}
        for name, (title, body) in pages.items():
            with open(os.path.join(folder, name), 'w', encoding='utf-8') as f:
                f.write(PAGE.format(title=title, nav=nav, body=body))


def main():
    with open(sys.argv[1], encoding='utf-8') as f:
        api = json.load(f)
    folder = sys.argv[2]
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    Reference(api).write(folder)
    shutil.copyfile(os.path.join(HERE, 'style.css'), os.path.join(folder, 'style.css'))


if __name__ == '__main__':
    main()
