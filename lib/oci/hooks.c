/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hooks: reads runtime-spec config.md#posix-platform-hooks. */
#include "oci/read.h"

static void
read_list (struct kata_json_reader *r, const kata_json *hooks, const char *name, struct kata_oci_hook_list *out)
{
  const kata_json *array = kata_json__get_array (r, hooks, name);
  if (array == NULL)
    return;
  out->items = kata_arena__new0 (r->arena, struct kata_oci_hook, array->n);
  KATA_FOREACH (item, array) {
    struct kata_oci_hook *hook = &out->items[out->n++];
    if (!kata_json__is (r, item, KATA_JSON_OBJECT))
      return;
    hook->path = kata_oci__get_absolute (r, item, "path");
    if (hook->path == NULL)
      kata_json__missing (r, item, "path");
    hook->args = kata_json__get_strv (r, item, "args");
    hook->env = kata_json__get_strv (r, item, "env");
    hook->timeout = kata_oci__get_i64 (r, item, "timeout");
    if (hook->timeout.have && hook->timeout.value <= 0)
      kata_json__fail (r, kata_json__get (item, "timeout"), "must be greater than 0");
  }
}

void
kata_oci__read_hooks (struct kata_json_reader *r, const kata_json *value, struct kata_oci_hooks *out)
{
  read_list (r, value, "prestart", &out->prestart);
  read_list (r, value, "createRuntime", &out->create_runtime);
  read_list (r, value, "createContainer", &out->create_container);
  read_list (r, value, "startContainer", &out->start_container);
  read_list (r, value, "poststart", &out->poststart);
  read_list (r, value, "poststop", &out->poststop);
}
