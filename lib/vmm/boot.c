/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* boot: the order of things: command line, kernel, initrd, information for the kernel. The formats are in boot-elf.c and boot-bzimage.c. */
#include "vmm/boot.h"

#include <string.h>

#include "base/raise.h"
#include "vmm/boot-image.h"

#define PAGE UINT64_C (4096)

static unsigned long long
mib (uint64_t bytes)
{
  return (unsigned long long) (bytes >> 20);
}

vmm_gpa
vmm_boot__low_end (const struct vmm_memory *memory)
{
  return memory->size < VMM_RAM_LOW_END ? memory->size : VMM_RAM_LOW_END;
}

bool
vmm_boot__fits_low (const struct vmm_memory *memory, uint64_t base, uint64_t len)
{
  uint64_t end;

  return base >= VMM_LAYOUT_KERNEL && !__builtin_add_overflow (base, len, &end) && end <= vmm_boot__low_end (memory);
}

/* A control character would be no harm to us, but nobody means it: it comes from a file read badly or from an attack on a parser. */
static int
check_cmdline (const char *cmdline, kata_error **err)
{
  size_t len = strnlen (cmdline, VMM_CMDLINE_MAX);

  if (len == VMM_CMDLINE_MAX)
    return kata_error__set (err, KATA_E_GUEST, "cmdline",
                            "kernel command line: longer than %d bytes; drop kernel parameters", VMM_CMDLINE_MAX - 1);
  for (size_t i = 0; i < len; i++)
    if ((unsigned char) cmdline[i] < ' ' || cmdline[i] == 0x7f)
      return kata_error__set (err, KATA_E_GUEST, "cmdline", "kernel command line: control character 0x%02x at byte %zu",
                              (unsigned) (unsigned char) cmdline[i], i);
  return 0;
}

static int
put_cmdline (const struct vmm_boot_kernel *kernel, const char *cmdline, const struct vmm_memory *memory,
             kata_error **err)
{
  size_t len = strlen (cmdline);

  if (len > kernel->cmdline_max)
    return kata_error__set (err, KATA_E_GUEST, "cmdline",
                            "kernel command line: %zu bytes, this kernel takes %zu; drop kernel parameters", len,
                            kernel->cmdline_max);
  if (!vmm_memory__write (memory, VMM_LAYOUT_CMDLINE, cmdline, len + 1))
    return kata_error__set (err, KATA_E_INTERNAL, "cmdline", "kernel command line: no RAM at its place");
  return 0;
}

static int
load_kernel (struct vmm_boot_kernel *out, int fd, const struct vmm_memory *memory, kata_error **err)
{
  struct vmm_boot_file file;
  uint8_t magic[4];

  int result = vmm_boot_file__open (&file, fd, "kernel", err);
  if (result == 0)
    result = vmm_boot_file__read (&file, 0, magic, sizeof magic, err);
  if (result < 0)
    return result;
  if (memcmp (magic, "\177ELF", sizeof magic) == 0)
    return vmm_boot_elf__load (out, &file, memory, err);
  return vmm_boot_bzimage__load (out, &file, memory, err);
}

/* At the top of low RAM, where neither the kernel's first needs nor its own choice of a random place come in the way. */
static int
load_initrd (struct vmm_boot_initrd *out, int fd, const struct vmm_boot_kernel *kernel, const struct vmm_memory *memory,
             kata_error **err)
{
  struct vmm_boot_file file;

  *out = (struct vmm_boot_initrd){ 0 };
  if (fd < 0)
    return 0;
  int result = vmm_boot_file__open (&file, fd, "initrd", err);
  if (result < 0)
    return result;
  vmm_gpa top = vmm_boot__low_end (memory);
  if (kernel->initrd_last < top)
    top = kernel->initrd_last + 1;
  vmm_gpa base = file.size > top ? 0 : (top - file.size) & ~(PAGE - 1);
  if (base < kernel->end)
    return kata_error__set (
        err, KATA_E_GUEST, "initrd",
        "initrd: %llu MiB do not fit: the kernel needs the RAM up to %llu MiB, and the initrd must end by %llu MiB; "
        "give the guest more memory or take a smaller initrd",
        mib (file.size + (1 << 20) - 1), mib (kernel->end), mib (top));
  result = vmm_boot_file__read_ram (&file, 0, memory, base, file.size, err);
  if (result == 0)
    *out = (struct vmm_boot_initrd){ .base = base, .size = file.size };
  return result;
}

int
vmm_boot__load (struct vmm_boot_entry *out, const struct vmm_boot_config *config, const struct vmm_memory *memory,
                kata_error **err)
{
  struct vmm_boot_kernel kernel = { 0 };
  struct vmm_boot_initrd initrd;
  const char *cmdline = config->cmdline != NULL ? config->cmdline : "";
  bool written;

  int result = check_cmdline (cmdline, err);
  if (result == 0)
    result = load_kernel (&kernel, config->kernel_fd, memory, err);
  if (result == 0)
    result = put_cmdline (&kernel, cmdline, memory, err);
  if (result == 0)
    result = load_initrd (&initrd, config->initrd_fd, &kernel, memory, err);
  if (result < 0)
    return result;
  if (kernel.protocol == VMM_BOOT_PVH)
    written = vmm_boot__write_start_info (&initrd, config->rsdp, memory);
  else
    written = vmm_boot__write_zero_page (&kernel, &initrd, config->rsdp, memory);
  if (!written)
    return kata_error__set (err, KATA_E_INTERNAL, "kernel", "kernel: no RAM for its boot information");
  *out = (struct vmm_boot_entry){
    .protocol = kernel.protocol,
    .entry = kernel.entry,
    .info = kernel.protocol == VMM_BOOT_PVH ? VMM_LAYOUT_PVH_INFO : VMM_LAYOUT_ZERO_PAGE,
  };
  return 0;
}
