/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blk: locks, many queues, limits, pauses and resets of a disk, over both engines. */
#include "disk.h"

#include <check.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/raise.h"

static int
try (int fd, bool readonly)
{
  kata_auto_error kata_error *error = NULL;
  struct driver driver;
  struct vmm_blk_config config = { .fd = fd, .readonly = readonly, .queues = 1, .threads = true };
  driver_open (&driver, 16 * MIB);
  int rc = driver_device (&driver, &vmm_virtio_blk_ops, &config, &error);
  ck_assert (rc == 0 || error != NULL);
  driver_close (&driver);
  return rc;
}

START_TEST (one_virtual_machine_at_a_time)
{
  struct disk disk;
  disk_make (&disk, _i);
  int other = reopen (disk.fd, O_RDWR), reader = reopen (disk.fd, O_RDONLY), keep = fcntl (disk.fd, F_DUPFD_CLOEXEC, 3);
  ck_assert_int_eq (try (other, false), KATA_E_BUSY);
  ck_assert_int_eq (try (reader, true), KATA_E_BUSY);
  disk_free (&disk);
  /* Let go, although a descriptor of the same open file description is still there. */
  ck_assert_int_eq (try (other, false), 0);
  close (keep);

  /* Readers tolerate each other, and no writer. */
  disk_open (&disk, (struct vmm_blk_config){ .fd = reader, .readonly = true, .queues = 1, .threads = _i }, 0);
  int second = reopen (other, O_RDONLY);
  ck_assert_int_eq (try (second, true), 0);
  ck_assert_int_eq (try (other, false), KATA_E_BUSY);
  disk_free (&disk);
  close (second);
  close (other);
}
END_TEST

START_TEST (unfit_descriptors)
{
  int image = make_image (), empty = memfd_create ("empty", MFD_CLOEXEC), pipes[2];
  int reader = reopen (image, O_RDONLY), append = reopen (image, O_RDWR | O_APPEND);
  int folder = open ("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ck_assert_int_eq (pipe2 (pipes, O_CLOEXEC), 0);
  ck_assert_int_eq (try (-1, false), KATA_E_INVALID);
  ck_assert_int_eq (try (empty, false), KATA_E_INVALID);
  ck_assert_int_eq (try (reader, false), KATA_E_INVALID);
  ck_assert_int_eq (try (image, true), KATA_E_INVALID);
  ck_assert_int_eq (try (append, false), KATA_E_INVALID);
  ck_assert_int_eq (try (folder, true), KATA_E_INVALID);
  ck_assert_int_eq (try (pipes[0], true), KATA_E_INVALID);
  struct driver driver;
  driver_open (&driver, 16 * MIB);
  for (unsigned queues = 0; queues <= 17; queues += 17)
    ck_assert_int_eq (
        driver_device (&driver, &vmm_virtio_blk_ops, &(struct vmm_blk_config){ .fd = image, .queues = queues }, NULL),
        KATA_E_INVALID);
  driver_close (&driver);
  int fds[] = { image, empty, pipes[0], pipes[1], reader, append, folder };
  for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
    close (fds[i]);
}
END_TEST

/* A loop device over @image that goes with its last descriptor; -1 where we may not make one. */
static int
make_loop (int image)
{
  int control = open ("/dev/loop-control", O_RDWR | O_CLOEXEC);
  int number = control >= 0 ? ioctl (control, LOOP_CTL_GET_FREE) : -1;
  char path[32];
  close (control);
  snprintf (path, sizeof path, "/dev/loop%d", number);
  int fd = number >= 0 ? open (path, O_RDWR | O_CLOEXEC) : -1;
  struct loop_config config = { .fd = (uint32_t) image, .info.lo_flags = LO_FLAGS_AUTOCLEAR };
  if (fd >= 0 && ioctl (fd, LOOP_CONFIGURE, &config) != 0) {
    close (fd);
    fd = -1;
  }
  return fd;
}

START_TEST (a_block_device)
{
  int image = make_image (), fd = make_loop (image);
  if (fd < 0) {
    puts ("no loop device is to be had here: a_block_device is left out");
    close (image);
    return;
  }
  struct disk disk;
  struct stat before, after;
  disk_open (&disk, (struct vmm_blk_config){ .fd = fd, .queues = 1, .threads = _i },
             F_FLUSH | F_DISCARD | F_WRITE_ZEROES);
  ck_assert (vmm_memory__fill (disk.driver.memory, disk.data, 0x77, ROOM));
  for (uint64_t i = 0; i < SIZE / ROOM; i++)
    ck_assert_uint_eq (ask (&disk, OUT, i * ROOM / 512, ROOM, false), OK);
  ck_assert_uint_eq (ask (&disk, OUT, SECTORS, 512, false), IOERR);
  ck_assert_uint_eq (ask (&disk, FLUSH, 0, 0, false), OK);
  fstat (image, &before);
  ck_assert_int_eq (before.st_blocks, SECTORS);
  driver_set (&disk.driver, disk.data, &(struct range){ 2048, 4096, 0 }, sizeof (struct range));
  ck_assert_uint_eq (ask (&disk, DISCARD, 0, sizeof (struct range), false), OK);
  fstat (image, &after);
  ck_assert_int_eq (before.st_blocks - after.st_blocks, 4096);
  for (uint32_t unmap = 0; unmap < 2; unmap++) {
    uint64_t sector = 8192 + unmap * 512;
    uint8_t byte;
    ck_assert_uint_eq (ask_range (&disk, WRITE_ZEROES, (struct range){ sector, 64, unmap }, 16), OK);
    ck_assert_uint_eq (ask (&disk, IN, sector, 64 * 512, true), OK);
    driver_get (&disk.driver, disk.data + 64 * 512 - 1, &byte, 1);
    ck_assert_uint_eq (byte, 0);
  }
  disk_free (&disk);
  close (image);
}
END_TEST

/* @n writes of @len bytes to one after the other place, made available at once; status i at status + i. */
static void
flood (struct disk *disk, unsigned queue, unsigned n, uint32_t len, vmm_gpa headers, vmm_gpa statuses)
{
  for (unsigned i = 0; i < n; i++) {
    struct header header = { .type = OUT, .sector = (uint64_t) i * (len / 512) % SECTORS };
    uint8_t status = NONE;
    driver_set (&disk->driver, headers + i * 16, &header, sizeof header);
    driver_set (&disk->driver, statuses + i, &status, 1);
    struct driver_buffer buffers[3] = { { headers + i * 16, 16, false },
                                        { disk->data, len, false },
                                        { statuses + i, 1, true } };
    driver_add_indirect (&disk->driver, queue, buffers, 3);
  }
}

/* More at once than the disk has requests, on four queues: all are answered. */
START_TEST (many_queues)
{
  struct disk disk;
  disk_open (&disk, (struct vmm_blk_config){ .fd = make_image (), .queues = 4, .threads = _i },
             F_MQ | VMM_VIRTIO_F_INDIRECT | VMM_VIRTIO_F_EVENT_IDX);
  vmm_gpa headers = driver_alloc (&disk.driver, 4 * 256 * 16, 16), statuses = driver_alloc (&disk.driver, 4 * 256, 1);
  unsigned answered = 0;
  for (unsigned round = 0; round < 3; round++) {
    for (unsigned q = 0; q < 4; q++) {
      flood (&disk, q, 256, 4096, headers + q * 256 * 16, statuses + q * 256);
      driver_kick (&disk.driver, q);
    }
    for (int tries = 0; answered < (round + 1) * 1024 && tries < 5000; tries++) {
      driver_run_for (&disk.driver, 1);
      for (unsigned q = 0; q < 4; q++) {
        uint16_t head;
        uint32_t len;
        while (driver_used (&disk.driver, q, &head, &len))
          answered++;
      }
    }
    ck_assert_uint_eq (answered, (round + 1) * 1024);
    for (unsigned i = 0; i < 1024; i++) {
      uint8_t status;
      driver_get (&disk.driver, statuses + i, &status, 1);
      ck_assert_uint_eq (status, OK);
    }
  }
  for (unsigned q = 0; q < 4; q++)
    ck_assert_uint_gt (disk.driver.interrupts[q], 0);
  disk_free (&disk);
}
END_TEST

/* Case 20: when reset returns nothing is in flight: neither the guest's memory nor the image changes any more. */
START_TEST (reset_in_flight)
{
  struct disk disk;
  disk_open (&disk, (struct vmm_blk_config){ .fd = make_image (), .queues = 1, .threads = _i }, VMM_VIRTIO_F_INDIRECT);
  vmm_gpa headers = driver_alloc (&disk.driver, 256 * 16, 16), statuses = driver_alloc (&disk.driver, 256, 1);
  for (int round = 0; round < 20; round++) {
    uint8_t before[256], after[256];
    uint64_t hash;
    uint16_t head;
    uint32_t len;
    flood (&disk, 0, 256, ROOM / (round % 2 == 0 ? 1 : 256), headers, statuses);
    driver_kick (&disk.driver, 0);
    vmm_loop__step (disk.driver.env->loop, 0); /* begins them, and hardly more */
    vmm_virtio__set_status (disk.driver.device, 0);
    hash = image_hash (disk.fd);
    driver_get (&disk.driver, statuses, before, sizeof before);
    driver_run_for (&disk.driver, 5);
    driver_get (&disk.driver, statuses, after, sizeof after);
    ck_assert_mem_eq (after, before, sizeof after);
    ck_assert_uint_eq (image_hash (disk.fd), hash);
    driver_reset (&disk.driver);
    driver_start (&disk.driver, VMM_VIRTIO_F_INDIRECT);
    ck_assert (!driver_used (&disk.driver, 0, &head, &len));
    ck_assert_uint_eq (ask (&disk, IN, 0, 512, true), OK);
  }
  disk_free (&disk);
}
END_TEST

/* Freed with requests in flight: as reset. */
START_TEST (free_in_flight)
{
  struct disk disk;
  disk_open (&disk, (struct vmm_blk_config){ .fd = make_image (), .queues = 1, .threads = _i }, VMM_VIRTIO_F_INDIRECT);
  vmm_gpa headers = driver_alloc (&disk.driver, 256 * 16, 16), statuses = driver_alloc (&disk.driver, 256, 1);
  flood (&disk, 0, 256, ROOM, headers, statuses);
  driver_kick (&disk.driver, 0);
  vmm_loop__step (disk.driver.env->loop, 0);
  disk_free (&disk);
}
END_TEST

/* A pause answers what is in flight and begins nothing; afterwards it goes on. */
START_TEST (paused)
{
  struct disk disk;
  disk_open (&disk, (struct vmm_blk_config){ .fd = make_image (), .queues = 1, .threads = _i }, VMM_VIRTIO_F_INDIRECT);
  vmm_gpa headers = driver_alloc (&disk.driver, 256 * 16, 16), statuses = driver_alloc (&disk.driver, 256, 1);
  unsigned answered = 0;
  uint16_t head;
  uint32_t len;
  flood (&disk, 0, 100, ROOM, headers, statuses);
  driver_kick (&disk.driver, 0);
  vmm_loop__step (disk.driver.env->loop, 0);
  vmm_virtio__pause (disk.driver.device);
  while (driver_used (&disk.driver, 0, &head, &len))
    answered++;
  ck_assert_uint_eq (answered, 100);
  flood (&disk, 0, 10, 512, headers, statuses);
  driver_kick (&disk.driver, 0);
  driver_run_for (&disk.driver, 10);
  ck_assert (!driver_used (&disk.driver, 0, &head, &len));
  vmm_virtio__unpause (disk.driver.device);
  for (int tries = 0; answered < 110 && tries < 5000; tries++) {
    driver_run_for (&disk.driver, 1);
    while (driver_used (&disk.driver, 0, &head, &len))
      answered++;
  }
  ck_assert_uint_eq (answered, 110);
  disk_free (&disk);
}
END_TEST

START_TEST (limits)
{
  struct disk disk;
  disk_open (&disk,
             (struct vmm_blk_config){
                 .fd = make_image (), .queues = 1, .threads = _i, .limit = { .ops = 100, .ops_burst = 10 } },
             VMM_VIRTIO_F_INDIRECT);
  vmm_gpa headers = driver_alloc (&disk.driver, 256 * 16, 16), statuses = driver_alloc (&disk.driver, 256, 1);
  unsigned answered = 0;
  uint16_t head;
  uint32_t len;
  int64_t start = vmm_loop__now ();
  flood (&disk, 0, 40, 512, headers, statuses);
  driver_kick (&disk.driver, 0);
  for (int tries = 0; answered < 40 && tries < 5000; tries++) {
    driver_run_for (&disk.driver, 1);
    while (driver_used (&disk.driver, 0, &head, &len))
      answered++;
  }
  int64_t took = vmm_loop__now () - start;
  ck_assert_uint_eq (answered, 40);
  ck_assert_int_ge (took, 299000000); /* 10 at once, 30 at 100 a second */
  /* A throttled queue is forgotten by a reset. */
  flood (&disk, 0, 40, 512, headers, statuses);
  driver_kick (&disk.driver, 0);
  driver_run_for (&disk.driver, 1);
  driver_reset (&disk.driver);
  driver_start (&disk.driver, 0);
  driver_run_for (&disk.driver, 20);
  ck_assert (!driver_used (&disk.driver, 0, &head, &len));
  disk_free (&disk);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vmm/virtio/blk-life");
  TCase *tcase = tcase_create ("life");
  tcase_set_timeout (tcase, 60);
  tcase_add_loop_test (tcase, one_virtual_machine_at_a_time, 0, ENGINES);
  tcase_add_loop_test (tcase, a_block_device, 0, ENGINES);
  tcase_add_loop_test (tcase, many_queues, 0, ENGINES);
  tcase_add_loop_test (tcase, reset_in_flight, 0, ENGINES);
  tcase_add_loop_test (tcase, free_in_flight, 0, ENGINES);
  tcase_add_loop_test (tcase, paused, 0, ENGINES);
  tcase_add_loop_test (tcase, limits, 0, ENGINES);
  tcase_add_test (tcase, unfit_descriptors);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
