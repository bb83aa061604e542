/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blk: good and bad requests of one disk, over both engines. */
#include "disk.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/raise.h"

START_TEST (what_is_written_is_read)
{
  struct disk disk;
  disk_make (&disk, _i);
  for (uint32_t len = 512; len <= ROOM; len *= 2) {
    uint64_t sector = len == ROOM ? SECTORS - ROOM / 512 : 77;
    uint8_t *bytes = malloc (len), *back = malloc (len);
    for (uint32_t i = 0; i < len; i++)
      bytes[i] = (uint8_t) (i * 31 + len / 512);
    driver_set (&disk.driver, disk.data, bytes, len);
    ck_assert_uint_eq (ask (&disk, OUT, sector, len, false), OK);
    ck_assert_int_eq (pread (disk.fd, back, len, (off_t) sector * 512), len);
    ck_assert_mem_eq (back, bytes, len);
    memset (back, 0, len);
    driver_set (&disk.driver, disk.data, back, len);
    ck_assert_uint_eq (ask (&disk, FLUSH, 0, 0, false), OK);
    ck_assert_uint_eq (ask (&disk, IN, sector, len, true), OK);
    driver_get (&disk.driver, disk.data, back, len);
    ck_assert_mem_eq (back, bytes, len);
    free (bytes);
    free (back);
  }
  disk_free (&disk);
}
END_TEST

/* The borders between descriptors mean nothing (virtio 1.2, 2.7.4): header in pieces, status behind the data. */
START_TEST (any_framing)
{
  struct disk disk;
  disk_make (&disk, _i);
  ck_assert_int_eq (pwrite (disk.fd, "0123456789abcdef", 16, 512), 16);
  struct header header = { .type = IN, .sector = 1 };
  uint8_t bytes[513];
  driver_set (&disk.driver, disk.header, &header, sizeof header);
  struct driver_buffer buffers[] = { { disk.header, 3, false },
                                     { disk.header + 3, 13, false },
                                     { disk.data, 5, true },
                                     { disk.data + 5, 506, true },
                                     { disk.data + 511, 2, true } };
  memset (bytes, NONE, sizeof bytes);
  driver_set (&disk.driver, disk.data, bytes, sizeof bytes);
  ck_assert_uint_eq (driver_request (&disk.driver, 0, buffers, 5), 513);
  driver_get (&disk.driver, disk.data, bytes, sizeof bytes);
  ck_assert_mem_eq (bytes, "0123456789abcdef", 16);
  ck_assert_uint_eq (bytes[512], OK);

  /* Out, header and data in one. */
  struct header out = { .type = OUT, .sector = 2 };
  driver_set (&disk.driver, disk.data, &out, sizeof out);
  struct driver_buffer one[] = { { disk.data, 16 + 512, false }, { disk.status, 1, true } };
  ck_assert_uint_eq (driver_request (&disk.driver, 0, one, 2), 1);
  driver_get (&disk.driver, disk.data + 16, bytes, 512);
  uint8_t back[512];
  ck_assert_int_eq (pread (disk.fd, back, 512, 1024), 512);
  ck_assert_mem_eq (back, bytes, 512);
  disk_free (&disk);
}
END_TEST

START_TEST (pieces_up_to_seg_max)
{
  struct disk disk;
  disk_make (&disk, _i);
  for (unsigned n = 126; n <= 127; n++) {
    struct driver_buffer buffers[130] = { { disk.header, 16, false } };
    struct header header = { .type = OUT, .sector = 8 };
    uint8_t status = NONE;
    driver_set (&disk.driver, disk.header, &header, sizeof header);
    for (unsigned i = 0; i < n; i++)
      buffers[1 + i] = (struct driver_buffer){ disk.data + i * 1024, 512, false };
    buffers[1 + n] = (struct driver_buffer){ disk.status, 1, true };
    driver_request (&disk.driver, 0, buffers, n + 2);
    driver_get (&disk.driver, disk.status, &status, 1);
    ck_assert_uint_eq (status, n == 126 ? OK : IOERR);
  }
  disk_free (&disk);
}
END_TEST

START_TEST (configuration)
{
  struct disk disk;
  disk_open (&disk, (struct vmm_blk_config){ .fd = make_image (), .queues = 4, .threads = _i }, F_MQ);
  uint64_t value;
  static const struct {
    uint32_t offset, len;
    uint64_t value;
  } fields[] = {
    { 0, 8, SECTORS }, { 12, 4, 126 },   { 20, 4, 512 }, { 34, 2, 4 }, { 36, 4, 1 << 22 }, { 40, 4, 1 },
    { 44, 4, 8 },      { 48, 4, 16128 }, { 52, 4, 1 },   { 56, 1, 1 }, { 60, 4, 0 },       { 4000, 8, 0 }
  };
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    value = ~UINT64_C (0);
    vmm_virtio__config (disk.driver.device, fields[i].offset, fields[i].len, &value, false);
    if (fields[i].len < 8)
      value &= (UINT64_C (1) << fields[i].len * 8) - 1;
    ck_assert_uint_eq (value, fields[i].value);
  }
  ck_assert_uint_eq (disk.driver.device->features & (F_MQ | F_FLUSH), F_MQ);
  disk_free (&disk);
}
END_TEST

START_TEST (queues_of_a_given_size)
{
  static const struct {
    uint16_t size;
    unsigned max, segments; /* max 0: refused */
  } cases[] = { { 0, 256, 126 }, { 256, 256, 126 }, { 128, 128, 126 }, { 64, 64, 62 },
                { 4, 4, 2 },     { 2, 0, 0 },       { 100, 0, 0 },     { 512, 0, 0 } };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct vmm_blk_config config = { .fd = make_image (), .queues = 2, .queue_size = cases[i].size, .threads = _i };
    if (cases[i].max == 0) {
      struct driver driver;
      kata_auto_error kata_error *error = NULL;
      driver_open (&driver, 64 * MIB);
      ck_assert_int_eq (driver_device (&driver, &vmm_virtio_blk_ops, &config, &error), KATA_E_INVALID);
      driver_close (&driver);
      close (config.fd);
      continue;
    }
    struct disk disk;
    uint64_t segments = 0;
    disk_open (&disk, config, ALL & ~VMM_VIRTIO_F_ACCESS_PLATFORM);
    for (unsigned q = 0; q < 2; q++)
      ck_assert_uint_eq (disk.driver.device->queues[q].max, cases[i].max);
    vmm_virtio__config (disk.driver.device, 12, 4, &segments, false);
    ck_assert_uint_eq (segments, cases[i].segments);
    ck_assert_uint_eq (ask (&disk, OUT, 3, 4096, false), OK);
    disk_free (&disk);
  }
}
END_TEST

START_TEST (identity)
{
  struct disk disk;
  disk_make (&disk, _i);
  char id[21] = { 0 };
  ck_assert_uint_eq (ask (&disk, GET_ID, 0, 20, true), OK);
  driver_get (&disk.driver, disk.data, id, 20);
  ck_assert_str_eq (id, "serial-1");
  ck_assert_uint_eq (ask (&disk, GET_ID, 0, 19, true), IOERR);
  disk_free (&disk);
}
END_TEST

/* Case 21: each refused with the right word, the image as before, and the next good request served. */
START_TEST (bad_requests)
{
  static const struct {
    uint32_t type;
    uint64_t sector;
    uint32_t len;
    bool in;
    uint8_t status;
  } bad[] = {
    { IN, SECTORS, 512, true, IOERR },
    { IN, SECTORS - 1, 1024, true, IOERR },
    { IN, UINT64_MAX, 512, true, IOERR },
    { IN, UINT64_MAX / 512, 512, true, IOERR },
    { IN, UINT64_MAX - 1, 1024, true, IOERR },
    { IN, 0, 511, true, IOERR },
    { IN, 0, 513, true, IOERR },
    { OUT, SECTORS, 512, false, IOERR },
    { OUT, SECTORS - 1, 1024, false, IOERR },
    { OUT, UINT64_MAX, 512, false, IOERR },
    { OUT, (UINT64_MAX >> 9) + 1, 512, false, IOERR }, /* times 512 is 0 */
    { OUT, 0, 511, false, IOERR },
    { OUT, 0, 513, false, IOERR },
    { FLUSH, 0, 512, false, IOERR },
    { FLUSH, 0, 512, true, IOERR },
    { 2, 0, 512, false, UNSUPP },
    { 5, 0, 512, false, UNSUPP },
    { 10, 0, 16, true, UNSUPP },
    { 14, 0, 16, false, UNSUPP },
    { 0x80000000, 0, 512, false, UNSUPP },
    { UINT32_MAX, 0, 512, true, UNSUPP },
    { DISCARD, 0, 15, false, IOERR },
    { DISCARD, 0, 32, false, IOERR },
    { DISCARD, 0, 16, true, IOERR },
    { WRITE_ZEROES, 0, 0, false, IOERR },
  };
  struct disk disk;
  disk_make (&disk, _i);
  uint8_t bytes[1024];
  memset (bytes, 0x5a, sizeof bytes);
  ck_assert_int_eq (pwrite (disk.fd, bytes, sizeof bytes, 0), sizeof bytes);
  driver_set (&disk.driver, disk.data, "\x01\x02\x03\x04", 4);
  uint64_t before = image_hash (disk.fd);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    ck_assert_msg (ask (&disk, bad[i].type, bad[i].sector, bad[i].len, bad[i].in) == bad[i].status, "case %zu", i);
    ck_assert_uint_eq (ask (&disk, IN, 0, 512, true), OK);
  }
  ck_assert_uint_eq (image_hash (disk.fd), before);
  ck_assert (!driver_needs_reset (&disk.driver));
  disk_free (&disk);
}
END_TEST

START_TEST (bad_ranges)
{
  static const struct {
    uint32_t type;
    struct range range;
    uint8_t status;
  } bad[] = {
    { DISCARD, { SECTORS, 1, 0 }, IOERR },         { DISCARD, { SECTORS - 1, 2, 0 }, IOERR },
    { DISCARD, { UINT64_MAX, 1, 0 }, IOERR },      { DISCARD, { 0, UINT32_MAX, 0 }, IOERR },
    { DISCARD, { UINT64_MAX - 6, 8, 0 }, IOERR },  { DISCARD, { 0, 8, 1 }, UNSUPP }, /* unmap belongs to WRITE_ZEROES */
    { DISCARD, { 0, 8, 0x80000000 }, UNSUPP },     { WRITE_ZEROES, { SECTORS, 1, 0 }, IOERR },
    { WRITE_ZEROES, { 0, UINT32_MAX, 1 }, IOERR }, { WRITE_ZEROES, { 0, 16129, 1 }, IOERR },
    { WRITE_ZEROES, { 0, 8, 2 }, UNSUPP },
  };
  struct disk disk;
  disk_make (&disk, _i);
  ck_assert_int_eq (pwrite (disk.fd, "x", 1, SIZE - 1), 1);
  uint64_t before = image_hash (disk.fd);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    ck_assert_msg (ask_range (&disk, bad[i].type, bad[i].range, 16) == bad[i].status, "case %zu", i);
  ck_assert_uint_eq (image_hash (disk.fd), before);
  ck_assert_uint_eq (ask_range (&disk, DISCARD, (struct range){ 0, 0, 0 }, 16), OK);
  disk_free (&disk);
}
END_TEST

/* On tmpfs (no ZERO_RANGE: zeroes are written) and on the file system of /var/tmp. */
START_TEST (holes_and_zeroes)
{
  for (int on_disk = 0; on_disk < 2; on_disk++) {
    int fd = on_disk ? open ("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) : make_image ();
    if (fd < 0)
      continue;
    static uint8_t bytes[SIZE], back[SIZE];
    memset (bytes, 7, SIZE);
    ck_assert_int_eq (pwrite (fd, bytes, SIZE, 0), SIZE);
    struct disk disk;
    struct stat before, after;
    disk_open (&disk, (struct vmm_blk_config){ .fd = fd, .queues = 1, .threads = _i },
               F_FLUSH | F_DISCARD | F_WRITE_ZEROES);
    fsync (fd);
    fstat (fd, &before);
    ck_assert_uint_eq (ask_range (&disk, DISCARD, (struct range){ 2048, 2048, 0 }, 16), OK);
    fstat (fd, &after);
    if (!on_disk)
      ck_assert_int_eq (before.st_blocks - after.st_blocks, 2048);
    memset (bytes + MIB, 0, MIB);
    /* Borders within a block; with and without unmap. */
    ck_assert_uint_eq (ask_range (&disk, WRITE_ZEROES, (struct range){ 8193, 4093, 0 }, 16), OK);
    ck_assert_uint_eq (ask_range (&disk, WRITE_ZEROES, (struct range){ 13001, 3001, 1 }, 16), OK);
    memset (bytes + 8193 * 512, 0, 4093 * 512);
    memset (bytes + 13001 * 512, 0, 3001 * 512);
    ck_assert_int_eq (pread (fd, back, SIZE, 0), SIZE);
    ck_assert_mem_eq (back, bytes, SIZE);
    fstat (fd, &after);
    ck_assert_int_eq (after.st_size, SIZE);
    disk_free (&disk);
  }
}
END_TEST

START_TEST (what_was_not_negotiated)
{
  struct disk disk;
  disk_open (&disk, (struct vmm_blk_config){ .fd = make_image (), .queues = 1, .threads = _i }, 0);
  ck_assert_uint_eq (ask (&disk, FLUSH, 0, 0, false), UNSUPP);
  ck_assert_uint_eq (ask_range (&disk, DISCARD, (struct range){ 0, 8, 0 }, 16), UNSUPP);
  ck_assert_uint_eq (ask_range (&disk, WRITE_ZEROES, (struct range){ 0, 8, 0 }, 16), UNSUPP);
  ck_assert_uint_eq (ask (&disk, OUT, 0, 4096, false), OK); /* written through */
  disk_free (&disk);
}
END_TEST

START_TEST (read_only)
{
  int image = make_image (), fd = reopen (image, O_RDONLY);
  struct disk disk;
  disk_open (&disk, (struct vmm_blk_config){ .fd = fd, .readonly = true, .queues = 1, .threads = _i },
             ALL & ~VMM_VIRTIO_F_ACCESS_PLATFORM);
  ck_assert_uint_eq (disk.driver.device->offered & (F_RO | F_DISCARD | F_WRITE_ZEROES), F_RO);
  uint64_t before = image_hash (fd);
  ck_assert_uint_eq (ask (&disk, OUT, 0, 512, false), IOERR);
  ck_assert_uint_eq (ask_range (&disk, DISCARD, (struct range){ 0, 8, 0 }, 16), IOERR);
  ck_assert_uint_eq (ask_range (&disk, WRITE_ZEROES, (struct range){ 0, 8, 0 }, 16), IOERR);
  ck_assert_uint_eq (ask (&disk, FLUSH, 0, 0, false), OK);
  ck_assert_uint_eq (ask (&disk, IN, SECTORS - 1, 512, true), OK);
  ck_assert_uint_eq (image_hash (fd), before);
  disk_free (&disk);
  close (image);
}
END_TEST

START_TEST (no_place_for_header_or_status)
{
  static const struct driver_buffer shapes[][2] = { { { 0, 15, false }, { 0, 1, true } },
                                                    { { 0, 16, false }, { 0, 512, false } },
                                                    { { 0, 16, true }, { 0, 1, true } } };
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    struct disk disk;
    disk_make (&disk, _i);
    struct driver_buffer buffers[2] = { shapes[i][0], shapes[i][1] };
    buffers[0].addr = buffers[1].addr = disk.data;
    driver_add (&disk.driver, 0, buffers, 2);
    driver_kick (&disk.driver, 0);
    driver_run (&disk.driver);
    ck_assert (driver_needs_reset (&disk.driver));
    /* A reset heals it. */
    driver_reset (&disk.driver);
    driver_start (&disk.driver, F_FLUSH);
    ck_assert_uint_eq (ask (&disk, IN, 0, 512, true), OK);
    disk_free (&disk);
  }
}
END_TEST

/* Case 28. */
START_TEST (an_image_that_shrank)
{
  struct disk disk;
  disk_make (&disk, _i);
  ck_assert_int_eq (ftruncate (disk.fd, MIB + 512), 0);
  ck_assert_uint_eq (ask (&disk, IN, SECTORS - 1, 512, true), IOERR);
  ck_assert_uint_eq (ask (&disk, IN, 2048, 1024, true), IOERR); /* half of it is there */
  ck_assert_uint_eq (ask (&disk, IN, 2048, 512, true), OK);
  ck_assert (!driver_needs_reset (&disk.driver));
  disk_free (&disk);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vmm/virtio/blk");
  TCase *tcase = tcase_create ("requests");
  tcase_set_timeout (tcase, 60);
  tcase_add_loop_test (tcase, what_is_written_is_read, 0, ENGINES);
  tcase_add_loop_test (tcase, any_framing, 0, ENGINES);
  tcase_add_loop_test (tcase, pieces_up_to_seg_max, 0, ENGINES);
  tcase_add_loop_test (tcase, queues_of_a_given_size, 0, ENGINES);
  tcase_add_loop_test (tcase, configuration, 0, ENGINES);
  tcase_add_loop_test (tcase, identity, 0, ENGINES);
  tcase_add_loop_test (tcase, bad_requests, 0, ENGINES);
  tcase_add_loop_test (tcase, bad_ranges, 0, ENGINES);
  tcase_add_loop_test (tcase, holes_and_zeroes, 0, ENGINES);
  tcase_add_loop_test (tcase, what_was_not_negotiated, 0, ENGINES);
  tcase_add_loop_test (tcase, read_only, 0, ENGINES);
  tcase_add_loop_test (tcase, no_place_for_header_or_status, 0, ENGINES);
  tcase_add_loop_test (tcase, an_image_that_shrank, 0, ENGINES);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
