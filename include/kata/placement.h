/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* placement: what an engine's config.json says of the pod: which sandbox a container belongs in, and what that sandbox shall be. */
#ifndef KATA_PLACEMENT_H
#define KATA_PLACEMENT_H

#include <kata/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a container is to its virtual machine; the numbers are stable. */
enum kata_placement_role {
  KATA_PLACEMENT_SINGLE = 1, /* no pod: a sandbox of its own */
  KATA_PLACEMENT_SANDBOX =
      2, /* the pod's first container (pause, infra): the sandbox is made for it and bears its id */
  KATA_PLACEMENT_CONTAINER = 3 /* one more container of the sandbox @sandbox_id */
};

/** Of a kata_placement. */
enum kata_placement_flags {
  KATA_PLACEMENT_TERMINAL = 1,    /* process.terminal */
  KATA_PLACEMENT_NETWORK_NEW = 2, /* a network namespace of its own, not made yet; without this flag and with an empty
                                     @network_namespace: the host's network */
  KATA_PLACEMENT_PROCESS = 4      /* there is a process, so that it can be started */
};

/** Room for a path in a kata_placement, its end included. */
#define KATA_PLACEMENT_PATH_MAX 4096
/** And for the paths of VFIO groups. */
#define KATA_PLACEMENT_VFIO_MAX 256

/** Filled by kata_placement_read(). Fields are only ever added at the end. */
typedef struct kata_placement {
  size_t size;
  int32_t role;       /* enum kata_placement_role */
  uint32_t flags;     /* enum kata_placement_flags */
  uint32_t cpu_milli; /* 1000 = one CPU: the pod's sum where the engine tells it, else this container's; 0 = no limit */
  uint32_t container_cpu_milli;    /* this container's own limit */
  uint64_t memory_bytes;           /* likewise; 0 = no limit */
  uint64_t container_memory_bytes; /* this container's own limit */
  char sandbox_id[KATA_ID_MAX + 1];
  char hostname[256];                              /* "" = none said */
  char network_namespace[KATA_PLACEMENT_PATH_MAX]; /* path; "" = see KATA_PLACEMENT_NETWORK_NEW */
  char cgroup[KATA_PLACEMENT_PATH_MAX];            /* linux.cgroupsPath as written; "" = none */
  uint64_t n_vfio_groups;                          /* how many files of VFIO groups linux.devices names */
  char vfio_groups[KATA_PLACEMENT_VFIO_MAX];       /* these: "/dev/vfio/12 /dev/vfio/13"; "" = none */
} kata_placement;
#define KATA_PLACEMENT_INIT                                                                                            \
  {                                                                                                                    \
    sizeof (kata_placement), 0, 0, 0, 0, 0, 0, "", "", "", "", 0, ""                                                   \
  }

/**
 * kata_placement_read:
 * Read from a config.json which sandbox its container belongs in. The annotations of containerd, CRI-O (podman writes the same), cri-dockerd
 * and Kata are known; the whole text is checked as kata_container_create() does. Opens no file.
 * @placement: (inout): its size field is set by the caller (KATA_PLACEMENT_INIT); untouched on failure
 * @config_json: the text of an OCI config.json
 * @container_id: the id that the engine gave; a sandbox made for the container bears it
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_INVALID (the id), KATA_E_SPEC (key = JSON path), KATA_E_LIMIT, KATA_E_UNSUPPORTED (a namespace of another container)
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API int
kata_placement_read (kata_placement *placement, const char *config_json, const char *container_id, kata_error **err);

#ifdef __cplusplus
}
#endif
#endif
