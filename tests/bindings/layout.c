/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layout: prints the public structs as the compiler lays them out, as JSON; for bindings that write them down a second time. */
#include <stdio.h>

#include <kata/kata.h>

#define BEGIN(T)    printf ("%s\"" #T "\": {\"\": [0, %zu]", comma, sizeof (T)), comma = ",\n "
#define FIELD(T, f) printf (", \"" #f "\": [%zu, %zu]", offsetof (T, f), sizeof (((T *) NULL)->f))
#define END()       printf ("}")

#define VOLUME(X, T) X (T, size), X (T, source), X (T, destination), X (T, flags)
#define DISK(X, T)   X (T, size), X (T, id), X (T, path), X (T, flags)
#define CONTAINER(X, T)                                                                                                \
  X (T, size), X (T, id), X (T, bundle), X (T, config_json), X (T, rootfs), X (T, rootfs_disk), X (T, rootfs_fstype),  \
      X (T, args), X (T, env), X (T, cwd), X (T, user), X (T, hostname), X (T, volumes), X (T, memory_bytes),          \
      X (T, cpu_milli), X (T, pids), X (T, flags), X (T, rows), X (T, columns), X (T, rootfs_options)
#define STATS(X, T)                                                                                                    \
  X (T, size), X (T, cpu_total_ns), X (T, cpu_user_ns), X (T, cpu_system_ns), X (T, cpu_throttled_ns),                 \
      X (T, memory_bytes), X (T, memory_peak_bytes), X (T, memory_limit_bytes), X (T, memory_cache_bytes),             \
      X (T, swap_bytes), X (T, pids), X (T, pids_limit), X (T, read_bytes), X (T, write_bytes), X (T, rx_bytes),       \
      X (T, rx_packets), X (T, tx_bytes), X (T, tx_packets)
#define EXEC(X, T)                                                                                                     \
  X (T, size), X (T, id), X (T, process_json), X (T, args), X (T, env), X (T, cwd), X (T, user), X (T, flags),         \
      X (T, rows), X (T, columns)
#define RUNTIME(X, T)                                                                                                  \
  X (T, size), X (T, config_path), X (T, state_dir), X (T, log), X (T, log_data), X (T, log_data_free),                \
      X (T, log_level), X (T, flags), X (T, hypervisor)
#define SANDBOX(X, T)                                                                                                  \
  X (T, size), X (T, id), X (T, hypervisor), X (T, vcpus), X (T, flags), X (T, memory_mib), X (T, hostname),           \
      X (T, annotations), X (T, disks), X (T, dns), X (T, limit_cpu_milli), X (T, limit_memory_bytes), X (T, cgroup),  \
      X (T, network), X (T, host_devices), X (T, first_container)
#define HOST_DEVICE(X, T) X (T, size), X (T, id), X (T, address), X (T, flags)
#define EVENT(X, T)       X (T, size), X (T, type), X (T, state), X (T, exit_status), X (T, container_id)
#define PLACEMENT(X, T)                                                                                                \
  X (T, size), X (T, role), X (T, flags), X (T, cpu_milli), X (T, container_cpu_milli), X (T, memory_bytes),           \
      X (T, container_memory_bytes), X (T, sandbox_id), X (T, hostname), X (T, network_namespace), X (T, cgroup),      \
      X (T, n_vfio_groups), X (T, vfio_groups)
#define SIZE(X, T) X (T, size), X (T, vcpus), X (T, max_vcpus), X (T, memory_mib), X (T, max_memory_mib)

int
main (void)
{
  const char *comma = "{";
  BEGIN (kata_volume), VOLUME (FIELD, kata_volume), END ();
  BEGIN (kata_disk), DISK (FIELD, kata_disk), END ();
  BEGIN (kata_container_options), CONTAINER (FIELD, kata_container_options), END ();
  BEGIN (kata_container_stats), STATS (FIELD, kata_container_stats), END ();
  BEGIN (kata_exec_options), EXEC (FIELD, kata_exec_options), END ();
  BEGIN (kata_runtime_options), RUNTIME (FIELD, kata_runtime_options), END ();
  BEGIN (kata_sandbox_options), SANDBOX (FIELD, kata_sandbox_options), END ();
  BEGIN (kata_event), EVENT (FIELD, kata_event), END ();
  BEGIN (kata_placement), PLACEMENT (FIELD, kata_placement), END ();
  BEGIN (kata_host_device), HOST_DEVICE (FIELD, kata_host_device), END ();
  BEGIN (kata_sandbox_size), SIZE (FIELD, kata_sandbox_size), END ();
  printf ("}\n");
  return 0;
}
