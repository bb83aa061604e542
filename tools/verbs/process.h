/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* process: the OCI process object of an exec, made of the container's and of options. */
#ifndef KATACTL_VERBS_PROCESS_H
#define KATACTL_VERBS_PROCESS_H

#include <glib.h>

typedef struct process_change {
  char **args;
  const char *cwd, *user;
  GPtrArray *env, *groups, *capabilities; /* (nullable) */
  int terminal, no_new_privileges;
} process_change;

/** The process of @config (a config.json) with the options; NULL and *why (g_free()). */
char *process_compose (const char *config, const process_change *change, char **why);
/** Does a process object want a terminal? */
int process_has_terminal (const char *process);

#endif
