/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* oci: what the verbs of the OCI command line (kata-runtime) share: one invocation, its errors, the table of verbs. */
#ifndef KATACTL_VERBS_OCI_H
#define KATACTL_VERBS_OCI_H

#include "hooks/hooks.h"
#include "ctl.h"

/** Exit codes as runc's. */
enum oci_exit {
  OCI_OK = 0,
  OCI_FAILED = 1,
  OCI_NOT_RUN = 255 /* `run` and `exec`: the program never ran */
};

/** One invocation. */
typedef struct oci {
  ctl ctl; /* the library's context: configuration, state directory */
  const char *log, *log_format, *log_level;
  int debug, systemd_cgroup;
  int said;    /* an error is in the log */
  int keeping; /* this is a pod's keeper */
} oci;

/** One verb; @argv[0] is its name. Returns the exit code. */
typedef struct oci_verb {
  const char *name;
  int (*run) (oci *oci, int argc, char **argv);
  const char *usage;
} oci_verb;

/** The whole command line: `kata-runtime …` or `katactl oci …`. */
int oci_main (int argc, char **argv);
/** Is katactl called by a name under which it speaks this language? */
int oci_is_called (const char *name);

/** Write an error where the engine looks (log file, standard error); returns @exit_code. */
int oci_fail (oci *oci, int exit_code, const char *format, ...) G_GNUC_PRINTF (3, 4);
/** The same for the library's error, in the words that engines look for. */
int oci_error (oci *oci, int exit_code, const kata_error *err);

/** An error of the library in the words that engines look for (g_free()). */
char *oci_error_text (const kata_error *err);

/** The library's context; NULL after an error was written. */
kata_runtime *oci_runtime (oci *oci);

int oci_create (oci *oci, int argc, char **argv);
int oci_start (oci *oci, int argc, char **argv);
int oci_run (oci *oci, int argc, char **argv);
int oci_exec (oci *oci, int argc, char **argv);
int oci_state (oci *oci, int argc, char **argv);
int oci_kill (oci *oci, int argc, char **argv);
int oci_delete (oci *oci, int argc, char **argv);
int oci_list (oci *oci, int argc, char **argv);
int oci_ps (oci *oci, int argc, char **argv);
int oci_pause (oci *oci, int argc, char **argv);
int oci_resume (oci *oci, int argc, char **argv);
int oci_update (oci *oci, int argc, char **argv);
int oci_events (oci *oci, int argc, char **argv);
int oci_features (oci *oci, int argc, char **argv);
int oci_spec (oci *oci, int argc, char **argv);
int oci_keep (oci *oci, int argc, char **argv);

#endif
