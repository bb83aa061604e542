/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parser's own tests: positions, limits, odd bytes, what the corpus does not say, and memory that runs out at each call. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include <toml/toml.h>

/* The library's allocations come through here (the linker wraps them): the @fail_at-th fails. */
static unsigned long calls, fail_at;
void *__real_calloc (size_t n, size_t size);
void *__real_realloc (void *old, size_t size);
void *__wrap_calloc (size_t n, size_t size);
void *__wrap_realloc (void *old, size_t size);

void *
__wrap_calloc (size_t n, size_t size)
{
  return ++calls == fail_at ? NULL : __real_calloc (n, size);
}

void *
__wrap_realloc (void *old, size_t size)
{
  return ++calls == fail_at ? NULL : __real_realloc (old, size);
}

/* Parses a copy of exact size, so that a sanitizer sees a read past the end. */
static int
parse_bytes (toml_document **out, const char *text, size_t len, const struct toml_limits *limits,
             struct toml_error *error)
{
  char *copy = malloc (len > 0 ? len : 1);
  ck_assert_ptr_nonnull (copy);
  memcpy (copy, text, len);
  int r = toml_parse (out, copy, len, limits, error);
  free (copy);
  return r;
}

static toml_document *
parse (const char *text)
{
  toml_document *document = NULL;
  struct toml_error error = { 0 };
  int r = parse_bytes (&document, text, strlen (text), NULL, &error);
  ck_assert_msg (r == 0, "%s\nrefused at %u:%u: %s", text, error.line, error.column, error.message);
  return document;
}

static void
refused (const char *text, size_t len, int code, unsigned line, unsigned column, const char *part)
{
  toml_document *document = NULL;
  struct toml_error error = { 0 };
  int r = parse_bytes (&document, text, len, NULL, &error);
  ck_assert_msg (r == code, "%s\ngave %d", text, r);
  ck_assert_ptr_null (document);
  ck_assert_msg (error.line == line && error.column == column, "%s\nfailed at %u:%u instead of %u:%u: %s", text,
                 error.line, error.column, line, column, error.message);
  ck_assert_msg (strstr (error.message, part) != NULL, "\"%s\" is not in: %s", part, error.message);
  ck_assert_int_eq (toml_parse (&document, text, len, NULL, NULL), code);
}

START_TEST (positions_of_errors)
{
  static const struct {
    const char *text;
    unsigned line, column;
    const char *part;
  } cases[] = {
    { "a", 1, 2, "unexpected end of the text; a key is followed by =" },
    { "a = ", 1, 5, "unexpected end of the text; a value is expected" },
    { "a = 1\nb = \n", 2, 5, "unexpected end of the line" },
    { "a = 1\r\nb = \r\n", 2, 5, "unexpected end of the line" },
    { "a = 1 b = 2", 1, 7, "unexpected character \"b\"; the line should end here" },
    { "a = 1\n a = 2", 2, 2, "\"a\" is defined already (line 1)" },
    { "a = 1\n[a]", 2, 2, "\"a\" has a value already and cannot be a table (line 1)" },
    { "[a]\n[b]\n[a]", 3, 2, "\"a\" is defined already (line 1)" },
    { "a.b = 1\na.b.c = 2", 2, 3, "\"b\" has a value already" },
    { "a = {}\na.b = 1", 2, 1, "\"a\" is defined already and cannot be extended" },
    { "a = {}\n[a.b]", 2, 2, "inline table" },
    { "[[a]]\n[a]", 2, 2, "is an array of tables already" },
    { "a = [{}]\n[[a]]", 2, 3, "not an array of tables" },
    { "x = 'abc", 1, 5, "this string is not closed; ' is missing" },
    { "x = \"abc\ny", 1, 5, "not closed; \" is missing" },
    { "x = \"\"\"abc\n\n", 1, 5, "\"\"\" is missing" },
    { "x = \"a\\qb\"", 1, 8, "unexpected character \"q\"; the escapes are" },
    { "x = \"\\u12G4\"", 1, 10, "4 hexadecimal digits" },
    { "x = \"\\uD800\"", 1, 6, "U+D800 is not a Unicode scalar value" },
    { "x = \"\"\"a\\  b\"\"\"", 1, 9, "a backslash before blanks" },
    { "x = 012", 1, 5, "no leading zeros" },
    { "x = 1__0", 1, 5, "not a value" },
    { "x = 9223372036854775808", 1, 5, "does not fit in 64 bits" },
    { "x = -9223372036854775809", 1, 5, "does not fit in 64 bits" },
    { "x = 0x8000000000000000", 1, 5, "does not fit in 64 bits" },
    { "x = 1e999", 1, 5, "out of range" },
    { "x = 2026-02-29", 1, 5, "not a date or time" },
    { "x = 12:00", 1, 5, "not a date or time" },
    { "x = truE", 1, 5, "not a value" },
    { "x = [1 2]", 1, 8, "an array goes on with , or ends with ]" },
    { "x = {a = 1,}", 1, 12, "a key is expected here" },
    { "x = {a = 1\n}", 1, 11, "on the same line" },
    { "[a", 1, 3, "ends with ]" },
    { "[[a]", 1, 5, "ends with ]]" },
    { "\"\"\"a\"\"\" = 1", 1, 1, "a key cannot be a multi-line string" },
    { "# \x01", 1, 3, "control character 0x01" },
    { "a = 'x\x7fy'", 1, 7, "control character 0x7F" },
    { "a = 1 # \xC3\xA4\n\xC3\xA4 = 1", 2, 1, "unexpected character \"\xC3\xA4\"" },
    { "\xEF\xBB\xBF"
      "a",
      1, 2, "unexpected end" },
    { "a = '\xC3\xA4' !", 1, 10, "unexpected character \"!\"" },
    { "\na = \"\xED\xA0\x80\"", 2, 6, "byte 0xED is not valid UTF-8" },
    { "a = \"\xC0\xAF\"", 1, 6, "byte 0xC0" },
    { "a = \"\xF4\x90\x80\x80\"", 1, 6, "byte 0xF4" },
    { "a = \"\xE2\x82", 1, 6, "byte 0xE2" },
    { "a = 1\rb = 2", 1, 6, "control character 0x0D" },
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    refused (cases[i].text, strlen (cases[i].text), -EINVAL, cases[i].line, cases[i].column, cases[i].part);
}
END_TEST

START_TEST (positions_of_values)
{
  toml_document *document = parse ("# c\r\n[t]\r\nkey = 1\r\n  \"k 2\" =\t[ 'a',\n {x.y = 2}]\n[u.v]\n[[w]]\n");
  const toml_value *root = toml_document_root (document), *t = toml_table_get (root, "t"),
                   *list = toml_table_get (t, "k 2");
  struct toml_key key;
  ck_assert_int_eq (toml_value_line (t), 2);
  ck_assert_int_eq (toml_value_column (t), 2);
  ck_assert_ptr_eq (toml_table_at (t, 1, &key), list);
  ck_assert_str_eq (key.text, "k 2");
  ck_assert_int_eq (key.line, 4);
  ck_assert_int_eq (key.column, 3);
  ck_assert_int_eq (toml_value_line (list), 4);
  ck_assert_int_eq (toml_value_column (list), 11);
  ck_assert_int_eq (toml_value_line (toml_array_get (list, 1)), 5);
  ck_assert_int_eq (toml_value_column (toml_array_get (list, 1)), 2);
  ck_assert_int_eq (toml_value_line (toml_table_get (toml_table_get (root, "u"), "v")), 6);
  ck_assert_ptr_null (toml_table_at (t, 2, &key));
  ck_assert_str_eq (key.text, "k 2");
  toml_document_free (document);
}
END_TEST

START_TEST (values)
{
  toml_document *document =
      parse ("s = \"a\\u0000b\"\n\"k\\u0000x\" = 1\nd = 1979-05-27 07:32:00.1234567899-07:30\nf = -0.0\nl = 23:59:60\n"
             "m = '''\n'a''\r\nb'''''\nmin = -9223372036854775808\nf2 = 1_0.5e-0_1\n");
  const toml_value *root = toml_document_root (document), *s = toml_table_get (root, "s");
  struct toml_key key;
  size_t length = 0;
  ck_assert_int_eq (memcmp (toml_value_string (s, &length), "a\0b", 4), 0);
  ck_assert_int_eq (length, 3);
  ck_assert_ptr_null (toml_table_get (root, "k"));
  toml_table_at (root, 1, &key);
  ck_assert_int_eq (key.length, 3);
  const struct toml_datetime *d = toml_value_datetime (toml_table_get (root, "d"));
  ck_assert_int_eq (d->nanosecond, 123456789);
  ck_assert_int_eq (d->offset_minutes, -450);
  ck_assert_int_eq (toml_value_datetime (toml_table_get (root, "l"))->second, 60);
  ck_assert_int_ne (signbit (toml_value_float (toml_table_get (root, "f"))), 0);
  ck_assert_str_eq (toml_value_string (toml_table_get (root, "m"), NULL), "'a''\r\nb''");
  ck_assert (toml_value_integer (toml_table_get (root, "min")) == INT64_MIN);
  ck_assert_double_eq (toml_value_float (toml_table_get (root, "f2")), 1.05);
  /* A getter of another type is neutral, and none minds NULL. */
  ck_assert_ptr_null (toml_value_string (root, &length));
  ck_assert_int_eq (length, 0);
  ck_assert_int_eq (toml_value_integer (s), 0);
  ck_assert_ptr_null (toml_value_datetime (s));
  ck_assert_int_eq (toml_array_length (s), 0);
  ck_assert_int_eq (toml_table_length (NULL), 0);
  ck_assert_ptr_null (toml_table_get (NULL, "a"));
  ck_assert_ptr_null (toml_array_get (NULL, 0));
  ck_assert_int_eq (toml_value_boolean (NULL), 0);
  toml_document_free (document);
  toml_document_free (NULL);
}
END_TEST

START_TEST (nul_bytes)
{
  refused ("a = 1\0", 6, -EINVAL, 1, 6, "control character 0x00");
  refused ("a = '\0'", 7, -EINVAL, 1, 6, "control character 0x00");
  refused ("\0", 1, -EINVAL, 1, 1, "control character 0x00");
  refused ("# \0\n", 4, -EINVAL, 1, 3, "control character 0x00");
}
END_TEST

START_TEST (empty_texts)
{
  toml_document *document = NULL;
  ck_assert_int_eq (toml_parse (&document, NULL, 0, NULL, NULL), 0);
  ck_assert_int_eq (toml_table_length (toml_document_root (document)), 0);
  toml_document_free (document);
  document = parse ("\xEF\xBB\xBF");
  toml_document_free (document);
  document = parse (" \t \r\n# x");
  toml_document_free (document);
}
END_TEST

static int
limited (const char *text, struct toml_limits limits, struct toml_error *error)
{
  toml_document *document = NULL;
  limits.size = sizeof limits;
  int r = parse_bytes (&document, text, strlen (text), &limits, error);
  ck_assert ((r == 0) == (document != NULL));
  toml_document_free (document);
  return r;
}

START_TEST (limits)
{
  struct toml_error error = { 0 };
  static const char *const deep[] = { "a = [[[1]]]", "a = {b = {c = {d = 1}}}", "a.b.c.d = 1",
                                      "[a.b.c]",     "[a]\nb = [[1]]",          "[[a]]\nb = {c = 1}" };
  for (size_t i = 0; i < sizeof deep / sizeof deep[0]; i++) {
    ck_assert_msg (limited (deep[i], (struct toml_limits){ .max_depth = 3 }, &error) == 0, "%s: %s", deep[i],
                   error.message);
    ck_assert_msg (limited (deep[i], (struct toml_limits){ .max_depth = 2 }, &error) == -E2BIG, "%s", deep[i]);
    ck_assert_ptr_nonnull (strstr (error.message, "deeper than 2"));
  }
  ck_assert_int_eq (limited ("a = 1\nb = 2", (struct toml_limits){ .max_nodes = 3 }, &error), 0);
  ck_assert_int_eq (limited ("a = 1\nb = 2", (struct toml_limits){ .max_nodes = 2 }, &error), -E2BIG);
  ck_assert_int_eq (error.line, 2);
  ck_assert_int_eq (limited ("a = 1", (struct toml_limits){ .max_bytes = 5 }, &error), 0);
  ck_assert_int_eq (limited ("a = 12", (struct toml_limits){ .max_bytes = 5 }, &error), -E2BIG);
}
END_TEST

/* A thousand brackets more than the stack would bear, if the limit did not hold. */
START_TEST (default_depth)
{
  static const char *const units[] = { "[", "{a=", "a." };
  for (size_t u = 0; u < 3; u++) {
    size_t count = 1000000, unit = strlen (units[u]);
    char *text = malloc (count * unit + 8);
    struct toml_error error = { 0 };
    toml_document *document = NULL;
    ck_assert_ptr_nonnull (text);
    memcpy (text, "x = ", 4);
    for (size_t i = 0; i < count; i++)
      memcpy (text + (u == 2 ? 0 : 4) + i * unit, units[u], unit);
    ck_assert_int_eq (toml_parse (&document, text, count * unit, NULL, &error), -E2BIG);
    ck_assert_ptr_nonnull (strstr (error.message, "deeper than 64"));
    free (text);
  }
}
END_TEST

/* 200,000 keys in ascending order, the worst case of a plain tree and of a list. */
START_TEST (many_keys)
{
  size_t room = 4u << 20, used = 0;
  char *text = malloc (room), key[32];
  toml_document *document = NULL;
  ck_assert_ptr_nonnull (text);
  for (int i = 0; i < 200000; i++)
    used += (size_t) snprintf (text + used, room - used, "k%06d=%d\n", i, i);
  ck_assert_int_eq (toml_parse (&document, text, used, NULL, NULL), 0);
  const toml_value *root = toml_document_root (document);
  ck_assert_int_eq (toml_table_length (root), 200000);
  for (int i = 0; i < 200000; i += 997) {
    snprintf (key, sizeof key, "k%06d", i);
    ck_assert_int_eq (toml_value_integer (toml_table_get (root, key)), i);
    ck_assert_int_eq (toml_value_integer (toml_table_at (root, (size_t) i, NULL)), i);
  }
  toml_document_free (document);
  free (text);
}
END_TEST

START_TEST (messages_are_printable)
{
  static const char text[] = "\"\\u001b[31m\\u009b\xC3\xA4"
                             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" = 1\n";
  char twice[2 * sizeof text];
  struct toml_error error = { 0 };
  toml_document *document = NULL;
  snprintf (twice, sizeof twice, "%s%s", text, text);
  ck_assert_int_eq (toml_parse (&document, twice, strlen (twice), NULL, &error), -EINVAL);
  ck_assert_ptr_nonnull (strstr (error.message, "\"\\x1B[31m\\x9B\xC3\xA4"
                                                "aaa"));
  ck_assert_ptr_nonnull (strstr (error.message, "...\" is defined already"));
}
END_TEST

static const char full[] = "a = \"x\\u00e4\"\nb = [1, 2.5, true, 1979-05-27, 'aaaaaaaaaaaaaaaaaaaa']\nc.d.e = {f = "
                           "1}\n[g.h]\ni = 1_000.5\n[[j]]\nk = 0x10\n[[j]]\n";

START_TEST (memory_runs_out_at_each_call)
{
  toml_document *document = NULL;
  struct toml_error error = { 0 };
  unsigned long points;
  /* Long strings make the arena and the buffer grow more than once. */
  size_t size = 64u << 10, used = (size_t) snprintf (NULL, 0, "%s", full);
  char *text = malloc (size);
  ck_assert_ptr_nonnull (text);
  memcpy (text, full, used);
  for (int i = 0; used + 600 < size; i++)
    used += (size_t) snprintf (text + used, size - used, "l%d = \"%0500d\"\n", i, i);
  calls = fail_at = 0;
  ck_assert_int_eq (toml_parse (&document, text, used, NULL, NULL), 0);
  toml_document_free (document);
  points = calls;
  for (unsigned long i = 1; i <= points; i++) {
    document = NULL;
    calls = 0;
    fail_at = i;
    ck_assert_int_eq (toml_parse (&document, text, used, NULL, &error), -ENOMEM);
    ck_assert_ptr_null (document);
    ck_assert_str_eq (error.message, "out of memory");
  }
  fail_at = 0;
  free (text);
  printf ("%lu allocations, each failed once\n", points);
  ck_assert_int_gt (points, 8);
}
END_TEST

START_TEST (truncated_at_every_byte)
{
  for (size_t len = 0; len < sizeof full; len++) {
    toml_document *document = NULL;
    int r = parse_bytes (&document, full, len, NULL, NULL);
    ck_assert (r == 0 || r == -EINVAL);
    toml_document_free (document);
  }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("toml");
  TCase *tests = tcase_create ("toml");
  tcase_set_timeout (tests, 60);
  tcase_add_test (tests, positions_of_errors);
  tcase_add_test (tests, positions_of_values);
  tcase_add_test (tests, values);
  tcase_add_test (tests, nul_bytes);
  tcase_add_test (tests, empty_texts);
  tcase_add_test (tests, limits);
  tcase_add_test (tests, default_depth);
  tcase_add_test (tests, many_keys);
  tcase_add_test (tests, messages_are_printable);
  tcase_add_test (tests, memory_runs_out_at_each_call);
  tcase_add_test (tests, truncated_at_every_byte);
  suite_add_tcase (suite, tests);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
