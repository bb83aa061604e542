/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* options: what containerd gives a call of the shim: flags, environment, standard input; checked, nothing is done with it. */
#ifndef SHIM_OPTIONS_H
#define SHIM_OPTIONS_H

#include <glib.h>

enum action { ACTION_SERVE = 0, ACTION_START, ACTION_DELETE, ACTION_INFO, ACTION_VERSION };

typedef struct options {
  int action;
  gboolean debug;
  const char *namespace_name, *id, *bundle, *address; /* of argv; "" where nothing was given, but @bundle */
  char *ttrpc_address;                                /* where events go; "" = nowhere */
  /* From standard input. */
  gboolean bootstrap;    /* the answer is a BootstrapResult */
  char *config_path;     /* (nullable) */
  char *config_body;     /* (nullable): TOML, instead of a path */
  char *own_state_dir;   /* the library's default */
  const char *state_dir; /* of the environment, else the library's default */
} options;

/** Fills @out from the command line and the environment. FALSE: @error says what is wrong. */
gboolean options_parse (options *out, int argc, char **argv, char **error);
/** Reads standard input to its end: the runtime's options, or BootstrapParams. */
gboolean options_read_input (options *out, int fd, char **error);
/** ConfigPath or ConfigBody of runtimeoptions.v1.Options; other types are no options of ours and change nothing. */
gboolean options_take_any (options *out, const char *type_url, const void *value, size_t length, char **error);
void options_clear (options *options);

/** containerd's rule for identifiers: words of letters and digits, one of "._-" between two of them; at most 76 bytes. */
gboolean options_is_identifier (const char *text);
/** Absolute, at most 4095 bytes, no "..", no control character. */
gboolean options_is_path (const char *text);

#endif
