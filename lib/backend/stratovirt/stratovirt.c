/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stratovirt: the table of verbs of the StratoVirt adapter; each file beside it does one part. */
#include "backend/registry.h"

#include <string.h>

#include "backend/qmp-vm.h"
#include "backend/stratovirt/argv.h"
#include "backend/stratovirt/vm.h"
#include "backend/vsock.h"
#include "base/json-write.h"

#define ANY_CID 3

const kata_external_kind kata_stratovirt_kind = { .name = "stratovirt",
                                                  .program = "stratovirt",
                                                  .logs = { KATA_STRATOVIRT_LOG, KATA_STRATOVIRT_LOG_QUOTED,
                                                            KATA_STRATOVIRT_CONSOLE_LOG },
                                                  .vm_size = sizeof (kata_stratovirt_vm) };

/* Stands for what is only known once the VM is launched: the place of the programs, a context id, virtiofsd's make. */
static int
stratovirt_translate (const kata_vm_plan *plan, char **json, kata_error **err)
{
  g_auto (GStrv) argv = NULL;
  bool own = plan->hypervisor_path != NULL && plan->hypervisor_path[0] != '\0';
  int code = kata_stratovirt__argv (&argv, plan, own ? plan->hypervisor_path : "stratovirt",
                                    plan->agent_cid != 0 ? plan->agent_cid : ANY_CID, err);
  if (code < 0)
    return code;
  struct kata_json_writer w;
  kata_json_write__init (&w, false);
  kata_json_write__begin_object (&w, NULL);
  kata_json_write__strv (&w, "stratovirt", (const char *const *) argv);
  kata_json_write__end_object (&w);
  *json = kata_json_write__finish (&w);
  return 0;
}

static int
stratovirt_attach (void **out, const kata_vm_plan *plan, const char *saved, const kata_backend_env *env,
                   kata_error **err)
{
  kata_external_vm *vm = NULL;
  int code = kata_external_vm__attach (&vm, &kata_stratovirt_kind, plan, saved, err);
  if (code < 0)
    return code;
  ((kata_stratovirt_vm *) vm)->disks = kata_stratovirt__disks (plan);
  *out = vm;
  return 0;
}

static const void *
stratovirt_query (const char *interface_name)
{
  return strcmp (interface_name, KATA_BACKEND_DISK) == 0 ? &kata_stratovirt__disk : NULL;
}

const kata_backend kata_backend_stratovirt = {
  .size = sizeof (kata_backend),
  .abi = KATA_BACKEND_ABI,
  .name = "stratovirt",
  .probe = kata_stratovirt__probe,
  .translate = stratovirt_translate,
  .launch = kata_stratovirt__launch,
  .save = kata_external_vm__save,
  .attach = stratovirt_attach,
  .connect = kata_vsock__connect,
  .pause = kata_qmp_vm__pause,
  .resume = kata_qmp_vm__resume,
  .stop = kata_qmp_vm__stop,
  .exit_fd = kata_external_vm__exit_fd,
  .why = kata_external_vm__why,
  .pids = kata_external_vm__pids,
  .detach = kata_external_vm__detach,
  .query = stratovirt_query,
};
