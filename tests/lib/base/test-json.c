/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the JSON reader takes and refuses, and what the writer writes. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/json-write.h"
#include "base/json.h"

static int
parse (const char *text, size_t len, char **key)
{
  g_autoptr (kata_arena) arena = kata_arena__new ();
  const kata_json *root = NULL;
  g_autoptr (kata_error) err = NULL;
  int rc = kata_json__parse (&root, arena, text, len, NULL, KATA_E_SPEC, &err);
  ck_assert (rc == 0 ? err == NULL && root != NULL : err != NULL && root == NULL);
  if (key != NULL)
    *key = g_strdup (err != NULL ? kata_error_get_key (err) : "");
  return rc;
}

static const char *const good[] = {
  "{}",
  "[]",
  " [ ] ",
  "null",
  "true",
  "false",
  "0",
  "-0",
  "-1",
  "1.5e3",
  "\"\"",
  "[1,2]",
  "{\"a\":{\"b\":[{}]}}",
  "\"\\u00e4\\n\\\"\\\\\\/\\ud83d\\ude00\"",
  "18446744073709551615",
  "{\"a\":1,\"A\":2}",
  "[[[[]]],{}]",
  "1E-400",
};

START_TEST (takes)
{
  ck_assert_int_eq (parse (good[_i], strlen (good[_i]), NULL), 0);
}
END_TEST

static const char *const bad[] = {
  "",
  " ",
  "{",
  "[",
  "]",
  "}",
  "[1,]",
  "{\"a\":1,}",
  "{a:1}",
  "{'a':1}",
  "01",
  "+1",
  ".5",
  "1.",
  "1e",
  "-",
  "1e999",
  "-1e999",
  "NaN",
  "Infinity",
  "nul",
  "nulll",
  "tru",
  "\"",
  "\"\\\"",
  "\"\\x\"",
  "\"\\u12\"",
  "\"\\u0000\"",
  "\"\\ud800\"",
  "\"\\udc00\"",
  "\"\\ud800\\u0041\"",
  "\"\t\"",
  "[1 2]",
  "{\"a\" 1}",
  "{\"a\":1 \"b\":2}",
  "{\"a\":1,\"a\":2}",
  "{\"a\":1,\"\\u0061\":2}",
  "1 2",
  "{} {}",
  "// c\n1",
  "/* c */ 1",
  "[1}",
  "{\"a\":1]",
  "\xff",
  "\"\xc3\"",
  "\"\xed\xa0\x80\"",
  "{\"a\"",
  "{\"a\":",
  "[,1]",
  "\xef\xbb\xbf{}",
  "{1:2}",
  "[1,,2]",
  "{,}",
};

START_TEST (refuses)
{
  ck_assert_int_eq (parse (bad[_i], strlen (bad[_i]), NULL), KATA_E_SPEC);
}
END_TEST

START_TEST (refuses_nul)
{
  ck_assert_int_eq (parse ("{}\0", 3, NULL), KATA_E_SPEC);
  ck_assert_int_eq (parse ("\"a\0b\"", 5, NULL), KATA_E_SPEC);
  ck_assert_int_eq (parse (NULL, 0, NULL), KATA_E_SPEC);
}
END_TEST

START_TEST (limits)
{
  g_autofree char *deep = g_strnfill (20000, '[');
  memset (deep + 10000, ']', 10000);
  ck_assert_int_eq (parse (deep, 20000, NULL), KATA_E_LIMIT);
  memset (deep, '[', KATA_JSON_DEPTH_MAX);
  memset (deep + KATA_JSON_DEPTH_MAX, ']', KATA_JSON_DEPTH_MAX);
  ck_assert_int_eq (parse (deep, 2 * KATA_JSON_DEPTH_MAX, NULL), 0);

  size_t huge = (size_t) 100 << 20;
  g_autofree char *big = g_strnfill (huge, ' ');
  gint64 start = g_get_monotonic_time ();
  ck_assert_int_eq (parse (big, huge, NULL), KATA_E_LIMIT);
  ck_assert_int_lt (g_get_monotonic_time () - start, G_USEC_PER_SEC / 10);

  GString *many = g_string_new ("[0");
  for (unsigned i = 0; i < KATA_JSON_VALUES_MAX; i++)
    g_string_append (many, ",0");
  g_string_append (many, "]");
  ck_assert_int_eq (parse (many->str, many->len, NULL), KATA_E_LIMIT);
  g_string_free (many, TRUE);
}
END_TEST

START_TEST (many_members)
{
  /* Enough for the hash table; the last one is there twice. */
  GString *text = g_string_new ("{");
  for (int i = 0; i < 50000; i++)
    g_string_append_printf (text, "\"m%d\":0,", i);
  g_string_append (text, "\"m31\":0}");
  gint64 start = g_get_monotonic_time ();
  ck_assert_int_eq (parse (text->str, text->len, NULL), KATA_E_SPEC);
  ck_assert_int_lt (g_get_monotonic_time () - start, 5 * G_USEC_PER_SEC);
  g_string_free (text, TRUE);
}
END_TEST

START_TEST (paths)
{
  g_autofree char *a = NULL, *b = NULL;
  ck_assert_int_eq (parse ("{\"process\":{\"args\":[1,2,x]}}", 28, &a), KATA_E_SPEC);
  ck_assert_str_eq (a, "$.process.args[2]");
  ck_assert_int_eq (parse ("{\"a b\":[[tru]]}", 15, &b), KATA_E_SPEC);
  ck_assert_str_eq (b, "$[\"a b\"][0][0]");
}
END_TEST

START_TEST (typed)
{
  static const char text[] = "{\"i\":-5,\"u\":18446744073709551615,\"s\":\"x\",\"b\":true,\"n\":null,\"l\":[\"a\","
                             "\"b\"],\"f\":1.5,\"big\":1e300}";
  g_autoptr (kata_arena) arena = kata_arena__new ();
  const kata_json *root = NULL;
  g_autoptr (kata_error) err = NULL;
  ck_assert_int_eq (kata_json__parse (&root, arena, text, sizeof text - 1, NULL, KATA_E_CORRUPT, NULL), 0);
  struct kata_json_reader r = { .arena = arena, .code = KATA_E_CORRUPT, .err = &err };
  ck_assert_int_eq (kata_json__get_i64 (&r, root, "i"), -5);
  ck_assert_uint_eq (kata_json__get_u64 (&r, root, "u"), UINT64_MAX);
  ck_assert_str_eq (kata_json__get_string (&r, root, "s"), "x");
  ck_assert (kata_json__get_bool (&r, root, "b"));
  ck_assert_ptr_null (kata_json__get (root, "n"));
  char **list = kata_json__get_strv (&r, root, "l");
  ck_assert_uint_eq (g_strv_length (list), 2);
  ck_assert_int_eq (r.result, 0);

  static const char *const wrong[] = { "s", "b", "l", "f", "big", "u" };
  for (size_t i = 0; i < G_N_ELEMENTS (wrong); i++) {
    struct kata_json_reader w = { .arena = arena, .code = KATA_E_CORRUPT };
    kata_json__get_i64 (&w, root, wrong[i]);
    ck_assert_int_eq (w.result, KATA_E_CORRUPT);
  }
  kata_json__get_u64 (&r, root, "i");
  ck_assert_int_eq (r.result, KATA_E_CORRUPT);
  ck_assert_str_eq (kata_error_get_key (err), "$.i");
  kata_json__get_string (&r, root, "l"); /* the first mistake stays */
  ck_assert_str_eq (kata_error_get_key (err), "$.i");
}
END_TEST

START_TEST (writes)
{
  struct kata_json_writer w;
  kata_json_write__init (&w, false);
  kata_json_write__begin_object (&w, NULL);
  kata_json_write__string (&w, "s", "a\"b\\\n\x01\x7f\xff");
  kata_json_write__uint (&w, "u", UINT64_MAX);
  kata_json_write__begin_array (&w, "l");
  kata_json_write__int (&w, NULL, -1);
  kata_json_write__bool (&w, NULL, false);
  kata_json_write__null (&w, NULL);
  kata_json_write__end_array (&w);
  kata_json_write__strv (&w, "e", NULL);
  kata_json_write__end_object (&w);
  g_autofree char *text = kata_json_write__finish (&w);
  ck_assert_str_eq (text, "{\"s\":\"a\\\"b\\\\\\n\\u0001\\u007f\xef\xbf\xbd\",\"u\":18446744073709551615,"
                          "\"l\":[-1,false,null],\"e\":[]}");
  ck_assert_int_eq (parse (text, strlen (text), NULL), 0);
}
END_TEST

/* Each byte that is not UTF-8 is replaced; what is at the edge of what is stays. */
START_TEST (writes_utf8_only)
{
  static const char *const good[] = { "\xc2\x80",     "\xdf\xbf",         "\xe0\xa0\x80",    "\xed\x9f\xbf",
                                      "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf" };
  static const char *const bad[] = { "\x80",
                                     "\xc1\xbf",
                                     "\xc3",
                                     "\xe0\x9f\xbf",
                                     "\xed\xa0\x80",
                                     "\xe2\x82",
                                     "\xf0\x8f\xbf\xbf",
                                     "\xf4\x90\x80\x80",
                                     "\xf5\x80\x80\x80",
                                     "\xff" };
  struct kata_json_writer w;
  for (size_t i = 0; i < G_N_ELEMENTS (good); i++) {
    g_autofree char *wanted = g_strdup_printf ("\"%s\"", good[i]);
    kata_json_write__init (&w, false);
    kata_json_write__string (&w, NULL, good[i]);
    ck_assert (!w.replaced);
    g_autofree char *text = kata_json_write__finish (&w);
    ck_assert_str_eq (text, wanted);
  }
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autofree char *valid = g_utf8_make_valid (bad[i], -1);
    g_autofree char *wanted = g_strdup_printf ("\"%s\"", valid);
    kata_json_write__init (&w, false);
    kata_json_write__string (&w, NULL, bad[i]);
    ck_assert (w.replaced);
    g_autofree char *text = kata_json_write__finish (&w);
    ck_assert_str_eq (text, wanted);
  }
}
END_TEST

START_TEST (writes_to_a_limit)
{
  struct kata_json_writer w = { .limit = 10 };
  kata_json_write__string (&w, NULL, "12345678");
  ck_assert (!w.failed);
  ck_assert_uint_eq (w.length, 10);
  g_autofree char *text = kata_json_write__finish (&w);
  ck_assert_str_eq (text, "\"12345678\"");
  ck_assert_uint_eq (w.limit, 10);
  kata_json_write__begin_array (&w, NULL);
  kata_json_write__string (&w, NULL, "12345678");
  ck_assert (w.failed);
  kata_json_write__end_array (&w);
  ck_assert_uint_le (w.length, 10);
  ck_assert_ptr_null (kata_json_write__finish (&w));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("base/json");
  TCase *tcase = tcase_create ("json");
  tcase_set_timeout (tcase, 60);
  tcase_add_loop_test (tcase, takes, 0, G_N_ELEMENTS (good));
  tcase_add_loop_test (tcase, refuses, 0, G_N_ELEMENTS (bad));
  tcase_add_test (tcase, refuses_nul);
  tcase_add_test (tcase, limits);
  tcase_add_test (tcase, many_members);
  tcase_add_test (tcase, paths);
  tcase_add_test (tcase, typed);
  tcase_add_test (tcase, writes);
  tcase_add_test (tcase, writes_utf8_only);
  tcase_add_test (tcase, writes_to_a_limit);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
