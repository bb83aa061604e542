#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""manual: man pages of section 3 from the API description: one for each function, one for each header's types, and libkata(3).
Usage: manual.py JSON DIRECTORY."""

import json
import os
import re
import shutil
import sys


def page_of(header):
    """The page that has a header's types: kata/sandbox.h -> kata_sandbox."""
    return 'libkata' if header == 'kata/kata.h' else 'kata_' + os.path.basename(header)[:-2]


def plain(text):
    """Text for roff, without markup."""
    text = text.replace('\\', '\\e').replace('-', '\\-')
    return re.sub(r"^([.'])", r'\\&\1', text)


def words(text):
    """Text with functions as references, constants bold, parameters in italics."""
    text = plain(text)
    text = re.sub(r'\b(kata_\w+)\(\)', r'\\fB\1\\fR(3)', text)
    text = re.sub(r'@(\w+)', r'\\fI\1\\fR', text)
    return re.sub(r'\b(KATA_[A-Z][A-Z0-9_]*)\b', r'\\fB\1\\fR', text)


def capital(text):
    """A sentence's first letter; names stay as they are."""
    return text if re.match(r'enum |kata_|[a-z]+[.:/][a-z]', text) else text[:1].upper() + text[1:]


def full_stop(text):
    return text if not text or text.endswith(('.', '!', '?')) else text + '.'


class Page:
    def __init__(self, name, version, about):
        self.name = name
        self.lines = ['.\\" SPDX-License-Identifier: LGPL-2.1-or-later', '.\\" Made from the headers; see docs/api.',
                      f'.TH {plain(name.upper())} 3 "" "libkata {version}" "libkata"', '.SH NAME', f'{plain(name)} \\- {plain(about)}']

    def section(self, title, *lines):
        self.lines += [f'.SH {title}', *lines]

    def code(self, *lines):
        self.lines += ['.nf', *(plain(line) for line in lines), '.fi']

    def item(self, head, text):
        self.lines += ['.TP', head, full_stop(text) or '\\&']

    def write(self, folder):
        with open(os.path.join(folder, self.name + '.3'), 'w', encoding='utf-8') as f:
            f.write('\n'.join(self.lines) + '\n')


def prototype(function):
    """The declaration, a parameter a line where it is long."""
    given = [spell(p['type'], p['name']) for p in function['parameters']] or ['void']
    head = spell(function['result']['type'], function['name']) + ' ('
    line = head + ', '.join(given) + ');'
    if len(line) <= 76:
        return [line]
    return [head + given[0] + ','] + ['    ' + g + ',' for g in given[1:-1]] + ['    ' + given[-1] + ');']


def spell(kind, name):
    return kind + name if kind.endswith('*') else f'{kind} {name}'


def owning(parameter):
    """What a caller does with a pointer, in a sentence."""
    if parameter['direction'] == 'out' and parameter['transfer'] == 'full':
        return f'The caller owns it and releases it with \\fB{plain(parameter["release"])}\\fR(3)'
    if parameter['transfer'] == 'full':
        return 'The call takes it over'
    if parameter['direction'] == 'out' and parameter['type'].count('*') > 1:
        return 'It is not the caller\'s to release'
    return ''


def describe(page, parameter):
    marks = {'in': '', 'out': 'out', 'inout': 'in and out'}[parameter['direction']]
    notes = [n for n in (marks, 'may be NULL' if parameter['nullable'] else '') if n]
    text = full_stop(capital(words(parameter['doc'])))
    page.item(f'.I {plain(parameter["name"])}' + (f'\n({", ".join(notes)})' if notes else ''), ' '.join(t for t in (text, full_stop(owning(parameter))) if t))


def meaning(api, code):
    """What an error code says in general."""
    return next((v['doc'] for e in api['enums'] if e['name'] == 'kata_error_code' for v in e['values'] if v['name'] == code), '')


def function_page(api, function):
    page = Page(function['name'], api['version'], function['summary'].rstrip('.')[:1].lower() + function['summary'].rstrip('.')[1:])
    page.section('SYNOPSIS')
    backend = function['stability'] == 'backend'
    page.code(f'#include <{function["header"] if backend else "kata/kata.h"}>', '', *prototype(function))
    page.section('DESCRIPTION', words(function['summary']))
    if function['description']:
        page.lines += ['.PP', words(function['description'])]
    if function['parameters']:
        page.section('PARAMETERS')
        for parameter in function['parameters']:
            describe(page, parameter)
    result = function['result']
    if result['type'] != 'void':
        page.section('RETURN VALUE', full_stop(capital(words(result['doc']))))
        if result['transfer'] == 'full' and result['doc'] != 'NULL':
            page.lines.append('It is a reference of its own.')
    if function['errors']['possible']:
        page.section('ERRORS')
        for error in function['errors']['codes']:
            page.item(f'.B {error["code"]}', capital(words(error['when'] or meaning(api, error['code']))))
        page.lines += ['.PP'] * bool(function['errors']['codes']) + ['Any call can also fail with', '.BR KATA_E_NO_MEMORY ,', '.B KATA_E_IO', 'or', '.BR KATA_E_INTERNAL .']
    page.section('THREADS AND BLOCKING', f'Threads that may call it: {full_stop(words(function["threads"]))}', f'Blocks: {full_stop(words(function["blocks"]))}')
    page.section('HISTORY', f'Since libkata {function["since"]}.')
    page.section('SEE ALSO', f'.BR {plain(page_of(function["header"]))} (3),', '.BR libkata (3)')
    return page


def struct_lines(page, struct):
    page.lines += ['.SS ' + plain('struct ' + struct['name']), words(full_stop(struct['doc']))]
    if struct['initializer']:
        page.lines += [f'Initialize it with \\fB{struct["initializer"]}\\fR.']
    for field in struct['fields']:
        note = 'May be NULL. ' if field['nullable'] else ''
        page.item(f'.BI {quoted(field["type"] if field["callback"] else spell(field["type"], ""))} {quoted(field["name"])}',
                  note + full_stop(capital(words(field['doc'] or (f'In {field["unit"]}' if field['unit'] else '')))))


def quoted(text):
    return '"' + plain(text).replace('"', '\\(dq') + '"'


def header_page(api, header):
    own = {kind: [t for t in api[kind] if t['header'] == header['name']] for kind in ('handles', 'structs', 'enums', 'callbacks', 'constants', 'functions')}
    page = Page(page_of(header['name']), api['version'], header['summary'].rstrip('.'))
    page.section('SYNOPSIS')
    page.code(f'#include <{header["name"]}>')
    page.section('DESCRIPTION', full_stop(capital(words(header['summary']))))
    for title, kind in (('OBJECTS', 'handles'), ('CALLBACKS', 'callbacks'), ('CONSTANTS', 'constants')):
        if own[kind]:
            page.section(title)
            for thing in own[kind]:
                page.item(f'.B {plain(thing["name"])}' + (f' {plain(thing["value"])}' if kind == 'constants' else ''), words(thing['doc']))
                if kind == 'callbacks':
                    page.lines += ['.RS', '.nf', plain(thing['type'] + ';'), '.fi', '.RE']
    if own['structs']:
        page.section('STRUCTS')
        for struct in own['structs']:
            struct_lines(page, struct)
    if own['enums']:
        page.section('ENUMS')
        for enum in own['enums']:
            page.lines += ['.SS ' + plain('enum ' + enum['name']), words(full_stop(enum['doc']))]
            for value in enum['values']:
                page.item(f'.B {value["name"]} = {plain(str(value["value"]))}', capital(words(value['doc'])))
    if own['functions']:
        page.section('FUNCTIONS')
        for function in own['functions']:
            page.item(f'.BR {plain(function["name"])} (3)', words(function['summary']))
    page.section('SEE ALSO', '.BR libkata (3)')
    return page


OVERVIEW = [
    ('Errors', 'A function that can fail returns 0 or a negative enum kata_error_code, and sets @err, its last parameter, unless that is NULL. What it would '
               'have given is untouched then. See kata_error(3).'),
    ('Objects', 'Objects are opaque and reference-counted; their functions can be called from any thread. Dropping the last reference releases the handle '
                'only: what it stands for goes on, and can be opened again by another process.'),
    ('Ownership', 'What comes through a pointer to a pointer is the caller\'s: objects are released with their unref function, texts with kata_free(), arrays '
                  'of texts with kata_strv_free(). A pointer that a function returns belongs to the object that was asked. Arguments are only read during the '
                  'call.'),
    ('Options', 'Structs begin with their size; their initializers set it. Fields are only ever added at their ends.'),
    ('Time', 'Time-outs are in milliseconds: 0 does not wait, KATA_TIMEOUT_DEFAULT is the bound that the configuration sets, KATA_TIMEOUT_NONE waits for ever.'),
]


def overview(api):
    page = Page('libkata', api['version'], 'containers in lightweight virtual machines, as a library')
    page.section('SYNOPSIS')
    page.code('#include <kata/kata.h>', '', 'cc program.c $(pkg-config --cflags --libs libkata)')
    page.section('DESCRIPTION', 'libkata runs containers, each pod in a virtual machine of its own.')
    for title, text in OVERVIEW:
        page.lines += [f'.SS {title}', words(text).replace('kata_error(3)', '\\fBkata_error\\fR(3)')]
    page.section('HEADERS')
    for header in api['headers']:
        if header['name'] != 'kata/kata.h':
            page.item(f'.BR {plain(page_of(header["name"]))} (3)', words(capital(header['summary'])))
    page.section('SEE ALSO', '.BR katactl (1)')
    return page


def main():
    with open(sys.argv[1], encoding='utf-8') as f:
        api = json.load(f)
    folder = sys.argv[2]
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    overview(api).write(folder)
    for header in api['headers']:
        if header['name'] != 'kata/kata.h':
            header_page(api, header).write(folder)
    for function in api['functions']:
        function_page(api, function).write(folder)


if __name__ == '__main__':
    main()
