/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which ids are names and which would be paths, options or lines. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/id.h"

static const char *const bad[] = { "",     ".",         "..",  "a/b",  "/",           "-a",  "_a",  ".a",
                                   "a b",  "a\n",       "\na", "a\tb", "caf\xc3\xa9", "a,b", "a=b", "a\x7f",
                                   "a\\b", "../../etc", "a*",  "a$b",  "a;b",         "a%s" };
static const char *const good[] = { "a", "0", "A.b_c-d", "3f", "a..b", "x-" };

START_TEST (refuses)
{
  g_autoptr (kata_error) err = NULL;
  ck_assert_int_eq (kata_id__check ("id", bad[_i], &err), KATA_E_INVALID);
  ck_assert_str_eq (kata_error_get_key (err), "id");
}
END_TEST

START_TEST (takes)
{
  ck_assert_int_eq (kata_id__check ("id", good[_i], NULL), 0);
}
END_TEST

START_TEST (lengths)
{
  char id[302];
  memset (id, 'a', sizeof id);
  id[300] = '\0';
  ck_assert_int_eq (kata_id__check ("id", id, NULL), KATA_E_INVALID);
  id[KATA_ID_MAX + 1] = '\0';
  ck_assert_int_eq (kata_id__check ("id", id, NULL), KATA_E_INVALID);
  id[KATA_ID_MAX] = '\0';
  ck_assert_int_eq (kata_id__check ("id", id, NULL), 0);
  ck_assert_int_eq (kata_id__check ("id", NULL, NULL), KATA_E_INVALID);
}
END_TEST

START_TEST (disks)
{
  ck_assert_int_eq (kata_id__check_disk ("disk", "root-0", NULL), 0);
  ck_assert_int_eq (kata_id__check_disk ("disk", "Root", NULL), KATA_E_INVALID);
  ck_assert_int_eq (kata_id__check_disk ("disk", "a,b", NULL), KATA_E_INVALID);
  ck_assert_int_eq (kata_id__check_disk ("disk", "123456789012345678901", NULL), KATA_E_INVALID);
  ck_assert_int_eq (kata_id__check_disk ("disk", "", NULL), KATA_E_INVALID);
}
END_TEST

START_TEST (random_ids)
{
  char a[KATA_ID_RANDOM_LEN + 1], b[KATA_ID_RANDOM_LEN + 1];
  ck_assert_int_eq (kata_id__random (a, NULL), 0);
  ck_assert_int_eq (kata_id__random (b, NULL), 0);
  ck_assert_str_ne (a, b);
  ck_assert_uint_eq (strlen (a), KATA_ID_RANDOM_LEN);
  ck_assert_int_eq (kata_id__check ("id", a, NULL), 0);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("base/id");
  TCase *tcase = tcase_create ("id");
  tcase_add_loop_test (tcase, refuses, 0, G_N_ELEMENTS (bad));
  tcase_add_loop_test (tcase, takes, 0, G_N_ELEMENTS (good));
  tcase_add_test (tcase, lengths);
  tcase_add_test (tcase, disks);
  tcase_add_test (tcase, random_ids);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
