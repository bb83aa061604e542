/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* host-cases: cases 27 and a part of 28, which end before a guest runs: kernel images that lie, a disk that another machine has. */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "session.h"
#include "watch.h"

#define IMAGE_MAX (4u << 20)

/* A copy of the good guest, to be spoilt. */
struct image {
  uint8_t bytes[IMAGE_MAX];
  size_t size;
};

static Elf64_Ehdr *
header (struct image *image)
{
  return (Elf64_Ehdr *) image->bytes;
}

static Elf64_Phdr *
segment (struct image *image, unsigned i)
{
  return (Elf64_Phdr *) (image->bytes + header (image)->e_phoff) + i;
}

static void
cut_header (struct image *image)
{
  image->size = 40;
}
static void
cut_half (struct image *image)
{
  image->size /= 2;
  segment (image, 0)->p_filesz = segment (image, 0)->p_memsz;
}
static void
empty (struct image *image)
{
  image->size = 0;
}
static void
offset_wraps (struct image *image)
{
  segment (image, 0)->p_offset = UINT64_MAX - 16;
}
static void
size_wraps (struct image *image)
{
  segment (image, 0)->p_memsz = UINT64_MAX;
}
static void
larger_in_file (struct image *image)
{
  segment (image, 0)->p_filesz = segment (image, 0)->p_memsz + 1;
}
static void
outside_ram (struct image *image)
{
  segment (image, 0)->p_paddr = UINT64_C (0xfff00000);
}
static void
on_low_tables (struct image *image)
{
  segment (image, 0)->p_paddr = 0x6000;
}
static void
entry_outside (struct image *image)
{
  uint32_t entry = 0xfff00000;
  memcpy (image->bytes + segment (image, 1)->p_offset + 16, &entry, sizeof entry);
}
static void
many_segments (struct image *image)
{
  header (image)->e_phnum = 0xffff;
}
static void
headers_outside (struct image *image)
{
  header (image)->e_phoff = UINT64_MAX - 8;
}
static void
other_machine (struct image *image)
{
  header (image)->e_machine = EM_AARCH64;
}
static void
no_note (struct image *image)
{
  segment (image, 1)->p_type = PT_NULL;
}
static void
bzimage_of_nothing (struct image *image)
{
  memset (image->bytes, 0, image->size);
  memcpy (image->bytes + 0x202, "HdrS", 4);
  image->bytes[0x206] = 0x0f;
  image->bytes[0x207] = 0x02;
  memset (image->bytes + 0x1f1, 0xff, 1);
  memset (image->bytes + 0x260, 0xff, 4);
}
static void
no_format (struct image *image)
{
  memset (image->bytes, 0x5a, image->size);
}

static const struct {
  const char *name;
  void (*spoil) (struct image *image);
} images[] = {
  { "ELF header cut", cut_header },
  { "segment cut", cut_half },
  { "empty file", empty },
  { "p_offset wraps", offset_wraps },
  { "p_memsz wraps", size_wraps },
  { "p_filesz > p_memsz", larger_in_file },
  { "segment outside RAM", outside_ram },
  { "segment on our tables", on_low_tables },
  { "entry outside RAM", entry_outside },
  { "65535 segments", many_segments },
  { "e_phoff wraps", headers_outside },
  { "another machine", other_machine },
  { "no PVH note", no_note },
  { "bzImage of nothing", bzimage_of_nothing },
  { "no format at all", no_format },
};

static int
memory_file (const void *bytes, size_t size)
{
  int fd = memfd_create ("image", MFD_CLOEXEC);
  if (fd < 0 || write (fd, bytes, size) != (ssize_t) size)
    die ("no memory file");
  return fd;
}

/* It must not be made; and for the right reason. */
static void
expect_error (struct run *run, unsigned number, const char *name, const struct vmm_machine_config *config, int wanted)
{
  struct vmm_machine *machine = NULL;
  kata_error *error = NULL;
  size_t before = watch_descriptors (getpid ());
  int code = vmm_machine__new (&machine, config, &error);
  char text[200] = "";
  if (code == 0) {
    vmm_machine__free (machine);
    snprintf (text, sizeof text, "%s: a machine was made", name);
  } else if (code != wanted)
    snprintf (text, sizeof text, "%s: refused otherwise: %.120s", name, kata_error_get_message (error));
  else if (watch_descriptors (getpid ()) != before)
    snprintf (text, sizeof text, "%s: descriptors are left open", name);
  kata_error_unref (error);
  results_host (&run->results, number, (int) config->transport, "host", "EXIT", text);
}

static void
spoilt_kernels (struct run *run, int transport)
{
  static struct image good, spoilt;
  ssize_t n = pread (run->guest_fd, good.bytes, sizeof good.bytes, 0);
  if (n < 4096)
    die ("the guest cannot be read");
  good.size = (size_t) n;
  for (size_t i = 0; i < sizeof images / sizeof images[0]; i++) {
    struct vmm_machine_config config = session_machine (run, transport, "");
    spoilt = good;
    images[i].spoil (&spoilt);
    config.kernel_fd = memory_file (spoilt.bytes, spoilt.size);
    expect_error (run, 27, images[i].name, &config, KATA_E_GUEST);
    close (config.kernel_fd);
  }
}

static void
spoilt_rest (struct run *run, int transport)
{
  static char text[65537];
  struct vmm_machine_config config = session_machine (run, transport, text);
  memset (text, 'x', sizeof text - 1);
  expect_error (run, 27, "command line of 64 KiB", &config, KATA_E_GUEST);
  snprintf (text, sizeof text, "a\nb");
  expect_error (run, 27, "command line with a newline", &config, KATA_E_GUEST);
  config.cmdline = "";
  config.initrd_fd = memory_file ("", 0);
  if (ftruncate (config.initrd_fd, INT64_C (4) << 30) < 0)
    die ("no large file");
  expect_error (run, 27, "initrd of 4 GiB", &config, KATA_E_GUEST);
  close (config.initrd_fd);
}

/* Another open description of the same file stands for another machine. */
static void
busy_disk (struct run *run, int transport)
{
  struct bench bench;
  char path[96];
  struct vmm_machine *machine = NULL;
  kata_error *error = NULL;
  bench_open (&bench);
  struct vmm_machine_config config = session_machine (run, transport, ""), other = config;
  bench_describe (&bench, &config);
  if (vmm_machine__new (&machine, &config, &error) < 0)
    die ("%s", kata_error_get_message (error));
  other.n_disks = 1;
  snprintf (path, sizeof path, "%s/disk", bench.folder);
  other.disks[0] = (struct vmm_blk_config){ .fd = open (path, O_RDWR | O_CLOEXEC), .queues = 1 };
  expect_error (run, 28, "a disk of another machine's", &other, KATA_E_BUSY);
  close (other.disks[0].fd);
  other.disks[0] = (struct vmm_blk_config){ .fd = open (path, O_RDONLY | O_CLOEXEC), .queues = 1, .readonly = true };
  expect_error (run, 28, "a disk of another machine's, read-only", &other, KATA_E_BUSY);
  close (other.disks[0].fd);
  vmm_machine__free (machine);
  bench_close (&bench);
}

void
host_cases (struct run *run, int transport)
{
  spoilt_kernels (run, transport);
  spoilt_rest (run, transport);
  busy_disk (run, transport);
}
