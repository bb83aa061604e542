/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* acrn-argv: a command line of ACRN's device model, checked against its manual (doc/user-guides/acrn-dm-parameters.rst). */
#ifndef KATA_TESTS_FAKES_ACRN_ARGV_H
#define KATA_TESTS_FAKES_ACRN_ARGV_H

#include <stdbool.h>
#include <stdint.h>

#define ACRN_SLOTS 32

/** What the fake needs to know of a machine. Strings live as long as the process. */
struct acrn_machine {
  const char *name, *kernel, *ramdisk, *bootargs, *cpus, *memory;
  const char *console;            /* a file */
  const char *device[ACRN_SLOTS]; /* what is in a slot of bus 0, by its name */
  bool empty[ACRN_SLOTS];         /* a virtio-blk without a file */
  uint32_t cid;
};

/** NULL, or what is wrong; g_free(). */
char *acrn_parse (struct acrn_machine *machine, int argc, char **argv);
/** What follows "virtio-blk,": NULL, or what is wrong; g_free(). */
char *acrn_check_disk (const char *words);

#endif
