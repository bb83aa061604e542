/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* device: a device of a running guest, of whatever kind, asked for and waited for until it is gone. */
#include "backend/clh/vm.h"

#include <stdio.h>
#include <string.h>

#include "backend/clh/events.h"
#include "base/error.h"
#include "base/json.h"

#define RELEASE_MS 10000 /* how long the guest may take to let go of a device */
#define STEP_MS    10    /* how often the event is looked for */
#define SLOT_MAX   31u
#define FN_MAX     7u
#define LOOK_STEPS 50 /* and after how many of these the VMM is asked, should its word be lost */

/* Where the VMM has the device. */
struct place {
  bool in_config; /* not asked for yet; a second request for the same is more than the VMM can bear */
  bool in_tree;   /* the guest has not let go of it */
};

static bool
named (const kata_json *array, const char *id)
{
  for (const kata_json *at = array != NULL ? array->first : NULL; at != NULL; at = at->next) {
    const kata_json *value = kata_json__get (at, "id");
    if (value != NULL && value->type == KATA_JSON_STRING && strcmp (value->text, id) == 0)
      return true;
  }
  return false;
}

static int
find (struct place *place, kata_external_vm *vm, const struct kata_clh_device *device, int64_t deadline_us,
      kata_error **err)
{
  g_autoptr (kata_arena) arena = kata_arena__new ();
  g_autofree char *body = NULL;
  const kata_json *root = NULL;
  int code = kata_clh__get (&body, vm, "vm.info", deadline_us, err);
  if (code == 0)
    code = kata_json__parse (&root, arena, body, strlen (body), NULL, KATA_E_PROTOCOL, err);
  if (code < 0)
    return code;
  const kata_json *list = kata_json__get (kata_json__get (root, "config"), device->section);
  const kata_json *tree = kata_json__get (root, "device_tree");
  /* Else whatever it is would pass for gone. */
  if (tree == NULL || tree->type != KATA_JSON_OBJECT)
    return kata_error__set (err, KATA_E_PROTOCOL, "vm.info", "Cloud Hypervisor, vm.info: it tells of no devices");
  place->in_config = list != NULL && list->type == KATA_JSON_ARRAY && named (list, device->id);
  place->in_tree = kata_json__get (tree, device->id) != NULL;
  return 0;
}

/* "0000:00:05.0": on the only bus of the first segment, where the guest's agent looks. */
static char *
slot_of (const kata_json *address)
{
  unsigned slot, function;
  char more;
  if (address == NULL || address->type != KATA_JSON_STRING ||
      sscanf (address->text, "0000:00:%2x.%1x%c", &slot, &function, &more) != 2 || slot > SLOT_MAX || function > FN_MAX)
    return NULL;
  return function == 0 ? g_strdup_printf ("%02x", slot) : g_strdup_printf ("%02x.%u", slot, function);
}

int
kata_clh__place (void *handle, const kata_vm_disk *disk, char **path, const kata_backend_env *env, kata_error **err)
{
  g_autoptr (kata_arena) arena = kata_arena__new ();
  g_autofree char *id = disk->port != 0 ? kata_clh__disk_id (disk) : g_strdup (disk->id), *body = NULL;
  const kata_json *root = NULL;
  if (kata_external_vm__ended (handle))
    return kata_external_vm__ended_error (handle, "find a disk", err);
  int code = kata_clh__get (&body, handle, "vm.info", env->deadline_us, err);
  if (code == 0)
    code = kata_json__parse (&root, arena, body, strlen (body), NULL, KATA_E_PROTOCOL, err);
  if (code < 0)
    return code;
  /* The device's own node has no address: that is its PCI function's, which is its parent. */
  const kata_json *tree = kata_json__get (root, "device_tree");
  const kata_json *parent = kata_json__get (kata_json__get (tree, id), "parent");
  const char *function = parent != NULL && parent->type == KATA_JSON_STRING ? parent->text : "";
  *path = slot_of (kata_json__get (kata_json__get (tree, function), "pci_bdf"));
  if (*path != NULL)
    return 0;
  return kata_error__set (err, KATA_E_PROTOCOL, disk->id,
                          "disk \"%s\": Cloud Hypervisor does not tell where on its PCI bus it is", disk->id);
}

struct removal {
  const char *id;
  bool done;
};

static void
note (void *data, const struct kata_clh_event *event)
{
  struct removal *removal = data;
  if (strcmp (event->source, "vm") == 0 && strcmp (event->name, "device-removed") == 0 &&
      strcmp (event->id, removal->id) == 0)
    removal->done = true;
}

static void
pass_over (void *data, const struct kata_clh_event *event)
{
}

/* The guest is asked and has to answer: the device goes when it ejects it. */
static int
wait_removed (kata_external_vm *vm, const struct kata_clh_device *device, int64_t at, int64_t deadline_us,
              kata_error **err)
{
  int64_t until = kata_deadline__within (deadline_us, RELEASE_MS);
  struct removal removal = { device->id, false };
  for (int step = 1;; step++) {
    kata_clh__read_events (vm->dir_fd, &at, note, &removal);
    if (removal.done)
      return 0;
    if (kata_external_vm__ended (vm))
      return kata_external_vm__ended_error (vm, "remove a device", err);
    struct place place = { .in_tree = true };
    if (step % LOOK_STEPS == 0 && find (&place, vm, device, until, NULL) == 0 && !place.in_tree)
      return 0;
    if (!kata_external__pause (vm->vmm.pidfd, STEP_MS, until))
      return kata_error__set (err, KATA_E_TIMEOUT, device->name,
                              "%s \"%s\": the guest did not let go of it in time (%d ms at most)", device->what,
                              device->name, RELEASE_MS);
  }
}

int
kata_clh__release (kata_external_vm *vm, const struct kata_clh_device *device, int64_t deadline_us, kata_error **err)
{
  struct place place = { 0 };
  int64_t at = 0;
  if (kata_external_vm__ended (vm))
    return kata_external_vm__ended_error (vm, "remove a device", err);
  kata_clh__read_events (vm->dir_fd, &at, pass_over, NULL);
  int code = find (&place, vm, device, deadline_us, err);
  if (code < 0 || !place.in_tree)
    return code;
  if (place.in_config) {
    g_autofree char *body = g_strdup_printf ("{\"id\":\"%s\"}", device->id);
    code = kata_clh__put (vm, "vm.remove-device", body, NULL, 0, deadline_us, err);
  }
  return code < 0 ? code : wait_removed (vm, device, at, deadline_us, err);
}
