/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-host: what a bed promises of its host: KVM that runs code, the vhost and tun devices, Landlock, userfaultfd, io_uring, cgroup v2, and that it
 * does not fall asleep. */
#include <check.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/kvm.h>
#include <linux/landlock.h>
#include <linux/magic.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MEMORY 0x1000
#define SKIP   77

/* Adds 1 to 100,000 in a register, says the lowest byte of the sum on port 0x10 and halts. */
static const uint8_t program[] = {
  0x66, 0x31, 0xc0,                   /* xor eax, eax */
  0x66, 0xb9, 0xa0, 0x86, 0x01, 0x00, /* mov ecx, 100000 */
  0x66, 0x01, 0xc8,                   /* add eax, ecx */
  0x66, 0x49,                         /* dec ecx */
  0x75, 0xf9,                         /* jnz add */
  0xe6, 0x10,                         /* out 0x10, al */
  0xf4                                /* hlt */
};

/* Takes no interrupts, and leaves the guest all the time. */
static const uint8_t deaf[] = {
  0xfa,       /* cli */
  0xe6, 0x10, /* out 0x10, al */
  0xeb, 0xfc  /* jmp out */
};

static int seconds = 5;

static int
open_device (const char *path)
{
  int fd = open (path, O_RDWR | O_CLOEXEC);
  ck_assert_msg (fd >= 0, "%s: %m", path);
  return fd;
}

/* A virtual machine of one page that runs a program. */
struct machine {
  int kvm, vm, vcpu, run_size;
  void *memory;
  struct kvm_run *run;
};

static struct machine
machine_new (const uint8_t *code, size_t size)
{
  struct machine m = { .kvm = open_device ("/dev/kvm") };
  m.vm = ioctl (m.kvm, KVM_CREATE_VM, 0);
  ck_assert_int_ge (m.vm, 0);
  m.memory = mmap (NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ck_assert_ptr_ne (m.memory, MAP_FAILED);
  memcpy (m.memory, code, size);
  struct kvm_userspace_memory_region region = { .guest_phys_addr = MEMORY,
                                                .memory_size = 4096,
                                                .userspace_addr = (uintptr_t) m.memory };
  ck_assert_int_eq (ioctl (m.vm, KVM_SET_USER_MEMORY_REGION, &region), 0);
  m.vcpu = ioctl (m.vm, KVM_CREATE_VCPU, 0);
  ck_assert_int_ge (m.vcpu, 0);
  m.run_size = ioctl (m.kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
  m.run = mmap (NULL, (size_t) m.run_size, PROT_READ | PROT_WRITE, MAP_SHARED, m.vcpu, 0);
  ck_assert_ptr_ne (m.run, MAP_FAILED);
  struct kvm_sregs sregs;
  struct kvm_regs regs = { .rip = MEMORY, .rflags = 2 };
  ck_assert_int_eq (ioctl (m.vcpu, KVM_GET_SREGS, &sregs), 0);
  sregs.cs.base = 0;
  sregs.cs.selector = 0;
  ck_assert_int_eq (ioctl (m.vcpu, KVM_SET_SREGS, &sregs), 0);
  ck_assert_int_eq (ioctl (m.vcpu, KVM_SET_REGS, &regs), 0);
  return m;
}

static void
machine_free (struct machine *m)
{
  munmap (m->run, (size_t) m->run_size);
  munmap (m->memory, 4096);
  close (m->vcpu);
  close (m->vm);
  close (m->kvm);
}

START_TEST (kvm_runs_a_program_to_its_halt)
{
  struct machine m = machine_new (program, sizeof program);
  ck_assert_int_eq (ioctl (m.kvm, KVM_GET_API_VERSION, 0), 12);
  ck_assert_int_eq (ioctl (m.vcpu, KVM_RUN, 0), 0);
  ck_assert_uint_eq (m.run->exit_reason, KVM_EXIT_IO);
  ck_assert_uint_eq (m.run->io.port, 0x10);
  ck_assert_uint_eq (*((uint8_t *) m.run + m.run->io.data_offset), 5000050000 & 0xff);
  ck_assert_int_eq (ioctl (m.vcpu, KVM_RUN, 0), 0);
  ck_assert_uint_eq (m.run->exit_reason, KVM_EXIT_HLT);
  machine_free (&m);
}
END_TEST

static int64_t
milliseconds (void)
{
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* How long a nap of some microseconds took. */
static int64_t
nap (long microseconds)
{
  struct timespec wanted = { .tv_nsec = microseconds * 1000 };
  int64_t began = milliseconds ();
  nanosleep (&wanted, NULL);
  return milliseconds () - began;
}

/* Many timers, so that one ends at any moment. */
static void *
keep_napping (void *stop)
{
  while (!atomic_load ((atomic_bool *) stop))
    nap (150);
  return NULL;
}

/* What makes QEMU's TCG lose interrupts (README.md): entries into a guest that wait for it to take one. If nobody wakes the host it sleeps for good. */
START_TEST (lost_interrupts_are_made_up_for)
{
  struct machine m = machine_new (deaf, sizeof deaf);
  atomic_bool stop = false;
  pthread_t thread;
  ck_assert_int_eq (pthread_create (&thread, NULL, keep_napping, &stop), 0);
  long entries = 0;
  int late = 0;
  for (int64_t end = milliseconds () + 1000 * seconds; milliseconds () < end; entries++) {
    m.run->request_interrupt_window = 1;
    ck_assert_int_eq (ioctl (m.vcpu, KVM_RUN, 0), 0);
    ck_assert_uint_eq (m.run->exit_reason, KVM_EXIT_IO);
    if (entries % 5 == 0)
      late += nap (100 + entries % 400) > 500;
  }
  atomic_store (&stop, true);
  pthread_join (thread, NULL);
  printf ("%ld entries, %d naps of more than half a second\n", entries, late);
  machine_free (&m);
}
END_TEST

START_TEST (devices_can_be_opened)
{
  static const char *const paths[] = { "/dev/vhost-net", "/dev/vhost-vsock", "/dev/net/tun", "/dev/fuse",
                                       "/dev/loop-control" };
  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
    close (open_device (paths[i]));
}
END_TEST

START_TEST (kernel_features_are_there)
{
  int fd = (int) syscall (SYS_userfaultfd, O_CLOEXEC);
  ck_assert_msg (fd >= 0, "userfaultfd: %m");
  close (fd);
  ck_assert_msg (syscall (SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) >= 1, "landlock: %m");
  struct io_uring_params params = { .flags = 0 };
  fd = (int) syscall (SYS_io_uring_setup, 8, &params);
  ck_assert_msg (fd >= 0, "io_uring_setup: %m");
  close (fd);
  struct statfs fs;
  ck_assert_int_eq (statfs ("/sys/fs/cgroup", &fs), 0);
  ck_assert_int_eq (fs.f_type, CGROUP2_SUPER_MAGIC);
}
END_TEST

/* test-host [SECONDS]: how long interrupts are put at risk. */
int
main (int argc, char **argv)
{
  if (getenv ("KATA_BED") == NULL) {
    puts ("SKIP: not in a bed; start it by tests/bed/run");
    return SKIP;
  }
  if (argc > 1)
    seconds = atoi (argv[1]);
  Suite *suite = suite_create ("bed/host");
  TCase *tests = tcase_create ("host");
  tcase_add_test (tests, kvm_runs_a_program_to_its_halt);
  tcase_add_test (tests, devices_can_be_opened);
  tcase_add_test (tests, kernel_features_are_there);
  tcase_add_test (tests, lost_interrupts_are_made_up_for);
  tcase_set_timeout (tests, 60 + seconds);
  suite_add_tcase (suite, tests);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? 0 : 1;
}
