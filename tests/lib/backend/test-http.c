/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-http: heads of answers, whole and cut, good and bad. */
#include <check.h>
#include <string.h>

#include <glib.h>

#include "backend/http.h"
#include "base/error.h"

static int
parse (const char *text, struct kata_http_head *head)
{
  g_autoptr (kata_error) error = NULL;
  int r = kata_http__parse_head (head, text, strlen (text), &error);
  ck_assert_int_eq (error != NULL, r < 0);
  return r;
}

START_TEST (good)
{
  static const struct {
    const char *text;
    unsigned status;
    size_t body;
  } cases[] = {
    { "HTTP/1.1 204 \r\nServer: x\r\nConnection: keep-alive\r\n\r\n", 204, 0 },
    { "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n", 200, 17 },
    { "HTTP/1.0 404\r\ncontent-length:\t5 \r\n\r\n", 404, 5 },
    { "HTTP/1.1 500 \ncontent-length: 1048576\n\n", 500, 1048576 },
    { "HTTP/1.1 200 \r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n", 200, 3 },
  };
  struct kata_http_head head;
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text = g_strconcat (cases[i].text, "{}", NULL);
    ck_assert_int_eq (parse (text, &head), 1);
    ck_assert_uint_eq (head.status, cases[i].status);
    ck_assert_uint_eq (head.body_len, cases[i].body);
    ck_assert_uint_eq (head.head_len, strlen (cases[i].text));
    for (size_t cut = 0; cut < strlen (cases[i].text); cut++) {
      text[cut] = '\0';
      g_autofree char *part = g_strndup (cases[i].text, cut);
      ck_assert_int_eq (parse (part, &head), 0);
    }
  }
}
END_TEST

START_TEST (bad)
{
  static const char *const texts[] = {
    "what\r\n\r\n",
    "HTTP/2 200\r\n\r\n",
    "HTTP/1.1 20\r\n\r\n",
    "HTTP/1.1 099 x\r\n\r\n",
    "HTTP/1.1 600 x\r\n\r\n",
    "HTTP/1.1 2000\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "\r\n\r\n",
  };
  struct kata_http_head head;
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    ck_assert_msg (parse (texts[i], &head) == KATA_E_PROTOCOL, "%s", texts[i]);
}
END_TEST

START_TEST (too_long)
{
  g_autoptr (GString) text = g_string_new ("HTTP/1.1 200 OK\r\n");
  struct kata_http_head head;
  while (text->len < KATA_HTTP_HEAD_MAX - 20)
    g_string_append (text, "X: y\r\n");
  ck_assert_int_eq (parse (text->str, &head), 0);
  while (text->len < KATA_HTTP_HEAD_MAX)
    g_string_append (text, "X: y\r\n");
  ck_assert_int_eq (parse (text->str, &head), KATA_E_PROTOCOL);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("http");
  TCase *tcase = tcase_create ("http");
  tcase_add_test (tcase, good);
  tcase_add_test (tcase, bad);
  tcase_add_test (tcase, too_long);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? 0 : 1;
}
