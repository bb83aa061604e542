/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ctl: what all commands of katactl share: the context of one invocation, exit codes, cleanup attributes; no behaviour. */
#ifndef KATACTL_CTL_H
#define KATACTL_CTL_H

#include <glib.h>
#include <kata/kata.h>

/** Exit codes of katactl itself; a container's own code is passed on for `run` and `exec`. */
enum ctl_exit {
  CTL_OK = 0,
  CTL_CHECK_FAILED = 1, /* `check`: a required row says no */
  CTL_USAGE = 2,        /* the command line is wrong */
  CTL_TIMED_OUT = 124,  /* --timeout passed */
  CTL_FAILED = 125,     /* libkata reported an error */
  CTL_NOT_EXECUTABLE = 126,
  CTL_NO_PROGRAM = 127,
  CTL_SIGNAL_BASE = 128
};

struct ctl;

/** One command of the table in katactl.c. */
typedef struct command {
  const char *name;
  const char *alias; /* (nullable) */
  const char *arguments;
  const char *summary;
  const char *const *examples; /* (nullable): "command line", "what it does", …, NULL */
  int (*run) (struct ctl *ctl, int argc, char **argv);
  int hidden;
} command;

/** One invocation. */
typedef struct ctl {
  const command *command; /* NULL while the words before the command are read */
  int json;
  const char *state_dir, *config, *hypervisor, *log_level;
  GPtrArray *backend_libraries; /* (nullable) of const char * */
  kata_runtime *runtime;        /* made by ctl_runtime() */
  kata_log_fn log;              /* (nullable): NULL = output_log() with this ctl */
  void *log_data;
  int64_t started_us; /* CLOCK_MONOTONIC at the start of main() */
  int report_fd;      /* in a supervisor that has not reported yet: where errors go; else -1 */
  int argc;           /* the whole command line, for starting a supervisor with it */
  char **argv;
  int command_index; /* where in argv the command's name is */
} ctl;

static inline void
ctl_free_string (char **string)
{
  kata_free (*string);
}

static inline void
ctl_free_strings (char ***strings)
{
  kata_strv_free (*strings);
}

/** `CTL_AUTO (sandbox) sandbox = NULL;` drops the reference at the end of the block. */
#define CTL_AUTO(noun)   __attribute__ ((cleanup (kata_##noun##_unrefp))) kata_##noun *
#define CTL_AUTO_STRING  __attribute__ ((cleanup (ctl_free_string))) char *
#define CTL_AUTO_STRINGS __attribute__ ((cleanup (ctl_free_strings))) char **

/** The library's context for this invocation; NULL after printing why not. */
kata_runtime *ctl_runtime (ctl *ctl);

/** Says, where a sandbox is made, that the choice of a hypervisor fell to another than the built-in one. Nothing with --json or --log-level error. */
void ctl_note_hypervisor (ctl *ctl);

/* The commands, one file each. */
int cmd_run (ctl *ctl, int argc, char **argv);
int cmd_exec (ctl *ctl, int argc, char **argv);
int cmd_list (ctl *ctl, int argc, char **argv);
int cmd_inspect (ctl *ctl, int argc, char **argv);
int cmd_logs (ctl *ctl, int argc, char **argv);
int cmd_stats (ctl *ctl, int argc, char **argv);
int cmd_disk (ctl *ctl, int argc, char **argv);
int cmd_device (ctl *ctl, int argc, char **argv);
int cmd_pause (ctl *ctl, int argc, char **argv);
int cmd_refresh (ctl *ctl, int argc, char **argv);
int cmd_resize (ctl *ctl, int argc, char **argv);
int cmd_resume (ctl *ctl, int argc, char **argv);
int cmd_snapshot (ctl *ctl, int argc, char **argv);
int cmd_restore (ctl *ctl, int argc, char **argv);
int cmd_kill (ctl *ctl, int argc, char **argv);
int cmd_stop (ctl *ctl, int argc, char **argv);
int cmd_delete (ctl *ctl, int argc, char **argv);
int cmd_wait (ctl *ctl, int argc, char **argv);
int cmd_plan (ctl *ctl, int argc, char **argv);
int cmd_check (ctl *ctl, int argc, char **argv);
int cmd_env (ctl *ctl, int argc, char **argv);
int cmd_hypervisor (ctl *ctl, int argc, char **argv);
int cmd_recover (ctl *ctl, int argc, char **argv);
int cmd_version (ctl *ctl, int argc, char **argv);
int cmd_help (ctl *ctl, int argc, char **argv);
int cmd_monitor (ctl *ctl, int argc, char **argv);
int cmd_supervise (ctl *ctl, int argc, char **argv);

/** All commands, the last one has no name. */
extern const command ctl_commands[];
/** The command of that name or alias, or NULL. */
const command *ctl_find_command (const char *name);

#endif
