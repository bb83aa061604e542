/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-resize: `katactl resize`: more or fewer processors, more memory for a machine that runs. */
#include <stdio.h>

#include "options.h"
#include "output.h"
#include "progress.h"
#include "resolve.h"

#define MIB (UINT64_C (1) << 20)

static int
print_size (ctl *ctl, const char *id, const kata_sandbox_size *size)
{
  if (!ctl->json) {
    printf ("%s: %u of %u vCPUs, %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " MiB\n", id, size->vcpus,
            size->max_vcpus, size->memory_mib, size->max_memory_mib);
    return CTL_OK;
  }
  const struct {
    const char *name;
    uint64_t value;
  } numbers[] = { { "vcpus", size->vcpus },
                  { "max_vcpus", size->max_vcpus },
                  { "memory_mib", size->memory_mib },
                  { "max_memory_mib", size->max_memory_mib } };
  g_autoptr (JsonBuilder) builder = json_builder_begin_object (json_builder_new ());
  json_builder_set_member_name (builder, "id");
  json_builder_add_string_value (builder, id);
  for (size_t i = 0; i < G_N_ELEMENTS (numbers); i++) {
    json_builder_set_member_name (builder, numbers[i].name);
    json_builder_add_int_value (builder, (gint64) numbers[i].value);
  }
  return output_json_builder (json_builder_end_object (builder));
}

int
cmd_resize (ctl *ctl, int argc, char **argv)
{
  uint32_t vcpus = 0;
  uint64_t memory = 0;
  const option_row rows[] = {
    { 0, "vcpus", OPTION_COUNT, &vcpus, "N", "this many processors; as they are if not given" },
    { 'm', "memory", OPTION_BYTES, &memory, "SIZE", "this much memory, up to 128 MiB more; as it is if not given" },
    { 0, NULL, 0, NULL, NULL, NULL }
  };
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  CTL_AUTO (sandbox) sandbox = NULL;
  CTL_AUTO (error) err = NULL;
  int rc = options_parse_arguments (ctl, rows, arguments, argc, argv, 1, 1);
  if (rc >= 0)
    return rc;
  rc = resolve_sandbox (ctl, arguments->pdata[0], &sandbox);
  if (rc != 0)
    return rc;
  kata_sandbox_size size = KATA_SANDBOX_SIZE_INIT;
  size.vcpus = vcpus;
  size.memory_mib = memory / MIB + (memory % MIB != 0);
  progress *progress = progress_begin (ctl, "resizing");
  rc = kata_sandbox_resize (sandbox, &size, KATA_TIMEOUT_DEFAULT, &err);
  progress_end (&progress);
  return rc < 0 ? output_error (ctl, NULL, err) : print_size (ctl, kata_sandbox_get_id (sandbox), &size);
}
