/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices of the host in a plan: what is decided about them, and what is refused before anything starts. */
#include <check.h>
#include <stdlib.h>

#include "setup.h"

static struct setup s;
static const kata_host_device disk = { sizeof disk, NULL, "01:00.0", 0 };
static const kata_host_device card = { sizeof card, "card", "0000:AF:00.1", 0 };
static const kata_host_device *const both[] = { &disk, &card, NULL };
static const int64_t groups[] = { 12, -1 };

static void
begin (const char *toml)
{
  setup_init (&s, toml);
  kata_capabilities__grant (&s.caps, KATA_CAP_VFIO);
  s.options.host_devices = both;
  s.in.groups = groups;
}

static kata_plan *
made (void)
{
  kata_plan *plan = NULL;
  g_autoptr (kata_error) err = NULL;
  int rc = kata_plan__make (&plan, &s.in, &err);
  ck_assert_msg (rc == 0, "%s", err != NULL ? kata_error_get_message (err) : "");
  return plan;
}

static void
refused (int code, const char *key, const char *part)
{
  g_autoptr (kata_plan) plan = NULL;
  g_autoptr (kata_error) err = NULL;
  ck_assert_int_eq (kata_plan__make (&plan, &s.in, &err), code);
  ck_assert_str_eq (kata_error_get_key (err), key);
  ck_assert_msg (strstr (kata_error_get_message (err), part) != NULL, "%s", kata_error_get_message (err));
  setup_clear (&s);
}

START_TEST (taken)
{
  begin ("");
  g_autoptr (kata_plan) plan = made ();
  const kata_vm_host_device *const *devices = plan->vm.host_devices;
  ck_assert_str_eq (devices[0]->id, "0000-01-00-0");
  ck_assert_str_eq (devices[0]->address, "0000:01:00.0");
  ck_assert_int_eq (devices[0]->group, 12);
  ck_assert_str_eq (devices[1]->id, "card");
  ck_assert_str_eq (devices[1]->address, "0000:af:00.1");
  ck_assert_int_eq (devices[1]->group, -1);
  ck_assert_ptr_null (devices[2]);
  ck_assert_uint_eq (plan->vm.host_bus, KATA_DEVICE_BUS_ROOT);
  char *json = kata_plan__to_json (plan);
  ck_assert_ptr_nonnull (strstr (json, "\"address\": \"0000:af:00.1\""));
  kata_free (json);
  setup_clear (&s);
  begin ("");
  s.options.host_devices = NULL;
  g_autoptr (kata_plan) none = made ();
  ck_assert_ptr_null (none->vm.host_devices);
  setup_clear (&s);
}
END_TEST

START_TEST (ports)
{
  begin ("[hypervisor.qemu]\ncold_plug_vfio = \"switch-port\"\npcie_switch_port = 2\n");
  g_autoptr (kata_plan) plan = made ();
  ck_assert_uint_eq (plan->vm.host_bus, KATA_DEVICE_BUS_SWITCH);
  ck_assert_uint_eq (plan->vm.host_switch_ports, 2);
  setup_clear (&s);
  begin ("[hypervisor.qemu]\ncold_plug_vfio = \"switch-port\"\npcie_switch_port = 1\n");
  refused (KATA_E_LIMIT, "hypervisor.qemu.pcie_switch_port", "2 devices");
  begin ("[hypervisor.qemu]\ncold_plug_vfio = \"no-port\"\n");
  refused (KATA_E_CONFIG, "hypervisor.qemu.cold_plug_vfio", "set \"root-port\"");
  begin ("[hypervisor.qemu]\ncold_plug_vfio = \"bridge-port\"\n");
  refused (KATA_E_UNSUPPORTED, "hypervisor.qemu.cold_plug_vfio", "has no \"bridge-port\"");
  begin ("[hypervisor.clh]\ncold_plug_vfio = \"switch-port\"\n");
  s.in.hypervisor = "clh";
  kata_capabilities__grant (&s.caps, KATA_CAP_VSOCK_HYBRID);
  refused (KATA_E_UNSUPPORTED, "hypervisor.clh.cold_plug_vfio", "clh has no \"switch-port\"");
  /* Without devices the key asks for nothing. */
  begin ("[hypervisor.qemu]\ncold_plug_vfio = \"no-port\"\n");
  s.options.host_devices = NULL;
  g_autoptr (kata_plan) none = made ();
  ck_assert_ptr_null (none->vm.host_devices);
  setup_clear (&s);
}
END_TEST

/* A balloon that reports free pages gives away what the device still writes to. */
START_TEST (memory)
{
  begin ("[hypervisor.qemu]\nreclaim_guest_freed_memory = true\n");
  g_autoptr (kata_plan) plan = made ();
  ck_assert_int_eq (plan->vm.memory_reporting, 0);
  ck_assert_ptr_nonnull (plan->warnings);
  ck_assert_ptr_nonnull (strstr (plan->warnings[0], "hypervisor.qemu.reclaim_guest_freed_memory"));
  setup_clear (&s);
  begin ("[hypervisor.qemu]\nreclaim_guest_freed_memory = true\n");
  s.options.host_devices = NULL;
  g_autoptr (kata_plan) none = made ();
  ck_assert_int_eq (none->vm.memory_reporting, 1);
  setup_clear (&s);
}
END_TEST

START_TEST (modes)
{
  begin ("[runtime]\nvfio_mode = \"vfio\"\n");
  refused (KATA_E_UNSUPPORTED, "runtime.vfio_mode", "guest-kernel");
  begin ("[runtime]\nvfio_mode = \"vfio\"\n");
  s.options.host_devices = NULL;
  g_autoptr (kata_plan) none = made ();
  ck_assert_ptr_null (none->vm.host_devices);
  setup_clear (&s);
}
END_TEST

/* Whoever reads an id knows whose it is, also of the longest address that there is. */
START_TEST (ids)
{
  static const struct {
    const char *address, *id, *container;
  } rows[] = { { "01:00.0", "0000-01-00-0", "kata-0000-01-00-0" },
               { "10000:e1:00.7", "10000-e1-00-7", "kata-10000-e1-00-7" },
               { "ffffffff:ff:1f.7", "ffffffff-ff-1f-7", "kata-ffffffffff1f7" } };
  g_autoptr (kata_arena) arena = kata_arena__new ();
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
    const kata_host_device wanted = { sizeof wanted, NULL, rows[i].address, 0 };
    kata_vm_host_device *plain = NULL, *ours = NULL;
    ck_assert_int_eq (kata_plan__late_host_device (&plain, arena, &wanted, 7, false, NULL), 0);
    ck_assert_int_eq (kata_plan__late_host_device (&ours, arena, &wanted, 7, true, NULL), 0);
    ck_assert_str_eq (plain->id, rows[i].id);
    ck_assert_str_eq (ours->id, rows[i].container);
    ck_assert (kata_plan__is_container_host (ours) && !kata_plan__is_container_host (plain));
  }
}
END_TEST

static kata_plan *
later (const char *hypervisor, bool devices, const char *toml)
{
  begin (toml);
  s.in.hypervisor = hypervisor;
  s.options.host_devices = devices ? both : NULL;
  kata_capabilities__grant (&s.caps, KATA_CAP_VFIO_HOTPLUG);
  kata_capabilities__grant (&s.caps, KATA_CAP_VSOCK_HYBRID);
  return made ();
}

/* Places for those that come later. */
START_TEST (later_places)
{
  static const struct {
    const char *hypervisor, *toml;
    bool devices;
    uint64_t ports, bus;
  } rows[] = {
    { "qemu", "", true, 0, KATA_DEVICE_BUS_ROOT },
    { "qemu", "[hypervisor.qemu]\nhot_plug_vfio = \"no-port\"\n", false, 0, KATA_DEVICE_BUS_ROOT },
    { "qemu", "[hypervisor.qemu]\nhot_plug_vfio = \"root-port\"\n", false, 1, KATA_DEVICE_BUS_ROOT },
    { "qemu", "[hypervisor.qemu]\nhot_plug_vfio = \"root-port\"\npcie_root_port = 3\n", true, 3, KATA_DEVICE_BUS_ROOT },
    { "qemu", "[hypervisor.qemu]\nhot_plug_vfio = \"root-port\"\npcie_root_port = 8\n", true, 6, KATA_DEVICE_BUS_ROOT },
    { "qemu", "[hypervisor.qemu]\nhot_plug_vfio = \"switch-port\"\n", true, 1, KATA_DEVICE_BUS_SWITCH },
    { "qemu", "[hypervisor.qemu]\nhot_plug_vfio = \"switch-port\"\npcie_switch_port = 4\n", true, 4,
      KATA_DEVICE_BUS_SWITCH },
    { "qemu",
      "[hypervisor.qemu]\nhot_plug_vfio = \"switch-port\"\ncold_plug_vfio = \"switch-port\"\npcie_switch_port = 4\n",
      true, 2, KATA_DEVICE_BUS_SWITCH },
    { "clh", "[hypervisor.clh]\nhot_plug_vfio = \"root-port\"\n", false, 8, KATA_DEVICE_BUS_ROOT },
    { "clh", "[hypervisor.clh]\nhot_plug_vfio = \"root-port\"\npcie_root_port = 2\n", true, 2, KATA_DEVICE_BUS_ROOT },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (kata_plan) plan = later (rows[i].hypervisor, rows[i].devices, rows[i].toml);
    ck_assert_msg (plan->vm.host_ports == rows[i].ports, "row %zu: %d", i, (int) plan->vm.host_ports);
    ck_assert_msg (plan->vm.host_late_bus == rows[i].bus, "row %zu", i);
    setup_clear (&s);
  }
}
END_TEST

static void
without_places (const char *hypervisor, const char *toml, const char *warning)
{
  begin (toml);
  s.in.hypervisor = hypervisor;
  s.options.host_devices = NULL;
  kata_capabilities__grant (&s.caps, KATA_CAP_VFIO_HOTPLUG);
  kata_capabilities__grant (&s.caps, KATA_CAP_VSOCK_HYBRID);
  if (strcmp (hypervisor, "clh") == 0)
    kata_capabilities__lack (&s.caps, KATA_CAP_VFIO, "no vfio");
  if (strstr (warning, "no ports") != NULL)
    kata_capabilities__lack (&s.caps, KATA_CAP_VFIO_HOTPLUG, "it has no ports");
  g_autoptr (kata_plan) plan = made ();
  ck_assert_uint_eq (plan->vm.host_ports, 0);
  g_autofree char *all = plan->warnings != NULL ? g_strjoinv ("\n", plan->warnings) : g_strdup ("");
  ck_assert_msg (strstr (all, warning) != NULL, "%s", all);
  setup_clear (&s);
}

/* Never passed over in silence. */
START_TEST (later_warnings)
{
  without_places ("qemu", "[hypervisor.qemu]\npcie_root_port = 2\n",
                  "pcie_root_port: does nothing without hot_plug_vfio");
  without_places ("qemu", "[hypervisor.qemu]\nhot_plug_vfio = \"root-port\"\n", "it has no ports");
  without_places ("qemu", "[hypervisor.qemu]\nhot_plug_vfio = \"root-port\"\n[runtime]\nvfio_mode = \"vfio\"\n",
                  "guest-kernel");
  without_places ("clh", "[hypervisor.clh]\nhot_plug_vfio = \"root-port\"\n", "hot_plug_vfio: has no effect");
  g_autoptr (kata_plan) plan =
      later ("qemu", false, "[hypervisor.qemu]\nhot_plug_vfio = \"root-port\"\nreclaim_guest_freed_memory = true\n");
  ck_assert_int_eq (plan->vm.memory_reporting, 0);
  ck_assert_ptr_nonnull (strstr (plan->warnings[0], "reclaim_guest_freed_memory"));
  setup_clear (&s);
  begin ("[hypervisor.clh]\nhot_plug_vfio = \"switch-port\"\n");
  s.in.hypervisor = "clh";
  s.options.host_devices = NULL;
  kata_capabilities__grant (&s.caps, KATA_CAP_VSOCK_HYBRID);
  refused (KATA_E_UNSUPPORTED, "hypervisor.clh.hot_plug_vfio", "clh has no \"switch-port\"");
  begin ("[hypervisor.qemu]\nhot_plug_vfio = \"bridge-port\"\n");
  s.options.host_devices = NULL;
  refused (KATA_E_UNSUPPORTED, "hypervisor.qemu.hot_plug_vfio", "has no \"bridge-port\"");
}
END_TEST

START_TEST (refusals)
{
  static const kata_host_device bad = { sizeof bad, NULL, "0000:01:00.0,x", 0 },
                                odd = { sizeof odd, "A", "01:00.0", 0 }, ours = { sizeof ours, "kata-x", "01:00.0", 0 };
  static const kata_host_device mediated = { sizeof mediated, NULL, "/sys/bus/mdev/devices/6e0b0a1e", 0 };
  static const kata_host_device same = { sizeof same, "other", "0000:01:00.0", 0 };
  const kata_host_device *list[] = { &bad, NULL, NULL }, *many[10] = { NULL };
  begin ("");
  s.options.host_devices = list;
  refused (KATA_E_INVALID, "host_devices", "is no PCI address");
  list[0] = &ours;
  begin ("");
  s.options.host_devices = list;
  refused (KATA_E_INVALID, "host_devices", "libkata's own");
  list[0] = &mediated;
  begin ("");
  s.options.host_devices = list;
  refused (KATA_E_UNSUPPORTED, "host_devices", "mediated device");
  list[0] = &odd;
  begin ("");
  s.options.host_devices = list;
  refused (KATA_E_INVALID, "host_devices", "none of a-z");
  list[0] = &disk;
  list[1] = &same;
  begin ("");
  s.options.host_devices = list;
  refused (KATA_E_INVALID, "host_devices", "is there twice");
  for (size_t i = 0; i < 9; i++)
    many[i] = &disk;
  begin ("");
  s.options.host_devices = many;
  refused (KATA_E_LIMIT, "host_devices", "more than 8");
  begin ("");
  kata_capabilities__lack (&s.caps, KATA_CAP_VFIO, "it has no PCI");
  refused (KATA_E_UNSUPPORTED, "host_devices", "qemu cannot give a guest devices of the host: it has no PCI");
}
END_TEST

static int
container (kata_container_plan **out, const kata_plan *plan, const char *devices, kata_error **err)
{
  g_autoptr (kata_oci_spec) spec = NULL;
  g_autofree char *text = g_strdup_printf ("{\"ociVersion\":\"1.2.0\",\"process\":{\"args\":[\"a\"],\"cwd\":\"/\"},"
                                           "\"root\":{\"path\":\"/rootfs\"},\"linux\":{\"devices\":[%s]}}",
                                           devices);
  ck_assert_int_eq (kata_oci_spec__parse (&spec, text, strlen (text), NULL), 0);
  return kata_container_plan__make (out, plan, spec, NULL, NULL, "c1", err);
}

#define DEVICE(path) "{\"path\":\"" path "\",\"type\":\"c\",\"major\":243,\"minor\":1}"

/* The guest's own drivers have the devices: what an engine wants a container to have of VFIO stays here. */
START_TEST (files)
{
  g_autoptr (kata_container_plan) c = NULL;
  g_autoptr (kata_error) err = NULL;
  begin ("");
  g_autoptr (kata_plan) plan = made ();
  ck_assert_int_eq (
      container (&c, plan,
                 DEVICE ("/dev/vfio/12") "," DEVICE ("/dev/vfio/vfio") ",{\"path\":\"/dev/fuse\",\"type\":"
                                                                       "\"c\",\"major\":10,\"minor\":229}",
                 &err),
      0);
  ck_assert_uint_eq (c->spec->linux_.n_devices, 1);
  ck_assert_str_eq (c->spec->linux_.devices[0].path, "/dev/fuse");
  g_autoptr (kata_container_plan) other = NULL;
  ck_assert_int_eq (container (&other, plan, DEVICE ("/dev/vfio/13"), &err), KATA_E_UNSUPPORTED);
  ck_assert_ptr_nonnull (strstr (kata_error_get_message (err), "are not in the virtual machine"));
  setup_clear (&s);
  begin ("");
  s.options.host_devices = NULL;
  g_autoptr (kata_plan) none = made ();
  ck_assert_int_eq (container (&other, none, DEVICE ("/dev/vfio/vfio"), NULL), KATA_E_UNSUPPORTED);
  setup_clear (&s);
}
END_TEST

/* Of groups that the machine does not have from its start, where it can get them. */
START_TEST (files_later)
{
  g_autoptr (kata_container_plan) c = NULL;
  g_autoptr (kata_plan) plan = later ("qemu", true, "[hypervisor.qemu]\nhot_plug_vfio = \"root-port\"\n");
  ck_assert_int_eq (container (&c, plan,
                               DEVICE ("/dev/vfio/12") "," DEVICE ("/dev/vfio/vfio") "," DEVICE (
                                   "/dev/vfio/13") "," DEVICE ("/dev/vfio/13"),
                               NULL),
                    0);
  ck_assert_uint_eq (c->spec->linux_.n_devices, 0);
  ck_assert_str_eq (c->host_groups[0], "/dev/vfio/13");
  ck_assert_ptr_null (c->host_groups[1]);
  setup_clear (&s);
}
END_TEST

START_TEST (confidential)
{
  begin ("[hypervisor.qemu]\nconfidential_guest = true\nfirmware = \"/f\"\nshared_fs = \"none\"\n");
  kata_capabilities__grant (&s.caps, KATA_CAP_KVM);
  kata_capabilities__grant (&s.caps, KATA_CAP_CONFIDENTIAL);
  refused (KATA_E_UNSUPPORTED, "host_devices", "confidential guests");
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("plan/host-device");
  TCase *tcase = tcase_create ("host-device");
  tcase_add_test (tcase, taken);
  tcase_add_test (tcase, ports);
  tcase_add_test (tcase, memory);
  tcase_add_test (tcase, modes);
  tcase_add_test (tcase, ids);
  tcase_add_test (tcase, later_places);
  tcase_add_test (tcase, later_warnings);
  tcase_add_test (tcase, refusals);
  tcase_add_test (tcase, files_later);
  tcase_add_test (tcase, files);
  tcase_add_test (tcase, confidential);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_ENV);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
