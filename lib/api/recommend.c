/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* recommend: the decision matrix: what must be there decides who fits, what is good about each decides the order. */
#include <stdlib.h>
#include <string.h>

#include "api/argument.h"
#include "api/hypervisor.h"
#include "base/json-write.h"

/* What counts, most first: hardware virtualization, running containers from directories, starting fast, being small, growing. */
static const struct weight {
  int capability;
  int points;
  const char *reason;
} weights[] = {
  { KATA_CAP_KVM, 40, "hardware virtualization" },
  { KATA_CAP_FS_SHARE_VIRTIOFS, 12, "shares directories by virtio-fs" },
  { KATA_CAP_FS_SHARE_9P, 4, "shares directories by 9p" },
  { KATA_CAP_BLOCK, 4, "disks" },
  { KATA_CAP_VSOCK_VHOST, 4, "reaches the guest over vhost-vsock" },
  { KATA_CAP_PAUSE, 3, "pause" },
  { KATA_CAP_NET_HOTPLUG, 3, "network hotplug" },
  { KATA_CAP_CPU_RESIZE, 3, "CPUs can be added" },
  { KATA_CAP_MEMORY_RESIZE, 3, "memory can be added" },
  { KATA_CAP_VFIO, 2, "devices can be passed through" },
  { KATA_CAP_SNAPSHOT, 2, "snapshots" },
};

/* What no capability tells: how fast it starts and how little of it a guest can attack. From what the projects are, not measured here. */
static const struct character {
  const char *name;
  int points;
  const char *reason;
} characters[] = {
  { "builtin", 14, "starts fastest; a small monitor in a jail of its own" },
  { "fc", 10, "starts fast; a small monitor" },
  { "clh", 8, "starts fast; few emulated devices" },
  { "stratovirt", 6, "a small monitor" },
  { "qemu", 2, "runs everywhere, also without hardware virtualization" },
  { "acrn", 0, "for hosts that run the ACRN hypervisor" },
  { "null", -200, "runs no guest: for tests only, chosen only by name" },
};

struct row {
  char *name;
  bool fits;
  int score;
  GPtrArray *reasons; /* strings */
};

static void
row_free (void *data)
{
  struct row *row = data;
  g_free (row->name);
  g_ptr_array_unref (row->reasons);
  g_free (row);
}

/* Directories of the host in the guest, in whichever way. */
#define FS_SHARING "fs-sharing"

static int
has (const kata_hypervisor *hypervisor, const char *need, const char **reason)
{
  if (strcmp (need, FS_SHARING) != 0)
    return kata_hypervisor_has (hypervisor, need, reason);
  return kata_hypervisor_has (hypervisor, "fs-share-9p", reason) == 1
             ? 1
             : kata_hypervisor_has (hypervisor, "fs-share-virtiofs", reason);
}

static void
judge_needs (struct row *row, const kata_hypervisor *hypervisor, const char *const *require)
{
  const char *reason = NULL;
  row->fits = kata_hypervisor_has (hypervisor, "run", &reason) == 1;
  if (!row->fits)
    g_ptr_array_add (row->reasons, g_strdup_printf ("cannot run a guest here: %s", reason));
  for (size_t i = 0; require != NULL && require[i] != NULL; i++) {
    if (has (hypervisor, require[i], &reason) == 1)
      continue;
    row->fits = false;
    g_ptr_array_add (row->reasons, g_strdup_printf ("lacks %s: %s", require[i], reason));
  }
}

static void
add_points (struct row *row, const kata_hypervisor *hypervisor)
{
  for (size_t i = 0; i < G_N_ELEMENTS (weights); i++) {
    if (!kata_capabilities__has (&hypervisor->caps, weights[i].capability))
      continue;
    row->score += weights[i].points;
    g_ptr_array_add (row->reasons, g_strdup_printf ("+%d %s", weights[i].points, weights[i].reason));
  }
  for (size_t i = 0; i < G_N_ELEMENTS (characters); i++) {
    if (strcmp (characters[i].name, row->name) != 0)
      continue;
    row->score += characters[i].points;
    g_ptr_array_add (row->reasons, g_strdup_printf ("%+d %s", characters[i].points, characters[i].reason));
  }
}

static int
judge (struct row **out, kata_runtime *runtime, const char *name, const char *const *require, kata_error **err)
{
  kata_hypervisor *hypervisor = NULL;
  int r = kata_hypervisor_open (&hypervisor, runtime, name, err);
  if (r != 0)
    return r;
  struct row *row = g_new0 (struct row, 1);
  row->name = g_strdup (name);
  row->reasons = g_ptr_array_new_with_free_func (g_free);
  judge_needs (row, hypervisor, require);
  if (row->fits)
    add_points (row, hypervisor);
  kata_hypervisor_unref (hypervisor);
  *out = row;
  return 0;
}

static gint
compare (gconstpointer a, gconstpointer b)
{
  const struct row *x = *(const struct row *const *) a, *y = *(const struct row *const *) b;
  if (x->fits != y->fits)
    return x->fits ? -1 : 1;
  return x->score != y->score ? y->score - x->score : strcmp (x->name, y->name);
}

static char *
format (GPtrArray *rows)
{
  struct kata_json_writer w;
  kata_json_write__init (&w, false);
  kata_json_write__begin_array (&w, NULL);
  for (guint i = 0; i < rows->len; i++) {
    const struct row *row = rows->pdata[i];
    kata_json_write__begin_object (&w, NULL);
    kata_json_write__string (&w, "name", row->name);
    kata_json_write__bool (&w, "fits", row->fits);
    kata_json_write__int (&w, "score", row->score);
    kata_json_write__begin_array (&w, "reasons");
    for (guint k = 0; k < row->reasons->len; k++)
      kata_json_write__string (&w, NULL, row->reasons->pdata[k]);
    kata_json_write__end_array (&w);
    kata_json_write__end_object (&w);
  }
  kata_json_write__end_array (&w);
  return kata_json_write__finish (&w);
}

int
kata_hypervisor_recommend (char **json, kata_runtime *runtime, const char *const *require, kata_error **err)
{
  KATA_REQUIRE (json != NULL, "json", err);
  KATA_REQUIRE (runtime != NULL, "runtime", err);
  for (size_t i = 0; require != NULL && require[i] != NULL; i++)
    if (strcmp (require[i], FS_SHARING) != 0 && kata_capability__from_name (require[i]) < 0)
      return kata_error__set (err, KATA_E_INVALID, require[i],
                              "require: \"%s\" is no capability; kata_hypervisor_describe() lists them", require[i]);
  g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func (row_free);
  g_auto (GStrv) names = NULL;
  int r = kata_runtime_list_hypervisors (&names, runtime, err);
  for (size_t i = 0; r == 0 && names[i] != NULL; i++) {
    struct row *row = NULL;
    r = judge (&row, runtime, names[i], require, err);
    if (r == 0)
      g_ptr_array_add (rows, row);
  }
  if (r != 0)
    return r;
  g_ptr_array_sort (rows, compare);
  *json = format (rows);
  return 0;
}
