/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blk-engine: every operation, batches and cancelling, over io_uring and over threads: the same tests. */
#include "vmm/virtio/blk-engine.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/raise.h"

#define SIZE  (4u << 20)
#define DEPTH 64

enum kind { THREADS, URING, KINDS };

struct bench {
  int fd;
  struct vmm_disk *disk;
};

/* False where io_uring is forbidden: its cases are said to be left out, by main(). */
static bool
bench_open (struct bench *bench, int kind)
{
  kata_auto_error kata_error *error = NULL;
  bench->fd = memfd_create ("disk", MFD_CLOEXEC);
  ck_assert_int_eq (ftruncate (bench->fd, SIZE), 0);
  struct vmm_disk_config config = { .fd = bench->fd, .depth = DEPTH, .n_threads = 4 };
  int rc = kind == URING ? vmm_disk__open_uring (&bench->disk, &config, &error)
                         : vmm_disk__open_threads (&bench->disk, &config, -1, &error);
  if (rc == KATA_E_UNSUPPORTED && kind == URING) {
    close (bench->fd);
    return false;
  }
  ck_assert_msg (rc == 0, "%s", kata_error_get_message (error));
  return true;
}

static void
bench_close (struct bench *bench)
{
  ck_assert_uint_eq (bench->disk->in_flight, 0);
  vmm_disk__close (bench->disk);
  close (bench->fd);
}

static struct vmm_disk_io *
next_ended (struct bench *bench)
{
  struct vmm_disk_io *io;
  while ((io = vmm_disk__reap (bench->disk)) == NULL) {
    ck_assert_uint_gt (bench->disk->in_flight, 0);
    vmm_disk__wait (bench->disk);
  }
  return io;
}

static int64_t
run (struct bench *bench, struct vmm_disk_io io)
{
  vmm_disk__submit (bench->disk, &io);
  vmm_disk__commit (bench->disk);
  ck_assert_ptr_eq (next_ended (bench), &io);
  ck_assert_ptr_null (vmm_disk__reap (bench->disk));
  return io.result;
}

START_TEST (reads_and_writes)
{
  struct bench bench;
  if (!bench_open (&bench, _i))
    return;
  char a[512], b[1024], back[1536];
  memset (a, 'a', sizeof a);
  memset (b, 'b', sizeof b);
  struct iovec out[2] = { { a, sizeof a }, { b, sizeof b } }, in = { back, sizeof back };
  for (int durable = 0; durable < 2; durable++) {
    ck_assert_int_eq (
        run (&bench,
             (struct vmm_disk_io){
                 .op = VMM_DISK_WRITE, .durable = durable, .offset = 4096, .len = 1536, .iov = out, .n_iov = 2 }),
        1536);
    ck_assert_int_eq (run (&bench, (struct vmm_disk_io){ .op = VMM_DISK_FLUSH }), 0);
  }
  ck_assert_int_eq (
      run (&bench, (struct vmm_disk_io){ .op = VMM_DISK_READ, .offset = 4096, .len = 1536, .iov = &in, .n_iov = 1 }),
      1536);
  ck_assert_mem_eq (back, a, sizeof a);
  ck_assert_mem_eq (back + sizeof a, b, sizeof b);
  /* Beyond the end. */
  ck_assert_int_eq (
      run (&bench, (struct vmm_disk_io){ .op = VMM_DISK_READ, .offset = SIZE, .len = 1536, .iov = &in, .n_iov = 1 }),
      0);
  bench_close (&bench);
}
END_TEST

START_TEST (holes)
{
  struct bench bench;
  if (!bench_open (&bench, _i))
    return;
  static char data[SIZE];
  memset (data, 1, sizeof data);
  struct stat before, after;
  ck_assert_int_eq (pwrite (bench.fd, data, SIZE, 0), SIZE);
  fstat (bench.fd, &before);
  ck_assert_int_eq (run (&bench, (struct vmm_disk_io){ .op = VMM_DISK_PUNCH, .offset = 1 << 20, .len = 1 << 20 }), 0);
  fstat (bench.fd, &after);
  ck_assert_int_eq (before.st_blocks - after.st_blocks, (1 << 20) / 512);
  ck_assert_int_eq (after.st_size, SIZE);
  ck_assert_int_eq (pread (bench.fd, data, 1, 1 << 20), 1);
  ck_assert_int_eq (data[0], 0);
  /* tmpfs has no ZERO_RANGE: an error of the kernel's comes back as it is. */
  ck_assert_int_eq (run (&bench, (struct vmm_disk_io){ .op = VMM_DISK_ZERO, .offset = 0, .len = 4096 }), -EOPNOTSUPP);
  bench_close (&bench);
}
END_TEST

START_TEST (many_at_once)
{
  struct bench bench;
  if (!bench_open (&bench, _i))
    return;
  static uint8_t data[DEPTH][65536 + 512]; /* on both sides of what is done at once */
  struct vmm_disk_io io[DEPTH];
  struct iovec iov[DEPTH];
  for (int round = 0; round < 8; round++) {
    size_t len = round % 2 == 0 ? 512 : sizeof data[0];
    for (int write = 1; write >= 0; write--) {
      for (int i = 0; i < DEPTH; i++) {
        memset (data[i], write ? i + round : 0xee, len);
        iov[i] = (struct iovec){ data[i], len };
        io[i] = (struct vmm_disk_io){ .op = write ? VMM_DISK_WRITE : VMM_DISK_READ,
                                      .offset = (uint64_t) i * SIZE / DEPTH % SIZE,
                                      .len = 512,
                                      .iov = &iov[i],
                                      .n_iov = 1 };
        io[i].len = len < SIZE / DEPTH ? len : SIZE / DEPTH;
        iov[i].iov_len = io[i].len;
        vmm_disk__submit (bench.disk, &io[i]);
      }
      vmm_disk__commit (bench.disk);
      for (int i = 0; i < DEPTH; i++) {
        struct vmm_disk_io *ended = next_ended (&bench);
        ck_assert_int_eq (ended->result, (int64_t) ended->len);
      }
    }
    for (int i = 0; i < DEPTH; i++)
      for (size_t j = 0; j < io[i].len; j += 511)
        ck_assert_uint_eq (data[i][j], (uint8_t) (i + round));
  }
  bench_close (&bench);
}
END_TEST

/* What was not begun is taken back; everything comes back exactly once. */
START_TEST (cancelled)
{
  struct bench bench;
  if (!bench_open (&bench, _i))
    return;
  struct vmm_disk_io io[DEPTH] = { 0 };
  char byte[512] = { 0 };
  struct iovec iov[DEPTH];
  for (int i = 0; i < DEPTH; i++) {
    iov[i] = (struct iovec){ byte, sizeof byte };
    io[i] = (struct vmm_disk_io){ .op = VMM_DISK_WRITE, .len = 512, .iov = &iov[i], .n_iov = 1 };
    vmm_disk__submit (bench.disk, &io[i]);
  }
  if (_i == URING)
    vmm_disk__commit (bench.disk);
  vmm_disk__cancel (bench.disk);
  for (int i = 0; i < DEPTH; i++) {
    struct vmm_disk_io *ended = next_ended (&bench);
    ck_assert (ended->result == 512 || ended->result == -ECANCELED);
    ended->result = 12345;
  }
  for (int i = 0; i < DEPTH; i++)
    ck_assert_int_eq (io[i].result, 12345);
  bench_close (&bench);
}
END_TEST

/* Write errors of the host are errors here: a descriptor that is not open for writing. */
START_TEST (errors)
{
  struct bench bench;
  if (!bench_open (&bench, _i))
    return;
  vmm_disk__close (bench.disk);
  char path[64];
  snprintf (path, sizeof path, "/proc/self/fd/%d", bench.fd);
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  struct vmm_disk_config config = { .fd = fd, .depth = DEPTH, .n_threads = 1 };
  int rc = _i == URING ? vmm_disk__open_uring (&bench.disk, &config, NULL)
                       : vmm_disk__open_threads (&bench.disk, &config, -1, NULL);
  ck_assert_int_eq (rc, 0);
  char byte[512] = { 0 };
  struct iovec iov = { byte, sizeof byte };
  ck_assert_int_eq (run (&bench, (struct vmm_disk_io){ .op = VMM_DISK_WRITE, .len = 512, .iov = &iov, .n_iov = 1 }),
                    -EBADF);
  bench_close (&bench);
  close (fd);
}
END_TEST

static int
refuse (void *ctx, kata_error **err)
{
  return kata_error__set (err, KATA_E_HOST, NULL, "no filter today");
}

static int
count (void *ctx, kata_error **err)
{
  __atomic_add_fetch ((int *) ctx, 1, __ATOMIC_SEQ_CST);
  return 0;
}

START_TEST (threads_confine_themselves_first)
{
  kata_auto_error kata_error *error = NULL;
  int fd = memfd_create ("disk", MFD_CLOEXEC), n = 0;
  struct vmm_env env = { .confine = refuse };
  struct vmm_disk_config config = { .fd = fd, .depth = DEPTH, .n_threads = 3, .use_threads = true, .env = &env };
  struct vmm_disk *disk = NULL;
  ck_assert_int_eq (vmm_disk__open (&disk, &config, &error), KATA_E_HOST);
  ck_assert_ptr_null (disk);
  ck_assert_ptr_nonnull (strstr (kata_error_get_message (error), "no filter today"));
  env.confine = count;
  env.ctx = &n;
  ck_assert_int_eq (vmm_disk__open (&disk, &config, NULL), 0);
  ck_assert_int_eq (n, 3);
  vmm_disk__close (disk);
  close (fd);
}
END_TEST

int
main (void)
{
  struct vmm_disk_config config = { .fd = STDIN_FILENO, .depth = DEPTH };
  struct vmm_disk *disk;
  if (vmm_disk__open_uring (&disk, &config, NULL) == 0)
    vmm_disk__close (disk);
  else
    puts ("io_uring is not to be had here: its cases are left out");

  Suite *suite = suite_create ("vmm/virtio/blk-engine");
  TCase *tcase = tcase_create ("engine");
  tcase_add_loop_test (tcase, reads_and_writes, 0, KINDS);
  tcase_add_loop_test (tcase, holes, 0, KINDS);
  tcase_add_loop_test (tcase, many_at_once, 0, KINDS);
  tcase_add_loop_test (tcase, cancelled, 0, KINDS);
  tcase_add_loop_test (tcase, errors, 0, KINDS);
  tcase_add_test (tcase, threads_confine_themselves_first);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
