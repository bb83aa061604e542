/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-builtin-describe: plans against golden descriptions of machines, one line a key. And what is refused. */
#include <check.h>
#include <string.h>

#include <json-glib/json-glib.h>

#include "backend/registry.h"
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
                         .virtiofsd_path = "",
                         .agent_kind = KATA_AGENT_HYBRID,
                         .agent_port = 1024,
                         .entropy_source = "/dev/urandom" };
}

static char *
describe (const kata_vm_plan *plan, kata_error **err)
{
  g_autofree char *json = NULL;
  if (kata_backend_builtin.translate (plan, &json, err) < 0)
    return NULL;
  g_autoptr (JsonParser) parser = json_parser_new ();
  ck_assert (json_parser_load_from_data (parser, json, -1, NULL));
  JsonArray *lines = json_object_get_array_member (json_node_get_object (json_parser_get_root (parser)), "kata-vmm");
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < json_array_get_length (lines); i++)
    g_string_append_printf (text, "%s\n", json_array_get_string_element (lines, i));
  return g_string_free (text, FALSE);
}

static void
golden (const char *name, const kata_vm_plan *plan)
{
  g_autoptr (kata_error) error = NULL;
  g_autofree char *file = g_strdup_printf ("%s.txt", name);
  g_autofree char *got = describe (plan, &error);
  ck_assert_msg (got != NULL, "%s", kata_error_get_message (error));
  golden_compare (file, got);
}

static const kata_vm_disk data = { sizeof data, "data", "/var/lib/disks/data.raw", 0 };
static const kata_vm_disk layers = { sizeof layers, "layers", "/dev/loop7", 1 };
static const kata_vm_disk *const disks[] = { &data, &layers, NULL };
static const char *const waived[] = { "landlock", "userns", NULL };

START_TEST (smallest)
{
  kata_vm_plan plan = base ();
  golden ("smallest", &plan);
}
END_TEST

static const kata_vm_nic one = {
  .size = sizeof one, .name = "eth0", .device = "tap0_kata", .mac = "02:42:00:00:00:01", .mtu = 1500, .queues = 1
};
static const kata_vm_nic two = {
  .size = sizeof two, .name = "eth1", .device = "tap1_kata", .mac = "02:42:00:00:00:fF", .mtu = 576, .queues = 2
};

START_TEST (network)
{
  static const kata_vm_nic *const nics[] = { &one, &two, NULL };
  kata_vm_nic wrong = one;
  const kata_vm_nic *const wrong_nics[] = { &wrong, NULL };
  kata_vm_plan plan = base ();
  plan.nics = nics;
  golden ("network", &plan);
  plan.nic_rx_bytes = 1250000;
  plan.nic_tx_bytes = 2500000;
  golden ("network-rates", &plan);
  plan.nics = wrong_nics;
  wrong.kind = KATA_NIC_STREAM;
  ck_assert_ptr_null (describe (&plan, NULL));
  wrong = one;
  wrong.mac = "02:42:00:00:00:1";
  ck_assert_ptr_null (describe (&plan, NULL));
}
END_TEST

START_TEST (everything)
{
  kata_vm_plan plan = base ();
  plan.machine_type = "pci";
  plan.vcpus = 4;
  plan.memory_mib = 6144;
  plan.hugepages = 1;
  plan.prealloc = 1;
  plan.share_kind = KATA_SHARE_VIRTIOFS;
  plan.share_dir = "/run/kata/golden/shared";
  plan.share_tag = "kataShared";
  plan.virtiofs_queue_size = 512;
  plan.disks = disks;
  plan.block_aio = 2;
  plan.block_queues = 4;
  plan.block_queue_size = 128;
  plan.disk_bytes = 1000000;
  plan.disk_bytes_once = 5000000;
  plan.disk_ops = 300;
  plan.disk_ops_once = 900;
  plan.memory_reporting = 1;
  plan.debug = 1;
  plan.confine_waive = waived;
  golden ("everything", &plan);
}
END_TEST

START_TEST (root_image)
{
  kata_vm_plan plan = base ();
  plan.initrd = "";
  plan.image = "/usr/share/kata/root.img";
  plan.image_fstype = "erofs";
  plan.entropy_source = "";
  plan.disks = disks;
  golden ("root-image", &plan);
}
END_TEST

static void
refuse (const kata_vm_plan *plan, int code, const char *word)
{
  g_autoptr (kata_error) error = NULL;
  g_autofree char *text = describe (plan, &error);
  ck_assert_ptr_null (text);
  ck_assert_int_eq (kata_error_get_code (error), code);
  ck_assert_msg (strstr (kata_error_get_message (error), word) != NULL, "%s", kata_error_get_message (error));
}

START_TEST (refusals)
{
  static const char *const no_layer[] = { "moat", NULL };
  kata_vm_plan plan = base ();
  plan.machine_type = "q35";
  refuse (&plan, KATA_E_CONFIG, "machine_type");
  plan = base ();
  plan.firmware = "/usr/share/ovmf/OVMF.fd";
  refuse (&plan, KATA_E_UNSUPPORTED, "firmware");
  plan = base ();
  plan.cpu_features = "pmu=off";
  refuse (&plan, KATA_E_UNSUPPORTED, "cpu_features");
  plan = base ();
  plan.machine_accelerators = "nvdimm=off";
  refuse (&plan, KATA_E_UNSUPPORTED, "machine_accelerators");
  plan = base ();
  plan.accel = KATA_ACCEL_TCG;
  refuse (&plan, KATA_E_UNSUPPORTED, "accel");
  plan = base ();
  plan.share_kind = KATA_SHARE_9P;
  refuse (&plan, KATA_E_UNSUPPORTED, "shared_fs");
  plan = base ();
  plan.entropy_source = "/dev/hwrng";
  refuse (&plan, KATA_E_UNSUPPORTED, "entropy_source");
  plan = base ();
  plan.block_aio = 1;
  plan.block_cache_direct = 1;
  refuse (&plan, KATA_E_UNSUPPORTED, "block_device_aio");
  plan = base ();
  plan.agent_kind = KATA_AGENT_SERIAL;
  refuse (&plan, KATA_E_UNSUPPORTED, "vsock");
  plan = base ();
  plan.confine_waive = no_layer;
  refuse (&plan, KATA_E_CONFIG, "moat");
  plan = base ();
  plan.block_queues = 17;
  refuse (&plan, KATA_E_UNSUPPORTED, "num_queues");
  static const uint32_t sizes[] = { 2, 100, 512, 65536 + 4 };
  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++) {
    plan = base ();
    plan.block_queue_size = sizes[i];
    refuse (&plan, KATA_E_UNSUPPORTED, "queue_size");
  }
  g_autofree char *line = g_strnfill (4096, 'x');
  plan = base ();
  plan.cmdline = line;
  refuse (&plan, KATA_E_LIMIT, "command line");
}
END_TEST

START_TEST (too_many_disks)
{
  const kata_vm_disk *many[40] = { NULL };
  for (size_t i = 0; i < 39; i++)
    many[i] = &data;
  kata_vm_plan plan = base ();
  plan.disks = many;
  refuse (&plan, KATA_E_LIMIT, "disks");
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("backend/builtin-describe");
  TCase *tcase = tcase_create ("describe");
  tcase_add_test (tcase, smallest);
  tcase_add_test (tcase, network);
  tcase_add_test (tcase, everything);
  tcase_add_test (tcase, root_image);
  tcase_add_test (tcase, refusals);
  tcase_add_test (tcase, too_many_disks);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? 0 : 1;
}
