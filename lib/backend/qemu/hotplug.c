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

bool
kata_qemu__refused (const kata_error *error, const char *command)
{
  return kata_error_get_code (error) == KATA_E_VMM && g_strcmp0 (kata_error_get_key (error), command) == 0;
}

static int
look (bool *there, kata_qmp *qmp, const char *device, int64_t deadline_us, kata_error **err)
{
  g_autofree char *arguments = g_strdup_printf ("{\"path\":\"/machine/peripheral/%s\"}", device);
  kata_error *error = NULL;
  int code = kata_qmp__execute (qmp, "qom-list", arguments, NULL, deadline_us, &error);
  *there = code == 0;
  if (code == 0 || !kata_qemu__refused (error, "qom-list"))
    return code == 0 ? 0 : kata_error__propagate (err, error);
  kata_error_unref (error); /* there is no such thing */
  return 0;
}

/* Refused while an earlier request is under way. What QEMU says instead of an answer ends the wait: it would say so again and again. */
static int
ask (kata_qmp *qmp, const char *device, int64_t until_us, kata_error **err)
{
  g_autofree char *arguments = g_strdup_printf ("{\"id\":\"%s\"}", device);
  kata_error *error = NULL;
  int code = kata_qmp__execute (qmp, "device_del", arguments, NULL, until_us, &error);
  if (code < 0 && !kata_qemu__refused (error, "device_del"))
    return kata_error__propagate (err, error);
  kata_error_unref (g_steal_pointer (&error));
  code = kata_qmp__wait_event (qmp, "DEVICE_DELETED", kata_deadline__within (until_us, LOOK_MS), &error);
  if (code < 0 && code != KATA_E_TIMEOUT)
    return kata_error__propagate (err, error);
  kata_error_unref (error);
  return 0;
}

int
kata_qemu__release (kata_qmp *qmp, const char *device, const char *what, const char *name, int limit_ms,
                    int64_t deadline_us, kata_error **err)
{
  int64_t until = kata_deadline__within (deadline_us, limit_ms);
  for (;;) {
    bool there = false;
    int code = look (&there, qmp, device, deadline_us, err);
    if (code < 0 || !there)
      return code;
    if (kata_deadline__now () >= until)
      return kata_error__set (err, KATA_E_TIMEOUT, name,
                              "%s \"%s\": the guest did not let go of it in time (%d ms at most)", what, name,
                              limit_ms);
    code = ask (qmp, device, until, err);
    if (code < 0)
      return code;
  }
}
