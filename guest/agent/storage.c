/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* storage: the table of mount points with their counts; how a driver mounts is storage-driver.c's. */
#include "storage.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "mem.h"
#include "mounts.h"
#include "path.h"
#include "storage-driver.h"

#define DRIVER_NAME_SHOWN 40

void
storages_init (struct storages *storages)
{
  memset (storages, 0, sizeof *storages);
  pthread_mutex_init (&storages->lock, NULL);
}

/* Everything the host may mount is below these. */
static int
check_place (const char *where, struct fault *fault)
{
  static const char *const allowed[] = { AGENT_RUN_DIR "/", "/run/kata-extensions/" };
  if (path_is_clean (where))
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
      if (text_starts (where, allowed[i]) && where[strlen (allowed[i])])
        return 0;
  return fault_set (fault, TTRPC_INVALID_ARGUMENT, "storage mount point \"%.200s\" is not a normalised path below %s",
                    where, AGENT_RUN_DIR);
}

static struct storage *
find (struct storages *storages, const char *where)
{
  for (struct storage *at = storages->list; at; at = at->next)
    if (text_is (at->mount_point, where))
      return at;
  return NULL;
}

static struct storage *
make (struct agent *agent, const Grpc__Storage *wanted, const char *where, struct fault *fault)
{
  const struct storage_driver *driver = storage_driver_find (wanted->driver);
  if (!driver) {
    fault_set (fault, TTRPC_UNIMPLEMENTED, "storage %s: driver \"%.*s\" is not known to this agent", where,
               DRIVER_NAME_SHOWN, text_of (wanted->driver));
    return NULL;
  }
  if (agent->storages.count >= STORAGES_MAX) {
    fault_set (fault, TTRPC_RESOURCE_EXHAUSTED, "more than %d storages", STORAGES_MAX);
    return NULL;
  }
  int file = storage_driver_binds_node (driver, wanted);
  auto_fd int target = file ? path_make_file (where, fault) : path_make_directory (where, 0755, fault);
  if (target < 0)
    return NULL;
  if (driver->mount (agent, wanted, target, where, fault) < 0) {
    if (driver->makes_mount)
      mount_detach (where); /* a driver may fail after its mount */
    if (file)
      unlink (where);
    return NULL;
  }
  struct storage *storage = mem_zero (sizeof *storage);
  storage->mount_point = mem_text (where);
  storage->mounted = driver->makes_mount;
  storage->on_disk = driver->on_disk && !file;
  storage->file = file;
  storage->next = agent->storages.list;
  agent->storages.list = storage;
  agent->storages.count++;
  log_debug (&agent->log, "storage %s: %s mounted", where, driver->name);
  return storage;
}

static int
acquire_one (struct agent *agent, const Grpc__Storage *wanted, struct storage_list *held, struct fault *fault)
{
  auto_free char *where = mem_text (wanted->mount_point);
  size_t len = strlen (where);
  if (check_place (where, fault) < 0)
    return -1;
  if (where[len - 1] == '/')
    where[len - 1] = 0;
  struct storage *storage = find (&agent->storages, where);
  if (!storage && !(storage = make (agent, wanted, where, fault)))
    return -1;
  storage->refs++;
  if (wanted->shared && storage->refs == 1)
    storage->refs++; /* stays until the VM ends */
  held->items[held->count++] = storage;
  return 0;
}

int
storages_acquire (struct agent *agent, Grpc__Storage *const *wanted, size_t count, struct storage_list *held,
                  struct fault *fault)
{
  int result = 0;
  if (count == 0)
    return 0;
  if (count > STORAGES_MAX)
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "more than %d storages", STORAGES_MAX);
  held->items = mem_zero (count * sizeof *held->items);
  pthread_mutex_lock (&agent->storages.lock);
  for (size_t i = 0; i < count && result == 0; i++)
    result = acquire_one (agent, wanted[i], held, fault);
  pthread_mutex_unlock (&agent->storages.lock);
  if (result < 0)
    storages_release (agent, held);
  return result;
}

/* A mount that is detached is only gone when nobody is left in it; the host takes the disk away before that. */
static void
write_out (const char *mount_point)
{
  auto_fd int fd = path_open (AT_FDCWD, mount_point, O_RDONLY | O_DIRECTORY, 0);
  if (fd >= 0)
    (void) !syncfs (fd);
}

static void
drop (struct agent *agent, struct storage *storage)
{
  for (struct storage **at = &agent->storages.list; *at; at = &(*at)->next)
    if (*at == storage) {
      *at = storage->next;
      break;
    }
  agent->storages.count--;
  if (storage->on_disk)
    write_out (storage->mount_point);
  if (storage->mounted)
    mount_detach (storage->mount_point);
  if (storage->file)
    unlink (storage->mount_point);
  else if (storage->mounted)
    rmdir (storage->mount_point);
  else
    path_remove_tree (storage->mount_point);
  free (storage->mount_point);
  free (storage);
}

void
storages_release (struct agent *agent, struct storage_list *held)
{
  pthread_mutex_lock (&agent->storages.lock);
  while (held->count > 0) {
    struct storage *storage = held->items[--held->count];
    if (--storage->refs == 0)
      drop (agent, storage);
  }
  pthread_mutex_unlock (&agent->storages.lock);
  free (held->items);
  held->items = NULL;
}
