/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-qemu-disk: what QEMU is told of a disk that comes while the guest runs. */
#include <check.h>
#include <stdlib.h>

#include <glib.h>

#include "backend/qemu/disk.h"
#include "base/error.h"

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

/* Nothing of the file's is said of a disk that QEMU has no file of. */
START_TEST (vhost_disks)
{
  char *server = NULL, *device = NULL;
  const kata_vm_disk disk = { sizeof disk, "data", "/run/a \"b\"", 1, 2, 1 };
  const kata_qemu_disks plain = { 0 }, all = { 2, 1, 1, 1, 1, 4, 256, 512, 4096, 5 };
  ck_assert_int_eq (kata_qemu__disk_arguments (&server, &device, &disk, &plain, NULL), 0);
  ck_assert_str_eq (server,
                    "{\"id\":\"late-vhost2\",\"backend\":{\"type\":\"socket\",\"data\":{\"addr\":{\"type\":\"unix\","
                    "\"data\":{\"path\":\"/run/a \\\"b\\\"\"}},\"server\":false}}}");
  ck_assert_str_eq (device, "{\"driver\":\"vhost-user-blk-pci\",\"id\":\"late2\",\"bus\":\"disk-port2\",\"chardev\":"
                            "\"late-vhost2\",\"num-queues\":1}");
  g_free (server);
  g_free (device);
  ck_assert_int_eq (kata_qemu__disk_arguments (&server, &device, &disk, &all, NULL), 0);
  ck_assert_str_eq (server,
                    "{\"id\":\"late-vhost2\",\"backend\":{\"type\":\"socket\",\"data\":{\"addr\":{\"type\":\"unix\","
                    "\"data\":{\"path\":\"/run/a \\\"b\\\"\"}},\"server\":false,\"reconnect\":5}}}");
  ck_assert_str_eq (device, "{\"driver\":\"vhost-user-blk-pci\",\"id\":\"late2\",\"bus\":\"disk-port2\",\"chardev\":"
                            "\"late-vhost2\",\"num-queues\":4,\"queue-size\":256,\"iommu_platform\":true}");
  g_free (server);
  g_free (device);
}
END_TEST

#define DEVICE(slot, function, id) "{\"slot\":" slot ",\"function\":" function ",\"qdev_id\":\"" id "\"}"

START_TEST (places)
{
  static const struct {
    const char *reply, *path; /* NULL: not found */
  } cases[] = {
    { "[{\"bus\":0,\"devices\":[" DEVICE ("3", "0", "x") "," DEVICE ("4", "0", "d") "]}]", "04" },
    { "[{\"bus\":0,\"devices\":[" DEVICE ("31", "7", "d") "]}]", "1f.7" },
    { "[{\"bus\":0,\"devices\":[{\"slot\":16,\"function\":1,\"qdev_id\":\"p\",\"pci_bridge\":{\"bus\":{},\"devices\":"
      "[" DEVICE ("2", "0", "x") "," DEVICE ("0", "0", "d") "]}}]}]",
      "10.1/00" },
    { "[{\"bus\":0,\"devices\":[{\"slot\":1,\"function\":0,\"pci_bridge\":{\"devices\":[]}}," DEVICE ("5", "0",
                                                                                                      "d") "]}]",
      "05" },
    { "[{\"bus\":1,\"devices\":[" DEVICE ("4", "0", "d") "]}]", NULL },
    { "[{\"bus\":0,\"devices\":[" DEVICE ("32", "0", "d") "]}]", NULL },
    { "[{\"bus\":0,\"devices\":[" DEVICE ("-1", "0", "d") "]}]", NULL },
    { "[{\"bus\":0,\"devices\":[" DEVICE ("1", "8", "d") "]}]", NULL },
    { "[{\"bus\":0,\"devices\":[" DEVICE ("\"4\"", "0", "d") "]}]", NULL },
    { "[{\"bus\":0,\"devices\":[" DEVICE ("4.5", "0", "d") "]}]", NULL },
    { "[{\"bus\":0,\"devices\":[{\"slot\":1,\"function\":0,\"qdev_id\":{}}]}]", NULL },
    { "[{\"bus\":0,\"devices\":[{\"slot\":1,\"function\":0,\"qdev_id\":7},[],null,3]}]", NULL },
    { "[{\"bus\":0,\"devices\":{}}]", NULL },
    { "[{\"bus\":0}]", NULL },
    { "[[],null,1,{}]", NULL },
    { "{}", NULL },
    { "[]", NULL },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (JsonNode) reply = json_from_string (cases[i].reply, NULL);
    g_autoptr (kata_error) error = NULL;
    g_autofree char *path = NULL;
    ck_assert_ptr_nonnull (reply);
    int code = kata_qemu__find_place (&path, reply, "d", &error);
    ck_assert_msg (code == (cases[i].path != NULL ? 0 : KATA_E_PROTOCOL), "%s: %d", cases[i].reply, code);
    ck_assert_pstr_eq (path, cases[i].path);
  }
}
END_TEST

/* Bridges behind bridges have an end. */
START_TEST (deep)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (kata_error) error = NULL;
  g_autofree char *path = NULL;
  for (int i = 0; i < 12; i++)
    g_string_append (text,
                     i == 0 ? "[{\"bus\":0,\"devices\":[" : "{\"slot\":0,\"function\":0,\"pci_bridge\":{\"devices\":[");
  g_string_append (text, DEVICE ("1", "0", "d"));
  for (int i = 0; i < 11; i++)
    g_string_append (text, "]}}");
  g_string_append (text, "]}]");
  g_autoptr (JsonNode) reply = json_from_string (text->str, NULL);
  ck_assert_ptr_nonnull (reply);
  ck_assert_int_eq (kata_qemu__find_place (&path, reply, "d", &error), KATA_E_PROTOCOL);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("qemu-disk");
  TCase *tc = tcase_create ("arguments");
  tcase_add_test (tc, late_disks);
  tcase_add_test (tc, vhost_disks);
  tcase_add_test (tc, places);
  tcase_add_test (tc, deep);
  suite_add_tcase (suite, tc);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_ENV);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? 0 : 1;
}
