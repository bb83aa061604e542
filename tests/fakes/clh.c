/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clh: a stand-in for `cloud-hypervisor`, made from its API document: checks each request and the order of them; its guest is a null one. What
   its event monitor says is in clh-events.c, its network devices are in clh-net.c. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clh-events.h"
#include "clh-net.h"
#include "clh-size.h"
#include "clh-snapshot.h"
#include "machine.h"
#include "schema.h"
#include "server.h"

enum state { NONE = 1, CREATED = 2, RUNNING = 4, PAUSED = 8 };

struct vmm {
  enum state state;
  JsonNode *config;
  struct null_guest *guest;
  struct fake_fault fault;
  struct clh_net net;
  struct clh_size size;
  int fs_fd; /* kept: virtiofsd ends with it */
};

/* NULL, or why not; g_free(). */
typedef char *(*verb) (struct vmm *vmm, const struct fake_request *request, JsonNode *body);

static const char *
text (JsonNode *config, const char *object, const char *name)
{
  JsonObject *root = json_node_get_object (config);
  if (!json_object_has_member (root, object))
    return NULL;
  return json_object_get_string_member_with_default (json_object_get_object_member (root, object), name, NULL);
}

static JsonObject *
share (JsonNode *config)
{
  JsonObject *root = json_node_get_object (config);
  JsonArray *all = json_object_has_member (root, "fs") ? json_object_get_array_member (root, "fs") : NULL;
  return all != NULL && json_array_get_length (all) > 0 ? json_array_get_object_element (all, 0) : NULL;
}

static bool
shared (JsonNode *config)
{
  return json_object_get_boolean_member_with_default (
      json_object_get_object_member (json_node_get_object (config), "memory"), "shared", FALSE);
}

/* Those with servers; of the others nothing is asked. */
static char *
connect_disks (struct vmm *vmm)
{
  JsonObject *root = json_node_get_object (vmm->config);
  JsonArray *all = json_object_has_member (root, "disks") ? json_object_get_array_member (root, "disks") : NULL;
  char *why = NULL;
  for (guint i = 0; why == NULL && all != NULL && i < json_array_get_length (all); i++) {
    JsonObject *disk = json_array_get_object_element (all, i);
    if (json_object_get_boolean_member_with_default (disk, "vhost_user", FALSE))
      why = clh_disk_add (&vmm->net, disk, shared (vmm->config));
  }
  return why;
}

static char *
create (struct vmm *vmm, const struct fake_request *request, JsonNode *body)
{
  const char *kernel = text (body, "payload", "kernel"), *initramfs = text (body, "payload", "initramfs");
  if (kernel == NULL || access (kernel, R_OK) != 0 || (initramfs != NULL && access (initramfs, R_OK) != 0))
    return g_strdup ("the payload cannot be read");
  if (share (body) != NULL && !shared (body))
    return g_strdup ("a vhost-user device needs shared memory");
  vmm->config = json_node_ref (body);
  vmm->state = CREATED;
  return clh_size_begin (&vmm->size, body, &vmm->fault);
}

static char *
resize (struct vmm *vmm, const struct fake_request *request, JsonNode *body)
{
  return clh_size_change (&vmm->size, json_node_get_object (body), vmm->guest);
}

static char *
add_net (struct vmm *vmm, const struct fake_request *request, JsonNode *body)
{
  return clh_net_add (&vmm->net, request, json_node_get_object (body), shared (vmm->config));
}

static char *
add_disk (struct vmm *vmm, const struct fake_request *request, JsonNode *body)
{
  return clh_disk_add (&vmm->net, json_node_get_object (body), shared (vmm->config));
}

static char *
add_device (struct vmm *vmm, const struct fake_request *request, JsonNode *body)
{
  return clh_device_add (&vmm->net, json_node_get_object (body));
}

static char *
remove_device (struct vmm *vmm, const struct fake_request *request, JsonNode *body)
{
  return clh_net_ask (&vmm->net, json_object_get_string_member_with_default (json_node_get_object (body), "id", ""));
}

static char *
open_share (struct vmm *vmm)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  JsonObject *fs = share (vmm->config);
  if (fs == NULL)
    return NULL;
  vmm->fs_fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_strlcpy (address.sun_path, json_object_get_string_member (fs, "socket"), sizeof address.sun_path);
  if (connect (vmm->fs_fd, (struct sockaddr *) &address, sizeof address) != 0)
    return g_strdup_printf ("fs: %s", g_strerror (errno));
  return NULL;
}

/* The devices of vmm->config and the guest. */
static char *
run (struct vmm *vmm)
{
  const char *vsock = text (vmm->config, "vsock", "socket"), *console = text (vmm->config, "serial", "file");
  char *why = open_share (vmm);
  if (why == NULL)
    why = connect_disks (vmm);
  int fd = why == NULL && vsock != NULL ? fake_listen (vsock) : -1;
  if (why != NULL)
    return why;
  if (fd < 0)
    return g_strdup ("vsock: no socket");
  if (console != NULL)
    close (open (console, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  vmm->guest = fake_machine_start (text (vmm->config, "payload", "cmdline"), fd);
  if (vmm->guest == NULL)
    return g_strdup ("the guest does not start");
  fake_machine_size (vmm->guest, (unsigned) vmm->size.vcpus);
  return NULL;
}

static char *
boot (struct vmm *vmm, const struct fake_request *request, JsonNode *body)
{
  clh_event ("vm", "booting", NULL, NULL);
  char *why = run (vmm);
  if (why != NULL)
    return why;
  vmm->state = RUNNING;
  clh_event ("vm", "booted", NULL, NULL);
  clh_events_fault (&vmm->fault);
  return NULL;
}

static char *
snapshot (struct vmm *vmm, const struct fake_request *request, JsonNode *body)
{
  const char *url = json_object_get_string_member_with_default (json_node_get_object (body), "destination_url", "");
  clh_size_write (&vmm->size, vmm->config);
  return clh_snapshot_save (url, vmm->config, vmm->guest);
}

static char *
restore (struct vmm *vmm, const struct fake_request *request, JsonNode *body)
{
  const char *url = json_object_get_string_member_with_default (json_node_get_object (body), "source_url", "");
  g_autofree char *kept = NULL;
  char *why = clh_snapshot_load (url, &vmm->config, &kept);
  if (why == NULL)
    why = clh_size_begin (&vmm->size, vmm->config, &vmm->fault);
  if (why == NULL)
    why = run (vmm);
  if (why != NULL)
    return why;
  vmm->state = PAUSED;
  clh_event ("vm", "restored", NULL, NULL);
  return kata_null_guest__give_back (vmm->guest, kept, NULL) == 0 ? NULL : g_strdup ("state.json is broken");
}

static char *
pause_guest (struct vmm *vmm, const struct fake_request *request, JsonNode *body)
{
  clh_event ("vm", "pausing", NULL, NULL);
  fake_machine_pause (vmm->guest, true);
  vmm->state = PAUSED;
  clh_event ("vm", "paused", NULL, NULL);
  return NULL;
}

static char *
resume_guest (struct vmm *vmm, const struct fake_request *request, JsonNode *body)
{
  fake_machine_pause (vmm->guest, false);
  vmm->state = RUNNING;
  return NULL;
}

static char *
nothing (struct vmm *vmm, const struct fake_request *request, JsonNode *body)
{
  return NULL;
}

static const struct action {
  const char *method, *name, *body; /* the body's object; NULL = there is none */
  unsigned states;                  /* in which it may be asked for */
  verb verb;
} actions[] = {
  { "GET", "vmm.ping", NULL, NONE | CREATED | RUNNING | PAUSED, nothing },
  { "PUT", "vm.create", "VmConfig", NONE, create },
  { "PUT", "vm.add-net", "NetConfig", CREATED | RUNNING, add_net },
  { "PUT", "vm.add-disk", "DiskConfig", CREATED | RUNNING, add_disk },
  { "PUT", "vm.add-device", "DeviceConfig", CREATED | RUNNING, add_device },
  { "PUT", "vm.boot", NULL, CREATED, boot },
  { "GET", "vm.info", NULL, CREATED | RUNNING | PAUSED, nothing },
  { "PUT", "vm.resize", "VmResize", CREATED | RUNNING | PAUSED, resize },
  { "GET", "vm.counters", NULL, RUNNING | PAUSED, nothing },
  { "PUT", "vm.snapshot", "VmSnapshotConfig", PAUSED, snapshot },
  { "PUT", "vm.restore", "RestoreConfig", NONE, restore },
  { "PUT", "vm.remove-device", "VmRemoveDevice", RUNNING, remove_device },
  { "PUT", "vm.pause", NULL, RUNNING, pause_guest },
  { "PUT", "vm.resume", NULL, PAUSED, resume_guest },
  { "PUT", "vm.power-button", NULL, RUNNING, nothing },
  { "PUT", "vmm.shutdown", NULL, NONE | CREATED | RUNNING | PAUSED, nothing },
};

static const struct action *
find (const struct fake_request *request)
{
  for (size_t i = 0; i < G_N_ELEMENTS (actions); i++)
    if (g_str_equal (actions[i].name, request->path) && g_str_equal (actions[i].method, request->method))
      return &actions[i];
  return NULL;
}

static char *
perform (struct vmm *vmm, const struct action *action, const struct fake_request *request)
{
  g_autoptr (JsonNode) body = request->body != NULL ? json_from_string (request->body, NULL) : NULL;
  if ((action->body != NULL) != (request->body != NULL))
    return g_strdup ("a body where none is, or none where one is");
  char *why = action->body != NULL ? schema_complaint (clh_schema, action->body, body) : NULL;
  if (why == NULL && (action->states & vmm->state) == 0)
    why = g_strdup_printf ("%s: not in this state", action->name);
  return why != NULL ? why : action->verb (vmm, request, body);
}

/* What is answered when all is well; g_free(). */
static char *
good_answer (const struct vmm *vmm, const struct action *action, const struct fake_request *request)
{
  if (g_str_equal (action->name, "vmm.ping"))
    return g_strdup ("{\"version\":\"v51.0.0\"}");
  if (g_str_equal (action->name, "vm.info")) {
    g_autofree char *config = NULL, *info = NULL;
    clh_size_info (&vmm->size, &config, &info);
    return clh_net_info (&vmm->net, config, info, &vmm->fault);
  }
  if (g_str_equal (action->name, "vm.counters"))
    return g_strdup (
        "{\"_disk0\":{\"read_bytes\":4096,\"read latency\":12,\"lost\":-1},\"__rng\":{},\"bad\\\"\\n\":{\"n\":1}}");
  if (g_str_has_prefix (action->name, "vm.add-") && vmm->state == RUNNING) {
    g_autoptr (JsonNode) body = json_from_string (request->body, NULL);
    const char *id = json_object_get_string_member (json_node_get_object (body), "id");
    g_autofree char *bdf = clh_net_bdf (&vmm->net, id);
    return g_strdup_printf ("{\"id\":\"%s\",\"bdf\":\"%s\"}", id, bdf);
  }
  return NULL;
}

static void
after (struct vmm *vmm, const struct action *action)
{
  if (g_str_equal (action->name, "vmm.shutdown"))
    exit (0);
  if (g_str_equal (action->name, "vm.power-button"))
    fake_machine_end (vmm->guest); /* ends the process */
  if (g_str_equal (action->name, "vm.remove-device"))
    clh_net_eject (&vmm->net, &vmm->fault);
}

static void
answer (struct vmm *vmm, int fd)
{
  struct fake_request request;
  if (!fake_read (&request, fd, "/api/v1/"))
    return;
  const struct action *action = find (&request);
  if (action == NULL) {
    fake_reply (fd, 404, NULL);
  } else if (!clh_events_strike (&vmm->fault, action->name, fd) && !fake_fault_strike (&vmm->fault, action->name, fd)) {
    g_autofree char *why = perform (vmm, action, &request);
    g_autofree char *said = why != NULL ? g_strdup_printf ("[\"%s\"]", why) : good_answer (vmm, action, &request);
    unsigned refused = g_strcmp0 (why, CLH_SIZE_BUSY) == 0 ? 429 : 500;
    fake_reply (fd, why != NULL ? refused : said != NULL ? 200 : 204, said);
    if (why != NULL)
      fprintf (stderr, "%s: %s\n", action->name, why);
    if (g_str_equal (action->name, why != NULL ? "vm.resize" : "vm.info"))
      clh_size_settle (&vmm->size, vmm->guest);
    if (why == NULL)
      after (vmm, action);
  }
  fake_request_clear (&request);
}

int
main (int argc, char **argv)
{
  struct vmm vmm = { .state = NONE, .fs_fd = -1 };
  const char *socket_path = NULL;
  for (int i = 1; i < argc; i++) {
    const char *value = i + 1 < argc ? argv[i + 1] : "";
    if (g_str_equal (argv[i], "--version"))
      return puts ("cloud-hypervisor v51.0.0") < 0;
    if (g_str_equal (argv[i], "-v"))
      continue;
    bool good = (g_str_equal (argv[i], "--fault") && fake_fault_parse (&vmm.fault, value)) ||
                (g_str_equal (argv[i], "--seccomp") && (g_str_equal (value, "true") || g_str_equal (value, "false"))) ||
                (g_str_equal (argv[i], "--event-monitor") && clh_events_open (value)) ||
                (g_str_equal (argv[i], "--api-socket") && g_str_has_prefix (value, "path="));
    if (!good)
      return fprintf (stderr, "%s %s: no such option\n", argv[i], value) < 0 ? 1 : 2;
    if (g_str_equal (argv[i], "--api-socket"))
      socket_path = value + strlen ("path=");
    i++;
  }
  int listener = socket_path != NULL ? fake_listen (socket_path) : -1, fd;
  while (listener >= 0 && (fd = accept4 (listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
    answer (&vmm, fd);
    close (fd);
  }
  return fprintf (stderr, "no socket\n") < 0 ? 1 : 2;
}
