#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""describe: the whole public interface as one JSON text, from the headers alone; refuses what is not described completely.
Usage: describe.py [--check] VERSION INCLUDE_DIR [OUTPUT]."""

import json
import os
import re
import sys

import blocks
from headers import Fault, Reader, prose

FORMAT = 1   # of the JSON; members are only ever added
HANDLE_RELEASE = {'char *': 'kata_free', 'char **': 'kata_strv_free'}


def sentence(text):
    """(the first sentence, what follows it)."""
    m = re.match(r'(.+?[.?:])(?=\s+[A-Z@]|$)(.*)', text, re.S)
    return (m.group(1).strip(), m.group(2).strip()) if m else (text, '')


def pointed(kind):
    """What a pointer points at, or None."""
    return kind[:-1].strip() if kind.endswith('*') else None


class Description:
    def __init__(self, version):
        self.version, self.faults = version, []
        self.headers, self.functions, self.structs, self.enums, self.handles, self.callbacks, self.constants = ([] for _ in range(7))
        self.initializers = {}

    def fault(self, where, why):
        self.faults.append(f'{where}: {why}')

    def add(self, name, text):
        path = f'include/{name}'
        try:
            read = Reader(path, text)
        except Fault as e:
            self.faults.append(str(e))
            return
        common = {'header': name, 'stability': 'backend' if '/sys/' in name else 'stable'}
        second = text.split('\n')[1]
        self.headers.append({'name': name, 'stability': common['stability'], 'summary': prose(second).partition(': ')[2]})
        for found in read.initializers:
            self.initializers[found['struct']] = found['name']
        for found in read.functions:
            self.function(path, found, common)
        for kind in ('structs', 'enums', 'handles', 'callbacks', 'constants'):
            for found in getattr(read, kind):
                if kind == 'constants' and found['name'].endswith('_H'):
                    continue
                self.thing(path, kind, found, common)

    def thing(self, path, kind, found, common):
        comment, name = found['comment'], found['name']
        doc = re.sub(r'^struct \w+: ', '', prose(comment.text)) if comment else ''
        if not doc:
            self.fault(f'{path}:{found["line"]}: {name}', 'no /** comment says what it is')
        made = {'name': name, **common, 'line': found['line'], 'doc': doc}
        if kind == 'structs':
            made |= self.struct(path, found)
        elif kind == 'enums':
            made |= self.values(found)
        elif kind == 'callbacks':
            made['type'] = found['type']
        elif kind == 'constants':
            made['value'] = found['value']
        getattr(self, kind).append(made)

    def struct(self, path, found):
        sized = found['fields'][0]['name'] == 'size' and found['fields'][0]['type'] == 'size_t'
        if not sized and found['name'] != 'kata_stream':   # a pair of ttrpc's, which has its shape for good
            self.fault(f'{path}:{found["line"]}: {found["name"]}', 'a public struct begins with size_t size')
        fields = []
        for field in found['fields']:
            if re.search(r'\b(bool|long|off_t|time_t|_Bool|enum)\b', field['type']):
                self.fault(f'{path}:{field["line"]}: {found["name"]}.{field["name"]}', f'{field["type"]} has no fixed size')
            doc = field['doc'] or ('sizeof the struct, as its user knows it' if field['name'] == 'size' else '')
            nullable = doc.startswith('(nullable)')
            enum = re.search(r'\benum (kata_\w+)', doc)
            fields.append({'name': field['name'], 'type': field['type'], 'doc': re.sub(r'^\(nullable\):? ?', '', doc), 'nullable': nullable,
                           'unit': blocks.unit(field['name']), 'enum': enum.group(1) if enum else None, 'callback': field['callback'],
                           'group': field['heading']})
        return {'size_prefixed': sized, 'initializer': self.initializers.get(found['name']), 'fields': fields}

    def values(self, found):
        result, following = [], 0
        for value in found['values']:
            number = int(value['value'].rstrip('u'), 0) if value['value'] else following
            following = number + 1
            result.append({'name': value['name'], 'value': number, 'doc': value['doc']})
        return {'flags': found['name'].endswith('_flags'), 'values': result}

    def function(self, path, found, common):
        name, where = found['name'], f'{path}:{found["line"]}: {found["name"]}'
        if not found['comment']:
            self.fault(where, 'no doc block')
            return
        try:
            block = blocks.parse(name, found['comment'].text)
        except Fault as e:
            self.fault(where, str(e))
            return
        names, told = [n for _, n in found['parameters']], [p[0] for p in block['parameters']]
        if names != told:
            self.fault(where, f'parameters are {", ".join(names) or "none"}; described are {", ".join(told) or "none"}')
            return
        summary, description = sentence(block['text'])
        given = [self.parameter(where, kind, *p) for (kind, _), p in zip(found['parameters'], block['parameters'])]
        result = self.result(where, found['result'], *block['result'])
        if names[-1:] == ['err'] and not block['errors']['possible']:
            self.fault(where, 'it has @err, and its block says that there are no errors')
        self.functions.append({'name': name, **common, 'line': found['line'], 'summary': summary, 'description': description, 'result': result,
                               'parameters': given, 'errors': block['errors'], 'threads': block['threads'], 'blocks': block['blocks'],
                               'since': block['since']})

    def parameter(self, where, kind, name, marks, text):
        where = f'{where}: @{name}'
        target = pointed(kind)
        direction = 'inout' if 'inout' in marks else 'out' if 'out' in marks else 'in'
        constant = bool(target) and target.startswith('const ') and not target.endswith('*')
        if not text and name != 'err' and 'nullable' not in marks:
            self.fault(where, 'not described')
        if direction != 'in' and (not target or constant):
            self.fault(where, f'{kind} cannot be written to')
        scalar = target in ('int', 'size_t', 'uint32_t', 'uint64_t', 'int64_t') or target == 'void'
        if direction == 'in' and target and 'transfer full' not in marks and (scalar or (target.endswith('*') and target != 'const char *const')):
            self.fault(where, f'is {kind} (out) or (inout)?')
        made = {'name': name, 'type': kind, 'direction': direction, 'doc': text, 'nullable': 'nullable' in marks or 'optional' in marks,
                'transfer': self.transfer(where, kind, name, direction, marks), 'release': None, 'unit': blocks.unit(name)}
        if name == 'length':
            made['unit'] = 'bytes'
        if direction == 'out' and made['transfer'] == 'full':
            made['release'] = self.release(where, target, text, name)
        if made['unit'] == 'milliseconds' and 'millisecond' not in text:
            self.fault(where, 'does not say that it is in milliseconds')
        return made

    def transfer(self, where, kind, name, direction, marks):
        """Who owns what a pointer points at after the call; None for what is no pointer."""
        if not pointed(kind):
            if marks & {'transfer full', 'transfer none', 'nullable'}:
                self.fault(where, f'{kind} is no pointer')
            return None
        if direction == 'out' and pointed(pointed(kind)) and name != 'err' and not marks & {'transfer full', 'transfer none'}:
            self.fault(where, 'who owns it: (transfer full) or (transfer none)?')
        return 'full' if 'transfer full' in marks or (name == 'err' and direction == 'out') else 'none'

    def release(self, where, target, text, name):
        if target in HANDLE_RELEASE:
            function = HANDLE_RELEASE[target]
            if f'{function}()' not in text:
                self.fault(where, f'does not say that it is released with {function}()')
            return function
        return target.split()[0] + '_unref'

    def result(self, where, kind, marks, text):
        if (kind == 'void') != (text == 'nothing'):
            self.fault(where, f'returns {kind}, and its block says "{text}"')
        if pointed(kind) and text != 'NULL' and not marks & {'transfer full', 'transfer none'}:
            self.fault(where, 'who owns the result: (transfer full) or (transfer none)?')
        owner = 'full' if 'transfer full' in marks else 'none' if pointed(kind) else None
        return {'type': kind, 'transfer': owner, 'nullable': 'nullable' in marks or text == 'NULL', 'doc': text}

    def finish(self):
        """What can be said only when all headers are read: handles, errors by reference, names in texts."""
        defined = {s['name'] for s in self.structs}
        seen = {}
        for handle in self.handles:
            if handle['name'] not in defined:
                seen.setdefault(handle['name'], handle)
        self.handles = list(seen.values())
        for handle in self.handles:
            owned = {f['name'] for f in self.functions}
            for verb in ('ref', 'unref', 'unrefp'):
                if f'{handle["name"]}_{verb}' not in owned:
                    self.fault(handle['name'], f'an object without {handle["name"]}_{verb}()')
        functions = {f['name']: f for f in self.functions}
        for function in self.functions:
            other = function['errors']['as']
            if other in functions:
                function['errors']['codes'] = functions[other]['errors']['codes']
            elif other:
                self.fault(function['name'], f'Errors: as {other}(), which does not exist')
        for owner, name in self.initializers.items():
            if owner not in defined:
                self.fault(name, f'initializes {owner}, which does not exist')
        for struct in self.structs:   # an initializer may stand in another header than read first
            struct['initializer'] = self.initializers.get(struct['name'])
        self.references(functions)

    def references(self, functions):
        """Every name of ours in a text must be one that exists."""
        fields = {f['name'] for s in self.structs for f in s['fields']}
        words = {v['name'] for e in self.enums for v in e['values']} | {c['name'] for c in self.constants} | set(self.initializers.values())
        things = {t['name'] for kind in (self.structs, self.enums, self.handles, self.callbacks) for t in kind}
        for where, text in self.texts():
            for name in re.findall(r'\b(kata_\w+)\(\)', text):
                if name not in functions:
                    self.fault(where, f'speaks of {name}(), which does not exist')
            for name in re.findall(r'\b(KATA_[A-Z][A-Z0-9_]*)\b', text):
                if name not in words:
                    self.fault(where, f'speaks of {name}, which does not exist')
            for name in re.findall(r'\benum (kata_\w+)', text):
                if name not in things:
                    self.fault(where, f'speaks of enum {name}, which does not exist')
        for function in self.functions:
            own = {p['name'] for p in function['parameters']}
            for name in re.findall(r'@(\w+)', self.whole(function)):
                if name not in own and name not in fields:
                    self.fault(function['name'], f'speaks of @{name}, which is neither a parameter nor a field')

    @staticmethod
    def whole(function):
        return ' '.join([function['summary'], function['description'], function['result']['doc'], function['blocks'], function['threads'],
                         *(p['doc'] for p in function['parameters']), *(f'{e["code"]} {e["when"]}' for e in function['errors']['codes'])])

    def texts(self):
        for function in self.functions:
            yield function['name'], self.whole(function)
        for kind in (self.structs, self.enums, self.handles, self.callbacks, self.constants):
            for thing in kind:
                parts = [thing['doc']] + [m['doc'] for m in thing.get('fields', []) + thing.get('values', [])]
                yield thing['name'], ' '.join(parts)

    def json(self):
        names = ('headers', 'handles', 'functions', 'structs', 'enums', 'callbacks', 'constants')
        return {'format': FORMAT, 'library': 'libkata', 'version': self.version, 'soname': 'libkata.so.0',
                **{name: getattr(self, name) for name in names}}


def headers(root):
    found = [os.path.relpath(os.path.join(top, n), root) for top, _, names in os.walk(root) for n in names if n.endswith('.h')]
    return sorted(found, key=lambda p: ('/sys/' in p, p))


def describe(version, root):
    whole = Description(version)
    for name in headers(root):
        with open(os.path.join(root, name), encoding='utf-8') as f:
            whole.add(name, f.read())
    whole.finish()
    return whole


def main():
    words = [w for w in sys.argv[1:] if w != '--check']
    whole = describe(*words[:2])
    for line in whole.faults:
        print(line)
    if '--check' in sys.argv[1:]:
        print(f'{len(whole.functions)} functions, {len(whole.structs)} structs, {len(whole.enums)} enums, {len(whole.handles)} objects: '
              f'{len(whole.faults)} to mend')
    elif not whole.faults:
        with open(words[2], 'w', encoding='utf-8') if len(words) > 2 else sys.stdout as f:
            json.dump(whole.json(), f, indent=1, ensure_ascii=False)
            f.write('\n')
    return 1 if whole.faults else 0


if __name__ == '__main__':
    sys.exit(main())
