/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-host: what a bed promises of its host: KVM that runs code, the vhost and tun devices, Landlock, userfaultfd, io_uring, cgroup v2. */
#include <check.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/kvm.h>
#include <linux/landlock.h>
#include <linux/magic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
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

static int
open_device (const char *path)
{
  int fd = open (path, O_RDWR | O_CLOEXEC);
  ck_assert_msg (fd >= 0, "%s: %m", path);
  return fd;
}

static void
set_up (int vcpu)
{
  struct kvm_sregs sregs;
  struct kvm_regs regs = { .rip = MEMORY, .rflags = 2 };
  ck_assert_int_eq (ioctl (vcpu, KVM_GET_SREGS, &sregs), 0);
  sregs.cs.base = 0;
  sregs.cs.selector = 0;
  ck_assert_int_eq (ioctl (vcpu, KVM_SET_SREGS, &sregs), 0);
  ck_assert_int_eq (ioctl (vcpu, KVM_SET_REGS, &regs), 0);
}

START_TEST (kvm_runs_a_program_to_its_halt)
{
  int kvm = open_device ("/dev/kvm");
  ck_assert_int_eq (ioctl (kvm, KVM_GET_API_VERSION, 0), 12);
  int vm = ioctl (kvm, KVM_CREATE_VM, 0);
  ck_assert_int_ge (vm, 0);
  void *memory = mmap (NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ck_assert_ptr_ne (memory, MAP_FAILED);
  memcpy (memory, program, sizeof program);
  struct kvm_userspace_memory_region region = { .guest_phys_addr = MEMORY,
                                                .memory_size = 4096,
                                                .userspace_addr = (uintptr_t) memory };
  ck_assert_int_eq (ioctl (vm, KVM_SET_USER_MEMORY_REGION, &region), 0);
  int vcpu = ioctl (vm, KVM_CREATE_VCPU, 0);
  ck_assert_int_ge (vcpu, 0);
  int size = ioctl (kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
  struct kvm_run *run = mmap (NULL, (size_t) size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
  ck_assert_ptr_ne (run, MAP_FAILED);
  set_up (vcpu);

  ck_assert_int_eq (ioctl (vcpu, KVM_RUN, 0), 0);
  ck_assert_uint_eq (run->exit_reason, KVM_EXIT_IO);
  ck_assert_uint_eq (run->io.port, 0x10);
  ck_assert_uint_eq (*((uint8_t *) run + run->io.data_offset), 5000050000 & 0xff);
  ck_assert_int_eq (ioctl (vcpu, KVM_RUN, 0), 0);
  ck_assert_uint_eq (run->exit_reason, KVM_EXIT_HLT);

  munmap (run, (size_t) size);
  munmap (memory, 4096);
  close (vcpu);
  close (vm);
  close (kvm);
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

int
main (void)
{
  if (getenv ("KATA_BED") == NULL) {
    puts ("SKIP: not in a bed; start it by tests/bed/run");
    return SKIP;
  }
  Suite *suite = suite_create ("bed/host");
  TCase *tests = tcase_create ("host");
  tcase_add_test (tests, kvm_runs_a_program_to_its_halt);
  tcase_add_test (tests, devices_can_be_opened);
  tcase_add_test (tests, kernel_features_are_there);
  tcase_set_timeout (tests, 60);
  suite_add_tcase (suite, tests);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? 0 : 1;
}
