/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* null: the backend whose virtual machine is a thread of the creating process; for tests of everything above a hypervisor. */
#include "backend/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/null/guest.h"
#include "base/error.h"
#include "base/fd.h"
#include "host/beneath.h"

#define NULL_KEPT "guest"
#define KEPT_MAX  (1u << 20)

/* The guests of one runtime: they outlive the handles, and end with the runtime. */
struct null_host {
  GMutex lock;
  GPtrArray *guests;
};

struct null_vm {
  char *dir;
  int watch_fd; /* readable once the guest has ended */
};

static int
null_open (void **runtime_data, kata_error **err)
{
  struct null_host *host = g_new0 (struct null_host, 1);
  g_mutex_init (&host->lock);
  host->guests = g_ptr_array_new_with_free_func ((GDestroyNotify) kata_null_guest__free);
  *runtime_data = host;
  return 0;
}

static void
null_close (void *runtime_data)
{
  struct null_host *host = runtime_data;
  g_ptr_array_unref (host->guests);
  g_mutex_clear (&host->lock);
  g_free (host);
}

static int
null_probe (const kata_vm_plan *plan, kata_capabilities *caps, kata_error **err)
{
  static const char why[] = "the null backend runs no real guest";
  static const int have[] = {
    KATA_CAP_RUN,        KATA_CAP_FS_SHARE_VIRTIOFS, KATA_CAP_BLOCK,       KATA_CAP_PAUSE,
    KATA_CAP_NET,        KATA_CAP_VSOCK_HYBRID,      KATA_CAP_NET_HOTPLUG, KATA_CAP_BLOCK_HOTPLUG,
    KATA_CAP_CPU_RESIZE, KATA_CAP_MEMORY_RESIZE,     KATA_CAP_SNAPSHOT,    KATA_CAP_VFIO_HOTPLUG
  };
  caps->max_vcpus = 256;
  caps->max_memory_mib = 1 << 20;
  for (size_t i = 0; i < G_N_ELEMENTS (have); i++)
    caps->have |= UINT64_C (1) << have[i];
  for (int cap = 0; cap < KATA_CAP_COUNT; cap++)
    if ((caps->have & (UINT64_C (1) << cap)) == 0)
      g_strlcpy (caps->reason[cap], why, sizeof caps->reason[cap]);
  g_strlcpy (caps->version, KATA_VERSION, sizeof caps->version);
  return 0;
}

static int
null_translate (const kata_vm_plan *plan, char **json, kata_error **err)
{
  *json = g_strdup_printf ("{\"vcpus\":%u,\"memory_mib\":%" G_GUINT64_FORMAT ",\"fail_at\":%u}", plan->vcpus,
                           plan->memory_mib, plan->null_fail_at);
  return 0;
}

/* A guest that has ended is attached to as well: its descriptor is readable from the start. */
static int
null_attach (void **out, const kata_vm_plan *plan, const char *saved, const kata_backend_env *env, kata_error **err)
{
  kata_auto_fd int fd = kata_null_guest__dial (plan->dir, NULL_CONTROL_SOCKET);
  if (fd >= 0 && send (fd, "watch\n", 6, MSG_NOSIGNAL) != 6)
    kata_fd__closep (&fd);
  if (fd < 0)
    fd = eventfd (1, EFD_CLOEXEC);
  if (fd < 0)
    return kata_error__errno (err, KATA_E_IO, plan->id, errno, "null: cannot watch the guest of \"%s\"", plan->id);
  struct null_vm *vm = g_new0 (struct null_vm, 1);
  vm->dir = g_strdup (plan->dir);
  vm->watch_fd = kata_fd__steal (&fd);
  *out = vm;
  return 0;
}

static int
record_sockets (const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err)
{
  static const char *const names[] = { NULL_AGENT_SOCKET, NULL_CONTROL_SOCKET };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *path = g_build_filename (plan->dir, names[i], NULL);
    kata_undo undo = { .size = sizeof undo, .kind = KATA_UNDO_FILE, .role = "null", .path = path };
    int r = env->record (env->journal, &undo, err);
    if (r != 0)
      return r;
  }
  return 0;
}

/* Called with the lock: a runtime that makes thousands of guests keeps only those that run. */
static void
forget_ended (struct null_host *host)
{
  for (guint i = host->guests->len; i > 0; i--) {
    struct null_guest *guest = host->guests->pdata[i - 1];
    if (g_atomic_int_get (&guest->ended) != 0)
      g_ptr_array_remove_index_fast (host->guests, i - 1);
  }
}

/* @kept (nullable): of a snapshot. */
static int
start (void **out, const kata_vm_plan *plan, const char *kept, const kata_backend_env *env, kata_error **err)
{
  struct null_host *host = env->runtime_data;
  struct null_guest *guest = NULL;
  int r = record_sockets (plan, env, err);
  if (r == 0)
    r = kata_null_guest__start (&guest, plan, err);
  if (r == 0 && kept != NULL)
    r = kata_null_guest__give_back (guest, kept, err);
  if (r == 0)
    r = null_attach (out, plan, NULL, env, err);
  if (r != 0) {
    kata_null_guest__free (guest);
    return r;
  }
  g_mutex_lock (&host->lock);
  forget_ended (host);
  g_ptr_array_add (host->guests, guest);
  g_mutex_unlock (&host->lock);
  return 0;
}

static int
null_launch (void **out, const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err)
{
  return start (out, plan, NULL, env, err);
}

static int
null_save (void *vm, char **json, kata_error **err)
{
  *json = g_strdup ("{}");
  return 0;
}

static int64_t
stream_read (void *ctx, void *buf, size_t len)
{
  return recv (GPOINTER_TO_INT (ctx), buf, len, 0);
}

static int64_t
stream_write (void *ctx, const void *buf, size_t len)
{
  return send (GPOINTER_TO_INT (ctx), buf, len, MSG_NOSIGNAL);
}

static void
stream_shutdown (void *ctx)
{
  shutdown (GPOINTER_TO_INT (ctx), SHUT_RDWR);
}

static void
stream_close (void *ctx)
{
  kata_fd__close (GPOINTER_TO_INT (ctx));
}

static int
null_connect (void *data, kata_stream *out, const kata_backend_env *env, kata_error **err)
{
  struct null_vm *vm = data;
  int fd = kata_null_guest__dial (vm->dir, NULL_AGENT_SOCKET);
  if (fd < 0)
    return kata_error__errno (err, KATA_E_VMM, vm->dir, errno, "null: the guest's agent cannot be reached");
  *out = (kata_stream){ GINT_TO_POINTER (fd), stream_read, stream_write, stream_shutdown, stream_close };
  return 0;
}

static int
tell (struct null_vm *vm, const char *word, kata_error **err)
{
  char answer[4];
  kata_auto_fd int fd = kata_null_guest__dial (vm->dir, NULL_CONTROL_SOCKET);
  if (fd < 0 || send (fd, word, strlen (word), MSG_NOSIGNAL) < 0 || read (fd, answer, sizeof answer) < 0)
    return kata_error__errno (err, KATA_E_VMM, vm->dir, errno, "null: the guest has ended");
  return 0;
}

static int
null_pause (void *vm, const kata_backend_env *env, kata_error **err)
{
  return tell (vm, "pause\n", err);
}

static int
null_resume (void *vm, const kata_backend_env *env, kata_error **err)
{
  return tell (vm, "cont\n", err);
}

/* The guest may be ending already (its agent was told to), so a refused word is not a failure: the watch decides. */
static int
null_stop (void *data, int64_t grace_ms, const kata_backend_env *env, kata_error **err)
{
  struct null_vm *vm = data;
  (void) !send (vm->watch_fd, "stop\n", 5, MSG_NOSIGNAL);
  for (;;) {
    struct pollfd fd = { vm->watch_fd, POLLIN, 0 };
    int64_t left = env->deadline_us == INT64_MAX ? -1 : (env->deadline_us - g_get_monotonic_time ()) / 1000;
    int n = poll (&fd, 1, left < 0 && env->deadline_us != INT64_MAX ? 0 : (int) MIN (left, 60000));
    if (n > 0)
      return 0;
    if (n == 0 && env->deadline_us != INT64_MAX && g_get_monotonic_time () >= env->deadline_us)
      return kata_error__set (err, KATA_E_TIMEOUT, vm->dir, "null: the guest did not end in time");
  }
}

static int
null_exit_fd (void *vm)
{
  return ((struct null_vm *) vm)->watch_fd;
}

static char *
null_why (void *vm)
{
  return g_strdup ("the null guest ended");
}

static size_t
null_pids (void *vm, int64_t *pids, size_t max)
{
  if (max > 0)
    pids[0] = 0;
  return 0;
}

static void
null_detach (void *data)
{
  struct null_vm *vm = data;
  kata_fd__close (vm->watch_fd);
  g_free (vm->dir);
  g_free (vm);
}

/* Its guest has no devices: only the call itself is checked. */
static int
null_add_nic (void *data, const kata_vm_nic *nic, const kata_backend_env *env, kata_error **err)
{
  struct null_vm *vm = data;
  if (env->n_nic_fds != nic->queues || nic->port == 0)
    return kata_error__set (err, KATA_E_INVALID, nic->name, "null: device \"%s\" without a descriptor for each queue",
                            nic->name);
  return tell (vm, "nic\n", err);
}

static int
null_remove_nic (void *data, const kata_vm_nic *nic, const kata_backend_env *env, kata_error **err)
{
  return tell (data, "nic\n", err);
}

static int
null_add_disk (void *data, const kata_vm_disk *disk, const kata_backend_env *env, kata_error **err)
{
  return tell (data, "disk\n", err);
}

static int
null_remove_disk (void *data, const kata_vm_disk *disk, const kata_backend_env *env, kata_error **err)
{
  return tell (data, "disk\n", err);
}

static int
null_change_host_device (void *data, const kata_vm_host_device *device, const kata_backend_env *env, kata_error **err)
{
  return tell (data, "host\n", err);
}

/* Like a VMM that takes nothing back, and memory in blocks: the guest's thread keeps the numbers, for whoever asks next. */
static int
resize (struct null_vm *vm, char what, uint64_t wanted, uint64_t *now, kata_error **err)
{
  char answer[32] = "";
  g_autofree char *word = g_strdup_printf ("%c%" G_GUINT64_FORMAT "\n", what, wanted);
  kata_auto_fd int fd = kata_null_guest__dial (vm->dir, NULL_CONTROL_SOCKET);
  if (fd < 0 || send (fd, word, strlen (word), MSG_NOSIGNAL) < 0 || read (fd, answer, sizeof answer - 1) < 0)
    return kata_error__errno (err, KATA_E_VMM, vm->dir, errno, "null: the guest has ended");
  *now = g_ascii_strtoull (answer, NULL, 10);
  return 0;
}

static int
null_resize_vcpus (void *vm, uint32_t vcpus, uint32_t *now, const kata_backend_env *env, kata_error **err)
{
  uint64_t found = 0;
  int r = resize (vm, 'V', vcpus, &found, err);
  *now = (uint32_t) found;
  return r;
}

static int
null_resize_memory (void *vm, uint64_t mib, uint64_t *now, const kata_backend_env *env, kata_error **err)
{
  return resize (vm, 'M', mib, now, err);
}

static int
null_keep (void *data, const char *dir, const kata_backend_env *env, kata_error **err)
{
  struct null_vm *vm = data;
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *path = g_build_filename (dir, NULL_KEPT, NULL);
  char buffer[4096];
  ssize_t n = -1;
  kata_auto_fd int fd = kata_null_guest__dial (vm->dir, NULL_CONTROL_SOCKET);
  if (fd >= 0 && send (fd, "save\n", 5, MSG_NOSIGNAL) == 5)
    while ((n = read (fd, buffer, sizeof buffer)) > 0)
      g_string_append_len (text, buffer, n);
  if (n < 0)
    return kata_error__errno (err, KATA_E_VMM, vm->dir, errno, "null: the guest has ended");
  if (!g_file_set_contents_full (path, text->str, (gssize) text->len, G_FILE_SET_CONTENTS_NONE, 0600, NULL))
    return kata_error__errno (err, KATA_E_IO, path, errno, "null: write \"%s\"", path);
  return 0;
}

static int
null_give_back (void **out, const kata_vm_plan *plan, const char *dir, const kata_backend_env *env, kata_error **err)
{
  g_autofree char *text = NULL;
  size_t length = 0;
  kata_auto_fd int fd = open (dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int r = fd < 0 ? -errno : kata_beneath__read (fd, NULL_KEPT, KEPT_MAX, &text, &length);
  if (r != 0)
    return kata_error__errno (err, KATA_E_CORRUPT, dir, -r, "null: read \"%s/" NULL_KEPT "\"", dir);
  return start (out, plan, text, env, err);
}

static const void *
null_query (const char *interface_name)
{
  static const kata_backend_snapshot snapshot = { sizeof snapshot, null_keep, null_give_back };
  if (strcmp (interface_name, KATA_BACKEND_SNAPSHOT) == 0)
    return &snapshot;
  static const kata_backend_network network = { sizeof network, null_add_nic, null_remove_nic };
  static const kata_backend_disk disk = { sizeof disk, null_add_disk, null_remove_disk };
  if (strcmp (interface_name, KATA_BACKEND_DISK) == 0)
    return &disk;
  static const kata_backend_host_device host = { sizeof host, null_change_host_device, null_change_host_device };
  if (strcmp (interface_name, KATA_BACKEND_HOST_DEVICE) == 0)
    return &host;
  static const kata_backend_resize resize = { sizeof resize, null_resize_vcpus, null_resize_memory };
  if (strcmp (interface_name, KATA_BACKEND_RESIZE) == 0)
    return &resize;
  return strcmp (interface_name, KATA_BACKEND_NETWORK) == 0 ? &network : NULL;
}

const kata_backend kata_backend_null = {
  .size = sizeof (kata_backend),
  .abi = KATA_BACKEND_ABI,
  .name = "null",
  .open = null_open,
  .close = null_close,
  .probe = null_probe,
  .translate = null_translate,
  .launch = null_launch,
  .save = null_save,
  .attach = null_attach,
  .connect = null_connect,
  .pause = null_pause,
  .resume = null_resume,
  .stop = null_stop,
  .exit_fd = null_exit_fd,
  .why = null_why,
  .pids = null_pids,
  .detach = null_detach,
  .query = null_query,
};
