/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* seccomp: reads runtime-spec config-linux.md#seccomp. */
#include "oci/read.h"

static const char *const actions[] = {
  "SCMP_ACT_KILL",  "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP",   "SCMP_ACT_ERRNO",
  "SCMP_ACT_TRACE", "SCMP_ACT_ALLOW",        "SCMP_ACT_LOG",         "SCMP_ACT_NOTIFY", NULL
};

static void
read_args (struct kata_json_reader *r, const kata_json *array, struct kata_oci_seccomp_rule *out)
{
  static const char *const operators[] = { "SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE",        "SCMP_CMP_EQ",
                                           "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ", NULL };
  if (array == NULL)
    return;
  out->args = kata_arena__new0 (r->arena, struct kata_oci_seccomp_arg, array->n);
  KATA_FOREACH (item, array) {
    struct kata_oci_seccomp_arg *arg = &out->args[out->n_args++];
    if (!kata_json__is (r, item, KATA_JSON_OBJECT))
      return;
    arg->index = (uint32_t) kata_json__u64 (r, kata_json__get (item, "index"), 5);
    arg->value = kata_json__get_u64 (r, item, "value");
    arg->value_two = kata_json__get_u64 (r, item, "valueTwo");
    arg->op = kata_oci__get_word (r, item, "op", operators);
    if (arg->op == NULL)
      kata_json__missing (r, item, "op");
  }
}

static void
read_rules (struct kata_json_reader *r, const kata_json *array, struct kata_oci_seccomp *out)
{
  if (array == NULL)
    return;
  out->rules = kata_arena__new0 (r->arena, struct kata_oci_seccomp_rule, array->n);
  KATA_FOREACH (item, array) {
    struct kata_oci_seccomp_rule *rule = &out->rules[out->n_rules++];
    if (!kata_json__is (r, item, KATA_JSON_OBJECT))
      return;
    rule->names = kata_json__get_strv (r, item, "names");
    if (rule->names == NULL || rule->names[0] == NULL)
      kata_json__missing (r, item, "names");
    rule->action = kata_oci__get_word (r, item, "action", actions);
    if (rule->action == NULL)
      kata_json__missing (r, item, "action");
    rule->errno_ret = kata_oci__get_u64 (r, item, "errnoRet", UINT32_MAX);
    read_args (r, kata_json__get_array (r, item, "args"), rule);
  }
}

void
kata_oci__read_seccomp (struct kata_json_reader *r, const kata_json *value, struct kata_oci_seccomp *out)
{
  if (value == NULL)
    return;
  out->have = true;
  out->default_action = kata_oci__get_word (r, value, "defaultAction", actions);
  if (out->default_action == NULL)
    kata_json__missing (r, value, "defaultAction");
  out->default_errno_ret = kata_oci__get_u64 (r, value, "defaultErrnoRet", UINT32_MAX);
  out->architectures = kata_json__get_strv (r, value, "architectures");
  out->flags = kata_json__get_strv (r, value, "flags");
  out->listener_path = kata_json__get_string (r, value, "listenerPath");
  out->listener_metadata = kata_json__get_string (r, value, "listenerMetadata");
  read_rules (r, kata_json__get_array (r, value, "syscalls"), out);
}
