#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that includes point only down the layers of docs/architecture.md, and how they are written and ordered."""

import re

import source

LEAVES = {'config', 'oci', 'proto', 'host'}
# Folder of lib/ to the folders that it may include; its own is always allowed. lib/vmm is only for backend/builtin.
MAY = {
    'base': set(),
    'config': {'base'}, 'oci': {'base'}, 'proto': {'base'}, 'host': {'base'}, 'vmm': {'base'},
    'plan': {'base'} | LEAVES,
    'agent': {'base', 'plan'} | LEAVES,
    'backend': {'base', 'plan'} | LEAVES,
    'sandbox': {'base', 'plan', 'agent', 'backend'} | LEAVES,
    'api': {'base', 'plan', 'agent', 'backend', 'sandbox'} | LEAVES,
}
# The part of lib/base that is plain malloc: what the guest's agent may share.
AGENT_MAY = {'proto/', 'base/common.h', 'base/fd.h', 'base/json-write.h'}
GLIB = re.compile(r'^(glib|gio|glib-object|json-glib)\b')
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.M)


def layer_fault(path, kind, name):
    """Why `path` may not include `name`, or None."""
    parts = path.split('/')
    top = name.split('/')[0]
    if parts[0] == 'lib' and len(parts) > 2:
        folder = parts[1]
        if GLIB.match(top) and folder == 'vmm':
            return 'lib/vmm has no GLib'
        if kind == '<' or top not in MAY or top == folder:
            return None
        if top == 'vmm' and path.startswith('lib/backend/builtin/'):
            return None
        if top not in MAY.get(folder, set()):
            return f'lib/{folder} may include only {", ".join(sorted(MAY.get(folder, set()))) or "itself"}'
    elif path.startswith('guest/agent/'):
        if GLIB.match(top) or (top == 'kata' and kind == '<'):
            return 'the agent shares only lib/proto, ttrpc and the malloc-only part of lib/base'
        if top in MAY and not any(name.startswith(a) for a in AGENT_MAY):
            return 'the agent shares only lib/proto, ttrpc and the malloc-only part of lib/base'
    elif parts[0] == 'subprojects':
        if GLIB.match(top) or top == 'kata' or (kind == '"' and top in MAY):
            return 'a subproject knows neither GLib nor the rest of the tree'
    elif parts[0] in ('tools', 'bindings', 'examples'):
        if kind == '"' and top in MAY:
            return 'programs see only <kata/…>'
    elif path.startswith('include/'):
        if GLIB.match(top):
            return 'public headers are free of GLib'
        if kind == '"':
            return 'public headers include each other as <kata/…>'
    return None


def group(kind, name):
    """The place of an include in the order: system, glib, kata, then ours by their full path."""
    if kind == '<':
        return 2 if GLIB.match(name.split('/')[0]) else 3 if name.startswith('kata/') else 1
    return 3 if name.startswith('kata/') else 4


def order_fault(path, includes):
    """The first include that stands behind its group. One of ours may come before all: the own header of a .c file."""
    last = 0
    own = path.endswith('.c') and includes[:1] and includes[0][0] == '"'
    for kind, name in includes[1 if own else 0:]:
        place = group(kind, name)
        if place < last and not (place in (1, 2, 3) and last in (1, 2, 3)):
            return f'include of {name} comes too late: own header, system, glib, kata, then "layer/…"'
        last = max(last, place)
    return None


def faults(path, text):
    text = re.sub(r'/\*.*?\*/', lambda m: re.sub(r'[^\n]', ' ', m.group(0)), text, flags=re.S)
    includes = []
    for m in INCLUDE.finditer(text):
        kind, name = m.groups()
        line = text.count('\n', 0, m.start()) + 1
        includes.append((kind, name))
        if '../' in name:
            yield f'{path}:{line}: include of {name}: never "../"'
        why = layer_fault(path, kind, name)
        if why:
            yield f'{path}:{line}: include of {name}: {why}'
    # Groups behind an #if have an order of their own.
    if not re.search(r'^\s*#\s*if(?!ndef \w+_H\b)', text.replace('#ifdef __cplusplus', ''), re.M):
        why = order_fault(path, includes)
        if why:
            yield f'{path}: {why}'


def build_faults(path, text):
    """A program's meson.build may not link the library's insides: what it needs of them is a missing public function."""
    if path.startswith(('tools/', 'bindings/', 'examples/')):
        for name in re.findall(r'\b(kata_static(?:_dep)?|lib_inc)\b', text):
            yield f'{path}: {name}: programs have the public interface only'


def main():
    names = [p for p in source.files('.c', '.h') if not p.startswith('tests/') and '/tests/' not in p]
    builds = source.files('meson.build')
    source.report([f for p in names for f in faults(p, source.read(p))] + [f for p in builds for f in build_faults(p, source.read(p))], len(names))


if __name__ == '__main__':
    main()
