/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hooks: runs the programs that config.json names for a step of a container's life; for kata-runtime and the containerd shim. */
#ifndef KATACTL_HOOKS_HOOKS_H
#define KATACTL_HOOKS_HOOKS_H

#include <stdint.h>

/** The version of the runtime specification that the state bears. */
#define OCI_SPEC_VERSION "1.0.2"

/** What the state tells of a container; texts are borrowed. */
typedef struct hooks_container {
  const char *id, *bundle;
  const char *rootfs, *created; /* (nullable): runc's own members */
  const char *annotations;      /* (nullable): a JSON object; else config.json's are told */
  int64_t pid;                  /* whose namespaces are the container's on the host */
} hooks_container;

/** state JSON as runc's `state` prints it (g_free()). */
char *hooks_state (const hooks_container *container, const char *status);
/** Does @config (the text of config.json, or NULL) name a hook that runs on the host? */
int hooks_any (const char *config);
/**
 * Run all of @kind ("prestart", …) of @config with the state on standard input, in their order. The first failure ends it, but for
 * poststart and poststop. 0, or -1 with *why (NULL before; g_free()) of the first. May be called in a program with threads.
 */
int hooks_run (const char *config, const hooks_container *container, const char *kind, const char *status, char **why);

#endif
