/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-counters: a VMM's counters as samples: names are cleaned, numbers are numbers, and there is an end to it. */
#include <check.h>
#include <string.h>

#include <glib.h>

#include "sandbox/counters.h"

static char *
text (const char *json)
{
  char *out = NULL;
  kata_error *error = NULL;
  int r = kata_counters__text (&out, json, strlen (json), &error);
  ck_assert_msg (r == 0, "%s: %s", json, kata_error_get_message (error));
  return out;
}

/* The samples without HELP and TYPE. */
static void
gives (const char *json, const char *samples)
{
  g_autofree char *all = text (json);
  const char *second = strchr (all, '\n'), *third = second != NULL ? strchr (second + 1, '\n') : NULL;
  ck_assert_str_eq (third != NULL ? third + 1 : all, samples);
}

#define SAMPLE(device_, item_, value_) "kata_hypervisor_counter{device=\"" device_ "\",item=\"" item_ "\"} " value_ "\n"

START_TEST (read_right)
{
  gives ("{}", "");
  gives ("{\"a\":{}}", "");
  gives ("{\"a\":1,\"b\":[{\"c\":1}],\"d\":null}", "");
  gives ("{\"a\":{\"b\":1,\"c\":{\"d\":2,\"e\":{\"f\":3}}}}", SAMPLE ("a", "b", "1") SAMPLE ("a", "c_d", "2"));
  gives ("{\"a\":{\"b\":-1,\"c\":1.5,\"d\":1e3,\"e\":\"1\",\"f\":true,\"g\":18446744073709551615,\"h\":0}}",
         SAMPLE ("a", "h", "0"));
}
END_TEST

START_TEST (cleaned)
{
  gives ("{\"a\\\"}\\n\":{\"b{=\\\\\":1}}", SAMPLE ("a___", "b___", "1"));
  gives ("{\"\xc3\xa4.-:_\":{\"\\u0001\":1}}", SAMPLE ("__.-:_", "_", "1"));
  gives ("{\"a\":{\"b c\":1,\"b_c\":2}}", SAMPLE ("a", "b_c", "1"));
  g_autofree char *name = g_strnfill (5000, 'x'), *cut = g_strnfill (KATA_COUNTERS_NAME_MAX, 'x');
  g_autofree char *json = g_strdup_printf ("{\"%s\":{\"%s\":1}}", name, name);
  g_autofree char *sample = g_strdup_printf (SAMPLE ("%s", "%s", "1"), cut, cut);
  gives (json, sample);
}
END_TEST

START_TEST (bounded)
{
  g_autoptr (GString) json = g_string_new ("{\"a\":{\"first\":1");
  for (int i = 0; i < 5000; i++)
    g_string_append_printf (json, ",\"n%d\":%d", i, i);
  g_string_append (json, "}}");
  g_autofree char *all = text (json->str);
  g_auto (GStrv) lines = g_strsplit (all, "\n", -1);
  ck_assert_uint_eq (g_strv_length (lines), KATA_COUNTERS_MAX + 3); /* HELP, TYPE, and behind the last line feed */
}
END_TEST

START_TEST (refused)
{
  static const char *const wrong[] = {
    "", "[]", "1", "{", "{\"a\":{\"b\":1}}x", "{\"a\":{\"b\":1,\"b\":2}}", "nonsense"
  };
  for (size_t i = 0; i < G_N_ELEMENTS (wrong); i++) {
    char *out = NULL;
    kata_error *error = NULL;
    ck_assert_int_eq (kata_counters__text (&out, wrong[i], strlen (wrong[i]), &error), KATA_E_PROTOCOL);
    ck_assert_ptr_null (out);
    kata_error_unref (error);
  }
  g_autofree char *deep = g_strnfill (100000, '[');
  char *out = NULL;
  ck_assert_int_lt (kata_counters__text (&out, deep, strlen (deep), NULL), 0);
}
END_TEST

START_TEST (without)
{
  g_autofree char *kept = kata_counters__without ("# TYPE kata_hypervisor_counter untyped\nkata_guest_a 1\n"
                                                  "kata_hypervisor_counter{a=\"b\"} 7\n\nkata_agent_b 2");
  ck_assert_str_eq (kept, "kata_guest_a 1\n\nkata_agent_b 2\n");
  g_autofree char *none = kata_counters__without ("");
  ck_assert_str_eq (none, "");
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("sandbox/counters");
  TCase *tcase = tcase_create ("counters");
  tcase_add_test (tcase, read_right);
  tcase_add_test (tcase, cleaned);
  tcase_add_test (tcase, bounded);
  tcase_add_test (tcase, refused);
  tcase_add_test (tcase, without);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
