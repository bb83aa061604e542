/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan: the order of the decisions, and the life of the result. */
#include "plan/plan.h"

#include <string.h>

#include "base/id.h"
#include "plan/build.h"

kata_plan *
kata_plan__ref (kata_plan *plan)
{
  g_atomic_int_inc (&plan->ref_count);
  return plan;
}

void
kata_plan__unref (kata_plan *plan)
{
  if (plan != NULL && g_atomic_int_dec_and_test (&plan->ref_count))
    kata_arena__free (plan->arena); /* the struct itself is in it */
}

static kata_plan *
plan_new (void)
{
  kata_arena *arena = kata_arena__new ();
  kata_plan *plan = kata_arena__new0 (arena, kata_plan, 1);
  plan->arena = arena;
  plan->ref_count = 1;
  plan->vm.size = sizeof plan->vm;
  return plan;
}

static void
init_build (struct kata_plan_build *b, const struct kata_plan_input *in)
{
  b->arena = b->plan->arena;
  b->in = in;
  b->hv = kata_config__hypervisor (in->config, in->hypervisor);
  b->agent = kata_config__agent (in->config);
  b->runtime = kata_config__runtime (in->config);
}

static int
decide_place (struct kata_plan_build *b, kata_error **err)
{
  const struct kata_plan_input *in = b->in;
  int rc = kata_id__check ("id", in->options->id, err);
  if (rc == 0)
    rc = kata_plan__check_path ("state_dir", in->state_dir, KATA_E_INVALID, err);
  if (rc < 0)
    return rc;
  if (!kata_plan__has (b, KATA_CAP_RUN))
    return kata_error__set (err, KATA_E_UNSUPPORTED, "hypervisor", "hypervisor %s cannot run a guest here: %s",
                            in->hypervisor, kata_plan__reason (b, KATA_CAP_RUN));
  if (in->options->flags != 0)
    return kata_error__set (err, KATA_E_INVALID, "flags", "flags: 0x%x has unknown bits", in->options->flags);
  b->plan->id = kata_arena__strdup (b->arena, in->options->id);
  b->plan->hypervisor = kata_arena__strdup (b->arena, in->hypervisor);
  b->plan->vm.id = b->plan->id;
  b->plan->vm.dir = kata_arena__printf (b->arena, "%s/%s", in->state_dir, b->plan->id);
  return 0;
}

/* StratoVirt's microvm has neither PCI nor ACPI: it tells the kernel of its devices on the command line, and nothing else does. */
static int
check_words (const struct kata_plan_build *b, kata_error **err)
{
  if (strcmp (b->in->hypervisor, "stratovirt") != 0 || strcmp (b->hv->machine_type, "q35") == 0 ||
      (b->plan->guest_features & KATA_GUEST_MMIO_WORDS) != 0 ||
      g_strcmp0 (b->plan->vm.kernel, b->in->guest.kernel) != 0) /* of another kernel nobody knows */
    return 0;
  return kata_error__set (
      err, KATA_E_GUEST, "hypervisor.stratovirt.kernel",
      "hypervisor.stratovirt.kernel: \"%s\" finds none of microvm's devices: it was built without "
      "CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES, as Debian's kernels are; build one with guest/kernel/build "
      "and the image with -Dguest_kernel=custom",
      b->plan->vm.kernel);
}

/* After boot is decided: the manifest speaks of its own guest only. */
static int
decide_features (struct kata_plan_build *b, kata_error **err)
{
  b->plan->guest_features = b->in->guest.features;
  if (strcmp (b->in->hypervisor, "null") == 0) {
    b->plan->guest_features = KATA_GUEST_ALL; /* its guest is a thread of the library */
  } else if (b->foreign_guest) {
    b->plan->guest_features = KATA_GUEST_ALL & ~(uint64_t) KATA_GUEST_BY_KATA;
    kata_plan__warn (b, "%s: this guest has no manifest; it is taken to have virtio-fs, 9p, vsock and virtio-serial",
                     kata_plan__key (b, b->plan->vm.initrd[0] != '\0' ? "initrd" : "image"));
  }
  return check_words (b, err);
}

int
kata_plan__make (kata_plan **out, const struct kata_plan_input *in, kata_error **err)
{
  static int (*const steps[]) (struct kata_plan_build *, kata_error **) = {
    decide_place,       kata_plan__size,         kata_plan__growth,    kata_plan__boot,   decide_features,
    kata_plan__cmdline, kata_plan__image,        kata_plan__disks,     kata_plan__share,  kata_plan__packs,
    kata_plan__ports,   kata_plan__channel,      kata_plan__guest,     kata_plan__cgroup, kata_plan__network,
    kata_plan__qemu,    kata_plan__host_devices, kata_plan__vhost_user
  };
  g_autoptr (kata_plan) plan = plan_new ();
  g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);
  struct kata_plan_build b = { .plan = plan, .warnings = warnings };

  init_build (&b, in);
  for (size_t i = 0; i < G_N_ELEMENTS (steps); i++) {
    int rc = steps[i](&b, err);
    if (rc < 0)
      return rc;
  }
  plan->warnings = kata_plan__take_warnings (plan->arena, warnings);
  *out = g_steal_pointer (&plan);
  return 0;
}

int
kata_plan__probe (kata_vm_plan *out, kata_arena *arena, const struct kata_config *config, const char *hypervisor,
                  const struct kata_guest_facts *guest, kata_error **err)
{
  g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);
  const struct kata_plan_input in = { .config = config, .hypervisor = hypervisor, .guest = *guest };
  kata_plan scratch = { .vm = { .size = sizeof scratch.vm } };
  struct kata_plan_build b = { .plan = &scratch, .warnings = warnings };

  scratch.arena = arena;
  init_build (&b, &in);
  int rc = kata_plan__boot (&b, err);
  /* A guest that is missing does not stop a probe of the program. */
  if (rc == KATA_E_GUEST) {
    if (err != NULL)
      kata_error_unrefp (err);
    rc = 0;
  }
  if (rc < 0)
    return rc;
  scratch.vm.hypervisor_path = kata_plan__text (&b, b.hv->path);
  scratch.vm.control_path = kata_plan__text (&b, b.hv->ctlpath);
  scratch.vm.jailer_path = kata_plan__text (&b, b.hv->jailer_path);
  scratch.vm.machine_type = kata_plan__text (&b, b.hv->machine_type);
  scratch.vm.virtiofsd_path = kata_plan__text (&b, b.hv->virtio_fs_daemon);
  scratch.vm.accel = strcmp (b.hv->accel, "tcg") == 0   ? KATA_ACCEL_TCG
                     : strcmp (b.hv->accel, "kvm") == 0 ? KATA_ACCEL_KVM
                                                        : KATA_ACCEL_AUTO;
  *out = scratch.vm;
  return 0;
}
