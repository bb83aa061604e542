/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* output: what katactl says: one-line errors on stderr (JSON with --json), JSON texts on stdout. */
#ifndef KATACTL_OUTPUT_H
#define KATACTL_OUTPUT_H

#include <json-glib/json-glib.h>
#include "ctl.h"

/** Print `katactl: error: …` in one line and return CTL_FAILED. @what names the thing in front of the library's message, or NULL. */
int output_error (ctl *ctl, const char *what, const kata_error *err);
/** The same with another exit code. */
int output_error_as (ctl *ctl, int exit_code, const kata_error *err);
/** Print a message of katactl's own and return @exit_code. */
int output_fail (ctl *ctl, int exit_code, const char *format, ...) G_GNUC_PRINTF (3, 4);
/** Print a mistake in the command line with a pointer to the command's help; returns CTL_USAGE. */
int output_usage (ctl *ctl, const char *format, ...) G_GNUC_PRINTF (2, 3);
/** A note on stderr that is no failure; nothing with --json. */
void output_note (ctl *ctl, const char *format, ...) G_GNUC_PRINTF (2, 3);
/** Lines for stderr as they are. */
void output_text (ctl *ctl, const char *text);
/** The library's log callback; @data is the ctl. */
void output_log (void *data, int level, const char *message);

/** Print a JSON text, indented. Returns 0, or CTL_FAILED when it is not JSON. */
int output_json_text (ctl *ctl, const char *json);
/** Print what a builder holds, indented, and free the builder. */
int output_json_builder (JsonBuilder *builder);
/** `{"id": …, "done": verb}` with --json, else nothing. */
void output_done (ctl *ctl, const char *id, const char *verb);

/** A copy without control characters, so that a guest's text cannot move the cursor. */
char *output_plain (const char *text);

#endif
