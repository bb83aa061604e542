/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* acrn: the table of verbs of the ACRN adapter. What it leaves out, pause and resume among it, is an error of the library's and never a silent success. */
#include "backend/registry.h"

#include <string.h>

#include "backend/acrn/vm.h"
#include "base/json-write.h"

#define ANY_CID 3

const kata_external_kind kata_acrn_kind = { .name = "acrn",
                                            .program = "acrn-dm",
                                            .logs = { KATA_ACRN_LOG, KATA_EXTERNAL_TAIL_MAX, KATA_ACRN_CONSOLE_LOG },
                                            .vm_size = sizeof (kata_acrn_vm) };

/* Stands for what is only known once the VM is launched: the program's place, a context id, which processors there are. */
static int
acrn_translate (const kata_vm_plan *plan, char **json, kata_error **err)
{
  g_auto (GStrv) argv = NULL;
  g_autoptr (GString) cpus = g_string_new ("0");
  bool own = plan->hypervisor_path != NULL && plan->hypervisor_path[0] != '\0';
  for (uint32_t i = 1; i < MIN (plan->vcpus, 64); i++)
    g_string_append_printf (cpus, ",%u", i);
  kata_acrn_context context = { own ? plan->hypervisor_path : "acrn-dm",
                                plan->agent_cid != 0 ? plan->agent_cid : ANY_CID, cpus->str };
  int code = kata_acrn__argv (&argv, plan, &context, err);
  if (code < 0)
    return code;
  struct kata_json_writer w;
  kata_json_write__init (&w, false);
  kata_json_write__begin_object (&w, NULL);
  kata_json_write__strv (&w, "acrn-dm", (const char *const *) argv);
  kata_json_write__end_object (&w);
  *json = kata_json_write__finish (&w);
  return 0;
}

static const void *
acrn_query (const char *interface_name)
{
  return strcmp (interface_name, KATA_BACKEND_DISK) == 0 ? &kata_acrn__disk : NULL;
}

const kata_backend kata_backend_acrn = {
  .size = sizeof (kata_backend),
  .abi = KATA_BACKEND_ABI,
  .name = "acrn",
  .probe = kata_acrn__probe,
  .translate = acrn_translate,
  .launch = kata_acrn__launch,
  .save = kata_external_vm__save,
  .attach = kata_acrn__attach,
  .connect = kata_acrn__connect,
  .stop = kata_acrn__stop,
  .exit_fd = kata_external_vm__exit_fd,
  .why = kata_external_vm__why,
  .pids = kata_external_vm__pids,
  .detach = kata_external_vm__detach,
  .query = acrn_query,
};
