# SPDX-License-Identifier: LGPL-2.1-or-later
"""headers: reads declarations and the comments that belong to them out of public headers; knows C's grammar as far as they use it, and no doc block's."""

import re

TOKEN = re.compile(r'''(?P<space>[ \t\n]+)|(?P<directive>^\#(?:[^\n\\]|\\.|\\\n)*)|(?P<comment>/\*.*?\*/)|(?P<string>"(?:\\.|[^"\\\n])*")
    |(?P<word>[A-Za-z_]\w*)|(?P<number>\d\w*)|(?P<punct>\.\.\.|<<|[-+*(){}\[\];,=|~&<>?:!/])''', re.S | re.M | re.X)


class Fault(Exception):
    """What cannot be read or breaks a rule; says where."""


class Token:
    def __init__(self, kind, text, line, last_line, first):
        self.kind, self.text, self.line, self.last_line, self.first = kind, text, line, last_line, first

    def doc(self):
        return self.kind == 'comment' and self.text.startswith('/**')


def tokens(path, text):
    """All but white space; `first` is true for what begins its line."""
    text = re.sub(r'^#ifdef __cplusplus\n.*?^#endif', lambda m: '\n' * m.group(0).count('\n'), text, flags=re.S | re.M)
    result, at, line, first = [], 0, 1, True
    while at < len(text):
        m = TOKEN.match(text, at)
        if not m:
            raise Fault(f'{path}:{line}: not understood: {text[at:at + 30]!r}')
        kind, piece = m.lastgroup, m.group(0)
        last = line + piece.count('\n')
        if kind != 'space':
            result.append(Token(kind, piece, line, last, first))
        first = '\n' in piece if kind == 'space' else kind == 'directive'
        line, at = last, m.end()
    return result


def prose(comment):
    """A comment's text in one line."""
    inside = re.sub(r'^/\*+|\*/$', '', comment.strip())
    return re.sub(r'\s+', ' ', re.sub(r'^\s*\*+ ?', '', inside, flags=re.M)).strip()


def spell(words):
    """A type as the tree writes it: `const char *const *`."""
    text = ' '.join(words)
    text = re.sub(r'\s*\*\s*', '*', text)
    text = re.sub(r'(?<=[^*( ])\*', ' *', text)
    text = re.sub(r'\*(?=\w)', '*', text)
    text = re.sub(r'\(\s+', '(', text)
    text = re.sub(r'\s+([),\[\]])', r'\1', text)
    return re.sub(r'\[\s+', '[', text).strip()


def split(items, separator=','):
    """Parts of a token list between separators that are in no brackets."""
    parts, part, depth = [], [], 0
    for item in items:
        if item.kind == 'punct':
            depth += (item.text in '([{') - (item.text in ')]}')
        if item.text == separator and depth == 0:
            parts.append(part)
            part = []
        else:
            part.append(item)
    return parts + [part] if part or parts else []


def declarator(items):
    """(type, name, array, callback's parameters or None) of one declarator with its type before it."""
    words = [t.text for t in items if t.kind != 'comment']
    pointer = next((i for i in range(len(words) - 2) if words[i] == '(' and words[i + 1] == '*' and words[i + 3:i + 4] == [')']), None)
    if pointer is not None:
        bare = [t for t in items if t.kind != 'comment']
        return spell(words[:pointer]), words[pointer + 2], '', parameters(bare[pointer + 5:-1])
    array = ''
    while words and words[-1] == ']':
        start = len(words) - 1 - words[::-1].index('[')
        array, words = '[' + ' '.join(words[start + 1:-1]) + ']' + array, words[:start]
    return spell(words[:-1]), words[-1], array.replace(' ', ''), None


def parameters(items):
    """[(type, name)] between a function's parentheses."""
    result = []
    for part in split(items):
        if [t.text for t in part] == ['void']:
            continue
        kind, name, array, callback = declarator(part)
        result.append((callback_type(kind, '', callback) if callback is not None else kind + array, name))
    return result


def callback_type(result, name, given):
    return f'{result} (*{name}) ({", ".join(spell([kind, n]) for kind, n in given) or "void"})'


class Reader:
    """Goes through one header; what it found stands in its lists, each a dict with `name`, `line` and `comment`."""

    def __init__(self, path, text):
        self.path, self.items, self.at = path, tokens(path, text), 0
        self.functions, self.structs, self.enums, self.handles, self.callbacks, self.constants, self.initializers = ([] for _ in range(7))
        self.run()

    def fail(self, token, why):
        raise Fault(f'{self.path}:{token.line}: {why}')

    def statement(self):
        """Tokens up to the semicolon that ends a declaration."""
        start, depth = self.at, 0
        while self.at < len(self.items):
            token = self.items[self.at]
            self.at += 1
            if token.kind == 'punct':
                depth += (token.text in '({[') - (token.text in ')}]')
                if token.text == ';' and depth == 0:
                    return self.items[start:self.at - 1]
        self.fail(self.items[start], 'a declaration does not end')

    def run(self):
        comment = None
        while self.at < len(self.items):
            token = self.items[self.at]
            if token.kind == 'comment':
                comment = token if token.doc() else None
                self.at += 1
            elif token.kind == 'directive':
                self.at += 1
                self.directive(token, comment)
                comment = None
            else:
                self.declaration(token, comment)
                comment = None

    def directive(self, token, comment):
        m = re.match(r'#define\s+(\w+)(\(?)\s*(.*)', token.text.replace('\\\n', ' '), re.S)
        if not m or not m.group(3) or m.group(1) == 'KATA_API':
            return
        name, value = m.group(1), re.sub(r'\s+', ' ', re.sub(r'/\*.*?\*/', '', m.group(3))).strip()
        if m.group(2):
            self.fail(token, f'{name}: a macro with parameters is no part of the interface')
        made = re.match(r'\{ sizeof \((\w+)\),', value)
        if name.endswith('_INIT'):
            if not made:
                self.fail(token, f'{name}: an initializer begins with its struct\'s size')
            self.initializers.append({'name': name, 'struct': made.group(1), 'value': value, 'line': token.line})
        else:
            self.constants.append({'name': name, 'value': value, 'line': token.line, 'comment': comment})

    def declaration(self, token, comment):
        items = self.statement()
        words = [t.text for t in items if t.kind != 'comment']
        known = {'line': token.line, 'comment': comment}
        if words[0] == 'KATA_API':
            self.function([t for t in items[1:] if t.kind != 'comment'], known)
        elif words[0] == 'typedef' and '{' in words and words[1] == 'struct':
            self.structs.append({**known, 'name': words[-1], 'fields': self.members(items, ';')})
        elif words[0] == 'typedef' and words[1] == 'struct' and len(words) == 4:
            self.handles.append({**known, 'name': words[3]})
        elif words[0] == 'typedef' and words[-1] == ')':
            kind, name, _, given = declarator(items[1:])
            self.callbacks.append({**known, 'name': name, 'type': callback_type(kind, name, given)})
        elif words[0] == 'enum' and '{' in words:
            self.enums.append({**known, 'name': words[1], 'values': self.members(items, ',')})
        elif not (words[0] == 'struct' and len(words) == 2):
            self.fail(token, f'neither a function, a struct, an enum nor a type: {" ".join(words[:6])}')

    def function(self, items, known):
        words = [t.text for t in items]
        opening = words.index('(')
        self.functions.append({**known, 'name': words[opening - 1], 'result': spell(words[:opening - 1]),
                               'parameters': parameters(items[opening + 1:-1])})

    def members(self, items, end):
        """Fields or values between the braces, each with its comment: the doc comment before it, or the one that follows on its line."""
        inside = items[next(i for i, t in enumerate(items) if t.text == '{') + 1:]
        inside = inside[:max(i for i, t in enumerate(inside) if t.text == '}')]
        result, part, before, heading, fresh, depth = [], [], None, '', [], 0
        for token in inside + [Token('punct', end, 0, 0, False)]:
            depth += token.kind == 'punct' and (token.text in '([') - (token.text in ')]')
            if token.kind == 'comment' and not part and not token.first and fresh:
                for member in fresh:
                    member['doc'] = f'{member["doc"]} {prose(token.text)}'.strip()
            elif token.kind == 'comment' and not part:
                text = prose(token.text)   # a whole sentence is about the field that follows, other words are a heading
                before, heading = (text, '') if token.doc() or text.endswith('.') else (None, text.strip('- '))
            elif token.text == end and depth == 0:
                if [t for t in part if t.kind != 'comment']:
                    fresh = self.member(part, end, before, heading)
                    result += fresh
                part, before = [], None
            else:
                part.append(token)
        return result

    def member(self, part, end, before, heading):
        doc = before or ' '.join(prose(t.text) for t in part if t.kind == 'comment')
        bare = [t for t in part if t.kind != 'comment']
        if end == ',':
            value = ' '.join(t.text for t in bare[2:]).replace('- ', '-')
            return [{'name': bare[0].text, 'value': value, 'doc': doc, 'line': bare[0].line}]
        made, base = [], None
        for piece in split(bare):
            kind, name, array, callback = declarator(piece if base is None else base + piece)
            if base is None:   # `const char *a, *b`: what all share is the type without its stars
                stem = next((i for i, t in enumerate(piece) if t.text == '*'), len(piece) - 1)
                base = piece[:stem]
            if callback is not None:
                kind = callback_type(kind, '', callback)
            made.append({'name': name, 'type': kind + array, 'doc': doc, 'heading': heading, 'line': piece[0].line,
                         'callback': callback is not None})
        return made
