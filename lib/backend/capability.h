/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* capability: fills a capability set; what the names mean is in <kata/sys/backend.h>. */
#ifndef KATA_BACKEND_CAPABILITY_H
#define KATA_BACKEND_CAPABILITY_H

#include <stdbool.h>

#include <glib.h>

#include <kata/sys/backend.h>

/** An empty set in which everything is lacking without a word. */
void kata_capabilities__init (kata_capabilities *caps);
/** It is there. */
void kata_capabilities__grant (kata_capabilities *caps, int capability);
/** It is not, because … */
void kata_capabilities__lack (kata_capabilities *caps, int capability, const char *format, ...) G_GNUC_PRINTF (3, 4);
/** Grants KATA_CAP_KVM if this host has it; else that is lacking, and KATA_CAP_RUN with it where it is @needed. */
bool kata_capabilities__probe_kvm (kata_capabilities *caps, bool needed);
/** Grants KATA_CAP_VFIO if this host has VFIO; for adapters that can use it. */
void kata_capabilities__probe_vfio (kata_capabilities *caps);
/** What no adapter does yet: each is lacking, because "@before name". An adapter that does one grants it afterwards. */
void kata_capabilities__lack_absent (kata_capabilities *caps, const char *before);
bool kata_capabilities__has (const kata_capabilities *caps, int capability);
/** The number of a name, or -1. */
int kata_capability__from_name (const char *name);

#endif
