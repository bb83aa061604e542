/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-acrn-argv: plans against golden command lines of acrn-dm; what is refused, by the key's name; what is lacking, with its reason. */
#include <check.h>
#include <string.h>

#include "backend/acrn/argv.h"
#include "backend/call.h"
#include "backend/capability.h"
#include "base/error.h"
#include "golden.h"

static kata_vm_plan
base (void)
{
  return (kata_vm_plan){ .size = sizeof (kata_vm_plan),
                         .id = "golden",
                         .dir = "/run/kata/golden",
                         .accel = KATA_ACCEL_KVM,
                         .vcpus = 2,
                         .memory_mib = 512,
                         .kernel = "/usr/share/kata/vmlinuz",
                         .initrd = "/usr/share/kata/initrd.img",
                         .cmdline = "quiet panic=-1",
                         .agent_kind = KATA_AGENT_VSOCK,
                         .agent_port = 1024,
                         .entropy_source = "/dev/urandom" };
}

static void
golden (const char *name, const kata_vm_plan *plan)
{
  static const kata_acrn_context context = { "acrn-dm", 77, "0,2" };
  g_autoptr (kata_error) error = NULL;
  g_auto (GStrv) argv = NULL;
  g_autofree char *file = g_strdup_printf ("%s.txt", name);
  g_autoptr (GString) text = g_string_new (NULL);
  ck_assert_msg (kata_acrn__argv (&argv, plan, &context, &error) == 0, "%s", kata_error_get_message (error));
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
  ck_assert_msg (kata_backend_acrn.translate (plan, &json, &error) == code, "%s: %s", key,
                 kata_error_get_message (error));
  ck_assert_msg (strstr (kata_error_get_message (error), key) != NULL, "%s", kata_error_get_message (error));
}

START_TEST (lines)
{
  kata_vm_plan plan = base ();
  golden ("initrd", &plan);
  plan.initrd = "";
  plan.image = "/usr/share/kata/image.raw";
  plan.firmware = "/usr/share/acrn/bios/OVMF.fd";
  plan.entropy_source = "";
  golden ("image", &plan);
}
END_TEST

START_TEST (words_refused)
{
  static const struct {
    size_t field;
    const char *value, *key;
    int code;
  } cases[] = {
    { offsetof (kata_vm_plan, kernel), "", "hypervisor.acrn.kernel", KATA_E_GUEST },
    { offsetof (kata_vm_plan, initrd), "", "hypervisor.acrn.initrd", KATA_E_GUEST },
    { offsetof (kata_vm_plan, image), "/a,b", "hypervisor.acrn.image", KATA_E_CONFIG },
    { offsetof (kata_vm_plan, machine_type), "q35", "hypervisor.acrn.machine_type", KATA_E_UNSUPPORTED },
    { offsetof (kata_vm_plan, machine_accelerators), "x", "hypervisor.acrn.machine_accelerators", KATA_E_UNSUPPORTED },
    { offsetof (kata_vm_plan, entropy_source), "/dev/hwrng", "hypervisor.acrn.entropy_source", KATA_E_UNSUPPORTED },
    { offsetof (kata_vm_plan, cpu_features), "x", "hypervisor.acrn.cpu_features", KATA_E_UNSUPPORTED },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    kata_vm_plan plan = base ();
    memcpy ((char *) &plan + cases[i].field, &cases[i].value, sizeof cases[i].value);
    refused (&plan, cases[i].code, cases[i].key);
  }
}
END_TEST

START_TEST (numbers_refused)
{
  static const struct {
    size_t field;
    int32_t value;
    const char *key;
  } cases[] = {
    { offsetof (kata_vm_plan, hugepages), 1, "hypervisor.acrn.enable_hugepages" },
    { offsetof (kata_vm_plan, memory_reporting), 1, "hypervisor.acrn.reclaim_guest_freed_memory" },
    { offsetof (kata_vm_plan, share_kind), KATA_SHARE_VIRTIOFS, "hypervisor.acrn.shared_fs" },
    { offsetof (kata_vm_plan, block_queues), 2, "hypervisor.acrn.num_queues" },
    { offsetof (kata_vm_plan, block_queue_size), 128, "hypervisor.acrn.queue_size" },
    { offsetof (kata_vm_plan, agent_kind), KATA_AGENT_SERIAL, "agent" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    kata_vm_plan plan = base ();
    memcpy ((char *) &plan + cases[i].field, &cases[i].value, sizeof cases[i].value);
    refused (&plan, KATA_E_UNSUPPORTED, cases[i].key);
  }
}
END_TEST

static const kata_vm_disk images[] = { { sizeof (kata_vm_disk), "kata-pack-0", "/run/kata/golden/kata-pack-0", 1, 0 },
                                       { sizeof (kata_vm_disk), "data", "/dev/sdb", 0, 0 },
                                       { sizeof (kata_vm_disk), "late", "/late", 0, 1 } };
static const kata_vm_disk *const disks[] = { &images[0], &images[1], &images[2], NULL };

START_TEST (devices)
{
  static const kata_vm_nic own = { .name = "eth0", .device = "tap0", .mac = "02:42:00:00:00:01", .queues = 1 };
  static const kata_vm_nic vhost = {
    .name = "e1", .device = "tap1", .mac = "02:42:00:00:00:02", .queues = 1, .vhost = 1
  };
  static const kata_vm_nic *const nics[] = { &own, &vhost, NULL };
  kata_vm_plan plan = base ();
  plan.disks = disks;
  plan.disk_ports = 3;
  plan.nics = nics;
  golden ("devices", &plan);
  ck_assert_uint_eq (kata_acrn__port_slot (&plan), 5);
  plan.initrd = "";
  plan.image = "/image";
  ck_assert_uint_eq (kata_acrn__port_slot (&plan), 6);
}
END_TEST

START_TEST (devices_refused)
{
  static const struct {
    const char *path;
    int code;
  } paths[] = { { "/a,b", KATA_E_CONFIG }, { "/my-nodisk/x", KATA_E_CONFIG }, { "relative", KATA_E_INVALID } };
  static const kata_vm_nic nics[] = {
    { .name = "eth0", .device = "tap0", .mac = "02:42:00:00:00:01", .queues = 2 },
    { .name = "eth1", .device = "tap0", .mac = "02:42:00:00:00:01", .queues = 1, .kind = KATA_NIC_STREAM },
    { .name = "eth2", .device = "", .mac = "02:42:00:00:00:01", .queues = 1 },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (paths); i++) {
    const kata_vm_disk disk = { sizeof disk, "data", paths[i].path, 0, 0 };
    const kata_vm_disk *const list[] = { &disk, NULL };
    kata_vm_plan plan = base ();
    plan.disks = list;
    refused (&plan, paths[i].code, "data");
  }
  for (size_t i = 0; i < G_N_ELEMENTS (nics); i++) {
    const kata_vm_nic *const list[] = { &nics[i], NULL };
    kata_vm_plan plan = base ();
    plan.nics = list;
    refused (&plan, KATA_E_UNSUPPORTED, nics[i].name);
  }
  kata_vm_plan plan = base ();
  plan.disk_ports = 26;
  refused (&plan, KATA_E_LIMIT, "devices");
}
END_TEST

START_TEST (processors)
{
  static const char text[] = "processor\t: 0\napicid\t\t: 0\ninitial apicid\t: 9\n\nprocessor\t: 1\napicid\t\t: 4\n";
  g_autoptr (kata_error) error = NULL;
  g_autofree char *ids = NULL;
  char *none = NULL;
  ck_assert_int_eq (kata_acrn__cpus (&ids, text, 2, &error), 0);
  ck_assert_str_eq (ids, "0,4");
  ck_assert_int_eq (kata_acrn__cpus (&none, text, 3, &error), KATA_E_LIMIT);
  ck_assert_ptr_null (none);
}
END_TEST

/* Nothing is a silent success: each capability that is not there has a reason, and the library itself refuses to pause. */
START_TEST (lacks)
{
  kata_registry *registry = NULL;
  const kata_backend_entry *entry = NULL;
  kata_capabilities caps;
  g_autoptr (kata_error) error = NULL;
  kata_vm_plan plan = base ();
  ck_assert_int_eq (kata_registry__new (&registry, &error), 0);
  ck_assert_int_eq (kata_registry__find (&entry, registry, "acrn", &error), 0);
  kata_capabilities__init (&caps);
  ck_assert_int_eq (kata_backend__probe (entry, &plan, &caps, &error), 0);
  for (int cap = 0; cap < KATA_CAP_COUNT; cap++)
    ck_assert_msg (kata_capabilities__has (&caps, cap) || caps.reason[cap][0] != '\0', "%s",
                   kata_capability_name (cap));
  ck_assert_int_eq (entry->backend.pause (NULL, NULL, &error), KATA_E_UNSUPPORTED);
  ck_assert_ptr_nonnull (strstr (kata_error_get_message (error), "cannot pause"));
  kata_registry__free (registry);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("acrn-argv");
  TCase *tcase = tcase_create ("argv");
  tcase_add_test (tcase, lines);
  tcase_add_test (tcase, words_refused);
  tcase_add_test (tcase, numbers_refused);
  tcase_add_test (tcase, devices);
  tcase_add_test (tcase, devices_refused);
  tcase_add_test (tcase, processors);
  tcase_add_test (tcase, lacks);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_ENV);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? 0 : 1;
}
