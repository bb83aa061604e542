/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: kernel images, as ELF file and as bzImage. What is loaded must be inside RAM, and so must what the kernel is told. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/boot.h"
#include "vmm/layout.h"

#define RAM (UINT64_C (32) << 20)

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check (bool good, const char *what)
{
  if (!good) {
    fprintf (stderr, "%s\n", what);
    abort ();
  }
}

/* The first byte: whether there is an initrd, and how long the command line is. */
static void
load (const struct vmm_memory *memory, int kernel_fd, int initrd_fd, uint8_t how)
{
  char cmdline[256];
  struct vmm_boot_entry entry = { 0 };
  kata_error *error = NULL;

  memset (cmdline, 'c', sizeof cmdline);
  cmdline[how >> 1] = '\0';
  const struct vmm_boot_config config = {
    .kernel_fd = kernel_fd, .initrd_fd = (how & 1) != 0 ? initrd_fd : -1, .cmdline = cmdline, .rsdp = VMM_LAYOUT_ACPI
  };
  int result = vmm_boot__load (&entry, &config, memory, &error);
  check (result == 0 || result == KATA_E_GUEST, "neither loaded nor refused");
  check ((result == 0) == (error == NULL), "an error without a result");
  check (result < 0 || (entry.entry >= VMM_LAYOUT_KERNEL && entry.entry < RAM), "the entry is outside RAM");
  check (result == 0 || kata_error_get_key (error) != NULL, "an error about nothing");
  kata_error_unrefp (&error);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static struct vmm_memory memory;
  static int kernel_fd = -1, initrd_fd = -1;

  if (kernel_fd < 0) {
    kernel_fd = memfd_create ("kernel", MFD_CLOEXEC);
    initrd_fd = memfd_create ("initrd", MFD_CLOEXEC);
    check (kernel_fd >= 0 && initrd_fd >= 0 && ftruncate (initrd_fd, 10000) == 0, "memfd");
    check (vmm_memory__open (&memory, RAM, 0, NULL) == 0, "memory");
  }
  if (size == 0)
    return 0;
  check (ftruncate (kernel_fd, 0) == 0 && pwrite (kernel_fd, data + 1, size - 1, 0) == (ssize_t) (size - 1), "write");
  load (&memory, kernel_fd, initrd_fd, data[0]);
  return 0;
}
