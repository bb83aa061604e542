/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* argv: builds the command line; devices are PCI functions in slots that we choose: the disks first, in their order, for by that the guest knows them. */
#include "backend/acrn/argv.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "backend/device.h"
#include "base/error.h"

#define KEY(name)  "hypervisor.acrn." name
#define NAME_CHARS 10 /* of the sum of a sandbox's directory */
#define WORDS_MAX  1023
#define VCPUS_MAX  64
#define SLOT_FIRST 3 /* the second is the graphics device's, wherever there is one */
#define SLOT_LAST  30
#define NO_DISK    "nodisk" /* anywhere in a path it means that there is none */

struct builder {
  const kata_vm_plan *plan;
  GPtrArray *argv;
  unsigned slot; /* the next */
};

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
    { given (p->machine_type), KEY ("machine_type"), "ACRN has one machine; remove the key" },
    { given (p->machine_accelerators), KEY ("machine_accelerators"), "ACRN has no such options; remove the key" },
    { given (p->cpu_features), KEY ("cpu_features"), "ACRN gives the host's CPU; remove the key" },
    { p->hugepages != 0, KEY ("enable_hugepages"), "ACRN decides itself how memory is backed; remove the key" },
    { p->memory_reporting != 0, KEY ("reclaim_guest_freed_memory"), "ACRN has no balloon; remove the key" },
    { p->share_kind != KATA_SHARE_NONE, KEY ("shared_fs"),
      "ACRN shares no directories; they are packed into a disk; set it to \"none\"" },
    { p->disk_bytes != 0, KEY ("disk_rate_limiter_bw_max_rate"), "ACRN limits no disks; remove the key" },
    { p->disk_ops != 0, KEY ("disk_rate_limiter_ops_max_rate"), "ACRN limits no disks; remove the key" },
    { p->block_queues > 1, KEY ("num_queues"), "ACRN's disks have one queue; remove the key" },
    { p->block_queue_size != 0, KEY ("queue_size"), "ACRN's disks have queues of one size; remove the key" },
    { !kata_device__is_host_kernel (p->entropy_source), KEY ("entropy_source"),
      "ACRN takes random numbers from the host's kernel; use \"/dev/urandom\"" },
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
  if (p->vcpus == 0 || p->vcpus > VCPUS_MAX || p->memory_mib == 0)
    return kata_error__set (err, KATA_E_LIMIT, "vcpus", "acrn: 1 to %d vCPUs and some memory are possible", VCPUS_MAX);
  return 0;
}

static int
check_path (const char *key, const char *path, kata_error **err)
{
  if (strchr (path, ',') == NULL && strstr (path, NO_DISK) == NULL)
    return 0;
  return kata_error__set (err, KATA_E_CONFIG, key,
                          "%s: \"%s\": acrn-dm takes no comma in a path, nor the word \"" NO_DISK "\"", key, path);
}

static void G_GNUC_PRINTF (3, 4) add (struct builder *b, const char *option, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_ptr_array_add (b->argv, g_strdup (option));
  g_ptr_array_add (b->argv, g_strdup_vprintf (format, args));
  va_end (args);
}

static bool
has_image (const kata_vm_plan *p)
{
  return given (p->image) && !given (p->initrd);
}

uint32_t
kata_acrn__port_slot (const kata_vm_plan *p)
{
  uint32_t slot = SLOT_FIRST + (has_image (p) ? 1 : 0);
  for (size_t i = 0; p->disks != NULL && p->disks[i] != NULL; i++)
    slot += p->disks[i]->port == 0;
  return slot;
}

int
kata_acrn__disk_words (char **out, const kata_vm_disk *disk, kata_error **err)
{
  int code = kata_device__check_disk (disk, err);
  if (code == 0)
    code = check_path (disk->id, disk->path, err);
  if (code == 0)
    *out = g_strconcat (disk->path, disk->readonly ? ",ro" : "", NULL);
  return code;
}

static int
add_disks (struct builder *b, kata_error **err)
{
  const kata_vm_plan *p = b->plan;
  int code = given (p->image) ? check_path (KEY ("image"), p->image, err) : 0;
  if (code < 0)
    return code;
  if (has_image (p))
    add (b, "-s", "%u,virtio-blk,%s,ro", b->slot++, p->image);
  for (size_t i = 0; p->disks != NULL && p->disks[i] != NULL; i++) {
    g_autofree char *words = NULL;
    code = p->disks[i]->port == 0 ? kata_acrn__disk_words (&words, p->disks[i], err) : 0;
    if (code < 0)
      return code;
    if (words != NULL)
      add (b, "-s", "%u,virtio-blk,%s", b->slot++, words);
  }
  for (uint32_t i = 0; i < p->disk_ports; i++)
    add (b, "-s", "%u,virtio-blk," NO_DISK, b->slot++);
  return 0;
}

static int
add_nics (struct builder *b, kata_error **err)
{
  const kata_vm_nic *const *nics = b->plan->nics;
  for (size_t i = 0; nics != NULL && nics[i] != NULL; i++) {
    int code = kata_device__check_nic (nics[i], err);
    if (code < 0)
      return code;
    if (nics[i]->kind != KATA_NIC_TAP || nics[i]->queues != 1 || !given (nics[i]->device) ||
        strchr (nics[i]->device, ',') != NULL)
      return kata_error__set (err, KATA_E_UNSUPPORTED, nics[i]->name,
                              "network device \"%s\": ACRN takes taps of one queue, by name", nics[i]->name);
    add (b, "-s", "%u,virtio-net,tap=%s%s,mac=%s", b->slot++, nics[i]->device, nics[i]->vhost ? ",vhost" : "",
         nics[i]->mac);
  }
  return 0;
}

static int
add_devices (struct builder *b, uint32_t cid, kata_error **err)
{
  add (b, "-s", "0:0,hostbridge");
  int code = add_disks (b, err);
  if (code == 0)
    code = add_nics (b, err);
  if (code < 0)
    return code;
  add (b, "-s", "%u,virtio-console,@file:kata=" KATA_ACRN_CONSOLE_LOG, b->slot++);
  if (given (b->plan->entropy_source))
    add (b, "-s", "%u,virtio-rnd", b->slot++);
  add (b, "-s", "%u,vhost-vsock,cid=%u", b->slot, cid);
  if (b->slot > SLOT_LAST)
    return kata_error__set (err, KATA_E_LIMIT, "devices",
                            "acrn: %u devices; its machine has places for %d; have fewer disks or packed_containers",
                            b->slot - SLOT_FIRST + 1, SLOT_LAST - SLOT_FIRST + 1);
  return 0;
}

static int
add_boot (struct builder *b, kata_error **err)
{
  const kata_vm_plan *p = b->plan;
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
  if (given (p->firmware))
    add (b, "--ovmf", "%s", p->firmware);
  add (b, "-k", "%s", p->kernel);
  if (given (p->initrd))
    add (b, "-r", "%s", p->initrd);
  add (b, "-B", "%s", words->str);
  return 0;
}

/* Of the directory, which no other sandbox on this host has: acrnctl knows machines by their names alone. */
void
kata_acrn__name (char name[KATA_ACRN_NAME_SIZE], const kata_vm_plan *plan)
{
  g_autofree char *sum = g_compute_checksum_for_string (G_CHECKSUM_SHA256, plan->dir != NULL ? plan->dir : "", -1);
  g_snprintf (name, KATA_ACRN_NAME_SIZE, "kata-%.*s", NAME_CHARS, sum);
}

int
kata_acrn__argv (char ***out, const kata_vm_plan *p, const kata_acrn_context *context, kata_error **err)
{
  int code = check_boot (p, err);
  if (code == 0)
    code = check_keys (p, err);
  if (code < 0)
    return code;
  g_autoptr (GPtrArray) argv = g_ptr_array_new_with_free_func (g_free);
  struct builder b = { p, argv, SLOT_FIRST };
  char name[KATA_ACRN_NAME_SIZE];
  g_ptr_array_add (argv, g_strdup (context->program));
  add (&b, "-m", "%" G_GUINT64_FORMAT "M", p->memory_mib);
  add (&b, "--cpu_affinity", "%s", context->cpus);
  code = add_devices (&b, context->cid, err);
  if (code == 0)
    code = add_boot (&b, err);
  if (code < 0)
    return code;
  kata_acrn__name (name, p);
  g_ptr_array_add (argv, g_strdup (name));
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
