/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-state: state.json as it is written, and as somebody else may have changed it. */
#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "sandbox/record.h"
#include "sandbox/state-table.h"
#include "sandbox/state.h"

static kata_sandbox_state *
sample (void)
{
  static const kata_vm_disk disk = { sizeof disk, "data", "/srv/disk.img", 1 };
  static const kata_vm_disk *const disks[] = { &disk, NULL };
  static const kata_vm_host_device device = { sizeof device, "nvme", "0000:01:00.0", -1 };
  static const kata_vm_host_device *const devices[] = { &device, NULL };
  static char *options[] = { (char *) "nodev", NULL };
  static struct kata_storage storage = { "virtio-fs", "kataShared", "virtiofs", "/run/x", options, NULL, true };
  kata_sandbox_state *state = kata_state__new ();
  state->id = state->plan.id = state->plan.vm.id = "s1";
  state->boot = "b";
  state->state = KATA_STATE_RUNNING;
  state->created_ms = 1234567890123;
  state->saved = "{\"pid\":5}";
  state->plan.hypervisor = "null";
  state->plan.vm.dir = "/run/libkata/s1";
  state->plan.vm.disks = disks;
  state->plan.vm.host_devices = devices;
  state->plan.vm.memory_mib = UINT64_MAX;
  state->plan.storages = &storage;
  state->plan.n_storages = 1;
  state->plan.start_timeout_ms = INT64_MAX;
  kata_state__add_container (state, "c1")->state = KATA_STATE_STOPPED;
  kata_state__add_container (state, "c2")->state = KATA_STATE_CREATED;
  kata_state__container (state, "c1")->exit_status = 137;
  kata_state__add_timing (state, "plan", 42);
  return state;
}

START_TEST (round_trip)
{
  g_autoptr (kata_sandbox_state) state = sample (), back = NULL;
  g_autofree char *text = kata_state__format (state);
  g_autoptr (kata_error) error = NULL;
  ck_assert_msg (kata_state__parse (&back, text, strlen (text), "s1", &error) == 0, "%s",
                 kata_error_get_message (error));
  /* What was NULL and may not be is "" now, so the second round is compared. */
  g_autoptr (kata_sandbox_state) second = NULL;
  g_autofree char *once = kata_state__format (back);
  ck_assert_int_eq (kata_state__parse (&second, once, strlen (once), "s1", NULL), 0);
  g_autofree char *twice = kata_state__format (second);
  ck_assert_str_eq (once, twice);
  ck_assert_uint_eq (back->plan.vm.memory_mib, UINT64_MAX);
  ck_assert_int_eq (back->plan.start_timeout_ms, INT64_MAX);
  ck_assert_str_eq (back->plan.vm.disks[0]->path, "/srv/disk.img");
  ck_assert_uint_eq (back->plan.vm.disks[0]->size, sizeof (kata_vm_disk));
  ck_assert_ptr_null (back->plan.vm.disks[1]);
  ck_assert_str_eq (back->plan.vm.host_devices[0]->address, "0000:01:00.0");
  ck_assert_int_eq (back->plan.vm.host_devices[0]->group, -1);
  ck_assert_str_eq (back->plan.storages[0].options[0], "nodev");
  ck_assert_int_eq (kata_state__container (back, "c1")->exit_status, 137);
  ck_assert_str_eq (kata_state__container (back, NULL)->id, "c1");
  kata_state__drop_container (back, "c1");
  ck_assert_ptr_null (kata_state__container (back, "c1"));
  ck_assert_str_eq (kata_state__container (back, NULL)->id, "c2");
}
END_TEST

/* gcc has it, clang has not. */
#if defined(__has_builtin) && __has_builtin(__builtin_clear_padding)
#define HAS_CLEAR_PADDING 1

static const struct kata_field *
find (const struct kata_record *record, const char *name)
{
  for (const struct kata_field *field = record->fields; field->name != NULL; field++)
    if (strcmp (field->name, name) == 0)
      return field;
  ck_abort_msg ("no field %s", name);
}
#endif

/* What is decided and not recorded is silently not done: the sandbox is started from its record. */
START_TEST (the_whole_plan_is_recorded)
{
#ifdef HAS_CLEAR_PADDING
  static const size_t sizes[] = { [KATA_FIELD_BOOL] = sizeof (bool),
                                  [KATA_FIELD_I32] = 4,
                                  [KATA_FIELD_U32] = 4,
                                  [KATA_FIELD_I64] = 8,
                                  [KATA_FIELD_U64] = 8,
                                  [KATA_FIELD_STRING] = sizeof (char *),
                                  [KATA_FIELD_TEXT] = sizeof (char *),
                                  [KATA_FIELD_STRV] = sizeof (char **),
                                  [KATA_FIELD_POINTERS] = sizeof (void *) };
  kata_vm_plan plan;
  memset (&plan, 0xff, sizeof plan);
  __builtin_clear_padding (&plan);
  memset (&plan.size, 0, sizeof plan.size);
  const struct kata_record *vm = find (find (&kata_state__record, "plan")->of, "vm")->of;
  for (const struct kata_field *field = vm->fields; field->name != NULL; field++) {
    ck_assert_uint_lt (field->type, G_N_ELEMENTS (sizes));
    ck_assert_uint_gt (sizes[field->type], 0);
    memset ((char *) &plan + field->offset, 0, sizes[field->type]);
  }
  for (size_t i = 0; i < sizeof plan; i++)
    ck_assert_msg (((const char *) &plan)[i] == 0, "byte %zu of kata_vm_plan is in no field of the record", i);
#endif
}
END_TEST

/* Every truncation is refused, typed; no prefix of a state is a state. */
START_TEST (truncated_everywhere)
{
  g_autoptr (kata_sandbox_state) state = sample ();
  g_autofree char *text = kata_state__format (state);
  size_t length = strlen (g_strchomp (text));
  for (size_t n = 0; n < length; n++) {
    kata_sandbox_state *back = NULL;
    ck_assert_int_eq (kata_state__parse (&back, text, n, "s1", NULL), KATA_E_CORRUPT);
    ck_assert_ptr_null (back);
  }
}
END_TEST

START_TEST (flipped_bits)
{
  g_autoptr (kata_sandbox_state) state = sample ();
  g_autofree char *text = kata_state__format (state);
  size_t length = strlen (text);
  for (size_t n = 0; n < length; n++)
    for (int bit = 0; bit < 8; bit++) {
      g_autoptr (kata_sandbox_state) back = NULL;
      text[n] = (char) (text[n] ^ (1 << bit));
      int r = kata_state__parse (&back, text, length, "s1", NULL);
      ck_assert (r == 0 || r == KATA_E_CORRUPT);
      text[n] = (char) (text[n] ^ (1 << bit));
      if (r == 0)
        ck_assert (back->state >= KATA_STATE_CREATED && back->state <= KATA_STATE_STOPPED);
    }
}
END_TEST

static void
refused (const char *from, const char *to)
{
  g_autoptr (kata_sandbox_state) state = sample (), back = NULL;
  g_autofree char *text = kata_state__format (state);
  g_auto (GStrv) parts = g_strsplit (text, from, 2);
  ck_assert_msg (parts[0] != NULL && parts[1] != NULL, "\"%s\" is not in the text: %s", from, text);
  g_autofree char *changed = g_strjoin (to, parts[0], parts[1], NULL);
  ck_assert_msg (kata_state__parse (&back, changed, strlen (changed), "s1", NULL) == KATA_E_CORRUPT, "believed: %s",
                 changed);
}

START_TEST (hostile_values)
{
  refused ("\"version\":1", "\"version\":2");
  refused ("\"id\":\"s1\"", "\"id\":\"s2\"");
  refused ("\"state\":2", "\"state\":0");
  refused ("\"state\":2", "\"state\":5");
  refused ("\"state\":2", "\"state\":\"running\"");
  refused ("\"state\":2", "\"state\":2,\"state\":2");
  refused ("\"id\":\"c1\"", "\"id\":\"../../etc\"");
  refused ("\"exit_status\":137", "\"exit_status\":256");
  refused ("\"exit_status\":137", "\"exit_status\":1e400");
  refused ("\"start_timeout_ms\":9223372036854775807", "\"start_timeout_ms\":-5");
  refused ("\"plan\":{", "\"plan\":[{");
  g_autoptr (kata_sandbox_state) back = NULL;
  g_autoptr (kata_sandbox_state) state = sample ();
  g_autofree char *text = kata_state__format (state);
  ck_assert_int_eq (kata_state__parse (&back, text, strlen (text), "s2", NULL), KATA_E_CORRUPT);
  g_autofree char *deep = g_strnfill (10000, '[');
  ck_assert_int_eq (kata_state__parse (&back, deep, 10000, "s1", NULL), KATA_E_CORRUPT);
  ck_assert_int_eq (kata_state__parse (&back, "{}", 2, "s1", NULL), KATA_E_CORRUPT);
}
END_TEST

START_TEST (files)
{
  g_autofree char *dir = g_dir_make_tmp ("kata-state-XXXXXX", NULL);
  int fd = open (dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_autoptr (kata_sandbox_state) state = sample (), back = NULL;
  ck_assert_int_eq (kata_state__load (&back, fd, "s1", NULL), KATA_E_NOT_FOUND);
  ck_assert_int_eq (kata_state__save (state, fd, NULL), 0);
  /* A crash left a half-written new one. */
  ck_assert_int_eq (symlinkat ("/etc/passwd", fd, KATA_STATE_FILE ".tmp"), 0);
  ck_assert_int_eq (kata_state__save (state, fd, NULL), 0);
  ck_assert_int_eq (kata_state__load (&back, fd, "s1", NULL), 0);
  ck_assert_uint_eq (back->generation, 2);
  ck_assert_int_eq (unlinkat (fd, KATA_STATE_FILE, 0), 0);
  ck_assert_int_eq (symlinkat ("/etc/passwd", fd, KATA_STATE_FILE), 0);
  g_clear_pointer (&back, kata_state__free);
  ck_assert_int_eq (kata_state__load (&back, fd, "s1", NULL), KATA_E_CORRUPT);
  ck_assert_int_eq (unlinkat (fd, KATA_STATE_FILE, 0), 0);
  int big = openat (fd, KATA_STATE_FILE, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  ck_assert_int_eq (ftruncate (big, (off_t) 100 << 20), 0);
  close (big);
  ck_assert_int_eq (kata_state__load (&back, fd, "s1", NULL), KATA_E_CORRUPT);
  ck_assert_int_eq (unlinkat (fd, KATA_STATE_FILE, 0), 0);
  close (fd);
  ck_assert_int_eq (rmdir (dir), 0);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("sandbox/state");
  TCase *tcase = tcase_create ("state");
  tcase_set_timeout (tcase, 100);
  tcase_add_test (tcase, round_trip);
  tcase_add_test (tcase, the_whole_plan_is_recorded);
  tcase_add_test (tcase, truncated_everywhere);
  tcase_add_test (tcase, flipped_bits);
  tcase_add_test (tcase, hostile_values);
  tcase_add_test (tcase, files);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
