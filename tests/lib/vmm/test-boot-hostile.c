/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-boot-hostile: kernels, initrds and command lines that lie; each is refused with the key it is about, and bounds hold. */
#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "images.h"
#include "vmm/boot.h"
#include "vmm/layout.h"

#define MIB (UINT64_C (1) << 20)

static struct vmm_memory memory;

static void
setup (void)
{
  ck_assert_int_eq (vmm_memory__open (&memory, 64 * MIB, 0, NULL), 0);
}

static void
teardown (void)
{
  vmm_memory__close (&memory);
}

/* Consumes the descriptors. */
static void
refused (int kernel, int initrd, const char *cmdline, const char *key)
{
  const struct vmm_boot_config config = { .kernel_fd = kernel, .initrd_fd = initrd, .cmdline = cmdline };
  struct vmm_boot_entry entry = { .entry = 7 };
  kata_error *error = NULL;

  ck_assert_int_eq (vmm_boot__load (&entry, &config, &memory, &error), KATA_E_GUEST);
  ck_assert_str_eq (kata_error_get_key (error), key);
  ck_assert_int_eq (vmm_boot__load (&entry, &config, &memory, NULL), KATA_E_GUEST);
  ck_assert_uint_eq (entry.entry, 7);
  kata_error_unrefp (&error);
  close (kernel);
  if (initrd >= 0)
    close (initrd);
}

static void
elf_refused (const struct image_elf *image)
{
  refused (image_file (image, sizeof *image), -1, "", "kernel");
}

static void
bz_refused (const uint8_t *image)
{
  refused (image_file (image, IMAGE_BZ_LEN), -1, "", "kernel");
}

static int
good_kernel (void)
{
  struct image_elf image;

  image_elf (&image);
  return image_file (&image, sizeof image);
}

START_TEST (not_a_kernel)
{
  uint8_t noise[4096];

  memset (noise, 'x', sizeof noise);
  refused (image_file ("", 0), -1, "", "kernel");
  refused (image_file ("\177E", 2), -1, "", "kernel");
  refused (image_file ("\177ELF", 4), -1, "", "kernel");
  refused (image_file (noise, sizeof noise), -1, "", "kernel");
  refused (image_file (noise, 4), -1, "", "kernel");
  refused (open ("/dev/zero", O_RDONLY | O_CLOEXEC), -1, "", "kernel");
  refused (open ("/", O_RDONLY | O_CLOEXEC | O_DIRECTORY), -1, "", "kernel");
  refused (1000000, -1, "", "kernel"); /* not open */
}
END_TEST

/* Cut at every byte, neither format may load: their last byte is one that is loaded. */
START_TEST (truncated)
{
  struct image_elf elf;
  uint8_t bz[IMAGE_BZ_LEN];

  image_elf (&elf);
  for (size_t len = 0; len < offsetof (struct image_elf, data) + sizeof elf.data; len++)
    refused (image_file (&elf, len), -1, "", "kernel");
  image_bz (bz);
  for (size_t len = 0; len <= sizeof bz - 16; len++) /* the size in its header counts 16 bytes at a time */
    refused (image_file (bz, len), -1, "", "kernel");
}
END_TEST

START_TEST (elf_header)
{
  struct image_elf good, bad;

  image_elf (&good);
#define SPOIL(field, value)                                                                                            \
  do {                                                                                                                 \
    bad = good;                                                                                                        \
    bad.field = (value);                                                                                               \
    elf_refused (&bad);                                                                                                \
  } while (0)
  SPOIL (header.e_ident[EI_CLASS], ELFCLASS32);
  SPOIL (header.e_ident[EI_DATA], ELFDATA2MSB);
  SPOIL (header.e_machine, EM_AARCH64);
  SPOIL (header.e_type, ET_REL);
  SPOIL (header.e_phentsize, sizeof (Elf64_Phdr) - 1);
  SPOIL (header.e_phnum, 0);
  SPOIL (header.e_phnum, 0xffff);
  SPOIL (header.e_phoff, UINT64_MAX - 8);
  SPOIL (header.e_phoff, INT64_MAX);
  SPOIL (header.e_phoff, sizeof good - 8);
}
END_TEST

START_TEST (elf_segments)
{
  struct image_elf good, bad;

  image_elf (&good);
  SPOIL (segments[0].p_offset, UINT64_MAX - 16);
  SPOIL (segments[0].p_offset, sizeof good);
  SPOIL (segments[0].p_filesz, UINT64_MAX);
  SPOIL (segments[0].p_memsz, 1); /* smaller than the file's part */
  SPOIL (segments[0].p_memsz, 0); /* not loaded, and the entry is in it */
  SPOIL (segments[1].p_memsz, UINT64_MAX);
  SPOIL (segments[1].p_memsz, 64 * MIB);
  SPOIL (segments[1].p_paddr, UINT64_MAX - 0x1000);
  SPOIL (segments[1].p_paddr, 64 * MIB);
  SPOIL (segments[1].p_paddr, VMM_LAYOUT_KERNEL - 1);
  SPOIL (segments[1].p_paddr, 0);
  SPOIL (segments[1].p_paddr, VMM_RAM_HIGH_BASE);
  SPOIL (segments[1].p_paddr, IMAGE_ELF_TEXT + 8); /* overlap */
  SPOIL (segments[0].p_type, PT_NULL);
  bad = good;
  bad.segments[0].p_type = bad.segments[1].p_type = PT_NULL;
  elf_refused (&bad);
}
END_TEST

START_TEST (elf_entry)
{
  struct image_elf good, bad;

  image_elf (&good);
  SPOIL (notes.entry, 0);
  SPOIL (notes.entry, IMAGE_ELF_TEXT - 1);
  SPOIL (notes.entry, IMAGE_ELF_TEXT + 256);
  SPOIL (notes.entry, IMAGE_ELF_DATA + 64); /* in .bss: zeros are no code */
  SPOIL (notes.entry, UINT32_MAX);
  SPOIL (notes.name[0], 'Y');
  SPOIL (notes.note.n_type, 17);
  SPOIL (notes.note.n_descsz, 3);
  SPOIL (notes.note.n_descsz, UINT32_MAX);
  SPOIL (notes.other.n_namesz, UINT32_MAX);
  SPOIL (notes.other.n_descsz, UINT32_MAX - 2);
  SPOIL (segments[2].p_type, PT_NULL);
  SPOIL (segments[2].p_filesz, 1 << 20);
  SPOIL (segments[2].p_filesz, 8);
  SPOIL (segments[2].p_offset, UINT64_MAX);
}
END_TEST

START_TEST (bzimage)
{
  static const struct {
    size_t at, len;
    uint64_t value;
  } spoils[] = {
    { 0x1fe, 2, 0 },                         /* boot_flag */
    { 0x202, 4, 0 },                         /* header */
    { 0x206, 2, 0x020b },                    /* version */
    { 0x201, 1, 0x61 },                      /* the header ends before init_size */
    { 0x211, 1, 0 },                         /* not LOADED_HIGH */
    { 0x236, 2, 0 },                         /* no 64-bit entry */
    { 0x1f1, 1, 0xff },                      /* setup beyond the file */
    { 0x230, 4, 0 },                         /* alignment */
    { 0x230, 4, 0x200001 },                  /* */
    { 0x230, 4, 0x80000000 },                /* */
    { 0x258, 8, 0x1000001 },                 /* preferred address not aligned */
    { 0x258, 8, 0 },                         /* over the zero page */
    { 0x258, 8, 64 * MIB },                  /* behind RAM */
    { 0x258, 8, UINT64_MAX & ~0x1fffffULL }, /* wraps */
    { 0x260, 4, UINT32_MAX },                /* init_size */
    { 0x260, 4, 64 * MIB },                  /* */
  };
  uint8_t image[IMAGE_BZ_LEN];

  for (size_t i = 0; i < sizeof spoils / sizeof spoils[0]; i++) {
    image_bz (image);
    image_put (image, spoils[i].at, spoils[i].value, spoils[i].len);
    bz_refused (image);
  }
}
END_TEST

/* A kernel of 5 GiB, nearly all of it a hole in the file. */
START_TEST (huge_kernel)
{
  uint8_t image[IMAGE_BZ_LEN];

  image_bz (image);
  int fd = image_file (image, sizeof image);
  ck_assert_int_eq (ftruncate (fd, (off_t) (5120 * MIB)), 0);
  refused (fd, -1, "", "kernel");
}
END_TEST

START_TEST (initrd)
{
  int fd = image_file ("x", 1);
  uint8_t image[IMAGE_BZ_LEN];

  ck_assert_int_eq (ftruncate (fd, (off_t) (4096 * MIB)), 0);
  refused (good_kernel (), fd, "", "initrd");
  fd = image_file ("x", 1);
  ck_assert_int_eq (ftruncate (fd, (off_t) (64 * MIB - IMAGE_ELF_DATA - IMAGE_ELF_BSS + 1)), 0);
  refused (good_kernel (), fd, "", "initrd");
  refused (good_kernel (), image_file ("", 0), "", "initrd");
  refused (good_kernel (), open ("/dev/null", O_RDONLY | O_CLOEXEC), "", "initrd");
  refused (good_kernel (), 1000000, "", "initrd");
  image_bz (image);
  image_put (image, 0x22c, 0x1000, 4); /* initrd_addr_max below the kernel */
  refused (image_file (image, sizeof image), image_file ("x", 1), "", "initrd");
  image_put (image, 0x22c, 0, 4);
  refused (image_file (image, sizeof image), image_file ("x", 1), "", "initrd");
}
END_TEST

START_TEST (cmdline)
{
  static char line[65536];
  uint8_t image[IMAGE_BZ_LEN];

  memset (line, 'a', sizeof line - 1);
  refused (good_kernel (), -1, line, "cmdline");
  line[VMM_CMDLINE_MAX] = '\0'; /* one too many */
  refused (good_kernel (), -1, line, "cmdline");
  refused (good_kernel (), -1, "a\nb", "cmdline");
  refused (good_kernel (), -1, "a\033b", "cmdline");
  image_bz (image);
  image_put (image, 0x238, 3, 4); /* cmdline_size */
  refused (image_file (image, sizeof image), -1, "abcd", "cmdline");
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vmm/boot-hostile");
  TCase *all = tcase_create ("all");

  tcase_set_timeout (all, 50);
  tcase_add_checked_fixture (all, setup, teardown);
  tcase_add_test (all, not_a_kernel);
  tcase_add_test (all, truncated);
  tcase_add_test (all, elf_header);
  tcase_add_test (all, elf_segments);
  tcase_add_test (all, elf_entry);
  tcase_add_test (all, bzimage);
  tcase_add_test (all, huge_kernel);
  tcase_add_test (all, initrd);
  tcase_add_test (all, cmdline);
  suite_add_tcase (suite, all);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
