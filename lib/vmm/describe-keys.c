/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* describe-keys: the table itself. */
#include "vmm/describe-keys.h"

#include "vmm/confine/layer.h"

#define COUNT(array)         (sizeof (array) / sizeof (array)[0])
#define WIDTH(type, member)  sizeof (((type *) NULL)->member)
#define MEMBER(type, member) .offset = offsetof (type, member), .width = WIDTH (type, member)
#define NUMBER(key, type, member, low, high, ...)                                                                      \
  {                                                                                                                    \
    .name = key, .kind = VMM_KEY_UNSIGNED, MEMBER (type, member), .min = (low), .max = (high), __VA_ARGS__             \
  }
#define OTHER(key, what, type, member, ...)                                                                            \
  {                                                                                                                    \
    .name = key, .kind = VMM_KEY_##what, MEMBER (type, member), __VA_ARGS__                                            \
  }
/* The numbers of a vmm_limit. */
#define LIMIT(prefix, type, member)                                                                                    \
  NUMBER (prefix "bytes", type, member.bytes, 0, UINT64_MAX),                                                          \
      NUMBER (prefix "bytes_burst", type, member.bytes_burst, 0, UINT64_MAX),                                          \
      NUMBER (prefix "bytes_once", type, member.bytes_once, 0, UINT64_MAX),                                            \
      NUMBER (prefix "ops", type, member.ops, 0, UINT64_MAX),                                                          \
      NUMBER (prefix "ops_burst", type, member.ops_burst, 0, UINT64_MAX),                                              \
      NUMBER (prefix "ops_once", type, member.ops_once, 0, UINT64_MAX)

typedef struct vmm_description D;
typedef struct vmm_blk_config B;
typedef struct vmm_net_config N;

static const char *const transports[] = { "mmio", "pci", NULL };

static const struct vmm_key machine_keys[] = {
  OTHER ("kvm.fd", FD, D, machine.kvm_fd, .required = true),
  NUMBER ("vcpus", D, machine.vcpus, 1, VMM_VCPUS_MAX, .required = true),
  NUMBER ("memory", D, machine.memory, VMM_RAM_MIN, VMM_RAM_MAX, .required = true),
  NUMBER ("memory.flags", D, machine.memory_flags, 0, VMM_MEMORY_HUGE | VMM_MEMORY_PREALLOC),
  OTHER ("kernel.fd", FD, D, machine.kernel_fd, .required = true),
  OTHER ("initrd.fd", FD, D, machine.initrd_fd),
  OTHER ("cmdline", TEXT, D, cmdline),
  OTHER ("transport", WORD, D, machine.transport, .words = transports),
  OTHER ("serial.fd", FD, D, machine.serial_fd),
  NUMBER ("serial.limit", D, machine.serial_limit, 0, UINT64_MAX),
  OTHER ("rng", BOOLEAN, D, machine.rng),
  OTHER ("control.fd", FD, D, control_fd),
  NUMBER ("control.uid", D, control_uid, 0, UINT32_MAX),
  OTHER ("log.fd", FD, D, log_fd),
  NUMBER ("log.limit", D, log_limit, 0, UINT64_MAX),
  NUMBER ("host.userns", D, host_userns, 0, UINT64_MAX),
  OTHER ("waive", LAYERS, D, waived),
  NUMBER ("uid", D, uid, 0, UINT32_MAX - 1),
  NUMBER ("gid", D, gid, 0, UINT32_MAX - 1),
  OTHER ("oom_score", SIGNED, D, oom_score, .min = 1000, .max = 1000),
};

static const struct vmm_key balloon_keys[] = {
  NUMBER ("pages", struct vmm_balloon_config, pages, 0, VMM_RAM_MAX / 4096),
};

static const struct vmm_key vsock_keys[] = {
  NUMBER ("cid", struct vmm_vsock_config, cid, 3, UINT32_MAX - 1, .required = true),
  OTHER ("listen.fd", FD, struct vmm_vsock_config, listen_fd, .required = true),
  NUMBER ("connections", struct vmm_vsock_config, connections, 0, 1 << 16),
};

static const struct vmm_key console_keys[] = {
  OTHER ("out.fd", FD, struct vmm_console_config, out_fd),
  OTHER ("in.fd", FD, struct vmm_console_config, in_fd),
  NUMBER ("limit", struct vmm_console_config, limit, 0, UINT64_MAX),
};

static const struct vmm_key disk_keys[] = {
  OTHER ("fd", FD, B, fd, .required = true),
  OTHER ("readonly", BOOLEAN, B, readonly),
  OTHER ("id", TEXT, B, id),
  NUMBER ("queues", B, queues, 1, VMM_BLK_QUEUES_MAX, .required = true),
  NUMBER ("queue_size", B, queue_size, 0, VMM_BLK_QUEUE_SIZE_MAX),
  OTHER ("threads", BOOLEAN, B, threads),
  LIMIT ("", B, limit),
};

static const struct vmm_key net_keys[] = {
  OTHER ("fds", FDS, N, tap_fds, .required = true, .max = VMM_NET_PAIRS_MAX, .count_offset = offsetof (N, pairs)),
  OTHER ("mac", MAC, N, mac, .required = true),
  NUMBER ("mtu", N, mtu, 0, 65535),
  LIMIT ("rx.", N, rx),
  LIMIT ("tx.", N, tx),
};

static const struct vmm_key fs_keys[] = {
  OTHER ("tag", TEXT, struct vmm_fs_config, tag, .required = true),
  OTHER ("socket.fd", FD, struct vmm_fs_config, socket_fd, .required = true),
  NUMBER ("queue_size", struct vmm_fs_config, queue_size, 0, 32768),
};

static const struct vmm_key pmem_keys[] = {
  OTHER ("fd", FD, struct vmm_pmem_config, fd, .required = true),
  OTHER ("readonly", BOOLEAN, struct vmm_pmem_config, readonly),
};

#define KEYS(array) .keys = array, .n_keys = COUNT (array)
#define DEVICE(what, array)                                                                                            \
  {                                                                                                                    \
    .name = #what, KEYS (array), .offset = offsetof (D, machine.what),                                                 \
    .present_offset = offsetof (D, machine.has_##what)                                                                 \
  }
#define ARRAY(key, array, member, number, type)                                                                        \
  {                                                                                                                    \
    .name = key, KEYS (array), .offset = offsetof (D, machine.member), .count_offset = offsetof (D, machine.number),   \
    .max = WIDTH (D, machine.member) / sizeof (type), .stride = sizeof (type)                                          \
  }

const struct vmm_key_group vmm_key_groups[VMM_KEY_GROUPS] = {
  { .name = NULL, KEYS (machine_keys) },
  DEVICE (balloon, balloon_keys),
  DEVICE (vsock, vsock_keys),
  DEVICE (console, console_keys),
  ARRAY ("disk", disk_keys, disks, n_disks, B),
  ARRAY ("net", net_keys, nets, n_nets, N),
  ARRAY ("fs", fs_keys, fs, n_fs, struct vmm_fs_config),
  ARRAY ("pmem", pmem_keys, pmem, n_pmem, struct vmm_pmem_config),
};
