/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-handles: references to each object, what an object is called, and that a child keeps its parent alive. */
#include <stdio.h>
#include <string.h>

#include "fixture.h"

/* What _unref and _unrefp do with NULL and with a second reference, for any object. */
#define REFERENCES(noun_, object_)                                                                                     \
  do {                                                                                                                 \
    kata_##noun_ *second_ = kata_##noun_##_ref (object_), *none_ = NULL;                                               \
    ck_assert_ptr_eq (second_, (object_));                                                                             \
    kata_##noun_##_unrefp (&second_);                                                                                  \
    ck_assert_ptr_null (second_);                                                                                      \
    kata_##noun_##_unrefp (&none_);                                                                                    \
    ck_assert_ptr_null (kata_##noun_##_ref (NULL));                                                                    \
    ck_assert_ptr_null (kata_##noun_##_unref (NULL));                                                                  \
  } while (0)

START_TEST (references)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  kata_container *container = NULL;
  kata_process *process = NULL;
  kata_hypervisor *hypervisor = NULL;
  ck_ok (life_container (&container, sandbox, life, "c", "exit 5", &error), error);
  ck_ok (kata_container_get_process (&process, container, &error), error);
  ck_ok (kata_hypervisor_open (&hypervisor, runtime, "null", &error), error);
  REFERENCES (runtime, runtime);
  REFERENCES (sandbox, sandbox);
  REFERENCES (container, container);
  REFERENCES (process, process);
  REFERENCES (hypervisor, hypervisor);
  ck_assert_int_eq (kata_hypervisor_open (&hypervisor, runtime, "none such", &error), KATA_E_NOT_FOUND);
  REFERENCES (error, error);
  error = kata_error_unref (error);
  kata_hypervisor_unref (hypervisor);
  /* The names belong to the objects. */
  ck_assert_str_eq (kata_sandbox_get_id (sandbox), "s");
  ck_assert_str_eq (kata_container_get_id (container), "c");
  ck_assert_str_eq (kata_process_get_id (process), "");
  /* All but the last child are let go of: it still works. */
  int status = -1;
  ck_ok (kata_container_start (container, LIFE_MS, &error), error);
  kata_container_unref (container);
  kata_sandbox_unref (sandbox);
  ck_ok (kata_process_wait (process, &status, LIFE_MS, &error), error);
  ck_assert_int_eq (status, 5);
  kata_process_unref (process);
  ck_ok (kata_sandbox_open (&sandbox, runtime, "s", &error), error);
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  kata_sandbox_unref (sandbox);
}
END_TEST

/* A process that was started besides bears its id, and has a terminal only if it was asked for. */
START_TEST (terminals)
{
  static const char *const args[] = { "sleep", "1000", NULL };
  kata_error *error = NULL;
  kata_exec_options options = KATA_EXEC_OPTIONS_INIT;
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  kata_container *container = NULL;
  kata_process *process = NULL;
  ck_ok (life_container (&container, sandbox, life, "c", "sleep 1000", &error), error);
  ck_ok (kata_container_start (container, LIFE_MS, &error), error);
  options.id = "besides";
  options.args = args;
  ck_ok (kata_container_exec (&process, container, &options, LIFE_MS, &error), error);
  ck_assert_str_eq (kata_process_get_id (process), "besides");
  ck_assert_int_eq (kata_process_resize (process, 0, 80, LIFE_MS, NULL), KATA_E_INVALID);
  ck_assert_int_eq (kata_process_resize (process, 24, 65536, LIFE_MS, NULL), KATA_E_INVALID);
  ck_assert_int_eq (kata_process_resize (process, 24, 80, LIFE_MS, &error), KATA_E_STATE);
  bed_failed (KATA_E_STATE, &error, "resize without a terminal");
  kata_process_unref (process);
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  kata_container_unref (container);
  kata_sandbox_unref (sandbox);
}
END_TEST

START_TEST (hypervisors)
{
  kata_error *error = NULL;
  char **names = NULL;
  const char *why = NULL;
  ck_assert_str_eq (kata_runtime_get_hypervisor (runtime, &why), "null");
  ck_assert_ptr_null (why); /* it was said which */
  ck_ok (kata_runtime_list_hypervisors (&names, runtime, &error), error);
  ck_assert (g_strv_contains ((const char *const *) names, "null"));
  ck_assert (g_strv_contains ((const char *const *) names, "qemu"));
  for (char **name = names; *name != NULL; name++) {
    kata_hypervisor *hypervisor = NULL;
    const char *reason = NULL;
    char *json = NULL;
    ck_ok (kata_hypervisor_open (&hypervisor, runtime, *name, &error), error);
    ck_assert_str_eq (kata_hypervisor_get_name (hypervisor), *name);
    ck_ok (kata_hypervisor_describe (&json, hypervisor, &error), error);
    g_autofree char *said = g_strdup_printf ("\"%s\"", *name);
    ck_assert_msg (strstr (json, said) != NULL && strstr (json, "\"capabilities\"") != NULL, "%s", json);
    int has = kata_hypervisor_has (hypervisor, "run", &reason);
    ck_assert_msg (has == 1 ? reason == NULL : has == 0 && reason != NULL, "%s: run %d, reason %s", *name, has, reason);
    ck_assert_int_eq (kata_hypervisor_has (hypervisor, "fly", NULL), KATA_E_INVALID);
    kata_free (json);
    kata_hypervisor_unref (hypervisor);
  }
  kata_strv_free (names);
}
END_TEST

/* Each cause has a code and a text of its own, which the whole message contains. */
START_TEST (causes)
{
  kata_error *error = NULL;
  kata_runtime *bad = NULL;
  life_configure (life, "default_vcpus = \"many\"");
  ck_assert_int_eq (life_runtime_new (&bad, life, &error), KATA_E_CONFIG);
  int n = 0;
  for (const kata_error *cause = error; cause != NULL && n < 16; cause = kata_error_get_cause (cause), n++) {
    ck_assert_int_lt (kata_error_get_code (cause), 0);
    ck_assert_msg (strstr (kata_error_get_message (error), kata_error_get_message (cause)) != NULL,
                   "\"%s\" is not in \"%s\"", kata_error_get_message (cause), kata_error_get_message (error));
  }
  ck_assert_int_lt (n, 16);
  kata_error_unref (error);
  ck_assert_ptr_null (kata_error_get_cause (NULL));
  ck_assert_ptr_null (kata_error_get_key (NULL));
  ck_assert_int_eq (kata_error_get_code (NULL), KATA_OK);
}
END_TEST

static Suite *
make (void)
{
  Suite *suite = NULL;
  TCase *tcase = bed_case (&suite, "handles", 120, fixture_setup, fixture_teardown);
  tcase_add_test (tcase, references);
  tcase_add_test (tcase, terminals);
  tcase_add_test (tcase, hypervisors);
  tcase_add_test (tcase, causes);
  return suite;
}

int
main (void)
{
  return bed_run (make);
}
