/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fc: a stand-in for `firecracker`, made from its API document: checks each request and the order of them; its guest is a null one. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fc-machine.h"
#include "fc-memory.h"
#include "machine.h"
#include "schema.h"
#include "server.h"

enum state { BEFORE = 1, RUNNING = 2, PAUSED = 4 };

struct vmm {
  enum state state;
  char *reply;          /* of a request that asks for something */
  JsonObject *kept;     /* drives, vsock, cmdline, vcpus, memory-hotplug */
  bool machine, jailed; /* jailed: absolute paths are below the current directory */
  bool configured;      /* for a boot: no snapshot can be loaded any more */
  unsigned uid;         /* whom its jailer would have made of it */
  int vsock_fd, metrics_fd;
  struct null_guest *guest;
  void *way; /* the guest's connections */
  struct fake_fault fault;
};

/* NULL, or why not; g_free(). */
typedef char *(*verb) (struct vmm *vmm, JsonObject *body, const char *id);

static char *
place (const struct vmm *vmm, const char *path)
{
  return fc_machine_place (path, vmm->jailed);
}

static char *
need_file (const struct vmm *vmm, JsonObject *body, const char *name, int mode)
{
  const char *given = json_object_get_string_member_with_default (body, name, NULL);
  g_autofree char *path = given != NULL ? place (vmm, given) : NULL;
  if (path == NULL || access (path, mode) == 0)
    return NULL;
  return g_strdup_printf ("%s: %s: %s", name, path, g_strerror (errno));
}

static char *
check_id (JsonObject *body, const char *name, const char *id)
{
  const char *own = json_object_get_string_member_with_default (body, name, "");
  size_t len = strlen (own);
  if (len == 0 || strspn (own, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != len)
    return g_strdup ("API Resource IDs can only contain alphanumeric characters and underscores");
  return g_strcmp0 (own, id) == 0 ? NULL : g_strdup_printf ("the id of the path does not match the body's %s", name);
}

static char *
machine (struct vmm *vmm, JsonObject *body, const char *id)
{
  gint64 vcpus = json_object_get_int_member (body, "vcpu_count");
  if (vcpus < 1 || vcpus > 32)
    return g_strdup ("The vCPU number is invalid!");
  vmm->machine = true;
  json_object_set_int_member (vmm->kept, "vcpus", vcpus);
  return NULL;
}

static char *
boot_source (struct vmm *vmm, JsonObject *body, const char *id)
{
  char *why = need_file (vmm, body, "kernel_image_path", R_OK);
  if (why == NULL)
    why = need_file (vmm, body, "initrd_path", R_OK);
  json_object_set_string_member (vmm->kept, "cmdline",
                                 json_object_get_string_member_with_default (body, "boot_args", ""));
  return why;
}

static char *
drive (struct vmm *vmm, JsonObject *body, const char *id)
{
  char *why = check_id (body, "drive_id", id);
  return why != NULL ? why : fc_machine_add_drive (vmm->kept, body, vmm->jailed);
}

static char *
patch_drive (struct vmm *vmm, JsonObject *body, const char *id)
{
  char *why = check_id (body, "drive_id", id);
  return why != NULL ? why : fc_machine_patch_drive (vmm->kept, body, vmm->jailed);
}

/* As Firecracker opens it: one queue, by name, in the namespace that it is in. */
static char *
nic (struct vmm *vmm, JsonObject *body, const char *id)
{
  struct ifreq request = { .ifr_flags = (short) (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR) };
  char *why = check_id (body, "iface_id", id);
  if (why != NULL)
    return why;
  g_strlcpy (request.ifr_name, json_object_get_string_member (body, "host_dev_name"), IFNAMSIZ);
  if (if_nametoindex (request.ifr_name) == 0)
    return g_strdup_printf ("Open tap device failed: there is no %s here", request.ifr_name);
  int fd = open ("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0 || ioctl (fd, TUNSETIFF, &request) != 0)
    return g_strdup_printf ("Open tap device failed: %s: %s", request.ifr_name, g_strerror (errno));
  return NULL; /* held as long as the process lives */
}

static char *
serial (struct vmm *vmm, JsonObject *body, const char *id)
{
  g_autofree char *path = place (vmm, json_object_get_string_member_with_default (body, "serial_out_path", ""));
  int fd = open (path, O_RDWR | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0600);
  struct stat st;
  if (fd >= 0 && vmm->jailed && fstat (fd, &st) == 0 && st.st_uid != vmm->uid)
    return g_strdup_printf ("%s: Permission denied (os error 13)", path);
  return fd < 0 || close (fd) != 0 ? g_strdup_printf ("%s: %s", path, g_strerror (errno)) : NULL;
}

/* As Firecracker opens it, for a FIFO. The start of a line that did not fit in is there from the beginning. */
static char *
metrics (struct vmm *vmm, JsonObject *body, const char *id)
{
  static const char torn[] = "{\"utc_timestamp_ms\":1,\"torn\":{\"a\":1,";
  g_autofree char *path = place (vmm, json_object_get_string_member (body, "metrics_path"));
  vmm->metrics_fd = open (path, O_RDWR | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0600);
  if (vmm->metrics_fd < 0)
    return g_strdup_printf ("%s: %s", path, g_strerror (errno));
  (void) !write (vmm->metrics_fd, torn, strlen (torn));
  return NULL;
}

static char *
flush_metrics (struct vmm *vmm)
{
  static const char line[] = "{\"utc_timestamp_ms\":1541591155180,\"api_server\":{\"process_startup_time_us\":7},"
                             "\"block\":{\"read_bytes\":4096,\"read_agg\":{\"min_us\":3}}}\n";
  if (vmm->metrics_fd < 0)
    return g_strdup ("metrics are not configured");
  (void) !write (vmm->metrics_fd, line, strlen (line));
  return NULL;
}

static char *
vsock (struct vmm *vmm, JsonObject *body, const char *id)
{
  json_object_set_object_member (vmm->kept, "vsock", json_object_ref (body));
  g_autofree char *path = place (vmm, json_object_get_string_member (body, "uds_path"));
  if (json_object_get_int_member (body, "guest_cid") < 3)
    return g_strdup ("Vsock: a guest's CID is 3 or more");
  vmm->vsock_fd = fake_listen (path);
  return vmm->vsock_fd < 0 ? g_strdup_printf ("Vsock: %s: %s", path, g_strerror (errno)) : NULL;
}

static char *
boot (struct vmm *vmm)
{
  const char *cmdline = json_object_get_string_member_with_default (vmm->kept, "cmdline", NULL);
  if (cmdline == NULL || vmm->vsock_fd < 0)
    return g_strdup ("Cannot start microvm without kernel configuration.");
  vmm->guest = fake_machine_start_way (cmdline, vmm->vsock_fd, &vmm->way);
  if (vmm->guest == NULL)
    return g_strdup ("the guest does not start");
  fake_machine_size (vmm->guest, (unsigned) json_object_get_int_member_with_default (vmm->kept, "vcpus", 1));
  return NULL;
}

static char *
action (struct vmm *vmm, JsonObject *body, const char *id)
{
  const char *type = json_object_get_string_member (body, "action_type");
  bool start = g_str_equal (type, "InstanceStart");
  if (start != (vmm->state == BEFORE))
    return g_strdup ("The requested operation is not supported in this state of the microVM.");
  if (!start)
    return g_str_equal (type, "FlushMetrics") ? flush_metrics (vmm) : NULL;
  if (!vmm->machine)
    return g_strdup ("Cannot start microvm without a machine.");
  vmm->state = RUNNING;
  return boot (vmm);
}

/* Whom its jailer would have made of it could not open what is another's. */
static char *
check_mode (const struct vmm *vmm, const char *given, bool write)
{
  g_autofree char *path = place (vmm, given);
  struct stat st;
  if (!vmm->jailed)
    return NULL;
  if (stat (path, &st) == 0 && (st.st_uid == vmm->uid || (!write && st.st_gid == vmm->uid && (st.st_mode & 0040) != 0)))
    return NULL;
  return g_strdup_printf ("%s: Permission denied (os error 13)", given);
}

static char *
create_snapshot (struct vmm *vmm, JsonObject *body, const char *id)
{
  g_autofree char *guest = kata_null_guest__keep (vmm->guest);
  char *why = check_mode (vmm, json_object_get_string_member (body, "snapshot_path"), true);
  if (why == NULL)
    why = check_mode (vmm, json_object_get_string_member (body, "mem_file_path"), true);
  if (why == NULL)
    why = fc_machine_save (vmm->kept, body, guest, vmm->jailed);
  /* As it does: VIRTIO_VSOCK_EVENT_TRANSPORT_RESET is in the guest's queue from now on, and the guest reads it when it runs again. */
  if (why == NULL)
    fake_machine_doom (vmm->way);
  return why;
}

static char *
load_snapshot (struct vmm *vmm, JsonObject *body, const char *id)
{
  g_autofree char *guest = NULL;
  if (vmm->configured)
    return g_strdup ("Loading a microVM snapshot not allowed after configuring boot-specific resources.");
  if (json_object_get_boolean_member_with_default (body, "resume_vm", FALSE))
    return g_strdup ("nobody here resumes a guest at once");
  char *why = check_mode (vmm, json_object_get_string_member (body, "snapshot_path"), false);
  if (why == NULL)
    why = fc_machine_load (&vmm->kept, &guest, body, vmm->jailed);
  if (why == NULL && json_object_has_member (vmm->kept, "vsock"))
    why = vsock (vmm, json_object_get_object_member (vmm->kept, "vsock"), NULL);
  if (why == NULL)
    why = boot (vmm);
  if (why != NULL)
    return why;
  vmm->state = PAUSED;
  return kata_null_guest__give_back (vmm->guest, guest, NULL) == 0 ? NULL : g_strdup ("the guest's state is broken");
}

static char *
memory (struct vmm *vmm, JsonObject *body, const char *id)
{
  return fc_memory_configure (vmm->kept, body);
}

static char *
patch_memory (struct vmm *vmm, JsonObject *body, const char *id)
{
  return fc_memory_update (vmm->kept, body);
}

static char *
tell_memory (struct vmm *vmm, JsonObject *body, const char *id)
{
  return fc_memory_tell (&vmm->reply, vmm->kept, &vmm->fault);
}

static char *
tell (struct vmm *vmm, JsonObject *body, const char *id)
{
  vmm->reply = fc_machine_text (vmm->kept);
  return NULL;
}

static char *
tell_version (struct vmm *vmm, JsonObject *body, const char *id)
{
  vmm->reply = g_strdup ("{\"firecracker_version\":\"1.17.0\"}");
  return NULL;
}

static char *
vm (struct vmm *vmm, JsonObject *body, const char *id)
{
  bool paused = g_str_equal (json_object_get_string_member (body, "state"), "Paused");
  bool reset = vmm->fault.action != NULL && g_str_equal (vmm->fault.action, "reset");
  if (!paused)
    fake_machine_reset (vmm->way, reset ? vmm->fault.how : NULL);
  fake_machine_pause (vmm->guest, paused);
  vmm->state = paused ? PAUSED : RUNNING;
  return NULL;
}

static char *
nothing (struct vmm *vmm, JsonObject *body, const char *id)
{
  return NULL;
}

static const struct row {
  const char *method, *name, *body; /* the body's object; NULL = there is none */
  bool id;                          /* is in the path, behind the name */
  unsigned states;                  /* in which it may be asked for */
  verb verb;
} rows[] = {
  { "GET", "version", NULL, false, BEFORE | RUNNING | PAUSED, tell_version },
  { "GET", "vm/config", NULL, false, BEFORE | RUNNING | PAUSED, tell },
  { "PUT", "logger", "Logger", false, BEFORE, nothing },
  { "PUT", "metrics", "Metrics", false, BEFORE, metrics },
  { "PUT", "machine-config", "MachineConfiguration", false, BEFORE, machine },
  { "PUT", "boot-source", "BootSource", false, BEFORE, boot_source },
  { "PUT", "drives", "Drive", true, BEFORE, drive },
  { "PUT", "network-interfaces", "NetworkInterface", true, BEFORE, nic },
  { "PUT", "entropy", "EntropyDevice", false, BEFORE, nothing },
  { "PUT", "balloon", "Balloon", false, BEFORE, nothing },
  { "PUT", "hotplug/memory", "MemoryHotplugConfig", false, BEFORE, memory },
  { "GET", "hotplug/memory", NULL, false, RUNNING | PAUSED, tell_memory },
  { "PATCH", "hotplug/memory", "MemoryHotplugSizeUpdate", false, RUNNING | PAUSED, patch_memory },
  { "PUT", "serial", "SerialDevice", false, BEFORE, serial },
  { "PUT", "vsock", "Vsock", false, BEFORE, vsock },
  { "PUT", "actions", "InstanceActionInfo", false, BEFORE | RUNNING | PAUSED, action },
  { "PATCH", "vm", "Vm", false, RUNNING | PAUSED, vm },
  { "PATCH", "drives", "PartialDrive", true, RUNNING | PAUSED, patch_drive },
  { "PUT", "snapshot/create", "SnapshotCreateParams", false, PAUSED, create_snapshot },
  { "PUT", "snapshot/load", "SnapshotLoadParams", false, BEFORE, load_snapshot },
};

static const struct row *
find (const struct fake_request *request, const char **id)
{
  const char *slash = strchr (request->path, '/');
  size_t len = slash != NULL ? (size_t) (slash - request->path) : strlen (request->path);
  *id = slash != NULL ? slash + 1 : NULL;
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    if (g_str_equal (rows[i].method, request->method) && !rows[i].id && g_str_equal (rows[i].name, request->path))
      return &rows[i];
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    if (strlen (rows[i].name) == len && strncmp (rows[i].name, request->path, len) == 0 &&
        g_str_equal (rows[i].method, request->method) && rows[i].id == (slash != NULL))
      return &rows[i];
  return NULL;
}

static char *
perform (struct vmm *vmm, const struct row *row, JsonNode *body, const char *id)
{
  static const char *const early[] = { "version", "vm/config", "logger", "metrics", "serial", "snapshot/load", NULL };
  char *why = row->body != NULL ? schema_complaint (fc_schema, row->body, body) : NULL;
  if (why == NULL && (row->states & vmm->state) == 0)
    why = g_strdup ("The requested operation is not supported in this state of the microVM.");
  if (!g_strv_contains (early, row->name))
    vmm->configured = true;
  return why != NULL ? why : row->verb (vmm, row->body != NULL ? json_node_get_object (body) : NULL, id);
}

/* What a fault names: the action's type, or the first part of the path; "patch-drives", "patch-memory", "get-memory" too. */
static const char *
fault_name (const struct row *row, JsonNode *body)
{
  if (row->verb == patch_drive)
    return "patch-drives";
  if (row->verb == patch_memory)
    return "patch-memory";
  if (row->verb == tell_memory)
    return "get-memory";
  bool acts = g_str_equal (row->name, "actions") && body != NULL && JSON_NODE_HOLDS_OBJECT (body);
  return acts ? json_object_get_string_member_with_default (json_node_get_object (body), "action_type", row->name)
              : row->name;
}

static void
answer (struct vmm *vmm, int fd)
{
  struct fake_request request;
  const char *id;
  if (!fake_read (&request, fd, "/"))
    return;
  const struct row *row = find (&request, &id);
  g_autoptr (JsonNode) body = request.body != NULL ? json_from_string (request.body, NULL) : NULL;
  const char *name = row != NULL ? fault_name (row, body) : "";
  if (row == NULL || (row->body != NULL) != (body != NULL) || request.n_fds != 0) {
    fake_reply (fd, 400, "{\"fault_message\":\"Invalid request method and/or path.\"}");
  } else if (!fake_fault_strike (&vmm->fault, name, fd)) {
    g_autofree char *why = perform (vmm, row, body, id);
    g_autofree char *said = why != NULL ? g_strdup_printf ("{\"fault_message\":\"%s\"}", why) : NULL;
    g_autofree char *reply = g_steal_pointer (&vmm->reply);
    fake_reply (fd, why != NULL ? 400 : reply != NULL ? 200 : 204, why != NULL ? said : reply);
    if (why != NULL)
      fprintf (stderr, "%s: %s\n", request.path, why);
    if (why != NULL && row->verb == load_snapshot)
      exit (1); /* too dirty to go on */
    if (why == NULL && g_str_equal (name, "SendCtrlAltDel"))
      fake_machine_end (vmm->guest); /* ends the process */
  }
  fake_request_clear (&request);
}

/* How many words an option takes up, 0 = there is none such. */
static int
option (struct vmm *vmm, const char *word, const char *value, const char **socket_path)
{
  if (g_str_equal (word, "--api-sock")) {
    *socket_path = value;
    return 2;
  }
  if (g_str_equal (word, "--fault"))
    return fake_fault_parse (&vmm->fault, value) ? 2 : 0;
  if (g_str_equal (word, "--jailed"))
    vmm->jailed = true;
  if (g_str_has_prefix (word, "--uid="))
    vmm->uid = (unsigned) g_ascii_strtoull (word + 6, NULL, 10);
  return g_str_equal (word, "--jailed") || g_str_has_prefix (word, "--uid=") || g_str_equal (word, "--no-seccomp") ||
                 g_str_has_prefix (word, "--id=") || g_str_has_prefix (word, "--start-time-")
             ? 1
             : 0;
}

int
main (int argc, char **argv)
{
  struct vmm vmm = { .state = BEFORE, .vsock_fd = -1, .metrics_fd = -1, .kept = fc_machine_new () };
  const char *socket_path = NULL;
  vmm.fault.refusal = "{\"fault_message\":\"it is said so: in\\u001btwo parts\"}";
  for (int i = 1, n; i < argc; i += n) {
    if (g_str_equal (argv[i], "--version"))
      return puts ("Firecracker v1.17.0\n") < 0;
    n = option (&vmm, argv[i], i + 1 < argc ? argv[i + 1] : "", &socket_path);
    if (n == 0)
      return fprintf (stderr, "%s: no such option\n", argv[i]) < 0 ? 1 : 153;
  }
  g_autofree char *path = socket_path != NULL ? place (&vmm, socket_path) : NULL;
  int listener = path != NULL ? fake_listen (path) : -1, fd;
  while (listener >= 0 && (fd = accept4 (listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
    answer (&vmm, fd);
    close (fd);
  }
  return fprintf (stderr, "no socket\n") < 0 ? 1 : 2;
}
