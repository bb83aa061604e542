/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* images: makes them; the values are those that Linux has in its own. */
#include "images.h"

#include <check.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void
image_elf (struct image_elf *out)
{
  memset (out, 0, sizeof *out);
  memcpy (out->header.e_ident, ELFMAG, SELFMAG);
  out->header.e_ident[EI_CLASS] = ELFCLASS64;
  out->header.e_ident[EI_DATA] = ELFDATA2LSB;
  out->header.e_type = ET_EXEC;
  out->header.e_machine = EM_X86_64;
  out->header.e_phoff = offsetof (struct image_elf, segments);
  out->header.e_phentsize = sizeof (Elf64_Phdr);
  out->header.e_phnum = 3;
  out->segments[0] = (Elf64_Phdr){ .p_type = PT_LOAD,
                                   .p_offset = offsetof (struct image_elf, text),
                                   .p_paddr = IMAGE_ELF_TEXT,
                                   .p_filesz = sizeof out->text,
                                   .p_memsz = sizeof out->text };
  out->segments[1] = (Elf64_Phdr){ .p_type = PT_LOAD,
                                   .p_offset = offsetof (struct image_elf, data),
                                   .p_paddr = IMAGE_ELF_DATA,
                                   .p_filesz = sizeof out->data,
                                   .p_memsz = IMAGE_ELF_BSS };
  out->segments[2] = (Elf64_Phdr){
    .p_type = PT_NOTE, .p_offset = offsetof (struct image_elf, notes), .p_filesz = sizeof out->notes, .p_align = 4
  };
  out->notes.other = (Elf64_Nhdr){ .n_namesz = 6, .n_descsz = 4, .n_type = 18 };
  memcpy (out->notes.other_name, "Linux", 6);
  out->notes.note = (Elf64_Nhdr){ .n_namesz = 4, .n_descsz = 4, .n_type = 18 };
  memcpy (out->notes.name, "Xen", 4);
  out->notes.entry = IMAGE_ELF_ENTRY;
  memset (out->text, 0x90, sizeof out->text);
  memset (out->data, 0x55, sizeof out->data);
}

void
image_put (uint8_t *image, size_t at, uint64_t value, size_t len)
{
  memcpy (image + at, &value, len);
}

void
image_bz (uint8_t out[IMAGE_BZ_LEN])
{
  memset (out, 0xee, IMAGE_BZ_LEN);                               /* what nobody may read has no zeros */
  image_put (out, 0x1f1, 1, 1);                                   /* setup_sects */
  image_put (out, 0x1f4, (IMAGE_BZ_LEN - IMAGE_BZ_BODY) / 16, 4); /* syssize */
  image_put (out, 0x1fe, 0xaa55, 2);
  image_put (out, 0x200, 0x6aeb, 2); /* jmp: the header ends at 0x26c */
  memcpy (out + 0x202, "HdrS", 4);
  image_put (out, 0x206, 0x020f, 2);
  image_put (out, 0x211, 1, 1);             /* loadflags: LOADED_HIGH */
  image_put (out, 0x22c, 0x7fffffff, 4);    /* initrd_addr_max */
  image_put (out, 0x230, 0x200000, 4);      /* kernel_alignment */
  image_put (out, 0x234, 1, 1);             /* relocatable_kernel */
  image_put (out, 0x236, 0x003f, 2);        /* xloadflags */
  image_put (out, 0x238, 2047, 4);          /* cmdline_size */
  image_put (out, 0x250, 0, 8);             /* setup_data */
  image_put (out, 0x258, IMAGE_BZ_BASE, 8); /* pref_address */
  image_put (out, 0x260, IMAGE_BZ_INIT, 4); /* init_size */
}

int
image_file (const void *bytes, size_t len)
{
  int fd = memfd_create ("image", MFD_CLOEXEC);

  ck_assert_int_ge (fd, 0);
  ck_assert_int_eq (write (fd, bytes, len), (ssize_t) len);
  return fd;
}
