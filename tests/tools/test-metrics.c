/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-metrics: the text format of metrics, its reader and merger, requests and queries. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "metrics/histogram.h"
#include "metrics/http.h"
#include "metrics/merge.h"
#include "metrics/process.h"
#include "metrics/read.h"
#include "metrics/text.h"

/* ---- writing ---- */

START_TEST (test_labels_are_escaped)
{
  const metrics_label labels[] = { { "a", "q\" b\\ n\n" }, { "b", "\x01\xff\x7f" }, { NULL, NULL } };
  GString *text = g_string_new (NULL);
  metrics_text_family (text, "x", "gauge", "Help.");
  metrics_text_uint (text, "x", labels, G_MAXUINT64);
  metrics_text_double (text, "x", NULL, 0.25);
  ck_assert_str_eq (text->str, "# HELP x Help.\n# TYPE x gauge\nx{a=\"q\\\" b\\\\ n\\n\",b=\"?\xef\xbf\xbd?\"} "
                               "18446744073709551615\nx 0.25\n");
  g_string_free (text, TRUE);
}
END_TEST

START_TEST (test_numbers)
{
  GString *text = g_string_new (NULL);
  metrics_text_double (text, "x", NULL, (double) NAN);
  metrics_text_double (text, "x", NULL, (double) INFINITY);
  metrics_text_double (text, "x", NULL, (double) -INFINITY);
  metrics_text_double (text, "x", NULL, 1795287984.25);
  ck_assert_str_eq (text->str, "x NaN\nx +Inf\nx -Inf\nx 1795287984.25\n");
  g_string_free (text, TRUE);
}
END_TEST

START_TEST (test_histogram)
{
  metrics_histogram histogram = { { 0 }, 0 };
  const metrics_label labels[] = { { "action", "create" }, { NULL, NULL } };
  GString *text = g_string_new (NULL);
  metrics_histogram_write (text, "h", labels, &histogram);
  ck_assert_str_eq (text->str, "");
  metrics_histogram_add (&histogram, 1000);    /* on the edge of the first */
  metrics_histogram_add (&histogram, 1001);    /* in the second */
  metrics_histogram_add (&histogram, 9000000); /* in none */
  metrics_histogram_write (text, "h", labels, &histogram);
  ck_assert (
      g_str_has_prefix (text->str, "h_bucket{action=\"create\",le=\"1\"} 1\nh_bucket{action=\"create\",le=\"2\"} 2\n"));
  ck_assert (g_str_has_suffix (text->str, "le=\"512\"} 2\nh_bucket{action=\"create\",le=\"+Inf\"} 3\n"
                                          "h_sum{action=\"create\"} 9002.001\nh_count{action=\"create\"} 3\n"));
  g_string_free (text, TRUE);
}
END_TEST

START_TEST (test_own_process)
{
  g_autoptr (metrics_process) self = metrics_process_read (getpid ());
  g_autoptr (metrics_merge) merge = metrics_merge_new ();
  const metrics_label labels[] = { { "sandbox_id", "one" }, { NULL, NULL } };
  const metrics_merge_rules rules = { .sandbox_id = "one" };
  GString *text = g_string_new (NULL);
  ck_assert_ptr_nonnull (self);
  ck_assert_ptr_null (metrics_process_read (G_MAXINT32));
  metrics_process_write (text, "p", labels, self);
  ck_assert_ptr_nonnull (strstr (text->str, "\np_threads{sandbox_id=\"one\"} 1\n"));
  ck_assert_ptr_null (strstr (text->str, "p_process_resident_memory_bytes{sandbox_id=\"one\"} 0\n"));
  ck_assert (metrics_merge_add (merge, text->str, text->len, &rules));
  g_string_free (text, TRUE);
}
END_TEST

/* ---- reading ---- */

static gboolean
reads (const char *line)
{
  metrics_line out;
  return metrics_read_line (&out, line, strlen (line));
}

START_TEST (test_lines)
{
  static const char *const right[] = { "",
                                       "#",
                                       "# any",
                                       "#HELP x",
                                       "# HELP x",
                                       "# HELP x a \\ b",
                                       "# TYPE x gauge",
                                       "x 1",
                                       "x:y -1.5e3",
                                       "x{} 1",
                                       "x{a=\"\"} +Inf",
                                       "x{a=\"\\\\\\\"\\n\",} NaN",
                                       "x{a=\"b\",c=\"d\"} 1 -5",
                                       "_ .5" };
  static const char *const wrong[] = { " ",
                                       "x",
                                       "x ",
                                       "x  1",
                                       "1x 1",
                                       "x{a=b} 1",
                                       "x{a=\"b} 1",
                                       "x{a=\"\\t\"} 1",
                                       "x{a=\"b\" 1",
                                       "x{,} 1",
                                       "x{a=\"b\",,} 1",
                                       "x{1=\"b\"} 1",
                                       "x 1 ",
                                       "x 1 a",
                                       "x 0x10",
                                       "x inf",
                                       "x one",
                                       "x 1\t",
                                       "x\001 1",
                                       "x \xff",
                                       "# TYPE x",
                                       "# TYPE x thing",
                                       "# HELP 1",
                                       "x{a=\"b\"}1",
                                       "x 1 2 3",
                                       "x -",
                                       "x{a:b=\"c\"} 1" };
  for (gsize i = 0; i < G_N_ELEMENTS (right); i++)
    ck_assert_msg (reads (right[i]), "refused: %s", right[i]);
  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++)
    ck_assert_msg (!reads (wrong[i]), "accepted: %s", wrong[i]);
}
END_TEST

/* ---- merging ---- */

static gboolean
add (metrics_merge *merge, const char *id, gboolean add_id, const char *text)
{
  static const char *const prefixes[] = { "kata_", NULL };
  const metrics_merge_rules rules = { .sandbox_id = id, .add_id = add_id, .prefixes = prefixes };
  return metrics_merge_add (merge, text, strlen (text), &rules);
}

START_TEST (test_one_family_of_two)
{
  g_autoptr (metrics_merge) merge = metrics_merge_new ();
  GString *text = g_string_new (NULL);
  ck_assert (add (merge, "a", FALSE,
                  "# HELP kata_x X.\n# TYPE kata_x gauge\nkata_x{sandbox_id=\"a\"} 1\n# TYPE kata_y histogram\n"
                  "kata_y_bucket{sandbox_id=\"a\",le=\"+Inf\"} 1\nkata_y_count{sandbox_id=\"a\"} 1\n"));
  ck_assert (add (merge, "b", TRUE, "# HELP kata_x Other words.\n# TYPE kata_x gauge\nkata_x 2\nkata_x{l=\"m\",} 3\n"));
  ck_assert (add (merge, "c", TRUE, "# TYPE kata_x counter\nkata_x 2\nkata_z 1\n")); /* of another type: left out */
  metrics_merge_write (merge, text);
  ck_assert_str_eq (
      text->str,
      "# HELP kata_x X.\n# TYPE kata_x gauge\nkata_x{sandbox_id=\"a\"} 1\nkata_x{sandbox_id=\"b\"} 2\n"
      "kata_x{sandbox_id=\"b\",l=\"m\"} 3\n# TYPE kata_y histogram\nkata_y_bucket{sandbox_id=\"a\",le=\"+Inf\"} 1\n"
      "kata_y_count{sandbox_id=\"a\"} 1\nkata_z{sandbox_id=\"c\"} 1\n");
  g_string_free (text, TRUE);
}
END_TEST

START_TEST (test_refused_as_a_whole)
{
  static const struct {
    gboolean add_id;
    const char *text;
  } rows[] = {
    { FALSE, "kata_x 1\n" },                                          /* no id */
    { FALSE, "kata_x{sandbox_id=\"b\"} 1\n" },                        /* another's */
    { FALSE, "kata_x{sandbox_id=\"a\",sandbox_id=\"a\"} 1\n" },       /* twice */
    { TRUE, "kata_x{sandbox_id=\"a\"} 1\n" },                         /* it may not say it itself */
    { TRUE, "kata_x 1\nkata_x 2\n" },                                 /* one sample twice */
    { TRUE, "kata_x 1\nkata_y 1\nkata_x{a=\"b\"} 1\n" },              /* a family in two pieces */
    { TRUE, "kata_x 1\n# TYPE kata_x gauge\n" },                      /* a type behind its samples */
    { TRUE, "# TYPE kata_x gauge\n# TYPE kata_x gauge\nkata_x 1\n" }, /* two types */
    { TRUE, "kata_x 1\nother 1\n" },                                  /* a name of somebody else's */
    { TRUE, "kata_x 1\nkata_x{" },                                    /* cut short */
    { TRUE, "kata_x 1" },                                             /* in the last line, too */
    { TRUE, "kata_x 1\nkata_y{a=\"b\\x\"} 1\n" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (metrics_merge) merge = metrics_merge_new ();
    GString *out = g_string_new (NULL);
    ck_assert_msg (!add (merge, "a", rows[i].add_id, rows[i].text), "accepted: %s", rows[i].text);
    metrics_merge_write (merge, out);
    ck_assert_uint_eq (out->len, 0);
    g_string_free (out, TRUE);
  }
}
END_TEST

/* ---- requests ---- */

static int
parse (http_request *request, const char *text)
{
  return http_parse (request, text, strlen (text));
}

#define HOST "Host: localhost\r\n"

START_TEST (test_requests)
{
  static const struct {
    int status;
    const char *text;
  } rows[] = {
    { 200, "GET / HTTP/1.1\r\n" HOST "\r\n" },
    { 200, "GET / HTTP/1.0\r\n\r\n" },
    { 200, "GET /a?b=c HTTP/1.1\r\nhost:\tx \r\nContent-Length: 0\r\n\r\nmore" },
    { 0, "" },
    { 0, "GET / HTTP/1.1\r\n" HOST "\r" },
    { 400, "GET / HTTP/1.1\r\n\r\n" },
    { 400, "GET / HTTP/1.1\r\n" HOST HOST "\r\n" },
    { 400, "GET  / HTTP/1.1\r\n" HOST "\r\n" },
    { 400, "GET x HTTP/1.1\r\n" HOST "\r\n" },
    { 400, "GET http://x/ HTTP/1.1\r\n" HOST "\r\n" },
    { 400, "GET /\x01 HTTP/1.1\r\n" HOST "\r\n" },
    { 400, "GET /#a HTTP/1.1\r\n" HOST "\r\n" },
    { 400, "GET / HTTP/1.1 \r\n" HOST "\r\n" },
    { 400, "GET / http/1.1\r\n" HOST "\r\n" },
    { 400, "GET /\r\n\r\n" },
    { 400, "\r\n\r\n" },
    { 400, "GET / HTTP/1.1\r\n" HOST "a : b\r\n\r\n" },
    { 400, "GET / HTTP/1.1\r\n" HOST "a: b\r\n c\r\n\r\n" },
    { 400, "GET / HTTP/1.1\r\n" HOST "a: b\nc: d\r\n\r\n" },
    { 400, "GET / HTTP/1.1\r\n" HOST "a: b\rc\r\n\r\n" },
    { 400, "GET / HTTP/1.1\r\n" HOST "nothing\r\n\r\n" },
    { 400, "GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\n" },
    { 400, "GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n" },
    { 405, "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\n" },
    { 405, "HEAD / HTTP/1.1\r\n" HOST "\r\n" },
    { 405, "get / HTTP/1.1\r\n" HOST "\r\n" },
    { 505, "GET / HTTP/2.0\r\n" HOST "\r\n" },
  };
  http_request request;
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    ck_assert_msg (parse (&request, rows[i].text) == rows[i].status, "%d wanted for: %s", rows[i].status, rows[i].text);
  ck_assert_int_eq (http_parse (&request, "GET /\0", 6), 400);
  ck_assert_int_eq (parse (&request, "GET /a?b=c HTTP/1.1\r\nHost: h:1\r\nAccept: text/html, application/json\r\n\r\n"),
                    200);
  ck_assert_str_eq (request.path, "/a");
  ck_assert_str_eq (request.query, "b=c");
  ck_assert_str_eq (request.host, "h:1");
  ck_assert (request.wants_json);
}
END_TEST

START_TEST (test_request_limits)
{
  http_request request;
  GString *text = g_string_new ("GET / HTTP/1.1\r\n" HOST "x: ");
  while (text->len < HTTP_REQUEST_MAX)
    g_string_append_c (text, 'a');
  ck_assert_int_eq (http_parse (&request, text->str, HTTP_REQUEST_MAX - 1), 0);
  ck_assert_int_eq (http_parse (&request, text->str, HTTP_REQUEST_MAX), 431);
  g_string_assign (text, "GET / HTTP/1.1\r\n" HOST);
  for (int i = 0; i < 70; i++)
    g_string_append (text, "a: b\r\n");
  g_string_append (text, "\r\n");
  ck_assert_int_eq (parse (&request, text->str), 431);
  g_string_assign (text, "GET /");
  for (int i = 0; i < 300; i++)
    g_string_append_c (text, 'a');
  g_string_append (text, " HTTP/1.1\r\n" HOST "\r\n");
  ck_assert_int_eq (parse (&request, text->str), 414);
  g_string_free (text, TRUE);
}
END_TEST

START_TEST (test_queries)
{
  char value[8];
  ck_assert_int_eq (http_query ("", "a", value, sizeof value), 0);
  ck_assert_int_eq (http_query ("b=a&aa=1", "a", value, sizeof value), 0);
  ck_assert_int_eq (http_query ("b=1&a=%2Fx%3d", "a", value, sizeof value), 1);
  ck_assert_str_eq (value, "/x=");
  ck_assert_int_eq (http_query ("a", "a", value, sizeof value), 1);
  ck_assert_str_eq (value, "");
  ck_assert_int_eq (http_query ("a=1234567", "a", value, sizeof value), 1);
  ck_assert_int_eq (http_query ("a=12345678", "a", value, sizeof value), -1);
  ck_assert_int_eq (http_query ("a=%", "a", value, sizeof value), -1);
  ck_assert_int_eq (http_query ("a=%0", "a", value, sizeof value), -1);
  ck_assert_int_eq (http_query ("a=%0g", "a", value, sizeof value), -1);
  ck_assert_int_eq (http_query ("a=%00", "a", value, sizeof value), -1);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("metrics");
  TCase *all = tcase_create ("metrics");
  tcase_add_test (all, test_labels_are_escaped);
  tcase_add_test (all, test_numbers);
  tcase_add_test (all, test_histogram);
  tcase_add_test (all, test_own_process);
  tcase_add_test (all, test_lines);
  tcase_add_test (all, test_one_family_of_two);
  tcase_add_test (all, test_refused_as_a_whole);
  tcase_add_test (all, test_requests);
  tcase_add_test (all, test_request_limits);
  tcase_add_test (all, test_queries);
  suite_add_tcase (suite, all);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed > 0;
}
