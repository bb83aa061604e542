# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads what the image builder needs of an ELF64 file: the libraries it needs, its loader, a section; it changes nothing."""

import struct

PT_DYNAMIC, PT_INTERP = 2, 3
DT_NULL, DT_NEEDED, DT_STRTAB = 0, 1, 5


class ElfError(Exception):
    pass


class Elf:
    def __init__(self, data, name):
        self.data, self.name = data, name
        if data[:6] != b'\x7fELF\x02\x01':
            raise ElfError(f'{name}: not a 64-bit little-endian ELF file')
        self.phoff, self.shoff = struct.unpack_from('<QQ', data, 32)
        self.phentsize, self.phnum, self.shentsize, self.shnum, self.shstrndx = struct.unpack_from('<HHHHH', data, 54)

    def _segments(self):
        for i in range(self.phnum):
            kind, _, offset, vaddr, _, filesz, _, _ = struct.unpack_from('<IIQQQQQQ', self.data, self.phoff + i * self.phentsize)
            yield kind, offset, vaddr, filesz

    def _string(self, offset):
        return self.data[offset:self.data.index(b'\0', offset)].decode()

    def _offset_of(self, address):
        for kind, offset, vaddr, filesz in self._segments():
            if kind == 1 and vaddr <= address < vaddr + filesz:
                return address - vaddr + offset
        raise ElfError(f'{self.name}: address {address:#x} lies in no segment')

    def interpreter(self):
        for kind, offset, _, _ in self._segments():
            if kind == PT_INTERP:
                return self._string(offset)
        return None

    def needed(self):
        names, strtab = [], None
        for kind, offset, _, filesz in self._segments():
            if kind != PT_DYNAMIC:
                continue
            for at in range(offset, offset + filesz, 16):
                tag, value = struct.unpack_from('<QQ', self.data, at)
                if tag == DT_NULL:
                    break
                if tag == DT_NEEDED:
                    names.append(value)
                elif tag == DT_STRTAB:
                    strtab = self._offset_of(value)
        return [self._string(strtab + n) for n in names]

    def section(self, wanted):
        """The bytes of one section, or b'' if there is none of that name."""
        def header(i):
            return struct.unpack_from('<IIQQQQ', self.data, self.shoff + i * self.shentsize)
        names = header(self.shstrndx)[4]
        for i in range(self.shnum):
            name, _, _, _, offset, size = header(i)
            if self._string(names + name) == wanted:
                return self.data[offset:offset + size]
        return b''
