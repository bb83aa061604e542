/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* builtin: the table of verbs of the built-in microVMM's adapter; each file beside it does one part. */
#include "backend/registry.h"

#include <stdlib.h>

#include <json-glib/json-glib.h>

#include "backend/builtin/describe.h"
#include "backend/builtin/vm.h"
#include "backend/virtiofsd.h"
#include "base/error.h"

/* Stands for descriptors that only launch opens: their numbers are the order in which it names them. */
static kata_builtin_fds
placeholders (const kata_vm_plan *plan)
{
  bool initrd = plan->initrd != NULL && plan->initrd[0] != '\0';
  bool share = plan->share_kind == KATA_SHARE_VIRTIOFS;
  int next = VMM_DESCRIBE_FD_FIRST;
  kata_builtin_fds fds;
  for (size_t i = 0; i < KATA_BUILTIN_FDS; i++) {
    bool absent = (i == KATA_BUILTIN_FD_INITRD && !initrd) || (i == KATA_BUILTIN_FD_FS && !share);
    fds.fd[i] = absent ? -1 : next++;
  }
  return fds;
}

static void
add_lines (JsonBuilder *builder, const char *name, char **lines)
{
  json_builder_set_member_name (builder, name);
  json_builder_begin_array (builder);
  for (size_t i = 0; lines[i] != NULL; i++)
    if (lines[i][0] != '\0')
      json_builder_add_string_value (builder, lines[i]);
  json_builder_end_array (builder);
}

static int
builtin_translate (const kata_vm_plan *plan, char **json, kata_error **err)
{
  g_autofree struct vmm_description *description = g_new0 (struct vmm_description, 1);
  g_auto (GStrv) virtiofsd = NULL;
  char cmdline[VMM_CMDLINE_MAX];
  kata_builtin_fds fds = placeholders (plan);
  char *text = NULL;
  int code = kata_builtin__describe (description, cmdline, plan, &fds, err);
  if (code == 0)
    code = vmm_describe__write (&text, NULL, NULL, description, err);
  const bool own_helper = plan->virtiofsd_path != NULL && plan->virtiofsd_path[0] != '\0';
  const struct kata_virtiofsd server = { "builtin", own_helper ? plan->virtiofsd_path : "virtiofsd", KATA_VIRTIOFSD_C };
  if (code == 0 && plan->share_kind == KATA_SHARE_VIRTIOFS)
    code = kata_virtiofsd__argv (&virtiofsd, &server, plan, 1000000, err);
  g_auto (GStrv) lines = code == 0 ? g_strsplit (text, "\n", -1) : NULL;
  free (text);
  if (code < 0)
    return code;
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  json_builder_begin_object (builder);
  add_lines (builder, "kata-vmm", lines);
  if (virtiofsd != NULL)
    add_lines (builder, "virtiofsd", virtiofsd);
  json_builder_end_object (builder);
  g_autoptr (JsonNode) root = json_builder_get_root (builder);
  *json = json_to_string (root, FALSE);
  return 0;
}

static int
builtin_exit_fd (void *handle)
{
  return kata_builtin_vm__exit_fd (handle);
}

static char *
builtin_why (void *handle)
{
  return kata_builtin_vm__why (handle);
}

static size_t
builtin_pids (void *handle, int64_t *pids, size_t max)
{
  kata_builtin_vm *vm = handle;
  size_t n = 0;
  if (max > n && vm->vmm.identity.pid != 0 && (vm->vmm.pidfd >= 0 || vm->thread != NULL))
    pids[n++] = vm->vmm.identity.pid;
  if (max > n && vm->virtiofsd.pidfd >= 0)
    pids[n++] = vm->virtiofsd.identity.pid;
  if (max > n)
    pids[n] = 0;
  return n;
}

static void
builtin_detach (void *handle)
{
  kata_builtin_vm__free (handle);
}

const kata_backend kata_backend_builtin = {
  .size = sizeof (kata_backend),
  .abi = KATA_BACKEND_ABI,
  .name = "builtin",
  .probe = kata_builtin__probe,
  .translate = builtin_translate,
  .launch = kata_builtin__launch,
  .save = kata_builtin__save,
  .attach = kata_builtin__attach,
  .connect = kata_builtin__connect,
  .pause = kata_builtin__pause,
  .resume = kata_builtin__resume,
  .stop = kata_builtin__stop,
  .exit_fd = builtin_exit_fd,
  .why = builtin_why,
  .pids = builtin_pids,
  .detach = builtin_detach,
};
