/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-qemu-vhost: devices whose other ends are vhost-user servers, in QEMU's words. */
#include <check.h>
#include <stdlib.h>

#include <glib.h>

#include "backend/qemu/argv.h"
#include "base/error.h"
#include "golden.h"

static kata_vm_plan
base (void)
{
  return (kata_vm_plan){ .size = sizeof (kata_vm_plan),
                         .id = "golden",
                         .dir = "/run/kata/golden",
                         .arch = "x86_64",
                         .accel = KATA_ACCEL_TCG,
                         .vcpus = 1,
                         .memory_mib = 256,
                         .kernel = "/usr/share/kata/vmlinuz",
                         .initrd = "/usr/share/kata/initrd.img",
                         .agent_kind = KATA_AGENT_SERIAL,
                         .agent_serial_ports = 1 };
}

static const kata_qemu_context context = {
  .program = "/usr/bin/qemu-system-x86_64", .version = { 7, 2, 0 }, .vhost_fd = 3, .nic_fd = 4
};
static const kata_vm_disk data = { sizeof data, "data", "/var/lib/disks/a,b.raw", 0 };

static void
golden (const char *name, const kata_vm_plan *plan)
{
  g_auto (GStrv) argv = NULL;
  g_autoptr (kata_error) error = NULL;
  ck_assert_msg (kata_qemu__argv (&argv, plan, &context, &error) == 0, "%s", kata_error_get_message (error));
  g_autofree char *file = g_strdup_printf ("%s.txt", name), *joined = g_strjoinv ("\n", argv);
  g_autofree char *got = g_strconcat (joined, "\n", NULL);
  golden_compare (file, got);
}

/* Beside a file's disk and a tap, whose descriptors keep their numbers. */
START_TEST (vhost_user)
{
  static const kata_vm_disk served = { sizeof served, "served", "/run/a,b.sock", 0, 0, 1 };
  static const kata_vm_disk *const mixed[] = { &data, &served, NULL }, *const only[] = { &served, NULL };
  static const kata_vm_nic tap = {
    .size = sizeof tap, .name = "eth0", .device = "tap0", .mac = "02:42:00:00:00:01", .queues = 2
  };
  static const kata_vm_nic user = { .size = sizeof user,
                                    .kind = KATA_NIC_VHOST_USER,
                                    .name = "eth1",
                                    .device = "",
                                    .mac = "02:42:00:00:00:02",
                                    .queues = 2,
                                    .socket = "/run/c,d.sock",
                                    .queue_size = 512 };
  static const kata_vm_nic *const nics[] = { &user, &tap, NULL };
  kata_vm_nic wrong = user;
  const kata_vm_nic *const wrong_nics[] = { &wrong, NULL };
  char **argv = NULL;
  kata_vm_plan plan = base ();
  plan.disks = mixed;
  plan.nics = nics;
  plan.memory_shared = 1;
  plan.vhost_user_reconnect = 3;
  plan.io_threads = 1;
  golden ("q35-vhost-user", &plan);
  plan.nics = NULL;
  plan.disks = only;
  plan.block_driver = KATA_BLOCK_SCSI;
  plan.io_threads = 0;
  plan.vhost_user_reconnect = 0;
  plan.block_queues = 2;
  plan.block_queue_size = 128;
  golden ("q35-vhost-user-scsi", &plan);
  plan.disks = NULL;
  plan.nics = wrong_nics;
  plan.accel = KATA_ACCEL_KVM;
  golden ("q35-vhost-user-kvm", &plan);
  for (size_t i = 0; i < 4; i++) {
    static const uint32_t sizes[] = { 128, 300, 2048, UINT32_MAX };
    g_autoptr (kata_error) error = NULL;
    wrong.queue_size = sizes[i];
    ck_assert_int_eq (kata_qemu__argv (&argv, &plan, &context, &error), KATA_E_UNSUPPORTED);
    ck_assert_str_eq (kata_error_get_key (error), "eth1");
  }
  wrong.queue_size = 0;
  wrong.socket = "s";
  ck_assert_int_eq (kata_qemu__argv (&argv, &plan, &context, NULL), KATA_E_INVALID);
  wrong.socket = NULL;
  ck_assert_int_eq (kata_qemu__argv (&argv, &plan, &context, NULL), KATA_E_INVALID);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("qemu-vhost");
  TCase *tc = tcase_create ("argv");
  tcase_add_test (tc, vhost_user);
  suite_add_tcase (suite, tc);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_ENV);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? 0 : 1;
}
