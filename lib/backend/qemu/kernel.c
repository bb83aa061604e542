/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernel: magic numbers of Linux images (Documentation/{x86,arm64,riscv}/boot*), of ELF and of PE files. */
#include "backend/qemu/kernel.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"

#define KEY "hypervisor.qemu.kernel"

struct machine_number {
  uint16_t number;
  const char *arch;
};
static const struct machine_number elf_machines[] = {
  { 62, "x86_64" }, { 183, "aarch64" }, { 243, "riscv64" }, { 21, "ppc64le" }, { 22, "s390x" }, { 3, "i386" },
};
static const struct machine_number pe_machines[] = {
  { 0x8664, "x86_64" }, { 0xaa64, "aarch64" }, { 0x5064, "riscv64" }, { 0x14c, "i386" }
};

static bool
has (const uint8_t *head, size_t len, size_t at, const void *magic, size_t n)
{
  return len >= n && at <= len - n && memcmp (head + at, magic, n) == 0;
}

static const char *
by_number (const struct machine_number *table, size_t n, unsigned number)
{
  for (size_t i = 0; i < n; i++)
    if (table[i].number == number)
      return table[i].arch;
  return NULL;
}

/* ELF keeps the number in its own byte order. */
static const char *
elf_arch (const uint8_t *head, size_t len)
{
  if (len < 20)
    return NULL;
  unsigned number = head[5] == 2 ? (unsigned) head[18] << 8 | head[19] : (unsigned) head[19] << 8 | head[18];
  return by_number (elf_machines, G_N_ELEMENTS (elf_machines), number);
}

/* A kernel that firmware can start as a program of its own: some are compressed within, and say it here only. */
static const char *
pe_arch (const uint8_t *head, size_t len)
{
  if (len < 0x40)
    return NULL;
  size_t at = (size_t) head[0x3c] | (size_t) head[0x3d] << 8 | (size_t) head[0x3e] << 16 | (size_t) head[0x3f] << 24;
  if (!has (head, len, at, "PE\0\0", 4) || len - at < 6)
    return NULL;
  return by_number (pe_machines, G_N_ELEMENTS (pe_machines), (unsigned) head[at + 5] << 8 | head[at + 4]);
}

const char *
kata_qemu__kernel_arch (const void *bytes, size_t len)
{
  const uint8_t *head = bytes;
  if (has (head, len, 0, "\177ELF", 4))
    return elf_arch (head, len);
  if (has (head, len, 0x38, "ARM\x64", 4))
    return "aarch64";
  if (has (head, len, 0x38, "RSC\x05", 4))
    return "riscv64";
  if (has (head, len, 0x202, "HdrS", 4))
    return "x86_64";
  if (has (head, len, 0x10008, "S390EP", 6))
    return "s390x";
  return has (head, len, 0, "MZ", 2) ? pe_arch (head, len) : NULL;
}

/* What its program is called by. */
static const char *
program_arch (const char *arch)
{
  return strcmp (arch, "ppc64le") == 0 ? "ppc64" : arch;
}

int
kata_qemu__check_kernel (const char *path, const char *arch, kata_error **err)
{
  /* Who opens it for the machine says what is wrong with it; a FIFO must not make anybody wait. */
  kata_auto_fd int fd = path != NULL && path[0] == '/' ? open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
  if (fd < 0)
    return 0;
  g_autofree uint8_t *head = g_malloc (KATA_QEMU_KERNEL_HEAD);
  ssize_t n = pread (fd, head, KATA_QEMU_KERNEL_HEAD, 0);
  const char *found = n > 0 ? kata_qemu__kernel_arch (head, (size_t) n) : NULL;
  if (found == NULL || strcmp (found, arch) == 0)
    return 0;
  return kata_error__set (err, KATA_E_GUEST, KEY,
                          KEY
                          ": \"%s\" is a kernel for %s, but the machine is %s; set path to qemu-system-%s or choose "
                          "another kernel",
                          path, found, arch, program_arch (found));
}
