# SPDX-License-Identifier: LGPL-2.1-or-later
"""interface: compares two sets of public headers: what a program built with the older ones would miss or misread, and what was added."""

import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, 'docs', 'api'))
import describe  # noqa: E402


def shape(api):
    """All that the layout of structs comes from."""
    fields = [(s['name'], [(f['name'], f['type']) for f in s['fields']]) for s in api['structs']]
    return fields, [(c['name'], c['value']) for c in api['constants']], [v for e in api['enums'] for v in e['values'] if v['name'].endswith('_COUNT')]


def read(folder, known=None):
    """The description of a folder of headers, and the layout of its structs: {struct: (size, {field: (offset, size)})}; taken from `known`, which was
    read before, where nothing can differ."""
    whole = describe.describe('0', folder)
    if whole.faults:
        raise SystemExit(f'{folder}: cannot be read:\n' + '\n'.join(whole.faults))
    api = whole.json()
    return api, known[1] if known and shape(known[0]) == shape(api) else layout(api, folder)


def layout(api, folder):
    """As the compiler lays the structs out."""
    lines = ['#include <stddef.h>', '#include <stdio.h>', *(f'#include <{h["name"]}>' for h in api['headers']), 'int main (void) {']
    for struct in api['structs']:
        name = struct['name']
        lines.append(f'printf ("{name} - 0 %zu\\n", sizeof ({name}));')
        lines += [f'printf ("{name} {f["name"]} %zu %zu\\n", offsetof ({name}, {f["name"]}), sizeof ((({name} *) 0)->{f["name"]}));'
                  for f in struct['fields']]
    with tempfile.TemporaryDirectory(prefix='kata-abi-') as place:
        source, program = os.path.join(place, 'layout.c'), os.path.join(place, 'layout')
        with open(source, 'w', encoding='ascii') as f:
            f.write('\n'.join(lines + ['return 0; }', '']))
        subprocess.run([os.environ.get('CC', 'cc'), '-std=c99', '-I', folder, source, '-o', program], check=True)
        text = subprocess.run([program], check=True, stdout=subprocess.PIPE, text=True).stdout
    found = {}
    for line in text.splitlines():
        name, field, offset, size = line.split()
        if field == '-':
            found[name] = (int(size), {})
        else:
            found[name][1][field] = (int(offset), int(size))
    return found


class Comparison:
    """`breaks` and `additions` are lists of sentences."""

    def __init__(self, old, new):
        (self.old, self.old_layout), (self.new, self.new_layout) = old, new
        self.breaks, self.additions = [], []
        for kind, compare in (('functions', self.function), ('structs', self.struct), ('enums', self.enum), ('handles', self.same),
                              ('callbacks', self.same), ('constants', self.same)):
            before, after = ({t['name']: t for t in api[kind]} for api in (self.old, self.new))
            for name in before:
                if name in after:
                    compare(name, before[name], after[name])
                else:
                    self.breaks.append(f'{name}: is gone')
            self.additions += [f'{name}: new, of the {kind}' for name in after if name not in before]

    def same(self, name, old, new):
        for what in ('type', 'value'):
            if old.get(what) != new.get(what):
                self.breaks.append(f'{name}: was {old[what]}, is {new[what]}')

    def function(self, name, old, new):
        def shape(function):
            return [function['result']['type']] + [p['type'] for p in function['parameters']]
        if shape(old) != shape(new):
            self.breaks.append(f'{name}: was ({", ".join(shape(old))}), is ({", ".join(shape(new))}), the result first')
        for before, after in zip(old['parameters'], new['parameters']):
            if (before['transfer'], before['direction']) != (after['transfer'], after['direction']):
                self.breaks.append(f'{name}: another owner or direction of @{before["name"]}')
            if before['nullable'] and not after['nullable']:
                self.breaks.append(f'{name}: @{before["name"]} may no longer be NULL')
        if old['result']['transfer'] != new['result']['transfer']:
            self.breaks.append(f'{name}: another owner of the result')

    def enum(self, name, old, new):
        after = {v['name']: v['value'] for v in new['values']}
        for value in old['values']:
            if value['name'] not in after:
                self.breaks.append(f'enum {name}: {value["name"]} is gone')
            elif after[value['name']] != value['value'] and not value['name'].endswith('_COUNT'):
                self.breaks.append(f'enum {name}: {value["name"]} was {value["value"]}, is {after[value["name"]]}')
        before = {v['name'] for v in old['values']}
        self.additions += [f'enum {name}: {v} = {n}' for v, n in after.items() if v not in before]

    def struct(self, name, old, new):
        (old_size, before), (new_size, after) = self.old_layout[name], self.new_layout[name]
        types = {f['name']: f['type'] for f in new['fields']}
        for field in old['fields']:
            self.field(name, field, before[field['name']], after.get(field['name']), types, field is old['fields'][-1])
        fresh = [f['name'] for f in new['fields'] if f['name'] not in before]
        self.additions += [f'struct {name}: {f}' for f in fresh]
        for field in fresh:
            if not old['size_prefixed']:
                self.breaks.append(f'struct {name}: has no size, so {field} cannot be added')
            elif after[field][0] < old_size:
                self.breaks.append(f'struct {name}: {field} lies where older programs have a field or padding, which may hold anything')
        if not old['size_prefixed'] and old_size != new_size:
            self.breaks.append(f'struct {name}: has no size, and was {old_size} bytes, is {new_size}')
        if old['initializer'] and old['initializer'] != new['initializer']:
            self.breaks.append(f'{old["initializer"]}: is gone')

    def field(self, name, field, before, after, types, last):
        what = f'struct {name}: {field["name"]}'
        if after is None:
            self.breaks.append(f'{what} is gone')
        elif types[field['name']] != field['type']:
            self.breaks.append(f'{what} was {field["type"]}, is {types[field["name"]]}')
        elif before[0] != after[0]:
            self.breaks.append(f'{what} was at {before[0]}, is at {after[0]}')
        elif before[1] != after[1] and not (last and field['type'].endswith(']') and after[1] > before[1]):
            self.breaks.append(f'{what} had {before[1]} bytes, has {after[1]}')
