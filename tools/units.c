/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* units: sizes, durations, CPU counts and signal names between people and numbers; pure. */
#include "units.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* strtod would take "inf", "0x1p3" and a leading space; only digits with at most one point are meant. */
static int
parse_decimal (const char *text, double *value, const char **rest)
{
  size_t digits = strspn (text, "0123456789"), points = 0;
  if (digits == 0 || digits > 18)
    return -1;
  const char *end = text + digits;
  if (*end == '.') {
    points = strspn (end + 1, "0123456789");
    if (points == 0 || points > 9)
      return -1;
    end += 1 + points;
  }
  g_autofree char *copy = g_strndup (text, (gsize) (end - text));
  *value = g_ascii_strtod (copy, NULL);
  *rest = end;
  return 0;
}

int
units_parse_bytes (const char *text, uint64_t *out)
{
  static const struct {
    const char *name;
    unsigned shift;
  } suffixes[] = {
    { "", 0 },     { "B", 0 },  { "K", 10 },  { "KB", 10 },  { "KiB", 10 }, { "M", 20 },  { "MB", 20 },
    { "MiB", 20 }, { "G", 30 }, { "GB", 30 }, { "GiB", 30 }, { "T", 40 },   { "TB", 40 }, { "TiB", 40 }
  };
  double value;
  const char *rest;
  if (parse_decimal (text, &value, &rest) < 0)
    return -1;
  for (size_t i = 0; i < G_N_ELEMENTS (suffixes); i++) {
    if (g_ascii_strcasecmp (rest, suffixes[i].name) != 0)
      continue;
    double bytes = value * (double) (UINT64_C (1) << suffixes[i].shift);
    if (bytes < 1 || bytes >= (double) (UINT64_C (1) << 60))
      return -1;
    *out = (uint64_t) bytes;
    return 0;
  }
  return -1;
}

int
units_parse_duration (const char *text, int64_t *ms)
{
  double value, factor;
  const char *rest;
  if (parse_decimal (text, &value, &rest) < 0)
    return -1;
  if (*rest == 0 || strcmp (rest, "s") == 0)
    factor = 1000;
  else if (strcmp (rest, "ms") == 0)
    factor = 1;
  else if (strcmp (rest, "m") == 0)
    factor = 60 * 1000;
  else if (strcmp (rest, "h") == 0)
    factor = 3600 * 1000;
  else
    return -1;
  if (value * factor > 1e13)
    return -1;
  *ms = (int64_t) (value * factor);
  return 0;
}

int
units_parse_cpus (const char *text, uint32_t *milli)
{
  double value;
  const char *rest;
  if (parse_decimal (text, &value, &rest) < 0 || *rest || value < 0.001 || value > 4096)
    return -1;
  *milli = (uint32_t) (value * 1000 + 0.5);
  return 0;
}

int
units_parse_count (const char *text, uint32_t *out)
{
  guint64 value;
  if (!g_ascii_string_to_unsigned (text, 10, 0, UINT32_MAX, &value, NULL))
    return -1;
  *out = (uint32_t) value;
  return 0;
}

/* The numbers are those of Linux in the guest, which are the same on x86, ARM and RISC-V; 34 is its first free real-time signal. */
int
units_parse_signal (const char *text, int *signum)
{
  static const char *const names[] = { "HUP",  "INT",    "QUIT", "ILL",   "TRAP", "ABRT", "BUS",  "FPE",
                                       "KILL", "USR1",   "SEGV", "USR2",  "PIPE", "ALRM", "TERM", "STKFLT",
                                       "CHLD", "CONT",   "STOP", "TSTP",  "TTIN", "TTOU", "URG",  "XCPU",
                                       "XFSZ", "VTALRM", "PROF", "WINCH", "IO",   "PWR",  "SYS" };
  uint32_t number = 0;
  if (units_parse_count (text, &number) == 0) {
    if (number < 1 || number > 64)
      return -1;
    *signum = (int) number;
    return 0;
  }
  if (g_ascii_strncasecmp (text, "SIG", 3) == 0)
    text += 3;
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_ascii_strcasecmp (text, names[i]) == 0) {
      *signum = (int) i + 1;
      return 0;
    }
  if (g_ascii_strncasecmp (text, "RTMIN+", 6) == 0 && units_parse_count (text + 6, &number) == 0 && number <= 30) {
    *signum = 34 + (int) number;
    return 0;
  }
  return -1;
}

char *
units_format_bytes (uint64_t bytes)
{
  static const char names[] = "BKMGTP";
  double value = (double) bytes;
  size_t unit = 0;
  while (value >= 1024 && unit + 2 < sizeof names) {
    value /= 1024;
    unit++;
  }
  if (unit == 0)
    return g_strdup_printf ("%" G_GUINT64_FORMAT "B", bytes);
  return g_strdup_printf (value < 10 ? "%.1f%c" : "%.0f%c", value, names[unit]);
}

char *
units_format_duration (int64_t us)
{
  if (us < 1000)
    return g_strdup_printf ("%dus", (int) us);
  if (us < 1000 * 1000)
    return g_strdup_printf ("%.1fms", (double) us / 1e3);
  return g_strdup_printf ("%.2fs", (double) us / 1e6);
}

char *
units_format_age (int64_t seconds)
{
  if (seconds < 0)
    seconds = 0;
  if (seconds < 120)
    return g_strdup_printf ("%ds", (int) seconds);
  if (seconds < 120 * 60)
    return g_strdup_printf ("%dm", (int) (seconds / 60));
  if (seconds < 48 * 3600)
    return g_strdup_printf ("%dh", (int) (seconds / 3600));
  return g_strdup_printf ("%dd", (int) (seconds / 86400));
}
