/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-device: devices of the host that come to a running guest and go from it, on a host made of files: failures and kills leave what the next mends. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

#define SWITCHED_ON "hot_plug_vfio = \"root-port\"\nconfine_waive = [\"landlock\"]\n"
#define ROOMY       SWITCHED_ON "pcie_root_port = 4\n"
#define NVME        "0000:01:00.0" /* alone in group 12 */
#define SOUND       "0000:02:00.0" /* with the next, and a bridge, in group 13 */
#define CARD        "0000:02:00.1"
#define BRIDGE      "0000:00:01.0"
#define TAKEN       "0000:03:00.0" /* by a driver of the host's; group 14 */

static char *
on_host (const char *dir, const char *path)
{
  char *full = g_strconcat (dir, "/host", path, NULL);
  g_autofree char *parent = g_path_get_dirname (full);
  ck_assert_int_eq (g_mkdir_with_parents (parent, 0700), 0);
  return full;
}

static void
put (const char *path, const char *text)
{
  g_autofree char *full = on_host (life->dir, path);
  ck_assert (g_file_set_contents (full, text, -1, NULL));
}

static void
point (const char *path, const char *target)
{
  g_autofree char *full = on_host (life->dir, path);
  ck_assert_int_eq (symlink (target, full), 0);
}

static void
function (const char *address, const char *class, const char *driver, const char *group)
{
  g_autofree char *dir = g_strconcat ("/sys/bus/pci/devices/", address, NULL);
  g_autofree char *kind = g_strconcat (dir, "/class", NULL), *link = g_strconcat (dir, "/driver", NULL);
  g_autofree char *where = g_strconcat (dir, "/iommu_group", NULL);
  g_autofree char *drivers = g_strconcat ("../../../../bus/pci/drivers/", driver, NULL);
  g_autofree char *groups = g_strconcat ("../../../../kernel/iommu_groups/", group, NULL);
  g_autofree char *member = g_strdup_printf ("/sys/kernel/iommu_groups/%s/devices/%s", group, address);
  g_autofree char *file = g_strconcat ("/dev/vfio/", group, NULL);
  put (kind, class);
  point (link, drivers);
  point (where, groups);
  point (member, "x");
  put (file, "");
}

static void
make_host (void)
{
  put ("/dev/vfio/vfio", "");
  function (NVME, "0x010802\n", "vfio-pci", "12");
  function (SOUND, "0x040300\n", "vfio-pci", "13");
  function (CARD, "0x020000\n", "vfio-pci", "13");
  function (BRIDGE, "0x060400\n", "pcieport", "13");
  function (TAKEN, "0x010802\n", "nvme", "14");
}

static void
look_there (void)
{
  g_autofree char *root = g_build_filename (life->dir, "host", NULL);
  runtime->host_root = g_intern_string (root);
}

static void
configure (const char *settings)
{
  fixture_configure (settings);
  look_there ();
}

static void
setup (void)
{
  fixture_setup ();
  make_host ();
  configure (ROOMY);
}

static bool
over_clh (void)
{
  const char *fake = g_getenv ("KATA_TESTS_FAKE");
  return fake != NULL && g_str_has_prefix (fake, "clh:");
}

static int
add_as (kata_sandbox *sandbox, const char *id, const char *address, kata_error **err)
{
  const kata_host_device device = { sizeof device, id, address, 0 };
  return kata_sandbox_add_host_device (sandbox, &device, LIFE_MS, err);
}

static int
add (kata_sandbox *sandbox, const char *address, kata_error **err)
{
  return add_as (sandbox, NULL, address, err);
}

static int
take_out (kata_sandbox *sandbox, const char *id, kata_error **err)
{
  return kata_sandbox_remove_host_device (sandbox, id, LIFE_MS, err);
}

static bool
has (kata_sandbox *sandbox, const char *address)
{
  char *json = NULL;
  g_autofree char *text = g_strdup_printf ("\"address\": \"%s\"", address);
  ck_assert_int_eq (kata_sandbox_inspect (&json, sandbox, NULL), 0);
  bool found = strstr (json, text) != NULL;
  kata_free (json);
  return found;
}

START_TEST (come_and_gone)
{
  static const char *const names[] = { "0000-01-00-0", NVME, "01:00.0", "/dev/vfio/12" };
  kata_error *error = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s"), *again = NULL;
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
    ck_ok (add (sandbox, i % 2 == 0 ? NVME : "/dev/vfio/12", &error), error);
    ck_assert (has (sandbox, NVME));
    ck_ok (kata_sandbox_open (&again, runtime, "s", &error), error); /* as another process would */
    fixture_refused (add (again, NVME, &error), KATA_E_EXISTS, NVME, &error);
    fixture_refused (add_as (again, "0000-01-00-0", CARD, &error), KATA_E_EXISTS, "0000-01-00-0", &error);
    ck_ok (take_out (again, names[i], &error), error);
    ck_assert (!has (sandbox, NVME));
    fixture_refused (take_out (sandbox, names[i], &error), KATA_E_NOT_FOUND, names[i], &error);
    kata_sandbox_unrefp (&again);
  }
  fixture_end (sandbox);
}
END_TEST

/* Of a group all functions come but bridges, and go. */
START_TEST (a_group)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  ck_ok (add (sandbox, "/dev/vfio/13", &error), error);
  ck_assert (has (sandbox, SOUND) && has (sandbox, CARD) && !has (sandbox, BRIDGE));
  ck_ok (take_out (sandbox, "/dev/vfio/13", &error), error);
  ck_assert (!has (sandbox, SOUND) && !has (sandbox, CARD));
  ck_ok (add_as (sandbox, "card", CARD, &error), error);
  fixture_refused (add (sandbox, "/dev/vfio/13", &error), KATA_E_EXISTS, CARD, &error);
  ck_assert (!has (sandbox, SOUND) && has (sandbox, CARD)); /* all or nothing */
  ck_ok (take_out (sandbox, "card", &error), error);
  fixture_end (sandbox);
}
END_TEST

START_TEST (more_than_places)
{
  kata_error *error = NULL;
  configure (SWITCHED_ON "pcie_root_port = 2\n");
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  ck_ok (add (sandbox, NVME, &error), error);
  fixture_refused (add (sandbox, "/dev/vfio/13", &error), KATA_E_LIMIT, "raise pcie_root_port", &error);
  ck_assert (!has (sandbox, SOUND) && !has (sandbox, CARD));
  ck_ok (add (sandbox, CARD, &error), error);
  ck_ok (take_out (sandbox, NVME, &error), error);
  ck_ok (add (sandbox, SOUND, &error), error);
  fixture_end (sandbox);
}
END_TEST

START_TEST (mistakes)
{
  static const struct {
    const char *id, *address;
    int code;
    const char *text;
  } rows[] = {
    { NULL, "nvme0", KATA_E_INVALID, "no PCI address" },
    { NULL, "", KATA_E_INVALID, "no PCI address" },
    { NULL, "0000:01:00.0,x-a=b", KATA_E_INVALID, "no PCI address" },
    { "A", NVME, KATA_E_INVALID, "none of a-z" },
    { "kata-x", NVME, KATA_E_INVALID, "libkata's own" },
    { NULL, "/sys/bus/mdev/devices/6e0b0a1e-0d7a-4d3a-9c0f-000000000000", KATA_E_UNSUPPORTED, "mediated device" },
    { NULL, "0000:7f:00.0", KATA_E_NOT_FOUND, "no such PCI function" },
    { NULL, "/dev/vfio/99", KATA_E_NOT_FOUND, "no PCI function in IOMMU group 99" },
    { NULL, BRIDGE, KATA_E_INVALID, "is a bridge" },
    { NULL, TAKEN, KATA_E_HOST, "is bound to nvme, not to vfio-pci" },
  };
  kata_error *error = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  const kata_host_device device = { sizeof device, NULL, NVME, 0 }, small = { 16, NULL, NVME, 0 },
                         flags = { sizeof flags, NULL, NVME, 1 }, none = { sizeof none, NULL, NULL, 0 };
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    fixture_refused (add_as (sandbox, rows[i].id, rows[i].address, &error), rows[i].code, rows[i].text, &error);
  const kata_host_device *const bad[] = { &small, &flags, &none, NULL };
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    ck_assert_int_eq (kata_sandbox_add_host_device (sandbox, bad[i], LIFE_MS, NULL), KATA_E_INVALID);
  ck_assert_int_eq (kata_sandbox_add_host_device (NULL, &device, LIFE_MS, NULL), KATA_E_INVALID);
  ck_assert_int_eq (kata_sandbox_add_host_device (sandbox, &device, -7, NULL), KATA_E_INVALID);
  ck_assert_int_eq (kata_sandbox_remove_host_device (sandbox, NULL, LIFE_MS, NULL), KATA_E_INVALID);
  ck_assert_int_eq (kata_sandbox_remove_host_device (sandbox, NVME, -7, NULL), KATA_E_INVALID);
  ck_assert_int_eq (kata_sandbox_remove_host_device (sandbox, "", LIFE_MS, NULL), KATA_E_NOT_FOUND);
  ck_assert (!has (sandbox, NVME));
  ck_ok (kata_sandbox_pause (sandbox, LIFE_MS, &error), error);
  fixture_refused (add (sandbox, NVME, &error), KATA_E_STATE, "paused", &error);
  ck_ok (kata_sandbox_resume (sandbox, LIFE_MS, &error), error);
  fixture_end (sandbox);
  sandbox = fixture_sandbox ();
  fixture_refused (add (sandbox, NVME, &error), KATA_E_STATE, "created", &error);
  fixture_end (sandbox);
}
END_TEST

START_TEST (no_places)
{
  kata_error *error = NULL;
  configure ("");
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  fixture_refused (add (sandbox, NVME, &error), KATA_E_UNSUPPORTED, "set hot_plug_vfio", &error);
  fixture_end (sandbox);
}
END_TEST

/* ---- failures and kills ---- */

static int
add_group (kata_sandbox *sandbox, kata_error **err)
{
  return add (sandbox, "/dev/vfio/13", err);
}

static int
take_out_group (kata_sandbox *sandbox, kata_error **err)
{
  return take_out (sandbox, "/dev/vfio/13", err);
}

static void
see_group (kata_sandbox *sandbox, bool there, const char *point)
{
  ck_assert_msg (has (sandbox, SOUND) == there && has (sandbox, CARD) == there, "after \"%s\"", point);
}

static int
add_nvme (kata_sandbox *sandbox, kata_error **err)
{
  return add (sandbox, NVME, err);
}

static int
take_out_nvme (kata_sandbox *sandbox, kata_error **err)
{
  return take_out (sandbox, NVME, err);
}

static const struct fixture_thing a_whole_group = { add_group, take_out_group, see_group },
                                  one = { add_nvme, take_out_nvme, NULL };

START_TEST (every_point_fails)
{
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  int points = fixture_thing_fail_each (&a_whole_group, sandbox);
  printf ("device: %d points of coming and going, each failed once, the next call mended it\n", points);
  ck_assert_int_ge (points, 12);
  fixture_end (sandbox);
}
END_TEST

/* In the child. */
static int
live_running (kata_sandbox **sandbox)
{
  look_there ();
  return fixture_live_running (sandbox);
}

static int
live_go (kata_sandbox **sandbox)
{
  return fixture_thing_go (&one, *sandbox);
}

static void
mend (const char *point)
{
  fixture_thing_mend (&one, point);
}

START_TEST (killed_at_every_point)
{
  int points = fixture_kill_each ("test-device", NULL, 0, mend);
  printf ("device: SIGKILL at each of %d points, mended and recovered\n", points);
  ck_assert_int_ge (points, 6);
}
END_TEST

/* ---- containers ---- */

static int
contain (kata_container **out, kata_sandbox *sandbox, const char *id, const char *path, kata_error **err)
{
  kata_container_options options = KATA_CONTAINER_OPTIONS_INIT;
  g_autofree char *json = g_strdup_printf (
      "{\"ociVersion\":\"1.0.2\",\"process\":{\"args\":[\"sleep\",\"100\"],\"cwd\":\"/\"},\"root\":{\"path\":\"%s\"},"
      "\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"}],\"linux\":{\"devices\":[{"
      "\"path\":\"%s\",\"type\":\"c\",\"major\":243,\"minor\":1},{\"path\":\"/dev/vfio/vfio\",\"type\":\"c\",\"major\":"
      "10,\"minor\":196}]}}",
      life->rootfs, path);
  options.id = id;
  options.config_json = json;
  return kata_container_create (out, sandbox, &options, LIFE_MS, err);
}

static void
discard (kata_container **container)
{
  kata_error *error = NULL;
  ck_ok (kata_container_delete (*container, KATA_DELETE_FORCE, LIFE_MS, &error), error);
  kata_container_unrefp (container);
}

START_TEST (last_container_takes_it_out)
{
  kata_error *error = NULL;
  kata_container *one = NULL, *two = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  ck_ok (contain (&one, sandbox, "one", "/dev/vfio/13", &error), error);
  ck_assert (has (sandbox, SOUND) && has (sandbox, CARD) && !has (sandbox, NVME));
  fixture_refused (take_out (sandbox, CARD, &error), KATA_E_BUSY, "container \"one\"", &error);
  ck_ok (contain (&two, sandbox, "two", "/dev/vfio/13", &error), error);
  discard (&one);
  ck_assert (has (sandbox, SOUND) && has (sandbox, CARD));
  discard (&two);
  ck_assert (!has (sandbox, SOUND) && !has (sandbox, CARD));
  fixture_refused (contain (&one, sandbox, "one", "/dev/vfio/14", &error), KATA_E_HOST, "bound to nvme", &error);
  fixture_end (sandbox);
}
END_TEST

/* What the caller has added outlives the containers that use it. */
START_TEST (not_the_containers)
{
  kata_error *error = NULL;
  kata_container *one = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  ck_ok (add_as (sandbox, "disk", NVME, &error), error);
  ck_ok (contain (&one, sandbox, "one", "/dev/vfio/12", &error), error);
  fixture_refused (take_out (sandbox, "disk", &error), KATA_E_BUSY, "container \"one\"", &error);
  discard (&one);
  ck_assert (has (sandbox, NVME));
  ck_ok (take_out (sandbox, "disk", &error), error);
  fixture_end (sandbox);
}
END_TEST

START_TEST (no_places_for_containers)
{
  kata_error *error = NULL;
  kata_container *one = NULL;
  configure ("");
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  fixture_refused (contain (&one, sandbox, "one", "/dev/vfio/12", &error), KATA_E_UNSUPPORTED, "hot_plug_vfio", &error);
  fixture_end (sandbox);
}
END_TEST

/* A container that does not come to be leaves no device behind. */
START_TEST (creates_fail)
{
  kata_error *error = NULL;
  kata_container *one = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  struct life_fault fault = { 0 }; /* the runtime keeps it */
  int n = 1;
  life_fault (runtime, &fault);
  for (bool struck = true; struck; n++) {
    fault = (struct life_fault){ .at = n, .code = KATA_E_NO_MEMORY };
    int r = contain (&one, sandbox, "one", "/dev/vfio/12", &error);
    struck = fault.name[0] != '\0';
    fault.at = 0;
    ck_assert_msg (r == (struck ? KATA_E_NO_MEMORY : 0), "at \"%s\": %d", fault.name, r);
    kata_error_unrefp (&error);
    ck_assert_msg (has (sandbox, NVME) == !struck, "after \"%s\"", fault.name);
  }
  discard (&one);
  ck_assert (!has (sandbox, NVME));
  ck_assert_int_ge (n, 8);
  fixture_end (sandbox);
}
END_TEST

/* ---- a VMM that does it badly, a guest that does not let go ---- */

START_TEST (refused_by_the_machine)
{
  static const char *const hows[] = { "refuse", "junk", "hang-up", "deep", "long" };
  kata_error *error = NULL;
  fixture_misbehave ("vm.add-device", hows[_i]);
  configure (ROOMY);
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  bed_failed (add (sandbox, NVME, &error), &error, hows[_i]);
  ck_assert (!has (sandbox, NVME));
  fixture_refused (take_out (sandbox, NVME, &error), KATA_E_NOT_FOUND, NVME, &error);
  fixture_end (sandbox);
}
END_TEST

/* Twice in vain. On a machine that stands still the time may be over before the guest was asked. */
static void
remove_in_vain (kata_sandbox *sandbox)
{
  for (int asked = 0, i = 0; asked < 2; i++) {
    kata_error *error = NULL;
    int r = kata_sandbox_remove_host_device (sandbox, NVME, 300, &error);
    asked += r != 0 && strstr (kata_error_get_message (error), "did not let go") != NULL;
    ck_assert_msg (r == KATA_E_TIMEOUT && i < 20, "%d %s", r, error != NULL ? kata_error_get_message (error) : "");
    kata_error_unref (error);
  }
}

START_TEST (guest_does_not_let_go)
{
  kata_error *error = NULL;
  kata_container *container = NULL;
  fixture_misbehave ("eject", "hang");
  configure (ROOMY);
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  ck_ok (add (sandbox, NVME, &error), error);
  remove_in_vain (sandbox);
  ck_assert (!has (sandbox, NVME));
  const kata_host_device same = { sizeof same, NULL, NVME, 0 };
  fixture_refused (kata_sandbox_add_host_device (sandbox, &same, 300, &error), KATA_E_BUSY, "let go", &error);
  ck_assert_int_ne (contain (&container, sandbox, "c", "/dev/vfio/12", &error), 0);
  kata_error_unrefp (&error);
  fixture_end (sandbox);
}
END_TEST

START_TEST (event_is_lost)
{
  kata_error *error = NULL;
  fixture_misbehave ("eject", "silent");
  configure (ROOMY);
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  ck_ok (add (sandbox, NVME, &error), error);
  ck_ok (take_out (sandbox, NVME, &error), error);
  fixture_end (sandbox);
}
END_TEST

/* Of a VMM that does not tell what it has nobody is told that a device is free. */
START_TEST (devices_are_not_told)
{
  kata_error *error = NULL;
  fixture_misbehave ("device_tree", "null");
  configure (ROOMY);
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  ck_ok (add (sandbox, NVME, &error), error);
  fixture_refused (take_out (sandbox, NVME, &error), KATA_E_PROTOCOL, "tells of no devices", &error);
  fixture_refused (add (sandbox, NVME, &error), KATA_E_BUSY, NVME, &error);
  fixture_end (sandbox);
}
END_TEST

static Suite *
make (void)
{
  Suite *suite = NULL;
  TCase *tcase = bed_case (&suite, "device", 120, setup, fixture_teardown);
  tcase_add_test (tcase, come_and_gone);
  tcase_add_test (tcase, a_group);
  tcase_add_test (tcase, more_than_places);
  tcase_add_test (tcase, mistakes);
  tcase_add_test (tcase, no_places);
  tcase_add_test (tcase, every_point_fails);
  tcase_add_test (tcase, killed_at_every_point);
  tcase_add_test (tcase, last_container_takes_it_out);
  tcase_add_test (tcase, not_the_containers);
  tcase_add_test (tcase, no_places_for_containers);
  tcase_add_test (tcase, creates_fail);
  if (over_clh ()) {
    tcase_add_loop_test (tcase, refused_by_the_machine, 0, 5);
    tcase_add_test (tcase, guest_does_not_let_go);
    tcase_add_test (tcase, event_is_lost);
    tcase_add_test (tcase, devices_are_not_told);
  }
  return suite;
}

int
main (int argc, char **argv)
{
  if (argc >= 4 && strcmp (argv[1], "live") == 0)
    return fixture_live (argv, live_running, live_go);
  return bed_run (make);
}
