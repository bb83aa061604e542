# SPDX-License-Identifier: LGPL-2.1-or-later
"""wire: as much of protobuf and ttrpc as a test needs to speak like containerd; written apart from the shim's own code."""
import os
import queue
import socket
import struct
import threading


def varint(n):
    n &= (1 << 64) - 1
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out) + bytes([n])


def pack(fields):
    """[(number, value), …]: int, bool, str, bytes or a list of fields; zero values are left out."""
    out = b''
    for number, value in fields:
        if isinstance(value, list):
            value = pack(value)
        elif not value:
            continue
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            value = value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | 2) + varint(len(value)) + value
    return out


def take_varint(data, at):
    shift = result = 0
    while True:
        byte = data[at]
        at += 1
        result |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return result, at


def unpack(data):
    """{number: [value, …]}; lengths as bytes, numbers as int."""
    out, at = {}, 0
    while at < len(data):
        key, at = take_varint(data, at)
        if key & 7 == 0:
            value, at = take_varint(data, at)
        elif key & 7 == 2:
            length, at = take_varint(data, at)
            value, at = data[at:at + length], at + length
            assert len(value) == length
        elif key & 7 == 1:
            value, at = data[at:at + 8], at + 8
        else:
            raise ValueError(f'wire type {key & 7}')
        out.setdefault(key >> 3, []).append(value)
    return out


def number(message, field):
    return unpack(message).get(field, [0])[0]


def text(message, field):
    return unpack(message).get(field, [b''])[0].decode()


def message(data, field):
    return unpack(data).get(field, [b''])[0]


class Refused(Exception):
    """A status that is not OK."""

    def __init__(self, code, why):
        super().__init__(f'{code}: {why}')
        self.code, self.why = code, why


def read_exactly(sock, length):
    data = b''
    while len(data) < length:
        piece = sock.recv(length - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


class Client:
    """Many calls at once on one connection."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        self.lock, self.next, self.waiting, self.closed = threading.Lock(), 1, {}, False
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        try:
            while True:
                length, stream, _, _ = struct.unpack('>IIBB', read_exactly(self.sock, 10))
                data = read_exactly(self.sock, length)
                with self.lock:
                    self.waiting.pop(stream).put(data)
        except (EOFError, OSError):
            with self.lock:
                self.closed = True
                for box in self.waiting.values():
                    box.put(None)

    def start(self, service, method, fields):
        request = pack([(1, service), (2, method), (3, fields if isinstance(fields, bytes) else pack(fields))])
        box = queue.Queue()
        with self.lock:
            if self.closed:
                raise EOFError
            stream, self.next = self.next, self.next + 2
            self.waiting[stream] = box
            self.sock.sendall(struct.pack('>IIBB', len(request), stream, 1, 0) + request)
        return box

    @staticmethod
    def finish(box, timeout=60):
        data = box.get(timeout=timeout)
        if data is None:
            raise EOFError('connection lost')
        fields = unpack(data)
        if 1 in fields and number(fields[1][0], 1):
            raise Refused(number(fields[1][0], 1), text(fields[1][0], 2))
        return fields.get(2, [b''])[0]

    def call(self, method, fields, service='containerd.task.v2.Task', timeout=60):
        return self.finish(self.start(service, method, fields), timeout)

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()


class Events:
    """containerd's end of Forward: a list of (topic, event bytes)."""

    def __init__(self, path):
        self.path, self.got, self.changed, self.refuse = path, [], threading.Condition(), 0
        self.open()

    def open(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(self.path)
        self.sock.listen(16)
        self.connections = []
        threading.Thread(target=self.accept, args=(self.sock,), daemon=True).start()

    def accept(self, listener):
        try:
            while True:
                sock, _ = listener.accept()
                self.connections.append(sock)
                threading.Thread(target=self.serve, args=(sock,), daemon=True).start()
        except OSError:
            pass

    def serve(self, sock):
        try:
            while True:
                length, stream, _, _ = struct.unpack('>IIBB', read_exactly(sock, 10))
                request = read_exactly(sock, length)
                answer = b''
                with self.changed:
                    assert text(request, 2) == 'Forward' and text(request, 1) == 'containerd.services.events.ttrpc.v1.Events'
                    if self.refuse:
                        self.refuse -= 1
                        answer = pack([(1, [(1, 13), (2, 'not now')])])
                    else:
                        envelope = message(message(request, 3), 1)
                        event = message(envelope, 4)
                        self.got.append((text(envelope, 3), text(event, 1), message(event, 2), text(envelope, 2)))
                        self.changed.notify_all()
                sock.sendall(struct.pack('>IIBB', len(answer), stream, 2, 0) + answer)
        except (EOFError, OSError):
            pass

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()
        for sock in self.connections:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()
        os.unlink(self.path)

    def topics(self):
        with self.changed:
            return [topic for topic, *_ in self.got]

    def wait(self, topic, count=1, timeout=60):
        with self.changed:
            ok = self.changed.wait_for(lambda: [t for t, *_ in self.got].count(topic) >= count, timeout)
            assert ok, f'no event {topic} within {timeout} s, only {[t for t, *_ in self.got]}'
            return [event for t, _, event, _ in self.got if t == topic]
