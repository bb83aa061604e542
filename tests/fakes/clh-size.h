/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clh-size: vCPUs and memory of the Cloud Hypervisor that is none, as vm.resize changes them and vm.info tells of them. */
#ifndef KATA_TESTS_FAKES_CLH_SIZE_H
#define KATA_TESTS_FAKES_CLH_SIZE_H

#include <json-glib/json-glib.h>

#include "machine.h"
#include "server.h"

/** In bytes. What the guest did not do yet it does when the VMM is next asked for something, unless a fault says that it never does. */
struct clh_size {
  guint64 max_vcpus, said_vcpus, vcpus, leaving; /* leaving: how many are to go */
  guint64 boot, size, room, requested, plugged;  /* size: by ACPI with what came; requested, plugged: virtio-mem */
  guint slots;
  gint64 asked_us; /* when something was to go */
  bool virtio_mem;
  /*
   * "unplug:hang": vCPUs stay; "unplug:late": they go after a while; "unplug:ignored": the guest lets go of them and the VMM takes no notice. "plug:hang":
   * memory is not taken. "unplug-memory:hang": nor given back; "late": after a while; "slow": little by little; "part": some of it and no more.
   * "size:HOW": what vm.info says is a lie.
   */
  const struct fake_fault *fault;
};

/** From a VmConfig. NULL, or what is wrong with it; g_free(). */
char *clh_size_begin (struct clh_size *size, JsonNode *config, const struct fake_fault *fault);
/** Of a VmResize. Likewise; CLH_SIZE_BUSY is its status 429. */
#define CLH_SIZE_BUSY "Too Many Requests"
char *clh_size_change (struct clh_size *size, JsonObject *resize, struct null_guest *guest);
/** The guest goes on with what it was asked for. */
void clh_size_settle (struct clh_size *size, struct null_guest *guest);
/** Members of a VmInfo's config, and of the VmInfo, each with a comma behind it; g_free() both. */
void clh_size_info (const struct clh_size *size, char **config, char **info);
/** What a snapshot keeps of it. */
void clh_size_write (const struct clh_size *size, JsonNode *config);

#endif
