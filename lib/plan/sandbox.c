/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sandbox: what the agent is told when the sandbox begins: names, resolver, modules. */
#include <string.h>

#include "plan/build.h"

#define HOSTNAME_MAX  64u /* the kernel's */
#define DNS_LINES_MAX 64u
#define DNS_LINE_MAX  1024u
#define MODULES_MAX   64u

static int
decide_hostname (struct kata_plan_build *b, kata_error **err)
{
  const char *hostname = b->in->options->hostname;
  if (hostname == NULL) {
    b->plan->hostname = kata_arena__strndup (b->arena, b->plan->id, strnlen (b->plan->id, HOSTNAME_MAX));
    return 0;
  }
  size_t len = strnlen (hostname, HOSTNAME_MAX + 1);
  bool ok = len > 0 && len <= HOSTNAME_MAX && hostname[0] != '-' && hostname[0] != '.';
  for (size_t i = 0; ok && i < len; i++)
    ok = g_ascii_isalnum (hostname[i]) || strchr ("-._", hostname[i]) != NULL;
  if (!ok)
    return kata_error__set (err, KATA_E_INVALID, "hostname",
                            "hostname: \"%.80s\" is not 1 to %u of A-Z a-z 0-9 - . _, starting with a letter or digit",
                            hostname, HOSTNAME_MAX);
  b->plan->hostname = kata_arena__strdup (b->arena, hostname);
  return 0;
}

static int
decide_dns (struct kata_plan_build *b, kata_error **err)
{
  const char *const *lines = b->in->options->dns;
  for (size_t i = 0; lines != NULL && lines[i] != NULL; i++) {
    if (i >= DNS_LINES_MAX || strnlen (lines[i], DNS_LINE_MAX + 1) > DNS_LINE_MAX)
      return kata_error__set (err, KATA_E_LIMIT, "dns", "dns: at most %u lines of %u bytes", DNS_LINES_MAX,
                              DNS_LINE_MAX);
    if (!kata_plan__is_printable (lines[i]) || !g_utf8_validate (lines[i], -1, NULL))
      return kata_error__set (err, KATA_E_INVALID, "dns", "dns[%zu]: has a control character or is not UTF-8", i);
  }
  b->plan->dns = kata_arena__strv (b->arena, lines);
  return 0;
}

static int
decide_modules (struct kata_plan_build *b, kata_error **err)
{
  char **modules = b->agent->kernel_modules;
  for (size_t i = 0; modules != NULL && modules[i] != NULL; i++)
    if (i >= MODULES_MAX || !kata_plan__is_printable (modules[i]) || modules[i][0] == '\0')
      return kata_error__set (err, KATA_E_CONFIG, "agent.kata.kernel_modules",
                              "agent.kata.kernel_modules[%zu]: at most %u entries of the form \"name param=value\"", i,
                              MODULES_MAX);
  if (modules != NULL && modules[0] != NULL)
    b->plan->kernel_modules = kata_arena__strv (b->arena, (const char *const *) modules);
  return 0;
}

static void
decide_timeouts (struct kata_plan_build *b)
{
  int64_t create = b->agent->create_container_timeout > 0 ? b->agent->create_container_timeout
                                                          : b->runtime->create_container_timeout;
  b->plan->start_timeout_ms = b->agent->dial_timeout * 1000;
  b->plan->create_container_timeout_ms = create * 1000;
  b->plan->request_timeout_ms = 60000;
  b->plan->stop_timeout_ms = 30000;
}

int
kata_plan__guest (struct kata_plan_build *b, kata_error **err)
{
  int rc = decide_hostname (b, err);
  if (rc == 0)
    rc = decide_dns (b, err);
  if (rc == 0)
    rc = decide_modules (b, err);
  if (rc == 0 && b->hv->guest_hook_path[0] != '\0' && !kata_plan__path_is_clean (b->hv->guest_hook_path))
    rc = kata_error__set (err, KATA_E_CONFIG, kata_plan__key (b, "guest_hook_path"),
                          "%s: is no absolute path without \"..\"", kata_plan__key (b, "guest_hook_path"));
  if (rc == 0 && b->hv->guest_hook_path[0] != '\0' && (b->plan->guest_features & KATA_GUEST_BY_KATA) != 0)
    kata_plan__warn (b, "%s: libkata's own guest runs no hooks; only Kata's guest image does",
                     kata_plan__key (b, "guest_hook_path"));
  b->plan->guest_hook_path = kata_plan__text (b, b->hv->guest_hook_path);
  b->plan->guest_seccomp = !b->runtime->disable_guest_seccomp;
  if (b->plan->guest_seccomp && (b->plan->guest_features & KATA_GUEST_SECCOMP) == 0)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "runtime.disable_guest_seccomp",
                            "runtime.disable_guest_seccomp: is false, but the guest cannot apply seccomp profiles");
  decide_timeouts (b);
  return rc;
}
