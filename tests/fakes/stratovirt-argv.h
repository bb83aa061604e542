/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stratovirt-argv: the command line of a StratoVirt as docs/config_guidebook.md (2.4 and later) has it: options, their properties, limits. */
#ifndef KATA_TESTS_FAKES_STRATOVIRT_ARGV_H
#define KATA_TESTS_FAKES_STRATOVIRT_ARGV_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#define STRATOVIRT_BLOCKS 4

struct stratovirt_machine {
  bool pci;           /* q35 */
  bool shared_memory; /* mem-share=on */
  bool vcpus, memory, pflash;
  char *qmp, *console, *kernel, *cmdline;
  char *fs_socket; /* of virtiofsd; NULL = none */
  uint32_t cid;    /* of vhost-vsock; 0 = none */
  GHashTable *ids; /* of devices */
  GHashTable *
      unused; /* "drive ID", "netdev ID", "chardev ID", "object ID" that no device has taken: to a text of the kind's own */
  GHashTable *places;              /* of PCI */
  unsigned disks, nics, others;    /* microvm: others have a place of their own each */
  char *blocks[STRATOVIRT_BLOCKS]; /* microvm: the device in each place */
  GHashTable *nodes;               /* its backends: to their files */
  GHashTable *files;               /* that are open: to 'r' or 'w' and how often */
};

/** NULL, or what is wrong with the command line; g_free(). */
char *stratovirt_parse (struct stratovirt_machine *machine, int argc, char **argv);

/** (stratovirt-disk.c) For a drive: NULL, or why it cannot be opened; g_free(). */
char *stratovirt_open_file (struct stratovirt_machine *machine, const char *path, bool readonly);

#endif
