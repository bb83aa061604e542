/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* edits: what of a specification is the host's and does not travel, beside mounts, devices and limits. */
#include <string.h>

#include "plan/edit.h"

static void
drop (struct kata_plan_edit *e, bool there, const char *key, const char *why)
{
  if (there)
    kata_plan__edit_warn (e, "%s: %s", key, why);
}

static bool
is_given (const char *text)
{
  return text != NULL && text[0] != '\0';
}

int
kata_plan__edit_process (struct kata_plan_edit *e, kata_error **err)
{
  kata_oci_process *process = &e->spec->process;
  const struct kata_oci_hooks *hooks = &e->spec->hooks;
  if (!e->spec->have_process)
    return kata_error__set (err, KATA_E_SPEC, "$.process", "$.process: is missing; there is nothing to run");
  if (e->spec->has_windows || e->spec->has_solaris || e->spec->has_zos)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "$",
                            "$: the container is for another operating system; the guest "
                            "is Linux");
  drop (e, e->spec->has_vm, "$.vm", "has no effect; the configuration decides about the virtual machine");
  drop (e,
        hooks->prestart.n + hooks->create_runtime.n + hooks->create_container.n + hooks->start_container.n +
                hooks->poststart.n + hooks->poststop.n >
            0,
        "$.hooks", "are not run: their programs are the host's, the container is the guest's");
  memset (&e->spec->hooks, 0, sizeof e->spec->hooks);
  drop (e, is_given (process->apparmor_profile), "$.process.apparmorProfile", "the guest has no AppArmor");
  process->apparmor_profile = NULL;
  drop (e, is_given (process->selinux_label), "$.process.selinuxLabel", "the guest has no SELinux");
  process->selinux_label = NULL;
  drop (e, process->user.umask.have, "$.process.user.umask", "cannot be sent to the agent and has no effect");
  drop (e, is_given (e->spec->domainname), "$.domainname", "cannot be sent to the agent and has no effect");
  drop (e, is_given (e->spec->hostname) && strcmp (e->spec->hostname, e->plan->hostname) != 0, "$.hostname",
        "has no effect: containers of one sandbox share its host name");
  e->spec->hostname = e->plan->hostname;
  return 0;
}

/* False: the namespace does not go to the guest. */
static bool
keep_namespace (struct kata_plan_edit *e, struct kata_oci_namespace *ns)
{
  if (strcmp (ns->type, "network") == 0)
    return false; /* the virtual machine's own */
  if (strcmp (ns->type, "time") == 0) {
    kata_plan__edit_warn (e, "$.linux.namespaces: time cannot be sent to the agent and has no effect");
    return false;
  }
  /* Kata's own agent is not given one. */
  if (strcmp (ns->type, "cgroup") == 0 && (e->plan->guest_features & KATA_GUEST_BY_KATA) == 0)
    return false;
  /* A path is a process of the host's pod: in the guest, the sandbox's shared one. */
  if (strcmp (ns->type, "pid") == 0 && ns->path != NULL)
    e->out->sandbox_pidns = true;
  ns->path = NULL;
  return true;
}

/* An engine leaves out a namespace that shall be the host's. */
static void
warn_of_missing (struct kata_plan_edit *e)
{
  static const char *const types[] = { "pid", "ipc", "uts" };
  const struct kata_oci_linux *linux_ = &e->spec->linux_;
  for (size_t k = 0; k < G_N_ELEMENTS (types) && linux_->n_namespaces > 0; k++) {
    bool found = false;
    for (size_t i = 0; i < linux_->n_namespaces; i++)
      found |= strcmp (linux_->namespaces[i].type, types[k]) == 0;
    drop (e, !found, "$.linux.namespaces",
          kata_arena__printf (e->arena, "no %s: it is the guest's, not the host's", types[k]));
  }
}

static int
edit_namespaces (struct kata_plan_edit *e, kata_error **err)
{
  struct kata_oci_linux *linux_ = &e->spec->linux_;
  struct kata_oci_namespace *kept = kata_arena__new0 (e->arena, struct kata_oci_namespace, linux_->n_namespaces);
  size_t n = 0;
  warn_of_missing (e);
  for (size_t i = 0; i < linux_->n_namespaces; i++) {
    kept[n] = linux_->namespaces[i];
    if (strcmp (kept[n].type, "user") == 0 && kept[n].path != NULL)
      return kata_error__set (err, KATA_E_UNSUPPORTED, "$.linux.namespaces",
                              "$.linux.namespaces[%zu]: a user namespace of the host cannot be joined from the guest",
                              i);
    n += keep_namespace (e, &kept[n]) ? 1 : 0;
  }
  linux_->namespaces = kept;
  linux_->n_namespaces = n;
  return 0;
}

static int
edit_seccomp (struct kata_plan_edit *e, kata_error **err)
{
  struct kata_oci_seccomp *seccomp = &e->spec->linux_.seccomp;
  if (!seccomp->have)
    return 0;
  if (!e->plan->guest_seccomp) {
    kata_plan__edit_warn (e, "$.linux.seccomp: is not applied, as runtime.disable_guest_seccomp says");
    memset (seccomp, 0, sizeof *seccomp);
    return 0;
  }
  if (is_given (seccomp->listener_path))
    return kata_error__set (err, KATA_E_UNSUPPORTED, "$.linux.seccomp.listenerPath",
                            "$.linux.seccomp.listenerPath: a listener on the host cannot get events of the guest");
  drop (e, seccomp->default_errno_ret.have, "$.linux.seccomp.defaultErrnoRet",
        "cannot be sent to the agent and has no effect");
  return 0;
}

/* The limits are edited in place: on a copy of the rules, which belong to the specification that this one came from. */
static void
edit_limits (struct kata_plan_edit *e)
{
  kata_oci_resources *resources = &e->spec->linux_.resources;
  struct kata_oci_device_rule *rules = kata_arena__new0 (e->arena, struct kata_oci_device_rule, resources->n_devices);
  for (size_t i = 0; i < resources->n_devices; i++)
    rules[i] = resources->devices[i];
  resources->devices = rules;
  kata_plan__edit_resources (resources, e->out, e->warnings);
}

int
kata_plan__edit_linux (struct kata_plan_edit *e, kata_error **err)
{
  struct kata_oci_linux *linux_ = &e->spec->linux_;
  int rc = edit_namespaces (e, err);
  if (rc == 0)
    rc = edit_seccomp (e, err);
  if (rc < 0)
    return rc;
  edit_limits (e);
  linux_->cgroups_path = kata_arena__printf (e->arena, "/%s", e->out->id);
  drop (e, is_given (linux_->mount_label), "$.linux.mountLabel", "the guest has no SELinux");
  linux_->mount_label = NULL;
  drop (e, linux_->intel_rdt.have, "$.linux.intelRdt", "the guest's processors have none");
  memset (&linux_->intel_rdt, 0, sizeof linux_->intel_rdt);
  drop (e, linux_->personality_domain != NULL, "$.linux.personality", "cannot be sent to the agent and has no effect");
  drop (e, linux_->n_time_offsets > 0, "$.linux.timeOffsets", "cannot be sent to the agent and has no effect");
  if (linux_->rootfs_propagation != NULL && strstr (linux_->rootfs_propagation, "shared") != NULL) {
    kata_plan__edit_warn (e, "$.linux.rootfsPropagation: mounts do not reach the host; taken as rslave");
    linux_->rootfs_propagation = "rslave";
  }
  linux_->have = true;
  return 0;
}
