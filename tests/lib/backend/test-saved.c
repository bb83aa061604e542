/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-saved: what a virtual machine left in the journal is read strictly: damage is found, not guessed around. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "backend/saved.h"
#include "base/error.h"

START_TEST (saved_reads_numbers)
{
  g_autoptr (JsonObject) saved = kata_saved__parse ("{\"version\":1,\"port\":4294967295,\"none\":0}");
  uint32_t value = 7;
  ck_assert_ptr_nonnull (saved);
  ck_assert (kata_saved__number (saved, "port", UINT32_MAX, &value) && value == UINT32_MAX);
  ck_assert (kata_saved__number (saved, "none", 0, &value) && value == 0);
}
END_TEST

START_TEST (saved_refuses_numbers)
{
  g_autoptr (JsonObject) saved = kata_saved__parse (
      "{\"version\":1,\"less\":-1,\"more\":8,\"text\":\"1\",\"real\":1.0,\"nothing\":null,\"list\":[1]}");
  static const char *const names[] = { "less", "more", "text", "real", "nothing", "list", "absent" };
  ck_assert_ptr_nonnull (saved);
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
    uint32_t value = 7;
    ck_assert_msg (!kata_saved__number (saved, names[i], 7, &value), "%s was taken", names[i]);
    ck_assert_uint_eq (value, 7);
  }
}
END_TEST

START_TEST (saved_refuses_texts)
{
  static const char *const texts[] = {
    "", "1", "[]", "{", "{}", "{\"version\":0}", "{\"version\":2}", "{\"version\":\"1\"}", "{\"version\":1}x"
  };
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    ck_assert_msg (kata_saved__parse (texts[i]) == NULL, "%s was taken", texts[i]);
  g_autofree char *blanks = g_strnfill (4096, ' ');
  g_autofree char *longer = g_strconcat ("{\"version\":1}", blanks, NULL);
  ck_assert_ptr_null (kata_saved__parse (longer));
  longer[4096] = '\0';
  g_autoptr (JsonObject) just = kata_saved__parse (longer);
  ck_assert_ptr_nonnull (just);
}
END_TEST

START_TEST (saved_names_the_sandbox)
{
  g_autoptr (kata_error) error = NULL;
  ck_assert_int_eq (kata_saved__corrupt ("one", &error), KATA_E_CORRUPT);
  ck_assert_ptr_nonnull (strstr (kata_error_get_message (error), "sandbox one: "));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("saved");
  TCase *tc = tcase_create ("saved");
  tcase_add_test (tc, saved_reads_numbers);
  tcase_add_test (tc, saved_refuses_numbers);
  tcase_add_test (tc, saved_refuses_texts);
  tcase_add_test (tc, saved_names_the_sandbox);
  suite_add_tcase (suite, tc);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_ENV);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
