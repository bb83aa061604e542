/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* call: checks around each verb of a backend. */
#include "backend/call.h"

#include <string.h>

#include <glib.h>

#include "backend/capability.h"
#include "base/error.h"
#include "host/pidfd.h"

enum vm_state { VM_UNKNOWN = 0, VM_RUNNING, VM_PAUSED, VM_STOPPED };

struct kata_vm {
  const kata_backend_entry *entry;
  void *handle;
  GMutex lock; /* held across a backend's verb, except connect, exit_fd, why and pids */
  enum vm_state state;
};

static int
settle (const kata_backend_entry *entry, const char *verb, int code, kata_error *got, kata_error **err)
{
  return kata_registry__settle (entry->backend.name, verb, code, got, err);
}

/* The same for a verb whose answer is @text: a success has one. */
static int
settle_text (const kata_backend_entry *entry, const char *verb, int code, const char *text, kata_error *got,
             kata_error **err)
{
  code = settle (entry, verb, code, got, err);
  return code < 0 || text != NULL ? code
                                  : kata_error__set (err, KATA_E_INTERNAL, entry->backend.name,
                                                     "hypervisor %s: %s gives no text", entry->backend.name, verb);
}

static int
check_plan (const kata_backend_entry *entry, const kata_vm_plan *plan, bool launching, kata_error **err)
{
  if (entry == NULL || plan == NULL || plan->size < sizeof (size_t))
    return kata_error__set (err, KATA_E_INVALID, NULL, "hypervisor: no plan given");
  if (launching && (plan->id == NULL || plan->dir == NULL || plan->dir[0] != '/'))
    return kata_error__set (err, KATA_E_INVALID, "dir", "hypervisor %s: the plan has no id or no directory",
                            entry->backend.name);
  return 0;
}

static int
check_env (const kata_backend_entry *entry, const char *verb, const kata_backend_env *env, kata_backend_env *copy,
           kata_error **err)
{
  const char *name = entry->backend.name;
  if (env == NULL || env->size < offsetof (kata_backend_env, runtime_data))
    return kata_error__set (err, KATA_E_INVALID, NULL, "hypervisor %s: %s without its surroundings", name, verb);
  memset (copy, 0, sizeof *copy);
  memcpy (copy, env, MIN (env->size, sizeof *copy));
  copy->size = sizeof *copy;
  copy->runtime_data = entry->runtime_data;
  if (kata_deadline__now () >= copy->deadline_us)
    return kata_error__set (err, KATA_E_TIMEOUT, NULL, "hypervisor %s: no time left to %s", name, verb);
  return 0;
}

int
kata_backend__probe (const kata_backend_entry *entry, const kata_vm_plan *plan, kata_capabilities *caps,
                     kata_error **err)
{
  int code = check_plan (entry, plan, false, err);
  if (code < 0)
    return code;
  kata_error *got = NULL;
  kata_capabilities found;
  kata_capabilities__init (&found);
  code = entry->backend.probe (plan, &found, &got);
  code = settle (entry, "probe", code, got, err);
  if (code < 0)
    return code;
  found.size = sizeof found;
  found.have &= (UINT64_C (1) << KATA_CAP_COUNT) - 1;
  for (int i = 0; i < KATA_CAP_COUNT; i++) {
    found.reason[i][sizeof found.reason[i] - 1] = '\0';
    if (!kata_capabilities__has (&found, i) && found.reason[i][0] == '\0')
      kata_capabilities__lack (&found, i, "backend %s does not offer it", entry->backend.name);
  }
  *caps = found;
  return 0;
}

int
kata_backend__translate (const kata_backend_entry *entry, const kata_vm_plan *plan, char **json, kata_error **err)
{
  int code = check_plan (entry, plan, false, err);
  if (code < 0)
    return code;
  kata_error *got = NULL;
  char *text = NULL;
  code = entry->backend.translate (plan, &text, &got);
  code = settle_text (entry, "translate", code, text, got, err);
  if (code == 0)
    *json = text;
  return code;
}

static kata_vm *
vm_new (const kata_backend_entry *entry, void *handle, enum vm_state state)
{
  kata_vm *vm = g_new0 (kata_vm, 1);
  vm->entry = entry;
  vm->handle = handle;
  vm->state = state;
  g_mutex_init (&vm->lock);
  return vm;
}

/* @dir (nullable): of a snapshot. */
static int
make (kata_vm **out, const kata_backend_entry *entry, const kata_vm_plan *plan, const char *dir,
      const kata_backend_env *env, kata_error **err)
{
  const char *verb = dir != NULL ? "restore" : "launch";
  kata_backend_env copy;
  int code = check_plan (entry, plan, true, err);
  if (code == 0)
    code = check_env (entry, verb, env, &copy, err);
  if (code < 0)
    return code;
  if (copy.record == NULL)
    return kata_error__set (err, KATA_E_INVALID, NULL, "hypervisor %s: %s without a journal", entry->backend.name,
                            verb);
  kata_error *got = NULL;
  void *handle = NULL;
  if (dir != NULL) {
    const kata_backend_snapshot *table = entry->backend.query (KATA_BACKEND_SNAPSHOT);
    code = table->restore (&handle, plan, dir, &copy, &got);
  } else {
    code = entry->backend.launch (&handle, plan, &copy, &got);
  }
  code = settle (entry, verb, code, got, err);
  if (code == 0)
    *out = vm_new (entry, handle, dir != NULL ? VM_PAUSED : VM_RUNNING);
  return code;
}

int
kata_vm__launch (kata_vm **out, const kata_backend_entry *entry, const kata_vm_plan *plan, const kata_backend_env *env,
                 kata_error **err)
{
  return make (out, entry, plan, NULL, env, err);
}

int
kata_vm__attach (kata_vm **out, const kata_backend_entry *entry, const kata_vm_plan *plan, const char *saved,
                 const kata_backend_env *env, kata_error **err)
{
  kata_backend_env copy;
  int code = check_plan (entry, plan, true, err);
  if (code == 0)
    code = check_env (entry, "attach", env, &copy, err);
  if (code < 0)
    return code;
  if (saved == NULL)
    return kata_error__set (err, KATA_E_INVALID, NULL, "hypervisor %s: attach to nothing", entry->backend.name);
  kata_error *got = NULL;
  void *handle = NULL;
  code = entry->backend.attach (&handle, plan, saved, &copy, &got);
  code = settle (entry, "attach", code, got, err);
  if (code == 0)
    *out = vm_new (entry, handle, VM_UNKNOWN);
  return code;
}

int
kata_vm__save (kata_vm *vm, char **json, kata_error **err)
{
  kata_error *got = NULL;
  char *text = NULL;
  g_mutex_lock (&vm->lock);
  int code = vm->entry->backend.save (vm->handle, &text, &got);
  code = settle_text (vm->entry, "save", code, text, got, err);
  g_mutex_unlock (&vm->lock);
  if (code == 0)
    *json = text;
  return code;
}

int
kata_vm__connect (kata_vm *vm, kata_stream *out, const kata_backend_env *env, kata_error **err)
{
  kata_backend_env copy;
  int code = check_env (vm->entry, "connect", env, &copy, err);
  if (code < 0)
    return code;
  kata_error *got = NULL;
  kata_stream stream = { 0 };
  code = vm->entry->backend.connect (vm->handle, &stream, &copy, &got);
  code = settle (vm->entry, "connect", code, got, err);
  if (code == 0)
    *out = stream;
  return code;
}

static int
change (kata_vm *vm, enum vm_state from, enum vm_state to, const char *verb, const kata_backend_env *env,
        kata_error **err)
{
  const kata_backend *b = &vm->entry->backend;
  kata_backend_env copy;
  int code = check_env (vm->entry, verb, env, &copy, err);
  if (code < 0)
    return code;
  g_mutex_lock (&vm->lock);
  if (vm->state != VM_UNKNOWN && vm->state != from) {
    code = kata_error__set (err, KATA_E_STATE, NULL, "hypervisor %s: cannot %s a guest that %s", b->name, verb,
                            vm->state == VM_PAUSED    ? "is paused"
                            : vm->state == VM_RUNNING ? "is running"
                                                      : "has ended");
  } else {
    kata_error *got = NULL;
    int result = to == VM_PAUSED ? b->pause (vm->handle, &copy, &got) : b->resume (vm->handle, &copy, &got);
    code = settle (vm->entry, verb, result, got, err);
    if (code == 0)
      vm->state = to;
  }
  g_mutex_unlock (&vm->lock);
  return code;
}

int
kata_vm__pause (kata_vm *vm, const kata_backend_env *env, kata_error **err)
{
  return change (vm, VM_RUNNING, VM_PAUSED, "pause", env, err);
}

int
kata_vm__resume (kata_vm *vm, const kata_backend_env *env, kata_error **err)
{
  return change (vm, VM_PAUSED, VM_RUNNING, "resume", env, err);
}

int
kata_vm__stop (kata_vm *vm, int64_t grace_ms, const kata_backend_env *env, kata_error **err)
{
  kata_backend_env copy;
  int code = check_env (vm->entry, "stop", env, &copy, err);
  if (code < 0)
    return code;
  g_mutex_lock (&vm->lock);
  if (vm->state != VM_STOPPED) {
    kata_error *got = NULL;
    code = vm->entry->backend.stop (vm->handle, MAX (grace_ms, 0), &copy, &got);
    code = settle (vm->entry, "stop", code, got, err);
    if (code == 0)
      vm->state = VM_STOPPED;
  }
  g_mutex_unlock (&vm->lock);
  return code;
}

/* The checks before a verb of an optional table: @table is NULL, or smaller than this library's, where the backend lacks it. */
static int
check_entry_table (const kata_backend_entry *entry, const char *verb, const char *key, const void *table, size_t size,
                   kata_error **err)
{
  size_t got = 0; /* each such table starts with its size */
  if (table != NULL)
    memcpy (&got, table, sizeof got);
  return got >= size
             ? 0
             : kata_error__set (err, KATA_E_UNSUPPORTED, key, "hypervisor %s: cannot %s", entry->backend.name, verb);
}

static int
check_table (kata_vm *vm, const char *verb, const char *key, const void *table, size_t size,
             const kata_backend_env *env, kata_backend_env *copy, kata_error **err)
{
  int code = check_entry_table (vm->entry, verb, key, table, size, err);
  return code < 0 ? code : check_env (vm->entry, verb, env, copy, err);
}

int
kata_vm__restore (kata_vm **out, const kata_backend_entry *entry, const kata_vm_plan *plan, const char *dir,
                  const kata_backend_env *env, kata_error **err)
{
  const kata_backend_snapshot *table = entry->backend.query (KATA_BACKEND_SNAPSHOT);
  int code = check_entry_table (entry, "restore a guest from files", "snapshot", table, sizeof *table, err);
  return code < 0 ? code : make (out, entry, plan, dir, env, err);
}

int
kata_vm__snapshot (kata_vm *vm, const char *dir, const kata_backend_env *env, kata_error **err)
{
  static const char verb[] = "write a guest into files";
  const kata_backend_snapshot *table = vm->entry->backend.query (KATA_BACKEND_SNAPSHOT);
  kata_backend_env copy;
  int code = check_table (vm, verb, "snapshot", table, sizeof *table, env, &copy, err);
  if (code < 0)
    return code;
  g_mutex_lock (&vm->lock);
  if (vm->state != VM_UNKNOWN && vm->state != VM_PAUSED) {
    code = kata_error__set (err, KATA_E_STATE, NULL, "hypervisor %s: cannot %s that is not paused",
                            vm->entry->backend.name, verb);
  } else {
    kata_error *got = NULL;
    int result = table->save (vm->handle, dir, &copy, &got);
    code = settle (vm->entry, verb, result, got, err);
  }
  g_mutex_unlock (&vm->lock);
  return code;
}

static int
change_nic (kata_vm *vm, bool add, const kata_vm_nic *nic, const kata_backend_env *env, kata_error **err)
{
  const char *verb = add ? "add a network device while the guest runs" : "remove a network device while the guest runs";
  const kata_backend_network *network = nic->port == 0 ? NULL : vm->entry->backend.query (KATA_BACKEND_NETWORK);
  kata_backend_env copy;
  int code = check_table (vm, verb, nic->name, network, sizeof *network, env, &copy, err);
  if (code < 0)
    return code;
  kata_error *got = NULL;
  g_mutex_lock (&vm->lock);
  int result = add ? network->add (vm->handle, nic, &copy, &got) : network->remove (vm->handle, nic, &copy, &got);
  code = settle (vm->entry, verb, result, got, err);
  g_mutex_unlock (&vm->lock);
  return code;
}

int
kata_vm__add_nic (kata_vm *vm, const kata_vm_nic *nic, const kata_backend_env *env, kata_error **err)
{
  return change_nic (vm, true, nic, env, err);
}

int
kata_vm__remove_nic (kata_vm *vm, const kata_vm_nic *nic, const kata_backend_env *env, kata_error **err)
{
  return change_nic (vm, false, nic, env, err);
}

static int
change_disk (kata_vm *vm, bool add, const kata_vm_disk *disk, const kata_backend_env *env, kata_error **err)
{
  const char *verb = add ? "add a disk while the guest runs" : "remove a disk while the guest runs";
  const kata_backend_disk *table = disk->port == 0 ? NULL : vm->entry->backend.query (KATA_BACKEND_DISK);
  kata_backend_env copy;
  int code = check_table (vm, verb, disk->id, table, offsetof (kata_backend_disk, place), env, &copy, err);
  if (code < 0)
    return code;
  kata_error *got = NULL;
  g_mutex_lock (&vm->lock);
  int result = add ? table->add (vm->handle, disk, &copy, &got) : table->remove (vm->handle, disk, &copy, &got);
  code = settle (vm->entry, verb, result, got, err);
  g_mutex_unlock (&vm->lock);
  return code;
}

int
kata_vm__add_disk (kata_vm *vm, const kata_vm_disk *disk, const kata_backend_env *env, kata_error **err)
{
  return change_disk (vm, true, disk, env, err);
}

int
kata_vm__remove_disk (kata_vm *vm, const kata_vm_disk *disk, const kata_backend_env *env, kata_error **err)
{
  return change_disk (vm, false, disk, env, err);
}

static int
change_host_device (kata_vm *vm, bool add, const kata_vm_host_device *device, const kata_backend_env *env,
                    kata_error **err)
{
  const char *verb = add ? "add a device of the host while the guest runs" : "remove one while the guest runs";
  const kata_backend_host_device *table =
      device->port == 0 ? NULL : vm->entry->backend.query (KATA_BACKEND_HOST_DEVICE);
  kata_backend_env copy;
  int code = check_table (vm, verb, device->id, table, sizeof *table, env, &copy, err);
  if (code < 0)
    return code;
  kata_error *got = NULL;
  g_mutex_lock (&vm->lock);
  int result = add ? table->add (vm->handle, device, &copy, &got) : table->remove (vm->handle, device, &copy, &got);
  code = settle (vm->entry, verb, result, got, err);
  g_mutex_unlock (&vm->lock);
  return code;
}

int
kata_vm__add_host_device (kata_vm *vm, const kata_vm_host_device *device, const kata_backend_env *env, kata_error **err)
{
  return change_host_device (vm, true, device, env, err);
}

int
kata_vm__remove_host_device (kata_vm *vm, const kata_vm_host_device *device, const kata_backend_env *env,
                             kata_error **err)
{
  return change_host_device (vm, false, device, env, err);
}

int
kata_vm__place_disk (kata_vm *vm, const kata_vm_disk *disk, char **path, const kata_backend_env *env, kata_error **err)
{
  static const char verb[] = "tell where in the guest a disk is";
  const kata_backend_disk *table = vm->entry->backend.query (KATA_BACKEND_DISK);
  kata_backend_env copy;
  char *found = NULL;
  int code = check_table (vm, verb, disk->id, table, sizeof *table, env, &copy, err);
  if (code == 0 && table->place == NULL)
    code = check_table (vm, verb, disk->id, NULL, sizeof *table, env, &copy, err);
  if (code < 0)
    return code;
  kata_error *got = NULL;
  g_mutex_lock (&vm->lock);
  int result = table->place (vm->handle, disk, &found, &copy, &got);
  code = settle_text (vm->entry, verb, result, found, got, err);
  g_mutex_unlock (&vm->lock);
  if (code == 0)
    *path = found;
  return code;
}

static int
check_size (kata_vm *vm, const char *verb, uint64_t now, uint64_t most, kata_error **err)
{
  const char *name = vm->entry->backend.name;
  if (now >= 1 && now <= most)
    return 0;
  return kata_error__set (err, KATA_E_PROTOCOL, name,
                          "hypervisor %s: %s: it says that there are %" G_GUINT64_FORMAT
                          " now; at most %" G_GUINT64_FORMAT " are possible",
                          name, verb, now, most);
}

int
kata_vm__resize_vcpus (kata_vm *vm, uint32_t vcpus, uint32_t most, uint32_t *now, const kata_backend_env *env,
                       kata_error **err)
{
  static const char verb[] = "change the number of vCPUs of a running guest";
  const kata_backend_resize *table = vm->entry->backend.query (KATA_BACKEND_RESIZE);
  kata_backend_env copy;
  uint32_t found = 0;
  int code = check_table (vm, verb, "vcpus", table != NULL && table->vcpus != NULL ? table : NULL,
                          offsetof (kata_backend_resize, tell), env, &copy, err);
  if (code < 0)
    return code;
  kata_error *got = NULL;
  g_mutex_lock (&vm->lock);
  int result = table->vcpus (vm->handle, vcpus, &found, &copy, &got);
  code = settle (vm->entry, verb, result, got, err);
  g_mutex_unlock (&vm->lock);
  if (code == 0)
    code = check_size (vm, verb, found, most, err);
  if (found >= 1 && found <= most)
    *now = found;
  return code;
}

int
kata_vm__resize_memory (kata_vm *vm, uint64_t mib, uint64_t most, uint64_t *now, const kata_backend_env *env,
                        kata_error **err)
{
  static const char verb[] = "change the memory of a running guest";
  const kata_backend_resize *table = vm->entry->backend.query (KATA_BACKEND_RESIZE);
  kata_backend_env copy;
  uint64_t found = 0;
  int code = check_table (vm, verb, "memory_mib", table != NULL && table->memory != NULL ? table : NULL,
                          offsetof (kata_backend_resize, tell), env, &copy, err);
  if (code < 0)
    return code;
  kata_error *got = NULL;
  g_mutex_lock (&vm->lock);
  int result = table->memory (vm->handle, mib, &found, &copy, &got);
  code = settle (vm->entry, verb, result, got, err);
  g_mutex_unlock (&vm->lock);
  if (code == 0)
    code = check_size (vm, verb, found, most, err);
  if (found >= 1 && found <= most)
    *now = found;
  return code;
}

int
kata_vm__tell_size (kata_vm *vm, const kata_vm_plan *plan, uint32_t *vcpus, uint64_t *mib, const kata_backend_env *env,
                    kata_error **err)
{
  static const char verb[] = "tell the size of a running guest";
  const kata_backend_resize *table = vm->entry->backend.query (KATA_BACKEND_RESIZE);
  kata_backend_env copy;
  uint32_t cpus = 0;
  uint64_t memory = 0;
  if (table == NULL || table->size < sizeof *table || table->tell == NULL)
    return 0;
  int code = check_table (vm, verb, NULL, table, sizeof *table, env, &copy, err);
  if (code < 0)
    return code;
  kata_error *got = NULL;
  g_mutex_lock (&vm->lock);
  int result = table->tell (vm->handle, &cpus, &memory, &copy, &got);
  code = settle (vm->entry, verb, result, got, err);
  g_mutex_unlock (&vm->lock);
  if (code == 0 && cpus != 0)
    code = check_size (vm, verb, cpus, plan->max_vcpus, err);
  if (code == 0)
    code = check_size (vm, verb, memory, plan->max_memory_mib, err);
  if (code == 0) {
    *vcpus = cpus;
    *mib = memory;
  }
  return code;
}

int
kata_vm__counters (kata_vm *vm, char **json, const kata_backend_env *env, kata_error **err)
{
  static const char verb[] = "tell what it counts";
  const kata_backend_counters *table = vm->entry->backend.query (KATA_BACKEND_COUNTERS);
  kata_backend_env copy;
  int code = check_table (vm, verb, NULL, table, sizeof *table, env, &copy, err);
  if (code < 0)
    return code;
  /* A stop can take its whole grace: who looks at counters does not wait for it. */
  if (!g_mutex_trylock (&vm->lock))
    return kata_error__set (err, KATA_E_BUSY, NULL, "hypervisor %s: cannot %s: it does something else",
                            vm->entry->backend.name, verb);
  kata_error *got = NULL;
  char *text = NULL;
  int result = table->read (vm->handle, &text, &copy, &got);
  code = settle_text (vm->entry, verb, result, text, got, err);
  g_mutex_unlock (&vm->lock);
  if (code == 0)
    *json = text;
  return code;
}

int
kata_vm__exit_fd (kata_vm *vm)
{
  return vm->entry->backend.exit_fd (vm->handle);
}

char *
kata_vm__why (kata_vm *vm)
{
  char *why = vm->entry->backend.why (vm->handle);
  return why != NULL ? why : g_strdup ("the virtual machine ended");
}

size_t
kata_vm__pids (kata_vm *vm, int64_t *pids, size_t max)
{
  size_t n = vm->entry->backend.pids (vm->handle, pids, max);
  return MIN (n, max);
}

const void *
kata_vm__query (kata_vm *vm, const char *interface_name)
{
  return vm->entry->backend.query (interface_name);
}

void
kata_vm__free (kata_vm *vm)
{
  if (vm == NULL)
    return;
  vm->entry->backend.detach (vm->handle);
  g_mutex_clear (&vm->lock);
  g_free (vm);
}
