/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-block: block devices of the host that containers get: counted, and whatever fails or dies, none stays that nobody uses. */
#include <stdio.h>
#include <string.h>

#include "fixture.h"
#include "host/block.h"

/* Of this machine, any two that can be given away: the null hypervisor opens none. And one that cannot, if there is one. */
static struct device {
  unsigned major, minor;
  char *node, *disk;
} devices[2], kept;

static bool
find_devices (void)
{
  size_t n = 0;
  const char *name;
  g_autoptr (GDir) dir = g_dir_open ("/sys/dev/block", 0, NULL);
  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    struct device found = { 0 };
    if (sscanf (name, "%u:%u", &found.major, &found.minor) != 2 ||
        kata_block__node (&found.node, found.major, found.minor) != 0)
      continue;
    struct device *device = kata_block__try (found.node) != 0 ? &kept
                            : n < G_N_ELEMENTS (devices)      ? &devices[n++]
                                                              : NULL;
    if (device == NULL || device->node != NULL) {
      g_free (found.node);
      continue;
    }
    found.disk = g_strdup_printf ("kata-b-%u-%u", found.major, found.minor);
    *device = found;
  }
  return n == G_N_ELEMENTS (devices);
}

static void
setup (void)
{
  fixture_setup ();
  fixture_disk_guest ();
  fixture_configure ("");
}

static const char *access_word = "rwm"; /* of the rule about the first device */

/* A container with the first device in linux.devices, and the second, if @two, as a volume. @json: g_free(). */
static kata_container_options
container_options (char **json, const char *id, bool two)
{
  kata_container_options options = KATA_CONTAINER_OPTIONS_INIT;
  g_autofree char *volume =
      two ? g_strdup_printf (",{\"destination\":\"/volume\",\"type\":\"bind\",\"source\":\"%s\"}", devices[1].node)
          : g_strdup ("");
  *json = g_strdup_printf (
      "{\"ociVersion\":\"1.0.2\",\"process\":{\"args\":[\"sleep\",\"100\"],\"cwd\":\"/\"},\"root\":{\"path\":\"%s\"},"
      "\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"}%s],\"linux\":{\"devices\":[{"
      "\"path\":\"/dev/x\",\"type\":\"b\",\"major\":%u,\"minor\":%u}],\"resources\":{\"devices\":[{"
      "\"allow\":true,\"type\":\"b\",\"major\":%u,\"minor\":%u,\"access\":\"%s\"}]}}}",
      life->rootfs, volume, devices[0].major, devices[0].minor, devices[0].major, devices[0].minor, access_word);
  options.id = id;
  options.config_json = *json;
  return options;
}

static int
create (kata_container **out, kata_sandbox *sandbox, const char *id, bool two, kata_error **err)
{
  g_autofree char *json = NULL;
  const kata_container_options options = container_options (&json, id, two);
  return kata_container_create (out, sandbox, &options, LIFE_MS, err);
}

/* A sandbox that knows its first container, which has both; not started. @own: (nullable): a disk of its own. */
static int
know_first (kata_sandbox **out, const kata_disk *own, kata_error **err)
{
  g_autofree char *json = NULL;
  const kata_container_options first = container_options (&json, "a", true);
  const kata_disk *const own_disks[] = { own, NULL };
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  options.id = "s";
  options.disks = own_disks;
  options.first_container = &first;
  return kata_sandbox_create (out, runtime, &options, err);
}

static int
disks (kata_sandbox *sandbox)
{
  char *json = NULL;
  int n = 0;
  ck_assert_int_eq (kata_sandbox_inspect (&json, sandbox, NULL), 0);
  for (size_t i = 0; i < G_N_ELEMENTS (devices); i++) {
    g_autofree char *text = g_strdup_printf ("\"id\": \"%s\"", devices[i].disk);
    n += strstr (json, text) != NULL;
  }
  kata_free (json);
  return n;
}

static void
drop (kata_container **container)
{
  kata_error *error = NULL;
  ck_ok (kata_container_delete (*container, KATA_DELETE_FORCE, LIFE_MS, &error), error);
  *container = kata_container_unref (*container);
}

START_TEST (counted)
{
  kata_error *error = NULL;
  kata_container *a = NULL, *b = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s"), *again = NULL;
  ck_ok (create (&a, sandbox, "a", true, &error), error);
  ck_assert_int_eq (disks (sandbox), 2);
  ck_ok (create (&b, sandbox, "b", false, &error), error);
  ck_assert_int_eq (disks (sandbox), 2);
  ck_assert_int_eq (kata_sandbox_remove_disk (sandbox, devices[0].disk, LIFE_MS, &error), KATA_E_BUSY);
  kata_error_unrefp (&error);
  drop (&a);
  ck_assert_int_eq (disks (sandbox), 1);
  ck_ok (kata_sandbox_open (&again, runtime, "s", &error), error); /* as another process would */
  kata_container_unrefp (&b);
  ck_ok (kata_container_open (&b, again, "b", &error), error);
  drop (&b);
  ck_assert_int_eq (disks (sandbox), 0);
  kata_sandbox_unref (again);
  fixture_end (sandbox);
}
END_TEST

/* A disk that takes no writes is not made one that does while somebody has it. */
START_TEST (readonly_first)
{
  kata_error *error = NULL;
  kata_container *a = NULL, *b = NULL;
  if (kata_block__is_readonly (devices[0].major, devices[0].minor))
    return;
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  access_word = "r";
  ck_ok (create (&a, sandbox, "a", false, &error), error);
  access_word = "rwm";
  fixture_refused (create (&b, sandbox, "b", true, &error), KATA_E_BUSY, "takes no writes", &error);
  ck_assert_int_eq (disks (sandbox), 1); /* the first container's */
  drop (&a);
  ck_ok (create (&b, sandbox, "b", true, &error), error);
  drop (&b);
  fixture_end (sandbox);
}
END_TEST

START_TEST (not_ours_to_give)
{
  kata_error *error = NULL;
  kata_container *a = NULL;
  if (kept.node == NULL)
    return;
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  const struct device first = devices[0];
  devices[0] = kept; /* each test is a process of its own */
  kept = first;
  int r = create (&a, sandbox, "a", false, &error);
  const char *words = r == KATA_E_BUSY ? "the host uses it itself" : "open";
  ck_assert_int_lt (r, 0);
  ck_assert_msg (strstr (kata_error_get_message (error), words) != NULL, "%s", kata_error_get_message (error));
  kata_error_unrefp (&error);
  ck_assert_int_eq (disks (sandbox), 0);
  fixture_end (sandbox);
}
END_TEST

START_TEST (more_than_ports)
{
  kata_error *error = NULL;
  kata_container *a = NULL;
  fixture_configure ("disk_ports = 1");
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  ck_assert_int_eq (create (&a, sandbox, "a", true, &error), KATA_E_LIMIT);
  ck_assert_msg (strstr (kata_error_get_message (error), "block device \"/dev/") != NULL &&
                     strstr (kata_error_get_message (error), "disk_ports") != NULL,
                 "%s", kata_error_get_message (error));
  kata_error_unrefp (&error);
  ck_assert_int_eq (disks (sandbox), 0); /* the first of them too */
  ck_ok (create (&a, sandbox, "a", false, &error), error);
  drop (&a);
  fixture_end (sandbox);
}
END_TEST

START_TEST (no_ports)
{
  kata_error *error = NULL;
  kata_container *a = NULL;
  fixture_configure ("disk_ports = 0");
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  fixture_refused (create (&a, sandbox, "a", true, &error), KATA_E_UNSUPPORTED, "disk_ports", &error);
  fixture_end (sandbox);
}
END_TEST

/* Each point of a create fails once, and of a delete; nothing stays plugged in that nobody uses, and the next call succeeds. */
START_TEST (every_point_fails)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  struct life_fault fault = { 0 }; /* the runtime keeps it */
  int points = 0;
  bool struck = true;
  life_fault (runtime, &fault);
  for (int n = 1; struck; n++) {
    kata_container *a = NULL;
    fault = (struct life_fault){ .at = n, .code = KATA_E_NO_MEMORY };
    int r = create (&a, sandbox, "a", true, &error);
    struck = fault.name[0] != '\0';
    ck_assert_msg ((r != 0) == struck, "create at \"%s\": %d", fault.name, r);
    ck_assert_msg (!struck || strstr (kata_error_get_message (error), fault.name) != NULL, "%s at %s",
                   kata_error_get_message (error), fault.name);
    kata_error_unrefp (&error);
    fault.at = 0;
    ck_assert_msg (disks (sandbox) == (struck ? 0 : 2), "%d disks after \"%s\"", disks (sandbox), fault.name);
    if (struck)
      ck_ok (create (&a, sandbox, "a", true, &error), error);
    points += struck;
    fault = (struct life_fault){ .at = n, .code = KATA_E_NO_MEMORY };
    r = kata_container_delete (a, 0, LIFE_MS, &error);
    bool hit = fault.name[0] != '\0';
    kata_error_unrefp (&error);
    fault.at = 0;
    if (r != 0)
      r = kata_container_delete (a, 0, LIFE_MS, &error);
    ck_assert_msg (r == 0 || r == KATA_E_NOT_FOUND, "delete after \"%s\": %s", fault.name,
                   kata_error_get_message (error));
    kata_error_unrefp (&error);
    ck_assert_msg (disks (sandbox) == 0, "%d disks after a delete at \"%s\"", disks (sandbox), fault.name);
    struck = struck || hit;
    points += hit;
    kata_container_unref (a);
  }
  printf ("block: %d points of create and delete, each failed once\n", points);
  ck_assert_int_ge (points, 20);
  fixture_end (sandbox);
}
END_TEST

/* Where no disk can come later, the first container's are there; each time that it is made. */
START_TEST (from_the_start)
{
  kata_error *error = NULL;
  kata_container *a = NULL;
  kata_sandbox *sandbox = NULL;
  fixture_configure ("disk_ports = 0");
  ck_ok (know_first (&sandbox, NULL, &error), error);
  ck_assert_int_eq (disks (sandbox), 2);
  ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
  for (int i = 0; i < 2; i++) {
    ck_ok (create (&a, sandbox, "a", true, &error), error);
    ck_assert_int_eq (kata_sandbox_remove_disk (sandbox, devices[0].disk, LIFE_MS, &error), KATA_E_BUSY);
    kata_error_unrefp (&error);
    drop (&a);
    ck_assert_int_eq (disks (sandbox), 2);
  }
  fixture_end (sandbox);
}
END_TEST

START_TEST (from_the_start_readonly)
{
  kata_error *error = NULL;
  kata_container *a = NULL;
  kata_sandbox *sandbox = NULL;
  if (kata_block__is_readonly (devices[0].major, devices[0].minor))
    return;
  access_word = "r";
  ck_ok (know_first (&sandbox, NULL, &error), error);
  ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
  access_word = "rwm";
  ck_assert_int_eq (create (&a, sandbox, "a", true, &error), KATA_E_BUSY);
  kata_error_unrefp (&error);
  fixture_end (sandbox);
}
END_TEST

START_TEST (from_the_start_not_ours)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = NULL;
  if (kept.node == NULL)
    return;
  const struct device first = devices[0];
  devices[0] = kept;
  kept = first;
  ck_ok (know_first (&sandbox, NULL, &error), error);
  int r = kata_sandbox_start (sandbox, LIFE_MS, &error);
  const char *words = r == KATA_E_BUSY ? "the host uses it itself" : "open";
  ck_assert_int_lt (r, 0);
  ck_assert_msg (strstr (kata_error_get_message (error), words) != NULL, "%s", kata_error_get_message (error));
  kata_error_unrefp (&error);
  fixture_end (sandbox);
}
END_TEST

/* One device by two ways, one of which writes: whichever comes first. */
START_TEST (twice)
{
  kata_error *error = NULL;
  kata_container *a = NULL;
  kata_sandbox *sandbox = NULL;
  kata_disk own = { sizeof own, "own", devices[0].node, 0 };
  ck_ok (know_first (&sandbox, &own, &error), error);
  fixture_refused (kata_sandbox_start (sandbox, LIFE_MS, &error), KATA_E_BUSY, "give it once only", &error);
  fixture_end (sandbox);
  sandbox = life_sandbox (runtime, "s");
  ck_ok (create (&a, sandbox, "a", false, &error), error);
  own.flags = KATA_DISK_READONLY;
  ck_assert_int_eq (kata_sandbox_add_disk (sandbox, &own, LIFE_MS, &error), KATA_E_BUSY);
  kata_error_unrefp (&error);
  drop (&a);
  ck_ok (kata_sandbox_add_disk (sandbox, &own, LIFE_MS, &error), error);
  ck_assert_int_eq (create (&a, sandbox, "a", false, &error), KATA_E_BUSY);
  kata_error_unrefp (&error);
  fixture_end (sandbox);
}
END_TEST

static int
hold_on (void *data, const char *name)
{
  return strcmp (name, "backend:remove-disk") == 0 ? KATA_E_TIMEOUT : 0;
}

/* A disk that the guest has not let go of is still a way to its device, whatever the next is called. */
START_TEST (twice_while_it_goes)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  const kata_disk first = { sizeof first, "first", devices[0].node, 0 };
  const kata_disk second = { sizeof second, "second", devices[0].node, 0 };
  ck_ok (kata_sandbox_add_disk (sandbox, &first, LIFE_MS, &error), error);
  runtime->fault = (struct kata_fault){ .hit = hold_on };
  ck_assert_int_eq (kata_sandbox_remove_disk (sandbox, "first", LIFE_MS, &error), KATA_E_TIMEOUT);
  kata_error_unrefp (&error);
  ck_assert_int_eq (kata_sandbox_add_disk (sandbox, &second, LIFE_MS, &error), KATA_E_BUSY);
  kata_error_unrefp (&error);
  runtime->fault = (struct kata_fault){ 0 };
  ck_ok (kata_sandbox_add_disk (sandbox, &second, LIFE_MS, &error), error);
  fixture_end (sandbox);
}
END_TEST

/* What the plan cannot have is said before anything is made; and what cannot be read is the container's to say. */
START_TEST (from_the_start_refused)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = NULL;
  kata_container_options first = KATA_CONTAINER_OPTIONS_INIT;
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  fixture_configure ("disable_block_device_use = true");
  fixture_refused (know_first (&sandbox, NULL, &error), KATA_E_UNSUPPORTED, "disable_block_device_use", &error);
  options.first_container = &first;
  first.flags = 1u << 20;
  ck_assert_int_eq (kata_sandbox_create (&sandbox, runtime, &options, NULL), KATA_E_INVALID);
  first.flags = 0;
  first.size = 3;
  ck_assert_int_eq (kata_sandbox_create (&sandbox, runtime, &options, NULL), KATA_E_INVALID);
  first.size = sizeof first;
  first.bundle = "/nonexistent";
  ck_ok (kata_sandbox_create (&sandbox, runtime, &options, &error), error);
  fixture_end (sandbox);
}
END_TEST

/* Each point of a start and of the container's create fails once. */
START_TEST (from_the_start_every_point_fails)
{
  kata_error *error = NULL;
  struct life_fault fault = { 0 };
  int points = 0;
  life_fault (runtime, &fault);
  for (bool struck = true; struck;) {
    kata_sandbox *sandbox = NULL;
    kata_container *a = NULL;
    fault = (struct life_fault){ .at = points + 1, .code = KATA_E_NO_MEMORY };
    int r = know_first (&sandbox, NULL, &error);
    if (r == 0)
      r = kata_sandbox_start (sandbox, LIFE_MS, &error);
    if (r == 0)
      r = create (&a, sandbox, "a", true, &error);
    struck = fault.name[0] != '\0';
    ck_assert_msg ((r != 0) == struck, "at \"%s\": %d", fault.name, r);
    kata_error_unrefp (&error);
    points += struck;
    fault = (struct life_fault){ 0 };
    kata_container_unref (a);
    if (sandbox != NULL)
      fixture_end (sandbox);
  }
  printf ("block: %d points of a start with its container's devices, each failed once\n", points);
  ck_assert_int_ge (points, 20);
}
END_TEST

/* In the child. */
static int
live_go (kata_sandbox **sandbox)
{
  kata_container *a = NULL;
  int r = create (&a, *sandbox, "a", true, NULL);
  if (r == 0)
    r = kata_container_delete (a, KATA_DELETE_FORCE, LIFE_MS, NULL);
  kata_container_unref (a);
  return r;
}

static int
live_cold (kata_sandbox **sandbox)
{
  int r = know_first (sandbox, NULL, NULL);
  if (r == 0)
    r = kata_sandbox_start (*sandbox, LIFE_MS, NULL);
  return r != 0 ? r : live_go (sandbox);
}

START_TEST (killed_at_every_point)
{
  int points = fixture_kill_each ("test-block", _i == 0 ? "later" : "cold", 0, NULL);
  printf ("block: SIGKILL at each of %d points, recovered\n", points);
  ck_assert_int_ge (points, 18);
}
END_TEST

static Suite *
make (void)
{
  Suite *suite = NULL;
  TCase *tcase = bed_case (&suite, "block", 120, setup, fixture_teardown);
  tcase_add_test (tcase, counted);
  tcase_add_test (tcase, readonly_first);
  tcase_add_test (tcase, not_ours_to_give);
  tcase_add_test (tcase, more_than_ports);
  tcase_add_test (tcase, no_ports);
  tcase_add_test (tcase, every_point_fails);
  tcase_add_test (tcase, from_the_start);
  tcase_add_test (tcase, from_the_start_readonly);
  tcase_add_test (tcase, from_the_start_not_ours);
  tcase_add_test (tcase, twice);
  tcase_add_test (tcase, twice_while_it_goes);
  tcase_add_test (tcase, from_the_start_refused);
  tcase_add_test (tcase, from_the_start_every_point_fails);
  tcase_add_loop_test (tcase, killed_at_every_point, 0, 2);
  return suite;
}

int
main (int argc, char **argv)
{
  bool found = find_devices ();
  if (argc >= 5 && strcmp (argv[1], "live") == 0 && found)
    return strcmp (argv[4], "cold") == 0 ? fixture_live (argv, NULL, live_cold)
                                         : fixture_live (argv, fixture_live_running, live_go);
  if (!found) {
    printf ("SKIP: this machine has no two block devices in /dev\n");
    return 77;
  }
  return bed_run (make);
}
