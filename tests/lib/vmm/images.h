/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* images: the smallest kernels that the loaders take, in files without a name; tests spoil them from there. */
#ifndef TESTS_LIB_VMM_IMAGES_H
#define TESTS_LIB_VMM_IMAGES_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

/** A vmlinux: header, two segments to load, one of notes, in one piece. */
struct image_elf {
  Elf64_Ehdr header;
  Elf64_Phdr segments[3]; /* text, data with .bss, notes */
  struct {
    Elf64_Nhdr other;
    char other_name[8];
    uint32_t other_desc;
    Elf64_Nhdr note;
    char name[4];
    uint32_t entry;
  } notes;
  uint8_t text[256];
  uint8_t data[64];
};
#define IMAGE_ELF_TEXT  0x1000000
#define IMAGE_ELF_DATA  0x1200000
#define IMAGE_ELF_BSS   0x100000
#define IMAGE_ELF_ENTRY (IMAGE_ELF_TEXT + 0x10)

void image_elf (struct image_elf *out);

#define IMAGE_BZ_LEN  8192
#define IMAGE_BZ_BODY 1024 /* where the part that goes to RAM begins */
#define IMAGE_BZ_BASE 0x1000000
#define IMAGE_BZ_INIT 0x400000

void image_bz (uint8_t out[IMAGE_BZ_LEN]);
/** @value little-endian at @at. */
void image_put (uint8_t *image, size_t at, uint64_t value, size_t len);

/** A descriptor of a file with these bytes; the caller closes it. */
int image_file (const void *bytes, size_t len);

#endif
