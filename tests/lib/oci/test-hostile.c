/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hostile config.json: cut at every byte, too large, too deep, wrong type in every place; always a typed error and no crash. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "full.h"
#include "oci/spec.h"

static int
parse (const char *text, size_t len)
{
  g_autoptr (kata_oci_spec) spec = NULL;
  g_autoptr (kata_error) err = NULL;
  /* An exact copy on the heap: ASan sees a read behind it. */
  g_autofree char *copy = g_memdup2 (text, len);
  int rc = kata_oci_spec__parse (&spec, copy, len, &err);
  ck_assert ((rc == 0) == (spec != NULL) && (rc == 0) == (err == NULL));
  ck_assert (rc == 0 || kata_error_get_key (err)[0] == '$');
  return rc;
}

START_TEST (cut_at_every_byte)
{
  size_t len = strlen (full_spec);
  ck_assert_int_eq (parse (full_spec, len), 0);
  for (size_t i = 0; i < len; i++)
    ck_assert_int_eq (parse (full_spec, i), KATA_E_SPEC);
}
END_TEST

START_TEST (every_byte_changed)
{
  size_t len = strlen (full_spec);
  g_autofree char *text = g_strdup (full_spec);
  static const char with[] = { '\0', '"', '{', '[', '\xff', '9', '\\' };
  for (size_t i = 0; i < len; i++) {
    for (size_t j = 0; j < sizeof with; j++) {
      text[i] = with[j];
      int rc = parse (text, len);
      ck_assert (rc == 0 || rc == KATA_E_SPEC);
      ck_assert (with[j] != '\0' || rc == KATA_E_SPEC);
    }
    text[i] = full_spec[i];
  }
}
END_TEST

/* Replaces the value that starts at @from and ends before @to. */
static int
parse_with (size_t from, size_t to, const char *instead)
{
  GString *text = g_string_new_len (full_spec, (gssize) from);
  g_string_append (text, instead);
  g_string_append (text, full_spec + to);
  int rc = parse (text->str, text->len);
  g_string_free (text, TRUE);
  return rc;
}

static size_t
value_end (size_t from)
{
  size_t depth = 0, i = from;
  bool quoted = false;
  do {
    if (full_spec[i] == '"')
      quoted = !quoted;
    else if (!quoted && strchr ("{[", full_spec[i]) != NULL)
      depth++;
    else if (!quoted && strchr ("}]", full_spec[i]) != NULL)
      depth--;
    i++;
  } while (depth > 0 || quoted || (g_ascii_isalnum (full_spec[from]) && g_ascii_isalnum (full_spec[i])) ||
           full_spec[i - 1] == '-');
  return i;
}

START_TEST (wrong_type_everywhere)
{
  static const char *const values[] = {
    "{}",   "[]",  "[[]]", "[{}]", "[null]", "[0]", "[\"\"]", "\"\"", "\"x\"", "0", "-1", "1.5", "99999999999999999999",
    "true", "null"
  };
  unsigned n = 0, refused = 0;
  for (size_t i = 1; i < strlen (full_spec); i++) {
    if (full_spec[i - 1] != ':' && full_spec[i - 1] != '[')
      continue;
    size_t end = value_end (i);
    for (size_t j = 0; j < G_N_ELEMENTS (values); j++) {
      int rc = parse_with (i, end, values[j]);
      ck_assert (rc == 0 || rc == KATA_E_SPEC);
      refused += rc < 0;
      n++;
    }
  }
  ck_assert_uint_gt (n, 2000);
  ck_assert_uint_gt (refused, n / 2);
}
END_TEST

START_TEST (too_large)
{
  size_t len = (size_t) 100 << 20;
  g_autofree char *text = g_strnfill (len, '[');
  g_autoptr (kata_oci_spec) spec = NULL;
  gint64 start = g_get_monotonic_time ();
  ck_assert_int_eq (kata_oci_spec__parse (&spec, text, len, NULL), KATA_E_LIMIT);
  ck_assert_int_lt (g_get_monotonic_time () - start, G_USEC_PER_SEC / 10);
}
END_TEST

START_TEST (too_deep)
{
  GString *text = g_string_new ("{\"ociVersion\":\"1.0.2\",\"x\":");
  for (int i = 0; i < 10000; i++)
    g_string_append (text, "{\"x\":");
  g_string_append (text, "1");
  for (int i = 0; i < 10001; i++)
    g_string_append (text, "}");
  ck_assert_int_eq (parse (text->str, text->len), KATA_E_LIMIT);
  g_string_free (text, TRUE);
}
END_TEST

START_TEST (special)
{
  static const char *const texts[] = {
    "{\"ociVersion\":\"1.0.2\",\"ociVersion\":\"1.0.2\"}",
    "{\"ociVersion\":\"1.0.2\",\"process\":{\"args\":[\"a\\u0000b\"],\"cwd\":\"/\"}}",
    "{\"ociVersion\":\"1.0.2\",\"linux\":{\"resources\":{\"pids\":{\"limit\":1e999}}}}",
    "{\"ociVersion\":\"1.0.2\",\"linux\":{\"resources\":{\"pids\":{\"limit\":9223372036854775808}}}}",
    "{\"ociVersion\":\"1.0.2\"}{}",
  };
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    ck_assert_int_eq (parse (texts[i], strlen (texts[i])), KATA_E_SPEC);
}
END_TEST

START_TEST (too_many)
{
  GString *text = g_string_new ("{\"ociVersion\":\"1.0.2\",\"process\":{\"cwd\":\"/\",\"args\":[\"a\"");
  for (unsigned i = 0; i < KATA_OCI_ARGS_MAX; i++)
    g_string_append (text, ",\"a\"");
  g_string_append (text, "]}}");
  ck_assert_int_eq (parse (text->str, text->len), KATA_E_LIMIT);
  g_string_assign (text, "{\"ociVersion\":\"1.0.2\",\"process\":{\"cwd\":\"/\",\"args\":[\"");
  g_autofree char *a = g_strnfill (KATA_OCI_STRING_MAX + 1, 'a');
  g_string_append (text, a);
  g_string_append (text, "\"]}}");
  ck_assert_int_eq (parse (text->str, text->len), KATA_E_LIMIT);
  g_string_free (text, TRUE);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("oci/hostile");
  TCase *tcase = tcase_create ("hostile");
  tcase_set_timeout (tcase, 100);
  tcase_add_test (tcase, cut_at_every_byte);
  tcase_add_test (tcase, every_byte_changed);
  tcase_add_test (tcase, wrong_type_everywhere);
  tcase_add_test (tcase, too_large);
  tcase_add_test (tcase, too_deep);
  tcase_add_test (tcase, special);
  tcase_add_test (tcase, too_many);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
