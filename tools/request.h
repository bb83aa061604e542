/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* request: what the user asked to run, from options to the library's structs; nothing is made. */
#ifndef KATACTL_REQUEST_H
#define KATACTL_REQUEST_H

#include "ctl.h"
#include "options.h"

typedef struct request {
  /* What the options wrote. */
  const char *rootfs, *rootfs_type, *bundle, *name, *cwd, *user, *hostname, *network, *cgroup;
  GPtrArray *volume_words, *env_words, *annotation_words, *vfio_words; /* (nullable) */
  uint32_t cpu_milli, pids;
  uint64_t memory;
  int readonly, terminal;
  /* What request_build() makes of it; valid while the request is. */
  kata_sandbox_options sandbox;
  kata_container_options container;
  kata_disk disk;
  const kata_disk *disks[2];
  char *rootfs_path, *bundle_path, *bundle_hostname, *netns_path;
  GPtrArray *volumes, *env, *annotations, *host_devices;
} request;

/** The rows that `run` and `plan` share. */
#define REQUEST_ROWS(r)                                                                                                     \
  { 0, "rootfs", OPTION_STRING, &(r)->rootfs, "DIR|FILE", "root file system: a directory, or a disk image" },               \
      { 0, "rootfs-type", OPTION_STRING, &(r)->rootfs_type, "TYPE", "file system in the disk image (default: found out)" }, \
      { 0, "bundle", OPTION_STRING, &(r)->bundle, "DIR", "OCI bundle: a directory with config.json" },                      \
      { 0, "name", OPTION_STRING, &(r)->name, "ID", "id of the sandbox; a named one stays until it is deleted" },           \
      { 0, "cpus", OPTION_CPUS, &(r)->cpu_milli, "N", "CPUs, for example 2 or 1.5" },                                       \
      { 'm', "memory", OPTION_BYTES, &(r)->memory, "SIZE", "memory of the container, for example 512M" },                   \
      { 0, "hostname", OPTION_STRING, &(r)->hostname, "NAME", "host name in the container (default: the id)" },             \
      { 0,                                                                                                                  \
        "network",                                                                                                          \
        OPTION_STRING,                                                                                                      \
        &(r)->network,                                                                                                      \
        "NETNS|none|user|dan:FILE",                                                                                         \
        "network: a namespace (path or name), none (default), user = passt" },                                              \
      { 0,                                                                                                                  \
        "vfio",                                                                                                             \
        OPTION_STRINGS,                                                                                                     \
        &(r)->vfio_words,                                                                                                   \
        "ADDRESS",                                                                                                          \
        "PCI device of this host for the guest, bound to vfio-pci: 0000:01:00.0; may be repeated" },                        \
      { 0, "cgroup", OPTION_STRING, &(r)->cgroup, "PATH", "the machine's cgroup on this host (default: the caller's)" },    \
  {                                                                                                                         \
    0, "annotation", OPTION_STRINGS, &(r)->annotation_words, "KEY=VALUE",                                                   \
        "a setting for this sandbox; may be repeated"                                                                       \
  }

/** Check the options and fill the library's structs. @arguments: the command, may be empty. -1 = go on, else an exit code. */
int request_build (ctl *ctl, request *request, GPtrArray *arguments);
void request_clear (request *request);
/** "NAME=value" of each -e word; a NAME alone takes the value from our environment. NULL after printing what is wrong. */
GPtrArray *request_environment (ctl *ctl, GPtrArray *words, int terminal);

#endif
