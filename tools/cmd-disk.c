/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-disk: `katactl disk add` and `katactl disk remove`: disks that come to a sandbox and go from it. */
#include <string.h>
#include <sys/stat.h>

#include "add-remove.h"
#include "output.h"
#include "progress.h"

/* "ID=PATH", and ":ro" behind it. The id is the library's to judge. A socket is a vhost-user server's. */
static int
parse (ctl *ctl, const char *word, char **id, char **path, uint32_t *flags)
{
  struct stat st;
  const char *equals = strchr (word, '=');
  if (equals == NULL || equals == word || equals[1] == '\0')
    return output_usage (ctl, "\"%s\" is no ID=PATH", word);
  g_autofree char *rest = g_strdup (equals + 1);
  if (g_str_has_suffix (rest, ":ro")) {
    rest[strlen (rest) - 3] = '\0';
    *flags = KATA_DISK_READONLY;
  }
  *id = g_strndup (word, (gsize) (equals - word));
  *path = g_canonicalize_filename (rest, NULL);
  if (stat (*path, &st) == 0 && S_ISSOCK (st.st_mode))
    *flags |= KATA_DISK_VHOST_USER;
  return CTL_OK;
}

static int
add (ctl *ctl, kata_sandbox *sandbox, const char *word)
{
  CTL_AUTO (error) err = NULL;
  g_autofree char *id = NULL, *path = NULL;
  uint32_t flags = 0;
  int rc = parse (ctl, word, &id, &path, &flags);
  if (rc != CTL_OK)
    return rc;
  const kata_disk disk = { sizeof disk, id, path, flags };
  progress *progress = progress_begin (ctl, "adding");
  rc = kata_sandbox_add_disk (sandbox, &disk, KATA_TIMEOUT_DEFAULT, &err);
  progress_end (&progress);
  return rc < 0 ? output_error (ctl, NULL, err) : CTL_OK;
}

static int
take_out (ctl *ctl, kata_sandbox *sandbox, const char *id)
{
  CTL_AUTO (error) err = NULL;
  progress *progress = progress_begin (ctl, "removing");
  int rc = kata_sandbox_remove_disk (sandbox, id, KATA_TIMEOUT_DEFAULT, &err);
  progress_end (&progress);
  return rc < 0 ? output_error (ctl, NULL, err) : CTL_OK;
}

static int
change (ctl *ctl, kata_sandbox *sandbox, gboolean adds, const char *word)
{
  return adds ? add (ctl, sandbox, word) : take_out (ctl, sandbox, word);
}

int
cmd_disk (ctl *ctl, int argc, char **argv)
{
  return add_remove (ctl, argc, argv, "disk", change);
}
