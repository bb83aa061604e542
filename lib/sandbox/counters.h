/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* counters: what a VMM counts, as lines of Prometheus' text format. */
#ifndef KATA_SANDBOX_COUNTERS_H
#define KATA_SANDBOX_COUNTERS_H

#include <stddef.h>

#include <kata/error.h>

/** So much of a VMM's answer becomes samples, and so long are the names in it; the rest is cut off. */
#define KATA_COUNTERS_MAX      1024u
#define KATA_COUNTERS_NAME_MAX 64u

/**
 * Pure: the family kata_hypervisor_counter from a backend's JSON (kata_backend_counters), which is untrusted. Names keep letters, digits and "._:-";
 * what else is in them becomes "_", and of two that are the same then the first is taken. g_free(). KATA_E_PROTOCOL, KATA_E_LIMIT.
 */
int kata_counters__text (char **out, const char *json, size_t length, kata_error **err);

/** A text of metrics without the lines that speak of kata_hypervisor_*: those are not the guest's to tell. g_free(). */
char *kata_counters__without (const char *guest_text);

#endif
