/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-host-device: devices of the host in the words of QEMU and of Cloud Hypervisor, against goldens and the published schema. */
#include <check.h>
#include <string.h>

#include <json-glib/json-glib.h>

#include "backend/clh/config.h"
#include "backend/clh/vfio.h"
#include "backend/qemu/argv.h"
#include "backend/registry.h"
#include "base/error.h"
#include "golden.h"
#include "schema.h"

static const kata_vm_host_device disk = { sizeof disk, "disk", "0000:01:00.0", 12 };
static const kata_vm_host_device card = { sizeof card, "card", "10000:af:1f.7", 4 };
static const kata_vm_host_device *const both[] = { &disk, &card, NULL };

static kata_vm_plan
base (void)
{
  return (kata_vm_plan){ .size = sizeof (kata_vm_plan),
                         .id = "golden",
                         .dir = "/run/kata/golden",
                         .arch = "x86_64",
                         .accel = KATA_ACCEL_KVM,
                         .vcpus = 1,
                         .memory_mib = 256,
                         .kernel = "/usr/share/kata/vmlinuz",
                         .initrd = "/usr/share/kata/initrd.img",
                         .cmdline = "quiet",
                         .agent_kind = KATA_AGENT_SERIAL,
                         .agent_serial_ports = 1,
                         .host_devices = both };
}

static int
qemu_words (char **text, const kata_vm_plan *plan, kata_error **err)
{
  const kata_qemu_context context = { .program = "qemu", .version = { 7, 2, 0 }, .vhost_fd = 3, .nic_fd = 4 };
  g_auto (GStrv) argv = NULL;
  int code = kata_qemu__argv (&argv, plan, &context, err);
  g_autofree char *joined = code == 0 ? g_strjoinv ("\n", argv) : NULL;
  if (code == 0)
    *text = g_strconcat (joined, "\n", NULL);
  return code;
}

static void
qemu_golden (const char *file, const kata_vm_plan *plan)
{
  g_autoptr (kata_error) error = NULL;
  g_autofree char *text = NULL;
  ck_assert_msg (qemu_words (&text, plan, &error) == 0, "%s", kata_error_get_message (error));
  golden_compare (file, text);
}

static void
qemu_refused (const kata_vm_plan *plan, int code, const char *part)
{
  g_autoptr (kata_error) error = NULL;
  g_autofree char *text = NULL;
  ck_assert_int_eq (qemu_words (&text, plan, &error), code);
  ck_assert_msg (strstr (kata_error_get_message (error), part) != NULL, "%s", kata_error_get_message (error));
}

START_TEST (qemu)
{
  kata_vm_plan plan = base ();
  qemu_golden ("qemu-root.txt", &plan);
  plan.host_bus = KATA_DEVICE_BUS_SWITCH;
  plan.host_switch_ports = 3;
  qemu_golden ("qemu-switch.txt", &plan);
  plan.arch = "aarch64";
  plan.host_bus = KATA_DEVICE_BUS_ROOT;
  plan.host_switch_ports = 0;
  qemu_golden ("qemu-aarch64.txt", &plan);
  plan.arch = "x86_64";
  plan.machine_type = "microvm";
  qemu_refused (&plan, KATA_E_UNSUPPORTED, "hypervisor.qemu.machine_type");
}
END_TEST

/* Empty ports for those that come later. */
START_TEST (qemu_later)
{
  kata_vm_plan plan = base ();
  plan.host_devices = NULL;
  plan.host_ports = 2;
  qemu_golden ("qemu-later.txt", &plan);
  plan.host_devices = both;
  plan.host_bus = plan.host_late_bus = KATA_DEVICE_BUS_SWITCH;
  plan.host_switch_ports = 4;
  qemu_golden ("qemu-later-switch.txt", &plan);
  plan.host_bus = KATA_DEVICE_BUS_ROOT;
  plan.host_ports = 9;
  qemu_refused (&plan, KATA_E_LIMIT, "pcie_root_port");
  plan.host_devices = NULL;
  plan.host_ports = 1;
  plan.machine_type = "microvm";
  qemu_refused (&plan, KATA_E_UNSUPPORTED, "hypervisor.qemu.machine_type");
}
END_TEST

/* What is said of one that comes, and the state that somebody changed. */
START_TEST (late)
{
  char *text = NULL;
  kata_vm_host_device device = card;
  device.port = 8;
  ck_assert_int_eq (kata_qemu__host_arguments (&text, &device, NULL), 0);
  ck_assert_str_eq (text,
                    "{\"driver\":\"vfio-pci\",\"id\":\"host-late8\",\"bus\":\"host-late-port8\",\"host\":\"10000:af:"
                    "1f.7\"}");
  g_free (text);
  ck_assert_int_eq (kata_clh__late_host_config (&text, &device, NULL), 0);
  g_autoptr (JsonNode) root = json_from_string (text, NULL);
  g_autofree char *complaint = schema_complaint (clh_schema, "DeviceConfig", root);
  ck_assert_msg (complaint == NULL, "%s", complaint);
  ck_assert_str_eq (text, "{\"id\":\"host-late8\",\"path\":\"/sys/bus/pci/devices/10000:af:1f.7\"}");
  g_free (text);
  static const uint64_t ports[] = { 0, 9, UINT32_MAX + UINT64_C (2), UINT64_MAX };
  for (size_t i = 0; i < G_N_ELEMENTS (ports); i++) {
    device.port = ports[i];
    ck_assert_int_eq (kata_qemu__host_arguments (&text, &device, NULL), KATA_E_INVALID);
    ck_assert_int_eq (kata_clh__late_host_config (&text, &device, NULL), KATA_E_INVALID);
  }
  device.port = 1;
  device.address = "0000:01:00.0\",\"x\":\"";
  ck_assert_int_eq (kata_qemu__host_arguments (&text, &device, NULL), KATA_E_INVALID);
  ck_assert_int_eq (kata_clh__late_host_config (&text, &device, NULL), KATA_E_INVALID);
}
END_TEST

/* A plan from a file that somebody changed. */
START_TEST (wrong)
{
  kata_vm_host_device bad = disk;
  const kata_vm_host_device *const list[] = { &bad, NULL }, *many[10] = { NULL };
  static const char *const addresses[] = { "0000:01:00.0,x-balloon-allowed=on", "01:00.0", "0000:AF:00.0", "", NULL };
  kata_vm_plan plan = base ();
  plan.host_devices = list;
  for (size_t i = 0; i < G_N_ELEMENTS (addresses); i++) {
    bad.address = addresses[i];
    qemu_refused (&plan, KATA_E_INVALID, "its id must be");
    g_autofree char *json = NULL;
    plan.agent_kind = KATA_AGENT_HYBRID;
    ck_assert_int_eq (kata_clh__vm_config (&json, &plan, NULL), KATA_E_INVALID);
    plan.agent_kind = KATA_AGENT_SERIAL;
  }
  for (size_t i = 0; i < 9; i++)
    many[i] = &disk;
  plan.host_devices = many;
  qemu_refused (&plan, KATA_E_LIMIT, "at most 8 devices");
}
END_TEST

static void
clh_golden (const char *file, const kata_vm_plan *plan)
{
  g_autoptr (kata_error) error = NULL;
  g_autofree char *json = NULL;
  ck_assert_msg (kata_clh__vm_config (&json, plan, &error) == 0, "%s", kata_error_get_message (error));
  g_autoptr (JsonNode) root = json_from_string (json, NULL);
  g_autofree char *complaint = schema_complaint (clh_schema, "VmConfig", root);
  ck_assert_msg (complaint == NULL, "%s", complaint);
  g_autofree char *pretty = json_to_string (root, TRUE);
  g_autofree char *lines = g_strconcat (pretty, "\n", NULL);
  golden_compare (file, lines);
}

START_TEST (clh)
{
  kata_vm_plan plan = base ();
  plan.agent_kind = KATA_AGENT_HYBRID;
  plan.disk_ports = 4;
  clh_golden ("clh.json", &plan);
  plan.host_ports = 8; /* nobody knows their groups yet */
  clh_golden ("clh-later.json", &plan);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("backend/host-device");
  TCase *tcase = tcase_create ("host-device");
  tcase_add_test (tcase, qemu);
  tcase_add_test (tcase, qemu_later);
  tcase_add_test (tcase, late);
  tcase_add_test (tcase, wrong);
  tcase_add_test (tcase, clh);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_ENV);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? 0 : 1;
}
