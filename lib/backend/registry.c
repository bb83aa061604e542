/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* registry: the table of built-in backends, the list of a runtime, and what stands in for a verb that a backend does not have. */
#include "backend/registry.h"

#include <stdbool.h>
#include <string.h>

#include <glib.h>

#include "base/error.h"

/*
 * Order of preference: what kata_runtime_list_hypervisors() shows and the recommendation falls back on. Our own microVMM first; then QEMU,
 * because it runs on every host; then those that need a program of their own and KVM; the null backend last, because it runs nothing.
 */
static const kata_backend *const builtin[] = { &kata_backend_builtin, &kata_backend_qemu,       &kata_backend_clh,
                                               &kata_backend_fc,      &kata_backend_stratovirt, &kata_backend_acrn,
                                               &kata_backend_null };

struct kata_registry {
  GMutex lock;
  GPtrArray *entries; /* of struct registered; entries do not move */
};

struct registered {
  kata_backend_entry entry;
  bool opened;
};

/* ---- defaults ---- */

static int
no_verb (kata_error **err, const char *what)
{
  return kata_error__set (err, KATA_E_UNSUPPORTED, NULL, "this hypervisor backend cannot %s", what);
}

static int
default_open (void **runtime_data, kata_error **err)
{
  *runtime_data = NULL;
  return 0;
}

static void
default_close (void *runtime_data)
{
}

static int
default_translate (const kata_vm_plan *plan, char **json, kata_error **err)
{
  *json = g_strdup ("{}");
  return 0;
}

static int
default_save (void *vm, char **json, kata_error **err)
{
  return no_verb (err, "be attached to from another process");
}

static int
default_attach (void **vm, const kata_vm_plan *plan, const char *saved, const kata_backend_env *env, kata_error **err)
{
  return no_verb (err, "be attached to from another process");
}

static int
default_pause (void *vm, const kata_backend_env *env, kata_error **err)
{
  return no_verb (err, "pause a guest");
}

static int
default_resume (void *vm, const kata_backend_env *env, kata_error **err)
{
  return no_verb (err, "resume a guest");
}

static int
default_exit_fd (void *vm)
{
  return -1;
}

static char *
default_why (void *vm)
{
  return g_strdup ("the virtual machine ended");
}

static size_t
default_pids (void *vm, int64_t *pids, size_t max)
{
  if (max > 0)
    pids[0] = 0;
  return 0;
}

static const void *
default_query (const char *interface_name)
{
  return NULL;
}

static void
fill_defaults (kata_backend *b)
{
#define FILL(verb)                                                                                                     \
  if (b->verb == NULL)                                                                                                 \
  b->verb = default_##verb
  FILL (open);
  FILL (close);
  FILL (translate);
  FILL (save);
  FILL (attach);
  FILL (pause);
  FILL (resume);
  FILL (exit_fd);
  FILL (why);
  FILL (pids);
  FILL (query);
#undef FILL
}

/* ---- the list ---- */

static struct registered *
find_locked (kata_registry *registry, const char *name)
{
  for (guint i = 0; i < registry->entries->len; i++) {
    struct registered *r = g_ptr_array_index (registry->entries, i);
    if (strcmp (r->entry.backend.name, name) == 0)
      return r;
  }
  return NULL;
}

static bool
name_ok (const char *name)
{
  size_t len = name != NULL ? strnlen (name, 33) : 0;
  return len > 0 && len <= 32 && strspn (name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static int
check_table (const kata_backend *b, kata_error **err)
{
  if (b == NULL || b->size < offsetof (kata_backend, name) + sizeof b->name || b->size > 65536)
    return kata_error__set (err, KATA_E_INVALID, "size",
                            "backend: its size field is wrong; set it to sizeof (kata_backend)");
  if (b->abi != KATA_BACKEND_ABI)
    return kata_error__set (err, KATA_E_INVALID, "abi",
                            "backend: made for interface %u, this library has %u; rebuild it", b->abi,
                            KATA_BACKEND_ABI);
  if (!name_ok (b->name))
    return kata_error__set (err, KATA_E_INVALID, "name", "backend: its name must be 1 to 32 of a-z, 0-9 and -");
  return 0;
}

int
kata_registry__add (kata_registry *registry, const kata_backend *backend, kata_error **err)
{
  int code = check_table (backend, err);
  if (code < 0)
    return code;
  struct registered *r = g_new0 (struct registered, 1);
  memcpy (&r->entry.backend, backend, MIN (backend->size, sizeof (kata_backend)));
  const kata_backend *b = &r->entry.backend;
  const char *missing = b->probe == NULL     ? "probe"
                        : b->launch == NULL  ? "launch"
                        : b->connect == NULL ? "connect"
                        : b->stop == NULL    ? "stop"
                        : b->detach == NULL  ? "detach"
                                             : NULL;
  if (missing != NULL) {
    code = kata_error__set (err, KATA_E_INVALID, missing, "backend %s: the verb %s is missing", b->name, missing);
    g_free (r);
    return code;
  }
  fill_defaults (&r->entry.backend);
  g_mutex_lock (&registry->lock);
  if (find_locked (registry, b->name) != NULL)
    code = kata_error__set (err, KATA_E_EXISTS, b->name, "backend %s: there is one of this name already", b->name);
  else
    g_ptr_array_add (registry->entries, r);
  g_mutex_unlock (&registry->lock);
  if (code < 0)
    g_free (r);
  return code;
}

int
kata_registry__new (kata_registry **out, kata_error **err)
{
  kata_registry *registry = g_new0 (kata_registry, 1);
  g_mutex_init (&registry->lock);
  registry->entries = g_ptr_array_new_with_free_func (g_free);
  for (size_t i = 0; i < G_N_ELEMENTS (builtin); i++) {
    int code = kata_registry__add (registry, builtin[i], err);
    if (code < 0) {
      kata_registry__free (registry);
      return code;
    }
  }
  *out = registry;
  return 0;
}

void
kata_registry__free (kata_registry *registry)
{
  if (registry == NULL)
    return;
  for (guint i = 0; i < registry->entries->len; i++) {
    struct registered *r = g_ptr_array_index (registry->entries, i);
    if (r->opened)
      r->entry.backend.close (r->entry.runtime_data);
  }
  g_ptr_array_unref (registry->entries);
  g_mutex_clear (&registry->lock);
  g_free (registry);
}

char **
kata_registry__names (kata_registry *registry)
{
  GPtrArray *names = g_ptr_array_new ();
  g_mutex_lock (&registry->lock);
  for (guint i = 0; i < registry->entries->len; i++) {
    struct registered *r = g_ptr_array_index (registry->entries, i);
    g_ptr_array_add (names, g_strdup (r->entry.backend.name));
  }
  g_mutex_unlock (&registry->lock);
  g_ptr_array_add (names, NULL);
  return (char **) g_ptr_array_free (names, FALSE);
}

int
kata_registry__settle (const char *name, const char *verb, int code, kata_error *got, kata_error **err)
{
  if (code >= 0) {
    kata_error_unref (got);
    return 0;
  }
  if (got == NULL)
    return kata_error__set (err, code < KATA_E_INTERNAL ? KATA_E_INTERNAL : code, name,
                            "hypervisor %s: %s failed and does not say why", name, verb);
  return kata_error__propagate (err, got);
}

int
kata_registry__find (const kata_backend_entry **out, kata_registry *registry, const char *name, kata_error **err)
{
  int code = 0;
  /* open() runs under the lock: it is for small set-up, and two threads must not both run it. */
  g_mutex_lock (&registry->lock);
  struct registered *r = name != NULL ? find_locked (registry, name) : NULL;
  if (r != NULL && !r->opened) {
    kata_error *got = NULL;
    code = r->entry.backend.open (&r->entry.runtime_data, &got);
    code = kata_registry__settle (name, "open", code, got, err);
    r->opened = code == 0;
  }
  g_mutex_unlock (&registry->lock);
  if (r == NULL) {
    g_auto (GStrv) names = kata_registry__names (registry);
    g_autofree char *list = g_strjoinv (", ", names);
    return kata_error__set (err, KATA_E_NOT_FOUND, "hypervisor",
                            "hypervisor \"%s\": there is no such backend; there are: %s", name != NULL ? name : "",
                            list);
  }
  if (code == 0)
    *out = &r->entry;
  return code;
}
