/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* default: the specification of a container that nobody wrote one for; a table of facts. */
#include "oci/read.h"

#define WORDS(...) ((char **) (const char *const[]){ __VA_ARGS__, NULL })

/* What Docker and Podman leave to a container's root. */
static const char *const default_capabilities[] = {
  "CAP_AUDIT_WRITE", "CAP_CHOWN",   "CAP_DAC_OVERRIDE",     "CAP_FOWNER",     "CAP_FSETID",
  "CAP_KILL",        "CAP_MKNOD",   "CAP_NET_BIND_SERVICE", "CAP_NET_RAW",    "CAP_SETFCAP",
  "CAP_SETGID",      "CAP_SETPCAP", "CAP_SETUID",           "CAP_SYS_CHROOT", NULL
};

static const char *const default_masked[] = { "/proc/acpi",
                                              "/proc/asound",
                                              "/proc/kcore",
                                              "/proc/keys",
                                              "/proc/latency_stats",
                                              "/proc/timer_list",
                                              "/proc/timer_stats",
                                              "/proc/sched_debug",
                                              "/proc/scsi",
                                              "/sys/firmware",
                                              NULL };

static const char *const default_readonly[] = { "/proc/bus",           "/proc/fs", "/proc/irq", "/proc/sys",
                                                "/proc/sysrq-trigger", NULL };

static void
set_mount (kata_oci_spec *spec, const char *destination, const char *type, const char *source, char **options)
{
  struct kata_oci_mount *mount = &spec->mounts[spec->n_mounts++];
  mount->destination = destination;
  mount->type = type;
  mount->source = source;
  mount->options = kata_arena__strv (spec->arena, (const char *const *) options);
}

static void
set_mounts (kata_oci_spec *spec)
{
  spec->mounts = kata_arena__new0 (spec->arena, struct kata_oci_mount, 7);
  set_mount (spec, "/proc", "proc", "proc", NULL);
  set_mount (spec, "/dev", "tmpfs", "tmpfs", WORDS ("nosuid", "strictatime", "mode=755", "size=65536k"));
  set_mount (spec, "/dev/pts", "devpts", "devpts",
             WORDS ("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"));
  set_mount (spec, "/dev/shm", "tmpfs", "shm", WORDS ("nosuid", "noexec", "nodev", "mode=1777", "size=65536k"));
  set_mount (spec, "/dev/mqueue", "mqueue", "mqueue", WORDS ("nosuid", "noexec", "nodev"));
  set_mount (spec, "/sys", "sysfs", "sysfs", WORDS ("nosuid", "noexec", "nodev", "ro"));
  set_mount (spec, "/sys/fs/cgroup", "cgroup", "cgroup", WORDS ("nosuid", "noexec", "nodev", "relatime", "ro"));
}

static void
set_process (kata_oci_spec *spec)
{
  kata_oci_process *process = &spec->process;
  char **capabilities = (char **) default_capabilities;
  spec->have_process = true;
  process->args = kata_arena__strv (spec->arena, (const char *const *) WORDS ("sh"));
  process->env = kata_arena__strv (
      spec->arena, (const char *const *) WORDS ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
  process->cwd = "/";
  process->no_new_privileges = true;
  process->capabilities = (struct kata_oci_capabilities){
    .have = true, .bounding = capabilities, .effective = capabilities, .permitted = capabilities
  };
  process->rlimits = kata_arena__new0 (spec->arena, struct kata_oci_rlimit, 1);
  process->rlimits[0] = (struct kata_oci_rlimit){ .type = "RLIMIT_NOFILE", .hard = 1048576, .soft = 1024 };
  process->n_rlimits = 1;
}

static void
set_linux (kata_oci_spec *spec)
{
  /* No network namespace: the virtual machine's is the container's. */
  static const char *const types[] = { "pid", "ipc", "uts", "mount", "cgroup" };
  struct kata_oci_linux *linux_ = &spec->linux_;
  linux_->have = true;
  linux_->n_namespaces = G_N_ELEMENTS (types);
  linux_->namespaces = kata_arena__new0 (spec->arena, struct kata_oci_namespace, G_N_ELEMENTS (types));
  for (size_t i = 0; i < G_N_ELEMENTS (types); i++)
    linux_->namespaces[i].type = types[i];
  linux_->masked_paths = (char **) default_masked;
  linux_->readonly_paths = (char **) default_readonly;
  linux_->resources.have = true;
  linux_->resources.devices = kata_arena__new0 (spec->arena, struct kata_oci_device_rule, 1);
  linux_->resources.devices[0].access = "rwm"; /* allow = false: all but the runtime's own short list */
  linux_->resources.n_devices = 1;
}

kata_oci_spec *
kata_oci_spec__default (const char *rootfs)
{
  kata_oci_spec *spec = kata_oci_spec__new ();
  spec->oci_version = "1.2.0";
  spec->have_root = rootfs != NULL;
  spec->root_path = kata_arena__strdup (spec->arena, rootfs);
  set_process (spec);
  set_mounts (spec);
  set_linux (spec);
  return spec;
}
