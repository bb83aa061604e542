/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bare: makes, runs and ends them. */
#include "bare.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "images.h"

#define TEN_SECONDS 10

void
bare_need_kvm (void)
{
  int fd = open ("/dev/kvm", O_RDWR | O_CLOEXEC);
  if (fd < 0) {
    printf ("SKIP: /dev/kvm: %s\n", strerror (errno));
    exit (77);
  }
  close (fd);
}

void
bare_init (struct bare *bare, const void *code, size_t len)
{
  struct image_elf image;
  int pipe_fds[2];
  image_elf (&image);
  ck_assert_uint_le (len, sizeof image.text - 0x10);
  memset (image.text, 0xf4, sizeof image.text);
  memcpy (image.text + 0x10, code, len);
  ck_assert_int_eq (pipe2 (pipe_fds, O_CLOEXEC | O_NONBLOCK), 0);
  *bare = (struct bare){ .serial = pipe_fds[0] };
  bare->config = (struct vmm_machine_config){ .size = sizeof bare->config,
                                              .kvm_fd = open ("/dev/kvm", O_RDWR | O_CLOEXEC),
                                              .vcpus = 1,
                                              .memory = UINT64_C (64) << 20,
                                              .kernel_fd = image_file (&image, sizeof image),
                                              .initrd_fd = -1,
                                              .cmdline = "",
                                              .serial_fd = pipe_fds[1] };
}

void
bare_make (struct bare *bare)
{
  ck_assert_msg (vmm_machine__new (&bare->machine, &bare->config, &bare->error) == 0, "%s",
                 kata_error_get_message (bare->error));
}

static void *
run (void *data)
{
  struct bare *bare = data;
  bare->result = vmm_machine__run (bare->machine, &bare->exit, &bare->error);
  return NULL;
}

void
bare_start (struct bare *bare)
{
  ck_assert_int_eq (pthread_create (&bare->thread, NULL, run, bare), 0);
}

enum vmm_exit_reason
bare_finish (struct bare *bare, char *said, size_t size)
{
  struct timespec until;
  clock_gettime (CLOCK_REALTIME, &until);
  until.tv_sec += TEN_SECONDS;
  ck_assert_msg (pthread_timedjoin_np (bare->thread, NULL, &until) == 0, "the machine does not end");
  vmm_machine__free (bare->machine);
  close (bare->config.serial_fd);
  close (bare->config.kernel_fd);
  close (bare->config.kvm_fd);
  size_t n = 0;
  for (ssize_t got; n + 1 < size && (got = read (bare->serial, said + n, size - n - 1)) > 0;)
    n += (size_t) got;
  said[n] = '\0';
  close (bare->serial);
  kata_error_unref (bare->error);
  return bare->exit.reason;
}

enum vmm_exit_reason
bare_run (const void *code, size_t len, char *said, size_t size)
{
  struct bare bare;
  bare_init (&bare, code, len);
  bare_make (&bare);
  bare_start (&bare);
  return bare_finish (&bare, said, size);
}

void
bare_nap (long ms)
{
  nanosleep (&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

size_t
bare_listen (struct bare *bare, char *said, size_t want)
{
  size_t n = 0;
  for (int i = 0; n < want && i < TEN_SECONDS * 1000; i++) {
    ssize_t got = read (bare->serial, said + n, want - n);
    if (got > 0)
      n += (size_t) got;
    else
      bare_nap (1);
  }
  return n;
}
