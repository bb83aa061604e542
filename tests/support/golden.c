/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* golden: reads the file, or writes it anew. */
#include "golden.h"

#include <check.h>
#include <string.h>

#include <glib.h>

void
golden_compare (const char *file, const char *text)
{
  const char *dir = g_getenv ("KATA_TEST_GOLDEN_DIR");
  ck_assert_msg (dir != NULL, "KATA_TEST_GOLDEN_DIR is not set; run the test with `meson test`");
  g_autofree char *path = g_build_filename (dir, file, NULL);
  g_autofree char *want = NULL;
  if (g_getenv ("KATA_GOLDEN_UPDATE") != NULL)
    ck_assert (g_file_set_contents (path, text, -1, NULL));
  ck_assert_msg (g_file_get_contents (path, &want, NULL, NULL), "%s: cannot be read", path);
  ck_assert_msg (strcmp (want, text) == 0, "%s differs; it is now:\n%s", path, text);
}
