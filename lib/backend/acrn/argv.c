/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* argv: builds the command line; devices are PCI functions in places that we choose. */
#include "backend/acrn/argv.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "base/error.h"

#define KEY(name)  "hypervisor.acrn." name
#define NAME_CHARS 10 /* of the sum of a sandbox's id: a VM's name has at most 15 */
#define WORDS_MAX  1023
#define VCPUS_MAX  64

static bool
given (const char *text)
{
  return text != NULL && text[0] != '\0';
}

static int
unsupported (kata_error **err, const char *key, const char *why)
{
  return kata_error__set (err, KATA_E_UNSUPPORTED, key, "%s: %s", key, why);
}

/* Keys of the configuration that say something which ACRN cannot do. */
static int
check_keys (const kata_vm_plan *p, kata_error **err)
{
  const struct {
    bool asked;
    const char *key, *why;
  } rows[] = {
    { p->accel != KATA_ACCEL_KVM && p->accel != KATA_ACCEL_AUTO, KEY ("accel"), "ACRN emulates no processor" },
    { given (p->machine_type), KEY ("machine_type"), "ACRN has one machine; remove the key" },
    { given (p->machine_accelerators), KEY ("machine_accelerators"), "ACRN has no such options; remove the key" },
    { given (p->cpu_features), KEY ("cpu_features"), "ACRN gives the host's CPU; remove the key" },
    { p->hugepages != 0, KEY ("enable_hugepages"), "ACRN decides itself how memory is backed; remove the key" },
    { p->memory_reporting != 0, KEY ("reclaim_guest_freed_memory"), "ACRN has no balloon; remove the key" },
    { p->share_kind != KATA_SHARE_NONE, KEY ("shared_fs"), "ACRN shares no directories; set it to \"none\"" },
    { p->disk_bytes != 0, KEY ("disk_rate_limiter_bw_max_rate"), "ACRN limits no disks; remove the key" },
    { p->disk_ops != 0, KEY ("disk_rate_limiter_ops_max_rate"), "ACRN limits no disks; remove the key" },
    { p->block_queues > 1, KEY ("num_queues"), "ACRN's disks have one queue; remove the key" },
    { p->block_queue_size != 0, KEY ("queue_size"), "ACRN's disks have queues of one size; remove the key" },
    { p->disks != NULL && p->disks[0] != NULL, "disks", "a guest cannot tell ACRN's disks apart" },
    { p->nics != NULL && p->nics[0] != NULL, "network",
      "ACRN opens taps by their names, in its own network namespace" },
    { p->agent_kind != KATA_AGENT_VSOCK, "agent_kind", "acrn: the agent is reached over vsock only" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    if (rows[i].asked)
      return unsupported (err, rows[i].key, rows[i].why);
  return 0;
}

static int
check_boot (const kata_vm_plan *p, kata_error **err)
{
  if (!given (p->kernel) || p->kernel[0] != '/')
    return kata_error__set (err, KATA_E_GUEST, KEY ("kernel"),
                            KEY ("kernel") ": no guest kernel; build the guest image or set the key");
  if (!given (p->initrd) && !given (p->image))
    return kata_error__set (err, KATA_E_GUEST, KEY ("initrd"),
                            KEY ("initrd") ": neither initrd nor image; build the guest image or set one of the keys");
  if (given (p->image) && strchr (p->image, ',') != NULL)
    return kata_error__set (err, KATA_E_CONFIG, KEY ("image"),
                            KEY ("image") ": \"%s\": acrn-dm takes no comma in a path", p->image);
  if (p->vcpus == 0 || p->vcpus > VCPUS_MAX || p->memory_mib == 0)
    return kata_error__set (err, KATA_E_LIMIT, "vcpus", "acrn: 1 to %d vCPUs and some memory are possible", VCPUS_MAX);
  return 0;
}

static void G_GNUC_PRINTF (3, 4) add (GPtrArray *argv, const char *option, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_ptr_array_add (argv, g_strdup (option));
  g_ptr_array_add (argv, g_strdup_vprintf (format, args));
  va_end (args);
}

static void
add_devices (GPtrArray *argv, const kata_vm_plan *p, uint32_t cid)
{
  unsigned slot = 3; /* the second is the graphics device's, wherever there is one */
  add (argv, "-s", "0:0,hostbridge");
  if (given (p->image) && !given (p->initrd))
    add (argv, "-s", "%u,virtio-blk,%s,ro", slot++, p->image);
  add (argv, "-s", "%u,virtio-console,@file:kata=" KATA_ACRN_CONSOLE_LOG, slot++);
  if (given (p->entropy_source))
    add (argv, "-s", "%u,virtio-rnd", slot++);
  add (argv, "-s", "%u,vhost-vsock,cid=%u", slot, cid);
}

int
kata_acrn__argv (char ***out, const kata_vm_plan *p, const kata_acrn_context *context, kata_error **err)
{
  int code = check_boot (p, err);
  if (code == 0)
    code = check_keys (p, err);
  if (code < 0)
    return code;
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_autoptr (GString) words = g_string_new ("console=hvc0");
  if (!given (p->initrd))
    g_string_append_printf (words, " root=/dev/vda%s ro rootfstype=%s", p->image_partition != 0 ? "1" : "",
                            given (p->image_fstype) ? p->image_fstype : "ext4");
  if (given (p->cmdline))
    g_string_append_printf (words, " %s", p->cmdline);
  if (words->len > WORDS_MAX)
    return kata_error__set (err, KATA_E_LIMIT, KEY ("kernel_params"),
                            KEY ("kernel_params") ": the kernel's command line has %zu bytes; acrn-dm takes %d",
                            words->len, WORDS_MAX);
  g_ptr_array_add (argv, g_strdup (context->program));
  add (argv, "-m", "%" G_GUINT64_FORMAT "M", p->memory_mib);
  add (argv, "--cpu_affinity", "%s", context->cpus);
  add_devices (argv, p, context->cid);
  if (given (p->firmware))
    add (argv, "--ovmf", "%s", p->firmware);
  add (argv, "-k", "%s", p->kernel);
  if (given (p->initrd))
    add (argv, "-r", "%s", p->initrd);
  add (argv, "-B", "%s", words->str);
  g_autofree char *sum = g_compute_checksum_for_string (G_CHECKSUM_SHA256, p->id != NULL ? p->id : "", -1);
  g_ptr_array_add (argv, g_strdup_printf ("kata-%.*s", NAME_CHARS, sum));
  g_ptr_array_add (argv, NULL);
  *out = (char **) g_ptr_array_steal (argv, NULL);
  return 0;
}

int
kata_acrn__cpus (char **out, const char *cpuinfo, uint32_t n, kata_error **err)
{
  g_autoptr (GString) ids = g_string_new (NULL);
  uint32_t found = 0;
  for (const char *line = cpuinfo; line != NULL && found < n; line = strchr (line, '\n')) {
    unsigned id;
    line += *line == '\n';
    if (sscanf (line, "apicid : %u", &id) == 1)
      g_string_append_printf (ids, "%s%u", found++ != 0 ? "," : "", id);
  }
  if (found < n)
    return kata_error__set (err, KATA_E_LIMIT, KEY ("default_vcpus"),
                            KEY ("default_vcpus") ": %u vCPUs, but this host shows %u processors", n, found);
  *out = g_string_free (g_steal_pointer (&ids), FALSE);
  return 0;
}
