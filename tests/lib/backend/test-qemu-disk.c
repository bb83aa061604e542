/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-qemu-disk: what QEMU is told of a disk that comes while the guest runs. */
#include <check.h>
#include <stdlib.h>

#include <glib.h>

#include "backend/qemu/disk.h"

/* The arguments of blockdev-add and device_add. */
START_TEST (late_disks)
{
  char *node = NULL, *device = NULL;
  kata_vm_disk disk = { sizeof disk, "data", "/var/lib/a \"b\"\\c", 1, 2 };
  const kata_qemu_disks plain = { 0 }, all = { 2, 1, 1, 1, 1, 4, 256, 512, 4096 };
  ck_assert_int_eq (kata_qemu__disk_arguments (&node, &device, &disk, &plain, NULL), 0);
  ck_assert_str_eq (node,
                    "{\"driver\":\"raw\",\"node-name\":\"late-disk2\",\"read-only\":true,\"auto-read-only\":false,"
                    "\"discard\":\"unmap\",\"cache\":{\"direct\":false,\"no-flush\":false},\"file\":{\"driver\":"
                    "\"file\",\"filename\":\"/var/lib/a \\\"b\\\"\\\\c\",\"aio\":\"threads\",\"locking\":"
                    "\"auto\"}}");
  ck_assert_str_eq (device,
                    "{\"driver\":\"virtio-blk-pci\",\"id\":\"late2\",\"bus\":\"disk-port2\",\"drive\":\"late-disk2\","
                    "\"serial\":\"data\"}");
  g_free (node);
  g_free (device);
  disk = (kata_vm_disk){ sizeof disk, "data", "/dev/sdb", 0, 8 };
  ck_assert_int_eq (kata_qemu__disk_arguments (&node, &device, &disk, &all, NULL), 0);
  ck_assert_str_eq (node,
                    "{\"driver\":\"raw\",\"node-name\":\"late-disk8\",\"read-only\":false,\"auto-read-only\":false,"
                    "\"discard\":\"unmap\",\"cache\":{\"direct\":true,\"no-flush\":true},\"file\":{\"driver\":"
                    "\"host_device\",\"filename\":\"/dev/sdb\",\"aio\":\"io_uring\",\"locking\":\"auto\"}}");
  ck_assert_str_eq (device,
                    "{\"driver\":\"virtio-blk-pci\",\"id\":\"late8\",\"bus\":\"disk-port8\",\"drive\":\"late-disk8\","
                    "\"serial\":\"data\",\"num-queues\":4,\"queue-size\":256,\"iothread\":\"disks\","
                    "\"logical_block_size\":512,\"physical_block_size\":4096,\"iommu_platform\":true}");
  g_free (node);
  g_free (device);
  static const kata_vm_disk wrong[] = { { sizeof disk, "data", "/x", 0, 0 },
                                        { sizeof disk, "data", "/x", 0, 9 },
                                        { sizeof disk, "data", "x", 0, 1 },
                                        { sizeof disk, "a\"b", "/x", 0, 1 },
                                        { sizeof disk, "", "/x", 0, 1 },
                                        { sizeof disk, "data", "/\xff", 0, 1 },
                                        { sizeof disk, NULL, "/x", 0, 1 },
                                        { sizeof disk, "data", NULL, 0, 1 },
                                        { sizeof disk, "data", "/x", 0, UINT64_MAX } };
  for (size_t i = 0; i < G_N_ELEMENTS (wrong); i++)
    ck_assert_int_eq (kata_qemu__disk_arguments (&node, &device, &wrong[i], &plain, NULL), KATA_E_INVALID);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("qemu-disk");
  TCase *tc = tcase_create ("arguments");
  tcase_add_test (tc, late_disks);
  suite_add_tcase (suite, tc);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_ENV);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? 0 : 1;
}
