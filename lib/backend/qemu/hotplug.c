/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hotplug: device_del, and the wait for the guest's answer. */
#include "backend/qemu/hotplug.h"

#include "base/error.h"

#define LOOK_MS 500 /* how often it is looked whether it has, should the word of it be lost */

void
kata_qemu__set_text (JsonBuilder *builder, const char *name, const char *value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, value);
}

void
kata_qemu__set_bool (JsonBuilder *builder, const char *name, bool value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_boolean_value (builder, value);
}

void
kata_qemu__set_number (JsonBuilder *builder, const char *name, uint32_t value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_int_value (builder, value);
}

char *
kata_qemu__finish (JsonBuilder *builder)
{
  json_builder_end_object (builder);
  g_autoptr (JsonNode) root = json_builder_get_root (builder);
  return json_to_string (root, FALSE);
}

int
kata_qemu__open_qmp (kata_qmp **out, kata_qemu_vm *vm, const char *doing, int64_t deadline_us, kata_error **err)
{
  if (kata_external_vm__ended (&vm->base))
    return kata_external_vm__ended_error (&vm->base, doing, err);
  return kata_qmp__open (out, vm->base.dir_fd, vm->base.vmm.pidfd, deadline_us, err);
}

static bool
is_there (kata_qmp *qmp, const char *device, int64_t deadline_us)
{
  g_autofree char *arguments = g_strdup_printf ("{\"path\":\"/machine/peripheral/%s\"}", device);
  g_autoptr (kata_error) error = NULL;
  int code = kata_qmp__execute (qmp, "qom-list", arguments, NULL, deadline_us, &error);
  /* A refusal says that there is no such thing; anything else, nothing. */
  return code == 0 || kata_error_get_code (error) != KATA_E_VMM;
}

int
kata_qemu__release (kata_qmp *qmp, const char *device, const char *what, const char *name, int limit_ms,
                    int64_t deadline_us, kata_error **err)
{
  g_autofree char *arguments = g_strdup_printf ("{\"id\":\"%s\"}", device);
  int64_t until = kata_deadline__within (deadline_us, limit_ms);
  while (is_there (qmp, device, deadline_us)) {
    if (kata_deadline__now () >= until)
      return kata_error__set (err, KATA_E_TIMEOUT, name,
                              "%s \"%s\": the guest did not let go of it in time (%d ms at most)", what, name,
                              limit_ms);
    /* Refused while an earlier request is under way. */
    kata_qmp__execute (qmp, "device_del", arguments, NULL, until, NULL);
    kata_qmp__wait_event (qmp, "DEVICE_DELETED", kata_deadline__within (until, LOOK_MS), NULL);
  }
  return 0;
}
