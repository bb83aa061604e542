/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sandbox: creates and destroys the pod's surroundings; its containers are container.c's. */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"
#include "container.h"
#include "file.h"
#include "mem.h"
#include "modules.h"
#include "path.h"

#define HOSTNAME_MAX    64
#define DNS_ENTRIES_MAX 64

static int
make_directories (struct fault *fault)
{
  static const char *const directories[] = { AGENT_RUN_DIR, AGENT_SHARED_DIR, AGENT_SANDBOX_DIR,
                                             AGENT_SANDBOX_DIR "/storage" };
  for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++) {
    int fd = path_make_directory (directories[i], 0755, fault);
    if (fd < 0)
      return -1;
    close (fd);
  }
  return 0;
}

/* Each entry is an address or a whole line of resolv.conf ("search …"); lines never come from inside an entry. */
static int
write_resolv_conf (const Grpc__CreateSandboxRequest *request, struct fault *fault)
{
  char text[8192] = "";
  size_t used = 0;
  if (request->n_dns > DNS_ENTRIES_MAX)
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "more than %d dns entries", DNS_ENTRIES_MAX);
  for (size_t i = 0; i < request->n_dns; i++) {
    const char *entry = request->dns[i];
    if (strlen (entry) > 1024 || strpbrk (entry, "\n\r"))
      return fault_set (fault, TTRPC_INVALID_ARGUMENT, "dns entry %zu is too long or has a line break", i);
    int n = snprintf (text + used, sizeof text - used, "%s%s\n", strchr (entry, ' ') ? "" : "nameserver ", entry);
    if (n < 0 || (size_t) n >= sizeof text - used)
      return fault_set (fault, TTRPC_INVALID_ARGUMENT, "dns entries are longer than %zu bytes", sizeof text);
    used += (size_t) n;
  }
  if (file_create (AGENT_SANDBOX_DIR "/resolv.conf", text, used) < 0 ||
      chmod (AGENT_SANDBOX_DIR "/resolv.conf", 0644) < 0)
    return fault_errno (fault, "cannot write " AGENT_SANDBOX_DIR "/resolv.conf");
  return 0;
}

static int
set_hostname (struct agent *agent, const char *name, struct fault *fault)
{
  if (!*name || !agent->is_init) /* a test on a host must not rename it */
    return 0;
  if (strlen (name) > HOSTNAME_MAX)
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "host name is longer than %d bytes", HOSTNAME_MAX);
  if (sethostname (name, strlen (name)) < 0)
    return fault_errno (fault, "cannot set the host name \"%s\"", name);
  return 0;
}

static int
prepare (struct agent *agent, const Grpc__CreateSandboxRequest *request, struct fault *fault)
{
  if (make_directories (fault) < 0 || set_hostname (agent, text_of (request->hostname), fault) < 0 ||
      write_resolv_conf (request, fault) < 0)
    return -1;
  for (size_t i = 0; i < request->n_kernel_modules; i++)
    if (modules_load_named (&agent->log, request->kernel_modules[i], fault) < 0)
      return -1;
  return storages_acquire (agent, request->storages, request->n_storages, &agent->sandbox.storages, fault);
}

int
sandbox_create (struct agent *agent, const Grpc__CreateSandboxRequest *request, struct fault *fault)
{
  const char *id = text_of (request->sandbox_id);
  if (*id && !path_id_is_valid (id))
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "sandbox_id is not a valid name");
  pthread_mutex_lock (&agent->lock);
  int exists = agent->sandbox.exists;
  agent->sandbox.exists = 1; /* taken: a second request at the same time loses */
  pthread_mutex_unlock (&agent->lock);
  if (exists)
    return fault_set (fault, TTRPC_ALREADY_EXISTS, "this guest already has its sandbox");
  int result = prepare (agent, request, fault);
  pthread_mutex_lock (&agent->lock);
  agent->sandbox.exists = result == 0;
  agent->sandbox.pidns = request->sandbox_pidns;
  snprintf (agent->sandbox.id, sizeof agent->sandbox.id, "%s", id);
  pthread_mutex_unlock (&agent->lock);
  if (result == 0)
    log_info (&agent->log, "sandbox %s created", id);
  return result;
}

void
sandbox_destroy (struct agent *agent)
{
  atomic_store (&agent->dying, agent->is_init);
  containers_remove_all (agent);
  storages_release (agent, &agent->sandbox.storages);
  pthread_mutex_lock (&agent->lock);
  agent->sandbox.exists = 0;
  pthread_mutex_unlock (&agent->lock);
}
