/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-stratovirt-argv: plans against golden command lines of StratoVirt. And what is refused, by the key's name. */
#include <check.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "backend/registry.h"
#include "backend/stratovirt/vm.h"
#include "base/error.h"
#include "golden.h"

static kata_vm_plan
base (void)
{
  return (kata_vm_plan){ .size = sizeof (kata_vm_plan),
                         .id = "golden",
                         .dir = "/run/kata/golden",
                         .accel = KATA_ACCEL_KVM,
                         .vcpus = 1,
                         .memory_mib = 256,
                         .kernel = "/usr/share/kata/vmlinuz",
                         .initrd = "/usr/share/kata/initrd.img",
                         .cmdline = "quiet panic=-1",
                         .agent_kind = KATA_AGENT_VSOCK,
                         .agent_port = 1024,
                         .entropy_source = "/dev/urandom" };
}

/* An option and its value are a line. */
static void
golden (const char *name, const kata_vm_plan *plan)
{
  g_autoptr (kata_error) error = NULL;
  g_auto (GStrv) argv = NULL;
  g_autofree char *file = g_strdup_printf ("%s.txt", name);
  g_autoptr (GString) text = g_string_new (NULL);
  ck_assert_msg (kata_stratovirt__argv (&argv, plan, "stratovirt", 77, &error) == 0, "%s",
                 kata_error_get_message (error));
  for (size_t i = 0; argv[i] != NULL; i++)
    g_string_append_printf (text, "%s%s", i == 0 ? "" : argv[i][0] == '-' ? "\n" : " ", argv[i]);
  g_string_append_c (text, '\n');
  golden_compare (file, text->str);
}

static void
refused (const kata_vm_plan *plan, int code, const char *key)
{
  g_autoptr (kata_error) error = NULL;
  char *json = NULL;
  ck_assert_msg (kata_backend_stratovirt.translate (plan, &json, &error) == code, "%s: %s", key,
                 kata_error_get_message (error));
  ck_assert_msg (strstr (kata_error_get_message (error), key) != NULL, "%s", kata_error_get_message (error));
  ck_assert_ptr_null (json);
}

static const kata_vm_disk data = { sizeof data, "data", "/var/lib/disks/data.raw", 0 };
static const kata_vm_disk layers = { sizeof layers, "layers", "/dev/loop7", 1 };
static const kata_vm_disk *const disks[] = { &data, &layers, NULL };
static const kata_vm_nic one = {
  .size = sizeof one, .name = "eth0", .device = "tap0_kata", .mac = "02:42:00:00:00:01", .mtu = 1500, .queues = 1
};
static const kata_vm_nic host = { .size = sizeof host,
                                  .name = "eth1",
                                  .device = "tap1_kata",
                                  .mac = "02:42:00:00:00:02",
                                  .mtu = 1500,
                                  .queues = 1,
                                  .vhost = 1 };
static const kata_vm_nic wide = { .size = sizeof wide,
                                  .name = "eth2",
                                  .device = "tap2_kata",
                                  .mac = "02:42:00:00:00:03",
                                  .mtu = 1500,
                                  .queues = 2,
                                  .vhost = 1 };

START_TEST (smallest)
{
  kata_vm_plan plan = base ();
  golden ("smallest", &plan);
}
END_TEST

START_TEST (microvm)
{
  static const kata_vm_nic *const nics[] = { &one, &host, NULL };
  kata_vm_plan plan = base ();
  plan.machine_type = "microvm";
  plan.vcpus = 4;
  plan.memory_mib = 3584;
  plan.prealloc = 1;
  plan.initrd = "";
  plan.image = "/usr/share/kata/image.raw";
  plan.image_fstype = "erofs";
  plan.share_kind = KATA_SHARE_VIRTIOFS;
  plan.share_tag = "kataShared";
  plan.virtiofs_queue_size = 1024;
  plan.disks = disks;
  plan.block_cache_direct = 1;
  plan.block_aio = 1;
  plan.disk_ops = 1000;
  plan.seccomp_sandbox = "off";
  plan.nics = nics;
  golden ("microvm", &plan);
}
END_TEST

START_TEST (q35)
{
  static const kata_vm_nic *const nics[] = { &one, &wide, &host, NULL };
  kata_vm_plan plan = base ();
  plan.machine_type = "q35";
  plan.firmware = "/usr/share/OVMF_CODE.fd";
  plan.hugepages = 1;
  plan.disks = disks;
  plan.block_aio = 2;
  plan.block_queues = 2;
  plan.block_queue_size = 512;
  plan.nics = nics;
  golden ("q35", &plan);
}
END_TEST

START_TEST (direct)
{
  kata_vm_plan plan = base ();
  plan.disks = disks;
  plan.block_cache_direct = 1;
  golden ("direct", &plan);
}
END_TEST

/* The arguments of blockdev-add and device_add. */
START_TEST (later_disks)
{
  static const kata_vm_disk late = { sizeof late, "late", "/var/lib/a \"b\"\\c", 1, 1 };
  static const kata_vm_disk *const with[] = { &data, &layers, &late, NULL };
  kata_vm_plan plan = base ();
  kata_stratovirt_disks all = kata_stratovirt__disks (&plan);
  char *node = NULL, *device = NULL;
  ck_assert_uint_eq (all.first, 0);
  plan.disks = with;
  plan.initrd = "";
  plan.image = "/image";
  all = kata_stratovirt__disks (&plan);
  ck_assert_uint_eq (all.first, 3); /* the image, and two of the start */
  ck_assert_int_eq (kata_stratovirt__disk_arguments (&node, &device, &late, &all, NULL), 0);
  ck_assert_str_eq (node, "{\"node-name\":\"disk-late\",\"file\":{\"driver\":\"file\",\"filename\":\"/var/lib/a "
                          "\\\"b\\\"\\\\c\",\"aio\":\"off\"},\"cache\":{\"direct\":false},\"read-only\":true}");
  ck_assert_str_eq (device, "{\"id\":\"disk-late\",\"driver\":\"virtio-blk-mmio\",\"addr\":\"0x3\",\"drive\":"
                            "\"disk-late\",\"serial\":\"late\"}");
  g_free (node);
  g_free (device);
  static const struct {
    int32_t aio, direct;
    const char *word;
  } ways[] = { { 0, 0, "off" }, { 0, 1, "threads" }, { 1, 0, "off" }, { 1, 1, "native" }, { 2, 0, "iouring" } };
  for (size_t i = 0; i < G_N_ELEMENTS (ways); i++) {
    const kata_stratovirt_disks way = { .aio = ways[i].aio, .direct = ways[i].direct };
    g_autofree char *word = g_strdup_printf ("\"aio\":\"%s\"", ways[i].word);
    ck_assert_int_eq (kata_stratovirt__disk_arguments (&node, &device, &late, &way, NULL), 0);
    ck_assert_msg (strstr (node, word) != NULL, "%s", node);
    ck_assert (strstr (node, ways[i].direct ? "\"direct\":true" : "\"direct\":false") != NULL);
    g_free (node);
    g_free (device);
  }
}
END_TEST

START_TEST (refused_later_disks)
{
  static const struct {
    kata_vm_disk disk;
    uint32_t first;
    int32_t limited;
    int code;
  } cases[] = {
    { { sizeof data, "data", "/x", 0, 0 }, 0, 0, KATA_E_INVALID },
    { { sizeof data, "data", "x", 0, 1 }, 0, 0, KATA_E_INVALID },
    { { sizeof data, "a\"b", "/x", 0, 1 }, 0, 0, KATA_E_INVALID },
    { { sizeof data, NULL, "/x", 0, 1 }, 0, 0, KATA_E_INVALID },
    { { sizeof data, "data", NULL, 0, 1 }, 0, 0, KATA_E_INVALID },
    { { sizeof data, "data", "/\xff", 0, 1 }, 0, 0, KATA_E_INVALID },
    { { sizeof data, "data", "/x", 0, 5 }, 0, 0, KATA_E_LIMIT },
    { { sizeof data, "data", "/x", 0, 1 }, 4, 0, KATA_E_LIMIT },
    { { sizeof data, "data", "/x", 0, 3 }, 2, 0, KATA_E_LIMIT },
    { { sizeof data, "data", "/x", 0, UINT64_MAX }, 1, 0, KATA_E_LIMIT },
    { { sizeof data, "data", "/x", 0, 1 }, 0, 1, KATA_E_UNSUPPORTED },
  };
  char *node = NULL, *device = NULL;
  const kata_stratovirt_disks all = { .first = cases[_i].first, .limited = cases[_i].limited };
  ck_assert_int_eq (kata_stratovirt__disk_arguments (&node, &device, &cases[_i].disk, &all, NULL), cases[_i].code);
  ck_assert (node == NULL && device == NULL);
}
END_TEST

START_TEST (refused_machines)
{
  static const struct {
    size_t field;
    const char *value, *key;
    int code;
  } cases[] = {
    { offsetof (kata_vm_plan, kernel), "", "hypervisor.stratovirt.kernel", KATA_E_GUEST },
    { offsetof (kata_vm_plan, initrd), "", "hypervisor.stratovirt.initrd", KATA_E_GUEST },
    { offsetof (kata_vm_plan, machine_type), "virt", "hypervisor.stratovirt.machine_type", KATA_E_UNSUPPORTED },
    { offsetof (kata_vm_plan, machine_type), "q35", "hypervisor.stratovirt.firmware", KATA_E_CONFIG },
    { offsetof (kata_vm_plan, firmware), "/fw", "hypervisor.stratovirt.firmware", KATA_E_UNSUPPORTED },
    { offsetof (kata_vm_plan, machine_accelerators), "x=on", "hypervisor.stratovirt.machine_accelerators",
      KATA_E_UNSUPPORTED },
    { offsetof (kata_vm_plan, cpu_features), "pmu=off", "hypervisor.stratovirt.cpu_features", KATA_E_UNSUPPORTED },
    { offsetof (kata_vm_plan, entropy_source), "/dev/a,b", "hypervisor.stratovirt.entropy_source", KATA_E_CONFIG },
  };
  kata_vm_plan plan = base ();
  memcpy ((char *) &plan + cases[_i].field, &cases[_i].value, sizeof cases[_i].value);
  refused (&plan, cases[_i].code, cases[_i].key);
}
END_TEST

START_TEST (refused_sizes)
{
  kata_vm_plan plan = base ();
  plan.accel = KATA_ACCEL_TCG;
  refused (&plan, KATA_E_UNSUPPORTED, "hypervisor.stratovirt.accel");
  plan = base ();
  plan.vcpus = 255;
  refused (&plan, KATA_E_LIMIT, "255");
  plan = base ();
  plan.memory_mib = 64;
  refused (&plan, KATA_E_LIMIT, "hypervisor.stratovirt.default_memory");
  plan = base ();
  plan.hugepages = plan.memory_reporting = 1;
  refused (&plan, KATA_E_UNSUPPORTED, "hypervisor.stratovirt.reclaim_guest_freed_memory");
  plan = base ();
  plan.disk_bytes = 1;
  refused (&plan, KATA_E_UNSUPPORTED, "hypervisor.stratovirt.disk_rate_limiter_bw_max_rate");
  plan = base ();
  plan.disk_ops_once = 1;
  refused (&plan, KATA_E_UNSUPPORTED, "hypervisor.stratovirt.disk_rate_limiter_ops_one_time_burst");
  plan = base ();
  plan.block_queues = 2;
  refused (&plan, KATA_E_UNSUPPORTED, "hypervisor.stratovirt.num_queues");
  plan = base ();
  plan.block_queue_size = 128;
  refused (&plan, KATA_E_UNSUPPORTED, "hypervisor.stratovirt.queue_size");
}
END_TEST

START_TEST (refused_shares)
{
  kata_vm_plan plan = base ();
  plan.share_kind = KATA_SHARE_9P;
  refused (&plan, KATA_E_UNSUPPORTED, "hypervisor.stratovirt.shared_fs");
  plan.share_kind = KATA_SHARE_VIRTIOFS;
  plan.virtiofs_cache_mib = 64;
  refused (&plan, KATA_E_UNSUPPORTED, "hypervisor.stratovirt.virtio_fs_cache_size");
  plan.virtiofs_cache_mib = 0;
  plan.virtiofs_queue_size = 512;
  refused (&plan, KATA_E_UNSUPPORTED, "hypervisor.stratovirt.virtio_fs_queue_size");
  plan = base ();
  plan.agent_kind = KATA_AGENT_SERIAL;
  refused (&plan, KATA_E_UNSUPPORTED, "agent");
}
END_TEST

START_TEST (refused_devices)
{
  static const kata_vm_disk comma = { sizeof comma, "comma", "/a,readonly=off", 1 };
  static const kata_vm_disk relative = { sizeof relative, "x", "x", 1 };
  static const kata_vm_disk *const commas[] = { &comma, NULL }, *const relatives[] = { &relative, NULL };
  static const kata_vm_disk *const five[] = { &data, &data, &data, &data, &data, NULL };
  static const kata_vm_nic stream = {
    .name = "eth0", .mac = "02:42:00:00:00:01", .queues = 1, .kind = KATA_NIC_STREAM
  };
  static const kata_vm_nic *const streams[] = { &stream, NULL }, *const wides[] = { &wide, NULL };
  static const kata_vm_nic *const three[] = { &one, &one, &one, NULL };
  static const kata_vm_nic *const many[] = { &host, &host, &host, &host, NULL };
  kata_vm_plan plan = base ();
  plan.disks = commas;
  refused (&plan, KATA_E_CONFIG, "comma");
  plan.disks = relatives;
  refused (&plan, KATA_E_INVALID, "x");
  plan.disks = five;
  refused (&plan, KATA_E_LIMIT, "data");
  plan = base ();
  plan.nics = streams;
  refused (&plan, KATA_E_UNSUPPORTED, "eth0");
  plan.nics = wides;
  refused (&plan, KATA_E_UNSUPPORTED, "hypervisor.stratovirt.network_queues");
  plan.nics = three;
  refused (&plan, KATA_E_LIMIT, "eth0");
  plan.nics = many;
  refused (&plan, KATA_E_LIMIT, "12 devices");
}
END_TEST

START_TEST (kernels)
{
  char path[] = "/tmp/kata-kernel-XXXXXX", image[1024] = "MZ";
  int fd = g_mkstemp (path);
  ck_assert (fd >= 0 && write (fd,
                               "\x7f"
                               "ELF",
                               4) == 4);
  g_autoptr (kata_error) error = NULL;
  ck_assert_int_eq (kata_stratovirt__check_kernel (path, &error), KATA_E_GUEST);
  ck_assert_ptr_nonnull (strstr (kata_error_get_message (error), "no bzImage"));
  memcpy (image + 0x202, "HdrS", 4);
  ck_assert (pwrite (fd, image, sizeof image, 0) == sizeof image);
  ck_assert_int_eq (kata_stratovirt__check_kernel (path, NULL), 0);
  close (fd);
  unlink (path);
  ck_assert_int_eq (kata_stratovirt__check_kernel (path, NULL), KATA_E_GUEST);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("stratovirt-argv");
  TCase *tcase = tcase_create ("argv");
  tcase_add_test (tcase, smallest);
  tcase_add_test (tcase, microvm);
  tcase_add_test (tcase, q35);
  tcase_add_test (tcase, direct);
  tcase_add_test (tcase, later_disks);
  tcase_add_loop_test (tcase, refused_later_disks, 0, 11);
  tcase_add_loop_test (tcase, refused_machines, 0, 8);
  tcase_add_test (tcase, refused_sizes);
  tcase_add_test (tcase, refused_shares);
  tcase_add_test (tcase, refused_devices);
  tcase_add_test (tcase, kernels);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_ENV);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? 0 : 1;
}
