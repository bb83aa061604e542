/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-describe: a machine survives the way through its text; wrong texts are refused with the key's name. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/raise.h"
#include "vmm/confine/layer.h"
#include "vmm/describe.h"

static void
fill (struct vmm_description *d)
{
  vmm_description__init (d);
  struct vmm_machine_config *m = &d->machine;
  m->kvm_fd = 10;
  m->vcpus = 4;
  m->memory = 268435456;
  m->memory_flags = VMM_MEMORY_PREALLOC;
  m->kernel_fd = 11;
  m->initrd_fd = 12;
  m->cmdline = "console=ttyS0 quiet a=\"b c\" =x";
  m->transport = VMM_TRANSPORT_PCI;
  m->serial_fd = 13;
  m->serial_limit = UINT64_MAX;
  m->rng = true;
  m->has_balloon = m->has_vsock = m->has_console = true;
  m->vsock = (struct vmm_vsock_config){ .cid = 3, .listen_fd = 14, .connections = 77 };
  m->console = (struct vmm_console_config){ .out_fd = 13, .in_fd = -1, .limit = 5 };
  m->n_disks = 2;
  m->disks[0] = (struct vmm_blk_config){
    .fd = 20,
    .readonly = true,
    .id = "root",
    .queues = 1,
    .queue_size = 64,
    .limit = { .bytes = 1, .bytes_burst = 2, .bytes_once = 5, .ops = 3, .ops_burst = 4, .ops_once = 6 }
  };
  m->disks[1] = (struct vmm_blk_config){ .fd = 21, .queues = 16, .threads = true };
  m->n_nets = 1;
  m->nets[0].pairs = 3;
  for (int i = 0; i < 3; i++)
    m->nets[0].tap_fds[i] = 30 + i;
  memcpy (m->nets[0].mac, "\x02\x00\x00\xab\xcd\xef", 6);
  m->nets[0].mtu = 1500;
  m->nets[0].tx.ops = 9;
  m->n_fs = 1;
  m->fs[0] = (struct vmm_fs_config){ .tag = "shared", .socket_fd = 40, .queue_size = 512 };
  m->n_pmem = 1;
  m->pmem[0] = (struct vmm_pmem_config){ .fd = 41, .readonly = true };
  d->control_fd = 50;
  d->control_uid = 1;
  d->log_fd = 51;
  d->log_limit = 65536;
  d->host_userns = 4026531837;
  d->waived = 1u << VMM_LAYER_LANDLOCK | 1u << VMM_LAYER_SECCOMP;
  d->uid = 65534;
  d->gid = 65534;
  d->oom_score = -17;
}

START_TEST (round_trip)
{
  struct vmm_description d, back;
  char *text, *again;
  fill (&d);
  ck_assert_int_eq (vmm_describe__write (&text, NULL, NULL, &d, NULL), 0);
  kata_auto_error kata_error *error = NULL;
  ck_assert_msg (vmm_describe__parse (&back, text, strlen (text), &error) == 0, "%s\n%s",
                 kata_error_get_message (error), text);
  ck_assert_str_eq (back.machine.cmdline, d.machine.cmdline);
  ck_assert_int_eq (vmm_describe__write (&again, NULL, NULL, &back, NULL), 0);
  ck_assert_str_eq (text, again);
  /* Member by member where text could hide a slip. */
  const struct vmm_machine_config *m = &back.machine;
  ck_assert_int_eq (m->kvm_fd, 10);
  ck_assert_uint_eq (m->memory, 268435456);
  ck_assert_uint_eq (m->serial_limit, UINT64_MAX);
  ck_assert_int_eq (m->transport, VMM_TRANSPORT_PCI);
  ck_assert (m->rng && m->has_balloon && m->has_vsock && m->has_console);
  ck_assert_uint_eq (m->n_disks, 2);
  ck_assert_str_eq (m->disks[0].id, "root");
  ck_assert (m->disks[0].readonly && !m->disks[1].readonly && m->disks[1].threads);
  ck_assert_uint_eq (m->disks[0].limit.ops_burst, 4);
  ck_assert_uint_eq (m->disks[0].limit.bytes_once, 5);
  ck_assert_uint_eq (m->disks[0].limit.ops_once, 6);
  ck_assert_uint_eq (m->disks[0].queue_size, 64);
  ck_assert_uint_eq (m->nets[0].pairs, 3);
  ck_assert_int_eq (m->nets[0].tap_fds[2], 32);
  ck_assert_int_eq (memcmp (m->nets[0].mac, "\x02\x00\x00\xab\xcd\xef", 6), 0);
  ck_assert_uint_eq (m->nets[0].tx.ops, 9);
  ck_assert_str_eq (m->fs[0].tag, "shared");
  ck_assert_uint_eq (m->fs[0].queue_size, 512);
  ck_assert (m->pmem[0].readonly);
  ck_assert_int_eq (m->console.in_fd, -1);
  ck_assert_int_eq (back.oom_score, -17);
  ck_assert_uint_eq (back.waived, d.waived);
  free (text);
  free (again);
}
END_TEST

START_TEST (renumbers)
{
  struct vmm_description d, back;
  struct vmm_describe_fd fds[VMM_DESCRIBE_FDS_MAX];
  int names[VMM_DESCRIBE_FDS_MAX];
  size_t n = 99;
  char *text;
  fill (&d);
  d.machine.kernel_fd = 0; /* any number of the writer's */
  ck_assert_int_eq (vmm_describe__write (&text, fds, &n, &d, NULL), 0);
  ck_assert_int_eq (vmm_describe__parse (&back, text, strlen (text), NULL), 0);
  /* kvm kernel initrd serial control log vsock 2 disks 3 taps fs pmem; the console's is the serial's. */
  ck_assert_uint_eq (n, 14);
  ck_assert_int_eq (fds[0].fd, 10);
  ck_assert_int_eq (fds[0].target, VMM_DESCRIBE_FD_FIRST);
  ck_assert_int_eq (fds[1].fd, 0);
  ck_assert_int_eq (back.machine.kernel_fd, fds[1].target);
  ck_assert_int_eq (back.machine.console.out_fd, back.machine.serial_fd);
  ck_assert_uint_eq (vmm_describe__fds (&back, names), 14);
  for (size_t i = 0; i < 14; i++)
    ck_assert_int_eq (names[i], VMM_DESCRIBE_FD_FIRST + (int) i);
  free (text);
}
END_TEST

#define HEAD    "kata-vmm=1\n"
#define MACHINE HEAD "kvm.fd=4\nvcpus=1\nmemory=67108864\nkernel.fd=5\n"

static const struct {
  const char *text;
  int code;
  const char *key;
} cases[] = {
  { "", KATA_E_INVALID, "kata-vmm" },
  { "kata-vmm=2\n", KATA_E_INVALID, "kata-vmm" },
  { "vcpus=1\n" HEAD, KATA_E_INVALID, "kata-vmm" },
  { HEAD, KATA_E_INVALID, "kvm.fd" },
  { HEAD "kvm.fd=4\nvcpus=1\nmemory=67108864\n", KATA_E_INVALID, "kernel.fd" },
  { MACHINE "kernel.fd=5\n", KATA_E_INVALID, "kernel.fd" },
  { MACHINE "vcpus=1\n", KATA_E_INVALID, "vcpus" },
  { HEAD "vcpus=0\n", KATA_E_INVALID, "vcpus" },
  { HEAD "vcpus=33\n", KATA_E_INVALID, "vcpus" },
  { HEAD "vcpus=+1\n", KATA_E_INVALID, "vcpus" },
  { HEAD "vcpus= 1\n", KATA_E_INVALID, "vcpus" },
  { HEAD "vcpus=01\n", KATA_E_INVALID, "vcpus" },
  { HEAD "vcpus=\n", KATA_E_INVALID, "vcpus" },
  { HEAD "vcpus=18446744073709551617\n", KATA_E_INVALID, "vcpus" },
  { HEAD "memory=99999999999999999999999\n", KATA_E_INVALID, "memory" },
  { HEAD "kvm.fd=3\n", KATA_E_INVALID, "kvm.fd" },
  { HEAD "kvm.fd=-1\n", KATA_E_INVALID, "kvm.fd" },
  { HEAD "kvm.fd=1001\n", KATA_E_INVALID, "kvm.fd" },
  { HEAD "rng=yes\n", KATA_E_INVALID, "rng" },
  { HEAD "transport=isa\n", KATA_E_INVALID, "transport" },
  { HEAD "waive=landlock,moon\n", KATA_E_INVALID, "waive" },
  { HEAD "waive=\n", KATA_E_INVALID, "waive" },
  { HEAD "cmdline=a\tb\n", KATA_E_INVALID, "cmdline" },
  { HEAD "oom_score=1001\n", KATA_E_INVALID, "oom_score" },
  { HEAD "oom_score=-0\n", KATA_E_INVALID, "oom_score" },
  { HEAD "confine=1\n", KATA_E_INVALID, "confine" },
  { HEAD "disk.1.fd=7\n", KATA_E_INVALID, "disk.1.fd" },
  { HEAD "disk.16.fd=7\n", KATA_E_INVALID, "disk.16.fd" },
  { HEAD "disk.00.fd=7\n", KATA_E_INVALID, "disk.00.fd" },
  { HEAD "disk.fd=7\n", KATA_E_INVALID, "disk.fd" },
  { HEAD "disk..fd=7\n", KATA_E_INVALID, "disk..fd" },
  { HEAD "disk.0.id=123456789012345678901\n", KATA_E_LIMIT, "disk.0.id" },
  { MACHINE "disk.0.fd=7\n", KATA_E_INVALID, "queues" },
  { MACHINE "disk.0.fd=7\ndisk.0.queues=17\n", KATA_E_INVALID, "disk.0.queues" },
  { MACHINE "net.0.fds=7,\n", KATA_E_INVALID, "net.0.fds" },
  { MACHINE "net.0.fds=4,4,4,4,4,4,4,4,4,4,4,4,4,4,4,4,4\n", KATA_E_INVALID, "net.0.fds" },
  { MACHINE "net.0.mac=02:00:00:00:00\n", KATA_E_INVALID, "net.0.mac" },
  { MACHINE "net.0.mac=02:00:00:00:00:0G\n", KATA_E_INVALID, "net.0.mac" },
  { MACHINE "net.0.fds=7\n", KATA_E_INVALID, "mac" },
  { MACHINE "vsock.cid=2\n", KATA_E_INVALID, "vsock.cid" },
  { MACHINE "vsock.cid=3\n", KATA_E_INVALID, "listen.fd" },
  { MACHINE "fs.0.socket.fd=7\n", KATA_E_INVALID, "tag" },
  { MACHINE "no newline", KATA_E_INVALID, NULL },
  { MACHINE "\n", KATA_E_INVALID, NULL },
  { MACHINE "=x\n", KATA_E_INVALID, NULL },
  { MACHINE "word\n", KATA_E_INVALID, NULL },
};

START_TEST (refused)
{
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct vmm_description d;
    memset (&d, 0x5a, sizeof d);
    kata_auto_error kata_error *error = NULL;
    int code = vmm_describe__parse (&d, cases[i].text, strlen (cases[i].text), &error);
    ck_assert_msg (code == cases[i].code, "%s: %d", cases[i].text, code);
    if (cases[i].key != NULL)
      ck_assert_str_eq (kata_error_get_key (error), cases[i].key);
    ck_assert_uint_eq (d.size, UINT64_C (0x5a5a5a5a5a5a5a5a)); /* untouched */
  }
}
END_TEST

START_TEST (too_long)
{
  struct vmm_description d;
  char *text = malloc (VMM_DESCRIBE_MAX + 2);
  memset (text, 'x', VMM_DESCRIBE_MAX + 2);
  ck_assert_int_eq (vmm_describe__parse (&d, text, VMM_DESCRIBE_MAX + 1, NULL), KATA_E_LIMIT);
  /* A byte 0 inside is no end. */
  static const char nul[] = MACHINE "cmdline=a\0b\n";
  ck_assert_int_eq (vmm_describe__parse (&d, nul, sizeof nul - 1, NULL), KATA_E_INVALID);
  free (text);
}
END_TEST

START_TEST (not_written)
{
  struct vmm_description d;
  struct vmm_describe_fd fds[VMM_DESCRIBE_FDS_MAX];
  size_t n;
  char *text = NULL, longer[VMM_CMDLINE_MAX + 1];
  kata_auto_error kata_error *error = NULL;
  vmm_description__init (&d);
  ck_assert_int_eq (vmm_describe__write (&text, fds, &n, &d, &error), KATA_E_INVALID);
  ck_assert_str_eq (kata_error_get_key (error), "kvm.fd");
  fill (&d);
  d.machine.cmdline = "two\nlines=1";
  ck_assert_int_eq (vmm_describe__write (&text, fds, &n, &d, NULL), KATA_E_INVALID);
  memset (longer, 'x', sizeof longer);
  longer[VMM_CMDLINE_MAX] = '\0';
  d.machine.cmdline = longer;
  ck_assert_int_eq (vmm_describe__write (&text, fds, &n, &d, NULL), KATA_E_LIMIT);
  fill (&d);
  d.machine.n_disks = VMM_DISKS_MAX + 1;
  ck_assert_int_eq (vmm_describe__write (&text, fds, &n, &d, NULL), KATA_E_LIMIT);
  fill (&d);
  memset (d.machine.disks[0].id, 'x', sizeof d.machine.disks[0].id);
  ck_assert_int_eq (vmm_describe__write (&text, fds, &n, &d, NULL), KATA_E_INVALID);
  fill (&d);
  d.machine.kvm_fd = 2; /* as it is, it would be standard error */
  ck_assert_int_eq (vmm_describe__write (&text, NULL, NULL, &d, NULL), KATA_E_INVALID);
  ck_assert_ptr_null (text);
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("describe");
  Suite *suite = suite_create ("vmm/describe");
  tcase_add_test (tc, round_trip);
  tcase_add_test (tc, renumbers);
  tcase_add_test (tc, refused);
  tcase_add_test (tc, too_long);
  tcase_add_test (tc, not_written);
  suite_add_tcase (suite, tc);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
