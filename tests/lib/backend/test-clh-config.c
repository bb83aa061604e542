/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-clh-config: plans against golden requests of Cloud Hypervisor's API. And what is refused. */
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
                         .agent_kind = KATA_AGENT_HYBRID,
                         .agent_port = 1024,
                         .entropy_source = "/dev/urandom" };
}

static void
golden (const char *name, const kata_vm_plan *plan)
{
  g_autoptr (kata_error) error = NULL;
  g_autofree char *file = g_strdup_printf ("%s.json", name);
  g_autofree char *json = NULL;
  ck_assert_msg (kata_backend_clh.translate (plan, &json, &error) == 0, "%s", kata_error_get_message (error));
  g_autoptr (JsonNode) root = json_from_string (json, NULL);
  ck_assert_ptr_nonnull (root);
  g_autofree char *pretty = json_to_string (root, TRUE);
  g_autofree char *lines = g_strconcat (pretty, "\n", NULL);
  golden_compare (file, lines);
}

static void
refused (const kata_vm_plan *plan, int code, const char *key)
{
  g_autoptr (kata_error) error = NULL;
  g_autofree char *json = NULL;
  ck_assert_int_eq (kata_backend_clh.translate (plan, &json, &error), code);
  ck_assert_msg (strstr (kata_error_get_message (error), key) != NULL, "%s", kata_error_get_message (error));
}

START_TEST (smallest)
{
  kata_vm_plan plan = base ();
  golden ("smallest", &plan);
}
END_TEST

static const kata_vm_disk data = { sizeof data, "data", "/var/lib/disks/data.raw", 0 };
static const kata_vm_disk layers = { sizeof layers, "layers", "/dev/loop7", 1 };
static const kata_vm_disk *const disks[] = { &data, &layers, NULL };
static const kata_vm_nic one = {
  .size = sizeof one, .name = "eth0", .device = "tap0_kata", .mac = "02:42:00:00:00:01", .mtu = 1500, .queues = 1
};
static const kata_vm_nic two = {
  .size = sizeof two, .name = "eth1", .device = "tap1_kata", .mac = "02:42:00:00:00:fF", .queues = 2
};
static const char *const waived[] = { "landlock", NULL };

START_TEST (everything)
{
  static const kata_vm_nic *const nics[] = { &one, &two, NULL };
  kata_vm_plan plan = base ();
  plan.hypervisor_path = "/opt/clh";
  plan.debug = 1;
  plan.seccomp_sandbox = "off";
  plan.vcpus = 4;
  plan.memory_mib = 3584;
  plan.hugepages = plan.prealloc = 1;
  plan.initrd = "";
  plan.image = "/usr/share/kata/image.raw";
  plan.image_fstype = "erofs";
  plan.share_kind = KATA_SHARE_VIRTIOFS;
  plan.share_tag = "kataShared";
  plan.virtiofs_queue_size = 512;
  plan.disks = disks;
  plan.block_cache_direct = 1;
  plan.block_queues = 2;
  plan.block_queue_size = 256;
  plan.disk_bytes = 10 << 20;
  plan.disk_bytes_once = 1 << 20;
  plan.disk_ops = 1000;
  plan.nic_bytes = 2 << 20;
  plan.nic_bytes_once = 1 << 20;
  plan.nic_ops = 5000;
  plan.nic_ops_once = 100;
  plan.memory_reporting = 1;
  plan.confine_waive = waived;
  plan.nics = nics;
  golden ("everything", &plan);
}
END_TEST

START_TEST (grows)
{
  kata_vm_plan plan = base ();
  plan.max_vcpus = 6;
  plan.memory_mib = 300;
  plan.max_memory_mib = 300 + 10 * 128;
  golden ("grows", &plan);
  plan.virtio_mem = 1;
  golden ("grows-virtio-mem", &plan);
}
END_TEST

/* Neither a file's words nor limits for what a server does. */
START_TEST (vhost_user)
{
  static const kata_vm_disk served = { sizeof served, "served", "/run/disk.sock", 1, 0, 1 };
  static const kata_vm_disk *const mixed[] = { &data, &served, NULL };
  static const kata_vm_nic user = { .size = sizeof user,
                                    .kind = KATA_NIC_VHOST_USER,
                                    .name = "eth0",
                                    .device = "",
                                    .mac = "02:42:00:00:00:02",
                                    .mtu = 1500,
                                    .queues = 2,
                                    .socket = "/run/net.sock",
                                    .queue_size = 512 };
  static const kata_vm_nic *const nics[] = { &user, &one, NULL };
  kata_vm_plan plan = base ();
  plan.disks = mixed;
  plan.nics = nics;
  plan.memory_shared = 1;
  plan.block_cache_direct = 1;
  plan.block_queues = 2;
  plan.disk_bytes = plan.nic_bytes = 1 << 20;
  golden ("vhost-user", &plan);
}
END_TEST

START_TEST (no_such_layer)
{
  static const char *const names[] = { "landlock", "seccomp", NULL };
  kata_vm_plan plan = base ();
  plan.confine_waive = names;
  refused (&plan, KATA_E_CONFIG, "hypervisor.clh.confine_waive: \"seccomp\"");
}
END_TEST

START_TEST (refusals)
{
  kata_vm_plan plan = base ();
  plan.kernel = "";
  refused (&plan, KATA_E_GUEST, "hypervisor.clh.kernel");
  plan = base ();
  plan.initrd = "";
  refused (&plan, KATA_E_GUEST, "hypervisor.clh.initrd");
  plan = base ();
  plan.firmware = "/usr/share/hypervisor-fw";
  refused (&plan, KATA_E_UNSUPPORTED, "hypervisor.clh.firmware");
  plan = base ();
  plan.machine_type = "q35";
  refused (&plan, KATA_E_UNSUPPORTED, "hypervisor.clh.machine_type");
  plan = base ();
  plan.cpu_features = "+x";
  refused (&plan, KATA_E_UNSUPPORTED, "hypervisor.clh.cpu_features");
  plan = base ();
  plan.share_kind = KATA_SHARE_9P;
  refused (&plan, KATA_E_UNSUPPORTED, "hypervisor.clh.shared_fs");
  plan = base ();
  plan.agent_kind = KATA_AGENT_SERIAL;
  refused (&plan, KATA_E_UNSUPPORTED, "agent");
  plan = base ();
  kata_vm_disk bad = { sizeof bad, "../data", "/data", 0 };
  const kata_vm_disk *const bad_disks[] = { &bad, NULL };
  plan.disks = bad_disks;
  refused (&plan, KATA_E_INVALID, "../data");
  plan = base ();
  kata_vm_nic wrong = one;
  const kata_vm_nic *const nics[] = { &wrong, NULL };
  plan.nics = nics;
  wrong.mac = "02:42";
  refused (&plan, KATA_E_INVALID, "eth0");
  wrong = one;
  wrong.vhost = 1;
  refused (&plan, KATA_E_UNSUPPORTED, "eth0");
}
END_TEST

/* A disk that comes later, and goes, is "disk-port1" to the VMM: one of the start must not bear that name. */
START_TEST (ids_of_our_own)
{
  static const char *const taken[] = { "disk-port1", "port2", "net0", "host0", "host-late8", "share" };
  static const char *const free_ids[] = { "disk-port", "net", "net-0", "port1a", "hosts", "disk-1", "shares" };
  kata_vm_plan plan = base ();
  kata_vm_disk disk = data;
  const kata_vm_disk *const one_disk[] = { &disk, NULL };
  plan.disks = one_disk;
  for (size_t i = 0; i < G_N_ELEMENTS (taken); i++) {
    disk.id = taken[i];
    refused (&plan, KATA_E_INVALID, taken[i]);
  }
  for (size_t i = 0; i < G_N_ELEMENTS (free_ids); i++) {
    g_autofree char *json = NULL;
    disk.id = free_ids[i];
    ck_assert_int_eq (kata_backend_clh.translate (&plan, &json, NULL), 0);
  }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("clh-config");
  TCase *tcase = tcase_create ("clh-config");
  tcase_add_test (tcase, smallest);
  tcase_add_test (tcase, everything);
  tcase_add_test (tcase, grows);
  tcase_add_test (tcase, vhost_user);
  tcase_add_test (tcase, no_such_layer);
  tcase_add_test (tcase, refusals);
  tcase_add_test (tcase, ids_of_our_own);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? 0 : 1;
}
