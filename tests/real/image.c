/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* image: made by mke2fs, without mounting anything. */
#include "image.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <glib/gstdio.h>

static const char *
mke2fs (void)
{
  static const char *const places[] = { "/sbin/mke2fs", "/usr/sbin/mke2fs", "/usr/bin/mke2fs" };
  for (size_t i = 0; i < G_N_ELEMENTS (places); i++)
    if (access (places[i], X_OK) == 0)
      return places[i];
  return NULL;
}

bool
real_image_possible (void)
{
  if (mke2fs () == NULL)
    puts ("SKIP: mke2fs is not installed (package e2fsprogs)");
  return mke2fs () != NULL;
}

char *
real_image (const char *name)
{
  g_autofree char *tree = g_build_filename (life->dir, "tree", NULL), *mark = g_build_filename (tree, "mark", NULL);
  char *image = g_build_filename (life->dir, name, NULL);
  if (g_mkdir (tree, 0755) == 0) {
    life_busybox (tree);
    ck_assert (g_file_set_contents (mark, "from the disk\n", -1, NULL));
  }
  g_autofree char *line =
      g_strdup_printf ("%s -q -F -t ext4 -O ^has_journal -d '%s' '%s' 16M >/dev/null", mke2fs (), tree, image);
  ck_assert_int_eq (system (line), 0);
  ck_assert_int_eq (g_chmod (image, 0666), 0); /* for a jail's user */
  return image;
}

char *
real_run_on (kata_sandbox *sandbox, const char *id, const char *command)
{
  const char *const args[] = { "sh", "-c", command, NULL };
  kata_container_options options = KATA_CONTAINER_OPTIONS_INIT;
  kata_container *container = NULL;
  kata_process *process = NULL;
  kata_error *error = NULL;
  int status = -1;
  options.id = "c";
  options.args = args;
  options.rootfs_disk = id;
  ck_ok (kata_container_create (&container, sandbox, &options, LIFE_MS, &error), error);
  ck_assert_int_eq (kata_sandbox_remove_disk (sandbox, id, LIFE_MS, &error), KATA_E_BUSY);
  kata_error_unrefp (&error);
  ck_ok (kata_container_start (container, LIFE_MS, &error), error);
  ck_ok (kata_container_get_process (&process, container, &error), error);
  GString *said = life_read_all (process, KATA_STDOUT);
  ck_ok (kata_process_wait (process, &status, LIFE_MS, &error), error);
  ck_assert_msg (status == 0, "exit status %d: %s", status, said->str);
  ck_ok (kata_container_delete (container, 0, LIFE_MS, &error), error);
  kata_process_unref (process);
  kata_container_unref (container);
  return g_string_free (said, FALSE);
}
