/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keys-runtime: the keys of [runtime]. */
#include "config/config.h"
#include "config/keys.h"
#include "config/row.h"

#define SECTION struct kata_runtime_config

static const char *const vfio_modes[] = { "guest-kernel", "vfio", NULL };
static const char *const network_models[] = { "tcfilter", "macvtap", "none", NULL };

/* clang-format off: a row is a line */
const struct kata_key kata_keys_runtime[] = {
  KNOWN (name, STRING, ANN, "implementation in runtime-rs"),
  USED (hypervisor_name, STRING, 0, "\"\"",
        "which hypervisor is used; \"\" = that of the only [hypervisor.NAME] table; with several or none: builtin "
        "where KVM can run a guest, else qemu"),
  KNOWN (agent_name, STRING, ANN, "agent in runtime-rs"),
  KNOWN (enable_debug, BOOL, 0, "the program's --log-level takes its place"),
  KNOWN (enable_pprof, BOOL, ANN, "profiling"),
  KNOWN (log_level, STRING, 0, "the program's --log-level takes its place"),
  KNOWN (keep_abnormal, BOOL, 0, "keep a failed sandbox"),
  USED (internetworking_model, STRING, ANN | SHOWN, "\"tcfilter\"",
        "how the guest takes the place of the pod's interfaces; none = it gets no network", .oneof = network_models),
  KNOWN (disable_new_netns, BOOL, ANN, "no network namespace of its own"),
  USED (dan_conf, STRING, PATH, "\"\"",
        "a folder: where it has ID.json for a sandbox, that describes its network devices, in place of its network "
        "namespace"),
  USED (disable_guest_seccomp, BOOL, ANN | SHOWN, "true",
        "true = the seccomp profile of config.json is not applied in the guest"),
  KNOWN (enable_tracing, BOOL, 0, "OpenTelemetry"),
  KNOWN (jaeger_endpoint, STRING, 0, "OpenTelemetry"),
  KNOWN (jaeger_user, STRING, 0, "OpenTelemetry"),
  KNOWN (jaeger_password, STRING, 0, "OpenTelemetry"),
  USED (sandbox_cgroup_only, BOOL, ANN, "false",
        "true = the process that starts the sandbox enters its cgroup on the host too, beside the VMM and its helpers"),
  USED (static_sandbox_resource_mgmt, BOOL, 0, "false",
        "true = the size at the start is the last; false = it can be changed and follows the containers' limits, up to "
        "default_maxvcpus and default_maxmemory where they are set"),
  KNOWN (enable_vcpus_pinning, BOOL, ANN, "pin vCPU threads"),
  KNOWN (sandbox_bind_mounts, STRINGS, ANN, "host files bound into the guest"),
  KNOWN (shared_mounts, TABLE, ANN, "mounts shared by containers"),
  USED (vfio_mode, STRING, ANN, "\"guest-kernel\"",
        "who drives a device of the host: the guest's kernel; with \"vfio\" there may be none", .oneof = vfio_modes),
  KNOWN (emptydir_mode, STRING, 0, "where emptyDir lives"),
  KNOWN (disable_guest_empty_dir, BOOL, 0, "where emptyDir lives"),
  USED (create_container_timeout, INT, ANN, "60", "seconds that creating a container may take", .min = 1, .max = 86400),
  KNOWN (experimental, STRINGS, ANN, "feature gates"),
  KNOWN (experimental_force_guest_pull, BOOL, ANN, "pull images in the guest"),
  KNOWN (pod_resource_api_sock, STRING, PATH, "device lookup"),
  KNOWN (kubelet_root_dir, STRING, PATH, "device lookup"),
  KNOWN (guest_selinux_label, STRING, ANN, "SELinux in the guest"),
  KNOWN (use_passfd_io, BOOL, 0, "stdio by descriptors"),
  KNOWN (passfd_listener_port, INT, 0, "its port"),
  { .name = NULL },
};
/* clang-format on */
