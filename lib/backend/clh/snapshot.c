/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* snapshot: a paused guest into files of Cloud Hypervisor's, and a fresh one from them. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/clh/config.h"
#include "backend/clh/vm.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/json-write.h"
#include "base/json.h"
#include "host/beneath.h"
#include "host/mount.h"

/* Below the one directory in which Landlock lets the VMM read and write. A rule about the place itself would not count: what a mount hides has none. */
#define PLACE      KATA_CLH_PORTS_DIR "/snapshot"
#define CONFIG     "config.json"
#define CONFIG_MAX ((size_t) 1 << 20)
/* What the VMM takes when the plan names no source of random numbers. */
#define RNG_SOURCE "rng.src=/dev/urandom"

static int
record (const char *path, int kind, const kata_backend_env *env, kata_error **err)
{
  kata_undo undo = { .size = sizeof undo, .kind = kind, .role = "snapshot", .path = path };
  return env->record (env->journal, &undo, err);
}

/* Binds @dir to a place that the VMM may use. */
static int
open_place (kata_external_vm *vm, const char *dir, const kata_backend_env *env, kata_error **err)
{
  g_autofree char *path = g_build_filename (vm->dir, PLACE, NULL);
  int code = record (path, KATA_UNDO_DIR, env, err);
  if (code == 0 && mkdirat (vm->dir_fd, PLACE, 0700) != 0 && errno != EEXIST)
    code = kata_error__errno (err, KATA_E_IO, path, errno, "make \"%s\"", path);
  if (code == 0)
    code = record (path, KATA_UNDO_MOUNT, env, err);
  return code < 0 ? code : kata_mount__bind (dir, vm->dir_fd, PLACE, 0, err);
}

static void
close_place (kata_external_vm *vm)
{
  if (kata_mount__remove (vm->dir_fd, PLACE, NULL) == 0)
    unlinkat (vm->dir_fd, PLACE, AT_REMOVEDIR);
}

/* {"destination_url":"file://…"} */
static int
ask (kata_external_vm *vm, const char *action, const char *member, int64_t deadline_us, kata_error **err)
{
  g_autofree char *url = g_strdup_printf ("file://%s/" PLACE, vm->dir);
  struct kata_json_writer w;
  kata_json_write__init (&w, false);
  kata_json_write__begin_object (&w, NULL);
  kata_json_write__string (&w, member, url);
  kata_json_write__end_object (&w);
  g_autofree char *body = kata_json_write__finish (&w);
  return kata_clh__put (vm, action, body, NULL, 0, deadline_us, err);
}

static int
save (void *handle, const char *dir, const kata_backend_env *env, kata_error **err)
{
  kata_external_vm *vm = handle;
  struct rlimit before;
  if (kata_external_vm__ended (vm))
    return kata_external_vm__ended_error (vm, "snapshot", err);
  int code = open_place (vm, dir, env, err);
  if (code == 0)
    code = kata_external__lift_bound (vm->vmm.identity.pid, &before, err);
  if (code == 0) {
    code = ask (vm, "vm.snapshot", "destination_url", env->deadline_us, err);
    if (!kata_external_vm__ended (vm)) /* its number may be another's by now */
      kata_external__set_bound (vm->vmm.identity.pid, &before);
  }
  close_place (vm);
  return code;
}

/* ---- what the VMM would open by a snapshot's configuration ---- */

static const char *
name_of (const kata_json *value)
{
  return value->name != NULL ? value->name : "";
}

/* As "disks.path=/a": what is named for one purpose is not for another, by which the VMM might write to it. */
static void
gather (GHashTable *uses, kata_arena *arena, const char *section, const kata_json *value)
{
  if (value->type == KATA_JSON_STRING && strchr (value->text, '/') != NULL)
    g_hash_table_add (uses, kata_arena__printf (arena, "%s.%s=%s", section, name_of (value), value->text));
  for (const kata_json *at = value->first; at != NULL; at = at->next)
    gather (uses, arena, section, at);
}

static void
gather_all (GHashTable *uses, kata_arena *arena, const kata_json *root)
{
  for (const kata_json *at = root->first; at != NULL; at = at->next)
    gather (uses, arena, name_of (at), at);
}

static bool
flag (const kata_json *object, const char *name)
{
  const kata_json *value = kata_json__get (object, name);
  return value != NULL && value->type == KATA_JSON_BOOL && value->truth;
}

/* One of @all is of the same file, and as writable. One of a server's has no file. */
static bool
has_disk (const kata_json *all, const kata_json *disk)
{
  const kata_json *path = kata_json__get (disk, "path");
  for (const kata_json *at = path != NULL && all != NULL ? all->first : NULL; at != NULL; at = at->next) {
    const kata_json *other = kata_json__get (at, "path");
    if (other != NULL && other->type == KATA_JSON_STRING && path->type == KATA_JSON_STRING &&
        strcmp (other->text, path->text) == 0 && flag (at, "readonly") == flag (disk, "readonly"))
      return true;
  }
  return path == NULL;
}

/* What decides over files that it names by right: who may write to them, and the jail. */
static int
check_rights (const kata_json *theirs, const kata_json *ours, kata_error **err)
{
  const kata_json *disks = kata_json__get (theirs, "disks");
  for (const kata_json *at = disks != NULL ? disks->first : NULL; at != NULL; at = at->next)
    if (!has_disk (kata_json__get (ours, "disks"), at))
      return kata_error__set (err, KATA_E_CORRUPT, CONFIG,
                              "the snapshot's machine has a disk that is none of the sandbox's, or would write to one "
                              "that is read-only there, or the other way round");
  if (flag (ours, "landlock_enable") && !flag (theirs, "landlock_enable"))
    return kata_error__set (err, KATA_E_CORRUPT, CONFIG,
                            "the snapshot's machine would run without Landlock, which the sandbox has; to go without "
                            "it, name \"landlock\" in hypervisor.clh.confine_waive");
  return 0;
}

/* Nothing that the plan does not name, whatever the member is called: the VMM believes its file. Depth is bounded by the parser. */
static int
check_config (int dir_fd, const char *planned, kata_error **err)
{
  g_autoptr (kata_arena) arena = kata_arena__new ();
  g_autoptr (GHashTable) known = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GHashTable) named = g_hash_table_new (g_str_hash, g_str_equal);
  g_autofree char *text = NULL;
  size_t length = 0;
  const kata_json *ours = NULL, *theirs = NULL;
  int code = kata_beneath__read (dir_fd, CONFIG, CONFIG_MAX, &text, &length);
  if (code != 0)
    return kata_error__errno (err, KATA_E_CORRUPT, CONFIG, -code, "read \"%s\" of the snapshot", CONFIG);
  code = kata_json__parse (&theirs, arena, text, length, NULL, KATA_E_CORRUPT, err);
  if (code == 0)
    code = kata_json__parse (&ours, arena, planned, strlen (planned), NULL, KATA_E_INTERNAL, err);
  if (code < 0)
    return code;
  gather_all (known, arena, ours);
  gather_all (named, arena, theirs);
  g_hash_table_add (known, (char *) RNG_SOURCE);
  GHashTableIter iter;
  void *use;
  g_hash_table_iter_init (&iter, named);
  while (g_hash_table_iter_next (&iter, &use, NULL))
    if (!g_hash_table_contains (known, use))
      return kata_error__set (err, KATA_E_CORRUPT, CONFIG,
                              "the snapshot's machine would use \"%.200s\", which the sandbox does not name so",
                              (const char *) use);
  return check_rights (theirs, ours, err);
}

int
kata_clh__take (kata_external_vm *vm, const char *dir, const char *planned, const kata_backend_env *env,
                kata_error **err)
{
  int code = open_place (vm, dir, env, err);
  kata_auto_fd int fd = code == 0 ? kata_beneath__open (vm->dir_fd, PLACE, O_RDONLY | O_DIRECTORY, 0, false) : -1;
  if (code == 0 && fd < 0)
    code = kata_error__errno (err, KATA_E_IO, dir, -fd, "open \"%s\"", dir);
  if (code == 0)
    code = check_config (fd, planned, err);
  if (code == 0)
    code = kata_clh__ping (vm, env->deadline_us, err);
  if (code == 0)
    code = ask (vm, "vm.restore", "source_url", env->deadline_us, err);
  kata_fd__closep (&fd);
  close_place (vm);
  return code;
}

static int
restore (void **vm, const kata_vm_plan *plan, const char *dir, const kata_backend_env *env, kata_error **err)
{
  return kata_clh__start (vm, plan, dir, env, err);
}

const kata_backend_snapshot kata_clh__snapshot = { sizeof (kata_backend_snapshot), save, restore };
