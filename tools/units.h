/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* units: sizes, durations, CPU counts and signal names between people and numbers; pure. */
#ifndef KATACTL_UNITS_H
#define KATACTL_UNITS_H

#include <glib.h>
#include <stdint.h>

/* Each returns 0, or -1 when the text is not what it should be; *out is then untouched. */
int units_parse_bytes (const char *text, uint64_t *out);  /* "512M", "2GiB", "4096" */
int units_parse_duration (const char *text, int64_t *ms); /* "30s", "2m", "500ms", "10" (seconds) */
int units_parse_cpus (const char *text, uint32_t *milli); /* "2", "1.5" */
int units_parse_count (const char *text, uint32_t *out);  /* "42" */
int units_parse_signal (const char *text, int *signum);   /* "TERM", "SIGTERM", "15", "RTMIN+3" */
char *units_format_bytes (uint64_t bytes);                /* "1.5G" */
char *units_format_duration (int64_t us);                 /* "3.2s" */
char *units_format_age (int64_t seconds);                 /* "5m", "2h" */

#endif
