/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* boot-elf: an uncompressed kernel (vmlinux) whose PVH note says where it begins (Xen's x86/HVM direct boot ABI); no other ELF entry. */
#include <elf.h>
#include <string.h>

#include "base/raise.h"
#include "vmm/boot-image.h"

#define SEGMENTS_MAX     64
#define NOTES_MAX        ((size_t) 64 << 10)
#define NOTES_CHUNK      4096
#define NOTE_PHYS32_NAME "Xen" /* with its NUL: 4 bytes */
#define NOTE_PHYS32_TYPE 18    /* XEN_ELFNOTE_PHYS32_ENTRY */
#define CMDLINE_MAX      (VMM_CMDLINE_MAX - 1)

static int
broken (kata_error **err, const char *why)
{
  return kata_error__set (err, KATA_E_GUEST, "kernel", "kernel: ELF file: %s", why);
}

static int
read_header (Elf64_Ehdr *header, const struct vmm_boot_file *file, kata_error **err)
{
  int result = vmm_boot_file__read (file, 0, header, sizeof *header, err);

  if (result < 0)
    return result;
  if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB ||
      header->e_machine != EM_X86_64)
    return broken (err, "not for x86_64; take a kernel of this machine's architecture");
  if (header->e_type != ET_EXEC && header->e_type != ET_DYN)
    return broken (err, "neither executable nor shared: not a kernel");
  if (header->e_phentsize != sizeof (Elf64_Phdr) || header->e_phnum == 0 || header->e_phnum > SEGMENTS_MAX)
    return broken (err, "its program headers are none, too many, or of a wrong size");
  return 0;
}

/* Overlapping segments would let a small file make us read for hours, and mean nothing. */
static int
check_segment (const Elf64_Phdr *segments, size_t i, const struct vmm_memory *memory, kata_error **err)
{
  const Elf64_Phdr *s = &segments[i];

  if (!vmm_boot__fits_low (memory, s->p_paddr, s->p_memsz))
    return kata_error__set (
        err, KATA_E_GUEST, "kernel",
        "kernel: ELF file: a segment of %llu bytes for 0x%llx: the guest has RAM for a kernel from 0x%llx to 0x%llx; "
        "give it more memory",
        (unsigned long long) s->p_memsz, (unsigned long long) s->p_paddr, (unsigned long long) VMM_LAYOUT_KERNEL,
        (unsigned long long) vmm_boot__low_end (memory));
  for (size_t j = 0; j < i; j++)
    if (segments[j].p_type == PT_LOAD && s->p_paddr < segments[j].p_paddr + segments[j].p_memsz &&
        segments[j].p_paddr < s->p_paddr + s->p_memsz)
      return broken (err, "segments overlap");
  return 0;
}

/* What a segment has in memory beyond the file (.bss) stays as it is: RAM is zero when a machine is made. */
static int
load_segments (struct vmm_boot_kernel *out, const Elf64_Phdr *segments, size_t n, const struct vmm_boot_file *file,
               const struct vmm_memory *memory, kata_error **err)
{
  out->start = UINT64_MAX;
  out->end = 0;
  for (size_t i = 0; i < n; i++) {
    const Elf64_Phdr *s = &segments[i];
    if (s->p_type != PT_LOAD)
      continue;
    if (s->p_filesz > s->p_memsz)
      return broken (err, "a segment is larger in the file than in memory");
    if (s->p_memsz == 0)
      continue;
    int result = check_segment (segments, i, memory, err);
    if (result == 0)
      result = vmm_boot_file__read_ram (file, s->p_offset, memory, s->p_paddr, s->p_filesz, err);
    if (result < 0)
      return result;
    if (s->p_paddr < out->start)
      out->start = s->p_paddr;
    if (s->p_paddr + s->p_memsz > out->end)
      out->end = s->p_paddr + s->p_memsz;
  }
  return out->end == 0 ? broken (err, "nothing in it is to be loaded") : 0;
}

/* The length of a note's part as it lies in the file: filled up to @align. False: more than there is. */
static bool
padded (uint64_t len, uint64_t align, uint64_t left, uint64_t *out)
{
  *out = (len + align - 1) & ~(align - 1); /* len comes from 32 bits */
  return *out <= left;
}

/* One chunk of notes; returns true and the entry when the one we want is there. */
static bool
find_note (const uint8_t *notes, uint64_t len, uint64_t align, uint64_t *entry)
{
  Elf64_Nhdr note;

  while (len >= sizeof note) {
    uint64_t name, desc;
    memcpy (&note, notes, sizeof note);
    notes += sizeof note;
    len -= sizeof note;
    if (!padded (note.n_namesz, align, len, &name) || !padded (note.n_descsz, align, len - name, &desc))
      return false;
    if (note.n_type == NOTE_PHYS32_TYPE && note.n_namesz == sizeof NOTE_PHYS32_NAME &&
        memcmp (notes, NOTE_PHYS32_NAME, sizeof NOTE_PHYS32_NAME) == 0 && (note.n_descsz == 4 || note.n_descsz == 8)) {
      *entry = 0;
      memcpy (entry, notes + name, note.n_descsz);
      return true;
    }
    notes += name + desc;
    len -= name + desc;
  }
  return false;
}

/* Notes of one segment, at most NOTES_CHUNK bytes of it: a kernel's are a few hundred, and the one we want is among the first. */
static int
read_notes (bool *found, uint64_t *entry, const Elf64_Phdr *segment, const struct vmm_boot_file *file, kata_error **err)
{
  uint8_t notes[NOTES_CHUNK];
  size_t len = segment->p_filesz < sizeof notes ? (size_t) segment->p_filesz : sizeof notes;

  if (segment->p_filesz > NOTES_MAX)
    return broken (err, "its notes are larger than 64 KiB");
  int result = vmm_boot_file__read (file, segment->p_offset, notes, len, err);
  if (result == 0)
    *found = find_note (notes, len, segment->p_align == 8 ? 8 : 4, entry);
  return result;
}

static int
find_entry (struct vmm_boot_kernel *out, const Elf64_Phdr *segments, size_t n, const struct vmm_boot_file *file,
            kata_error **err)
{
  bool found = false;

  for (size_t i = 0; i < n && !found; i++)
    if (segments[i].p_type == PT_NOTE) {
      int result = read_notes (&found, &out->entry, &segments[i], file, err);
      if (result < 0)
        return result;
    }
  if (!found)
    return broken (err, "no PVH entry (Xen note 18); build the kernel with CONFIG_PVH=y, or take its bzImage");
  for (size_t i = 0; i < n; i++)
    if (segments[i].p_type == PT_LOAD && out->entry >= segments[i].p_paddr &&
        out->entry - segments[i].p_paddr < segments[i].p_filesz)
      return 0;
  return kata_error__set (err, KATA_E_GUEST, "kernel",
                          "kernel: ELF file: its PVH entry 0x%llx lies in nothing that is loaded",
                          (unsigned long long) out->entry);
}

int
vmm_boot_elf__load (struct vmm_boot_kernel *out, const struct vmm_boot_file *file, const struct vmm_memory *memory,
                    kata_error **err)
{
  Elf64_Ehdr header;
  Elf64_Phdr segments[SEGMENTS_MAX];

  int result = read_header (&header, file, err);
  if (result < 0)
    return result;
  size_t n = header.e_phnum;
  result = vmm_boot_file__read (file, header.e_phoff, segments, n * sizeof segments[0], err);
  if (result == 0)
    result = find_entry (out, segments, n, file, err);
  if (result == 0)
    result = load_segments (out, segments, n, file, memory, err);
  if (result < 0)
    return result;
  out->protocol = VMM_BOOT_PVH;
  out->initrd_last = UINT32_MAX; /* Linux keeps a module's address in 32 bits */
  out->cmdline_max = CMDLINE_MAX;
  return 0;
}
