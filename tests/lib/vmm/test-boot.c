/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-boot: kernels of both formats get to where they belong, and are told what they must know; spoilt ones: test-boot-hostile.c. */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "images.h"
#include "vmm/boot.h"
#include "vmm/layout.h"

#define MIB (UINT64_C (1) << 20)

static uint64_t
ram (const struct vmm_memory *memory, vmm_gpa at, size_t len)
{
  uint64_t value = 0;

  ck_assert (vmm_memory__read (memory, at, &value, len));
  return value;
}

static void
assert_range (const struct vmm_memory *memory, vmm_gpa at, uint64_t base, uint64_t size, uint32_t type)
{
  ck_assert_uint_eq (ram (memory, at, 8), base);
  ck_assert_uint_eq (ram (memory, at + 8, 8), size);
  ck_assert_uint_eq (ram (memory, at + 16, 4), type);
}

/* All ranges, @stride bytes apart. RAM of every size has the same first five. */
static void
assert_map (const struct vmm_memory *memory, vmm_gpa at, size_t stride, uint64_t n)
{
  uint64_t low = memory->size < VMM_RAM_LOW_END ? memory->size : VMM_RAM_LOW_END;

  ck_assert_uint_eq (n, memory->size > VMM_RAM_LOW_END ? 6 : 5);
  assert_range (memory, at, 0, VMM_LAYOUT_LOW_END, 1);
  assert_range (memory, at + stride, VMM_LAYOUT_LOW_END, 0xa0000 - VMM_LAYOUT_LOW_END, 2);
  assert_range (memory, at + 2 * stride, VMM_LAYOUT_ACPI, VMM_LAYOUT_ACPI_END - VMM_LAYOUT_ACPI, 2);
  assert_range (memory, at + 3 * stride, VMM_LAYOUT_KERNEL, low - VMM_LAYOUT_KERNEL, 1);
  assert_range (memory, at + 4 * stride, VMM_LAYOUT_ECAM, VMM_LAYOUT_ECAM_SIZE, 2);
  if (n == 6)
    assert_range (memory, at + 5 * stride, VMM_RAM_HIGH_BASE, memory->size - VMM_RAM_LOW_END, 1);
}

static void
load (struct vmm_boot_entry *entry, const struct vmm_memory *memory, int kernel, int initrd, const char *cmdline)
{
  const struct vmm_boot_config config = {
    .kernel_fd = kernel, .initrd_fd = initrd, .cmdline = cmdline, .rsdp = VMM_LAYOUT_ACPI
  };
  kata_error *error = NULL;

  ck_assert_msg (vmm_boot__load (entry, &config, memory, &error) == 0, "%s", kata_error_get_message (error));
}

static const uint64_t sizes[] = { 64 * MIB, 2048 * MIB, 3072 * MIB, 3074 * MIB, 5120 * MIB };

START_TEST (elf)
{
  struct image_elf image;
  struct vmm_memory memory;
  struct vmm_boot_entry entry;
  char cmdline[6];

  image_elf (&image);
  int kernel = image_file (&image, sizeof image), initrd = image_file ("initrd", 6);
  ck_assert_int_eq (vmm_memory__open (&memory, sizes[_i], 0, NULL), 0);
  load (&entry, &memory, kernel, initrd, "quiet");
  ck_assert_int_eq (entry.protocol, VMM_BOOT_PVH);
  ck_assert_uint_eq (entry.entry, IMAGE_ELF_ENTRY);
  ck_assert_uint_eq (entry.info, VMM_LAYOUT_PVH_INFO);
  ck_assert_uint_eq (ram (&memory, IMAGE_ELF_TEXT, 8), UINT64_C (0x9090909090909090));
  ck_assert_uint_eq (ram (&memory, IMAGE_ELF_DATA + sizeof image.data - 4, 8), UINT64_C (0x55555555));

  ck_assert_uint_eq (ram (&memory, entry.info, 4), 0x336ec578);
  ck_assert_uint_eq (ram (&memory, entry.info + 4, 4), 1);
  ck_assert_uint_eq (ram (&memory, entry.info + 12, 4), 1);
  vmm_gpa module = ram (&memory, entry.info + 16, 8), base = ram (&memory, module, 8);
  uint64_t low = sizes[_i] < VMM_RAM_LOW_END ? sizes[_i] : VMM_RAM_LOW_END;
  ck_assert_uint_eq (base, low - 4096);
  ck_assert_uint_eq (ram (&memory, module + 8, 8), 6);
  ck_assert_uint_eq (ram (&memory, base, 6), UINT64_C (0x647274696e69)); /* "initrd" */
  ck_assert (vmm_memory__read (&memory, ram (&memory, entry.info + 24, 8), cmdline, sizeof cmdline));
  ck_assert_str_eq (cmdline, "quiet");
  ck_assert_uint_eq (ram (&memory, entry.info + 32, 8), VMM_LAYOUT_ACPI);
  assert_map (&memory, ram (&memory, entry.info + 40, 8), 24, ram (&memory, entry.info + 48, 4));
  vmm_memory__close (&memory);
  close (initrd);
  close (kernel);
}
END_TEST

START_TEST (bzimage)
{
  uint8_t image[IMAGE_BZ_LEN];
  struct vmm_memory memory;
  struct vmm_boot_entry entry;

  image_bz (image);
  int kernel = image_file (image, sizeof image), initrd = image_file ("initrd", 6);
  ck_assert_int_eq (vmm_memory__open (&memory, sizes[_i], 0, NULL), 0);
  load (&entry, &memory, kernel, initrd, "");
  vmm_gpa page = entry.info;
  ck_assert_int_eq (entry.protocol, VMM_BOOT_LINUX64);
  ck_assert_uint_eq (entry.entry, IMAGE_BZ_BASE + 0x200);
  ck_assert_uint_eq (page, VMM_LAYOUT_ZERO_PAGE);
  ck_assert_uint_eq (ram (&memory, IMAGE_BZ_BASE, 8), UINT64_C (0xeeeeeeeeeeeeeeee));
  ck_assert_uint_eq (ram (&memory, IMAGE_BZ_BASE + IMAGE_BZ_LEN - IMAGE_BZ_BODY - 1, 2), 0xee);

  /* The header is the image's own, nothing behind it came along, and what the loader fills is filled. */
  ck_assert_uint_eq (ram (&memory, page + 0x202, 4), 0x53726448);
  ck_assert_uint_eq (ram (&memory, page + 0x26c, 8), 0);
  ck_assert_uint_eq (ram (&memory, page + 0x1ef, 1), 0); /* sentinel */
  ck_assert_uint_eq (ram (&memory, page + 0x210, 1), 0xff);
  uint64_t low = sizes[_i] < 0x80000000 ? sizes[_i] : 0x80000000; /* initrd_addr_max + 1 */
  ck_assert_uint_eq (ram (&memory, page + 0x218, 4), low - 4096);
  ck_assert_uint_eq (ram (&memory, page + 0x21c, 4), 6);
  ck_assert_uint_eq (ram (&memory, low - 4096, 6), UINT64_C (0x647274696e69));
  ck_assert_uint_eq (ram (&memory, page + 0x228, 4), VMM_LAYOUT_CMDLINE);
  ck_assert_uint_eq (ram (&memory, VMM_LAYOUT_CMDLINE, 1), 0);
  ck_assert_uint_eq (ram (&memory, page + 0x070, 8), VMM_LAYOUT_ACPI);
  assert_map (&memory, page + 0x2d0, 20, ram (&memory, page + 0x1e8, 1));
  vmm_memory__close (&memory);
  close (initrd);
  close (kernel);
}
END_TEST

START_TEST (no_initrd)
{
  struct image_elf elf;
  uint8_t bz[IMAGE_BZ_LEN];
  struct vmm_memory memory;
  struct vmm_boot_entry entry;

  image_elf (&elf);
  image_bz (bz);
  ck_assert_int_eq (vmm_memory__open (&memory, 64 * MIB, 0, NULL), 0);
  int kernel = image_file (&elf, sizeof elf);
  load (&entry, &memory, kernel, -1, NULL);
  ck_assert_uint_eq (ram (&memory, entry.info + 12, 8), 0);
  close (kernel);
  kernel = image_file (bz, sizeof bz);
  load (&entry, &memory, kernel, -1, NULL);
  ck_assert_uint_eq (ram (&memory, entry.info + 0x218, 8), 0);
  close (kernel);
  vmm_memory__close (&memory);
}
END_TEST

/* The longest command line that a kernel takes, and the largest initrd that fits. */
START_TEST (borders)
{
  struct image_elf image;
  struct vmm_memory memory;
  struct vmm_boot_entry entry;
  char cmdline[VMM_CMDLINE_MAX];

  memset (cmdline, 'a', sizeof cmdline - 1);
  cmdline[sizeof cmdline - 1] = '\0';
  image_elf (&image);
  int kernel = image_file (&image, sizeof image), initrd = image_file ("x", 1);
  ck_assert_int_eq (ftruncate (initrd, 64 * MIB - IMAGE_ELF_DATA - IMAGE_ELF_BSS), 0);
  ck_assert_int_eq (vmm_memory__open (&memory, 64 * MIB, 0, NULL), 0);
  load (&entry, &memory, kernel, initrd, cmdline);
  ck_assert_uint_eq (ram (&memory, IMAGE_ELF_DATA + IMAGE_ELF_BSS, 2), 'x');
  ck_assert_uint_eq (ram (&memory, VMM_LAYOUT_CMDLINE + VMM_CMDLINE_MAX - 2, 2), 'a');
  vmm_memory__close (&memory);
  close (initrd);
  close (kernel);
}
END_TEST

/* A real kernel, if one was built or fetched for the guest image. */
START_TEST (real)
{
  const char *path = getenv ("KATA_TEST_KERNEL");
  struct vmm_memory memory;
  struct vmm_boot_entry entry;
  int kernel = path != NULL ? open (path, O_RDONLY | O_CLOEXEC) : -1;

  if (kernel < 0)
    return;
  ck_assert_int_eq (vmm_memory__open (&memory, 128 * MIB, 0, NULL), 0);
  load (&entry, &memory, kernel, -1, "console=ttyS0");
  vmm_memory__close (&memory);
  close (kernel);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vmm/boot");
  TCase *all = tcase_create ("all");

  tcase_set_timeout (all, 50);
  tcase_add_loop_test (all, elf, 0, (int) (sizeof sizes / sizeof sizes[0]));
  tcase_add_loop_test (all, bzimage, 0, (int) (sizeof sizes / sizeof sizes[0]));
  tcase_add_test (all, no_initrd);
  tcase_add_test (all, borders);
  tcase_add_test (all, real);
  suite_add_tcase (suite, all);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
