/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* describe: fills a machine's description from the plan, part by part. */
#include "backend/builtin/describe.h"

#include <stdio.h>
#include <string.h>

#include "backend/builtin/vm.h"
#include "backend/device.h"
#include "base/error.h"
#include "vmm/confine/layer.h"

#define LOG_MAX       (UINT64_C (4) << 20)
#define LOG_MAX_DEBUG (UINT64_C (64) << 20)
#define MIB           (UINT64_C (1) << 20)
#define MTU_MIN       1280 /* less need not be said: the guest is told by the agent */

static bool
given (const char *text)
{
  return text != NULL && text[0] != '\0';
}

bool
kata_builtin__disk (const kata_vm_plan *plan, size_t n, kata_vm_disk *out)
{
  bool has_image = given (plan->image) && !given (plan->initrd);
  if (has_image && n == 0) {
    *out = (kata_vm_disk){ .size = sizeof *out, .id = "kata-image", .path = plan->image, .readonly = 1 };
    return true;
  }
  n -= has_image ? 1 : 0;
  for (size_t i = 0; plan->disks != NULL && plan->disks[i] != NULL; i++)
    if (i == n) {
      *out = *plan->disks[i];
      return true;
    }
  return false;
}

/* What Kata's keys can ask of a VMM and this one does not do is refused, not dropped. */
static int
check_plan (const kata_vm_plan *plan, kata_error **err)
{
  const struct {
    const char *value, *key, *why;
  } refused[] = { { plan->firmware, "hypervisor.builtin.firmware", "it boots kernels without a firmware" },
                  { plan->cpu_features, "hypervisor.builtin.cpu_features", "the guest's CPU is the host's" },
                  { plan->machine_accelerators, "hypervisor.builtin.machine_accelerators", "it has no such options" } };
  for (size_t i = 0; i < G_N_ELEMENTS (refused); i++)
    if (given (refused[i].value))
      return kata_error__set (err, KATA_E_UNSUPPORTED, refused[i].key,
                              "%s: the built-in microVMM cannot act on it: %s; remove the key", refused[i].key,
                              refused[i].why);
  if (plan->accel == KATA_ACCEL_TCG)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "hypervisor.builtin.accel",
                            "hypervisor.builtin.accel: the built-in microVMM runs on KVM only; use qemu for tcg");
  if (plan->share_kind == KATA_SHARE_9P)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "hypervisor.builtin.shared_fs",
                            "hypervisor.builtin.shared_fs: the built-in microVMM shares by virtio-fs, not by 9p");
  if (!kata_device__is_host_kernel (plan->entropy_source))
    return kata_error__set (err, KATA_E_UNSUPPORTED, "hypervisor.builtin.entropy_source",
                            "hypervisor.builtin.entropy_source: the built-in microVMM takes random numbers from the "
                            "host's kernel; use \"/dev/urandom\"");
  if (plan->block_aio == 1)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "hypervisor.builtin.block_device_aio",
                            "hypervisor.builtin.block_device_aio: the built-in microVMM has \"threads\" and "
                            "\"io_uring\"");
  if (plan->agent_kind != KATA_AGENT_HYBRID)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "agent_kind",
                            "builtin: the agent is reached over hybrid vsock only");
  return 0;
}

static int
set_transport (struct vmm_machine_config *machine, const kata_vm_plan *plan, kata_error **err)
{
  if (!given (plan->machine_type) || strcmp (plan->machine_type, "mmio") == 0)
    machine->transport = VMM_TRANSPORT_MMIO;
  else if (strcmp (plan->machine_type, "pci") == 0)
    machine->transport = VMM_TRANSPORT_PCI;
  else
    return kata_error__set (err, KATA_E_CONFIG, "hypervisor.builtin.machine_type",
                            "hypervisor.builtin.machine_type: \"%.80s\" is neither mmio nor pci", plan->machine_type);
  return 0;
}

/* No quirk is for this board: looking for them by ports costs two exits a slot. The configuration's words come last: they win. */
static int
set_cmdline (struct vmm_machine_config *machine, char *cmdline, const kata_vm_plan *plan, kata_error **err)
{
  char root[64] = "";
  if (!given (plan->initrd))
    snprintf (root, sizeof root, " root=/dev/vda%s ro rootfstype=%.16s", plan->image_partition != 0 ? "1" : "",
              given (plan->image_fstype) ? plan->image_fstype : "ext4");
  int n = snprintf (cmdline, VMM_CMDLINE_MAX, "console=ttyS0%s%s %s", root,
                    machine->transport == VMM_TRANSPORT_MMIO ? " pci=off" : " pci=noearly",
                    plan->cmdline != NULL ? plan->cmdline : "");
  if (n < 0 || n >= VMM_CMDLINE_MAX)
    return kata_error__set (err, KATA_E_LIMIT, "hypervisor.builtin.kernel_params",
                            "hypervisor.builtin.kernel_params: the kernel's command line gets longer than %d bytes",
                            VMM_CMDLINE_MAX - 1);
  machine->cmdline = cmdline;
  return 0;
}

static int
check_queues (const kata_vm_plan *plan, kata_error **err)
{
  uint32_t size = plan->block_queue_size;
  if (plan->block_queues > VMM_BLK_QUEUES_MAX)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "hypervisor.builtin.num_queues",
                            "hypervisor.builtin.num_queues: %u; the built-in microVMM gives a disk at most %d queues",
                            plan->block_queues, VMM_BLK_QUEUES_MAX);
  if (size != 0 && (size < VMM_BLK_QUEUE_SIZE_MIN || size > VMM_BLK_QUEUE_SIZE_MAX || (size & (size - 1)) != 0))
    return kata_error__set (err, KATA_E_UNSUPPORTED, "hypervisor.builtin.queue_size",
                            "hypervisor.builtin.queue_size: %u; the built-in microVMM's disks have queues of a power "
                            "of two from %d to %d; choose one, or 0",
                            size, VMM_BLK_QUEUE_SIZE_MIN, VMM_BLK_QUEUE_SIZE_MAX);
  return 0;
}

static int
set_disks (struct vmm_machine_config *machine, const kata_vm_plan *plan, const kata_builtin_fds *fds, kata_error **err)
{
  kata_vm_disk disk;
  int code = check_queues (plan, err);
  if (code != 0)
    return code;
  for (size_t n = 0; kata_builtin__disk (plan, n, &disk); n++) {
    if (n >= VMM_DISKS_MAX)
      return kata_error__set (err, KATA_E_LIMIT, disk.id, "disk \"%s\": the built-in microVMM takes at most %d disks",
                              disk.id, VMM_DISKS_MAX);
    struct vmm_blk_config *blk = &machine->disks[n];
    if (disk.id == NULL || strlen (disk.id) >= sizeof blk->id)
      return kata_error__set (err, KATA_E_INVALID, disk.id, "disk %zu: its id must have 1 to 20 bytes", n);
    g_strlcpy (blk->id, disk.id, sizeof blk->id);
    blk->fd = fds->fd[KATA_BUILTIN_FD_DISK + n];
    blk->readonly = disk.readonly != 0;
    blk->queues = plan->block_queues != 0 ? plan->block_queues : 1;
    blk->queue_size = (uint16_t) plan->block_queue_size;
    blk->limit = (struct vmm_limit){ .bytes = plan->disk_bytes,
                                     .bytes_once = plan->disk_bytes_once,
                                     .ops = plan->disk_ops,
                                     .ops_once = plan->disk_ops_once };
    blk->threads = plan->block_aio == 0;
    machine->n_disks = n + 1;
  }
  return 0;
}

static bool
parse_mac (uint8_t mac[6], const char *text)
{
  for (size_t i = 0; i < 6; i++) {
    int high = text != NULL && *text != '\0' ? g_ascii_xdigit_value (text[0]) : -1;
    int low = high >= 0 ? g_ascii_xdigit_value (text[1]) : -1;
    if (low < 0 || text[2] != (i == 5 ? '\0' : ':'))
      return false;
    mac[i] = (uint8_t) (high << 4 | low);
    text += 3;
  }
  return true;
}

static int
set_nics (struct vmm_machine_config *machine, const kata_vm_plan *plan, const kata_builtin_fds *fds, kata_error **err)
{
  size_t fd = 0;
  for (size_t n = 0; plan->nics != NULL && plan->nics[n] != NULL; n++) {
    const kata_vm_nic *nic = plan->nics[n];
    if (n >= VMM_NETS_MAX)
      return kata_error__set (err, KATA_E_LIMIT, nic->name,
                              "network device \"%s\": the built-in microVMM takes at most %d", nic->name, VMM_NETS_MAX);
    struct vmm_net_config *net = &machine->nets[n];
    if (nic->kind != KATA_NIC_TAP || nic->vhost)
      return kata_error__set (err, KATA_E_UNSUPPORTED, nic->name,
                              "network device \"%s\": the built-in microVMM moves the frames of taps, by itself",
                              nic->name);
    if (nic->queues == 0 || nic->queues > VMM_NET_PAIRS_MAX || nic->mtu > UINT16_MAX || !parse_mac (net->mac, nic->mac))
      return kata_error__set (err, KATA_E_INVALID, nic->name,
                              "network device \"%s\": its address, MTU or number of queues (1 to %d) is wrong",
                              nic->name, VMM_NET_PAIRS_MAX);
    net->pairs = nic->queues;
    net->rx.bytes = plan->nic_rx_bytes;
    net->tx.bytes = plan->nic_tx_bytes;
    net->mtu = nic->mtu >= MTU_MIN ? (uint16_t) nic->mtu : 0;
    for (uint32_t i = 0; i < nic->queues; i++)
      net->tap_fds[i] = fds->fd[KATA_BUILTIN_FD_TAP + fd++];
    machine->n_nets = n + 1;
  }
  return 0;
}

static void
set_share (struct vmm_machine_config *machine, const kata_vm_plan *plan, const kata_builtin_fds *fds)
{
  if (plan->share_kind != KATA_SHARE_VIRTIOFS)
    return;
  machine->n_fs = 1;
  machine->fs[0].socket_fd = fds->fd[KATA_BUILTIN_FD_FS];
  machine->fs[0].queue_size = (uint16_t) plan->virtiofs_queue_size;
  g_strlcpy (machine->fs[0].tag, plan->share_tag, sizeof machine->fs[0].tag);
}

static int
set_jail (struct vmm_description *out, const kata_vm_plan *plan, kata_error **err)
{
  for (size_t i = 0; plan->confine_waive != NULL && plan->confine_waive[i] != NULL; i++) {
    const char *name = plan->confine_waive[i];
    int layer = vmm_layer__find (name, strlen (name));
    if (layer < 0)
      return kata_error__set (err, KATA_E_CONFIG, VMM_LAYER_KEY, "%s: there is no layer \"%.40s\" of the jail",
                              VMM_LAYER_KEY, name);
    out->waived |= 1u << layer;
  }
  return 0;
}

int
kata_builtin__describe (struct vmm_description *out, char *cmdline, const kata_vm_plan *plan,
                        const kata_builtin_fds *fds, kata_error **err)
{
  vmm_description__init (out);
  struct vmm_machine_config *machine = &out->machine;
  machine->kvm_fd = fds->fd[KATA_BUILTIN_FD_KVM];
  machine->vcpus = plan->vcpus;
  machine->memory = (plan->memory_mib + 1) / 2 * 2 * MIB; /* large pages: an odd size has one more */
  machine->memory_flags = (plan->hugepages ? VMM_MEMORY_HUGE : 0) | (plan->prealloc ? VMM_MEMORY_PREALLOC : 0);
  machine->kernel_fd = fds->fd[KATA_BUILTIN_FD_KERNEL];
  machine->initrd_fd = fds->fd[KATA_BUILTIN_FD_INITRD];
  machine->serial_fd = fds->fd[KATA_BUILTIN_FD_CONSOLE];
  machine->serial_limit = plan->debug ? LOG_MAX_DEBUG : LOG_MAX;
  machine->rng = given (plan->entropy_source);
  machine->has_balloon = plan->memory_reporting != 0;
  machine->has_vsock = true;
  machine->vsock.cid = KATA_BUILTIN_CID;
  machine->vsock.listen_fd = fds->fd[KATA_BUILTIN_FD_VSOCK];
  out->control_fd = fds->fd[KATA_BUILTIN_FD_CONTROL];
  out->log_fd = fds->fd[KATA_BUILTIN_FD_LOG];
  out->log_limit = LOG_MAX;
  int code = check_plan (plan, err);
  if (code == 0)
    code = set_transport (machine, plan, err);
  if (code == 0)
    code = set_cmdline (machine, cmdline, plan, err);
  if (code == 0)
    code = set_disks (machine, plan, fds, err);
  if (code == 0)
    code = set_jail (out, plan, err);
  if (code == 0)
    code = set_nics (machine, plan, fds, err);
  set_share (machine, plan, fds);
  return code;
}
