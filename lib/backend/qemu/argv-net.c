/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* argv-net: network devices that are there from the start in QEMU's words. */
#include "backend/qemu/builder.h"

#include <string.h>

#include "backend/device.h"
#include "base/error.h"

#define NICS_MAX  8
#define QUEUE_MIN 256
#define QUEUE_MAX 1024

/* "4:5:6": the numbers of @n descriptors. */
static char *
numbers (int first, uint32_t n)
{
  GString *text = g_string_new (NULL);
  for (uint32_t i = 0; i < n; i++)
    g_string_append_printf (text, "%s%d", i != 0 ? ":" : "", first + (int) i);
  return g_string_free (text, FALSE);
}

static void
add_vhost_user (kata_qemu_builder *b, size_t n, const kata_vm_nic *nic)
{
  g_autofree char *chardev = g_strdup_printf ("vnet%zu", n);
  kata_qemu__add_server (b, chardev, nic->socket);
  kata_qemu__add (b, "-netdev", "vhost-user,id=net%zu,chardev=%s,queues=%u", n, chardev, nic->queues);
}

/* Each queue its interrupt, and one each for control and configuration. Without KVM QEMU 7.2 ends by a null pointer when a guest sets up those of a
   device with a vhost-user server, so there it has an interrupt line. */
static unsigned
vectors (const kata_qemu_builder *b, const kata_vm_nic *nic)
{
  bool line = nic->kind == KATA_NIC_VHOST_USER && b->plan->accel != KATA_ACCEL_KVM;
  return line ? 0 : 2 * nic->queues + 2;
}

static void
add_nic (kata_qemu_builder *b, size_t n, const kata_vm_nic *nic, int fd, int vhost_fd)
{
  g_autofree char *fds = numbers (fd, nic->queues), *vhost_fds = numbers (vhost_fd, nic->queues);
  bool many = nic->queues > 1;
  const char *s = many ? "s" : "";
  if (nic->kind == KATA_NIC_VHOST_USER)
    add_vhost_user (b, n, nic);
  else if (nic->kind == KATA_NIC_STREAM)
    kata_qemu__add (b, "-netdev", "stream,id=net%zu,server=off,addr.type=fd,addr.str=%d", n, fd);
  else if (nic->vhost)
    kata_qemu__add (b, "-netdev", "tap,id=net%zu,fd%s=%s,vhost=on,vhostfd%s=%s", n, s, fds, s, vhost_fds);
  else
    kata_qemu__add (b, "-netdev", "tap,id=net%zu,fd%s=%s", n, s, fds);
  g_autoptr (GString) device = g_string_new (NULL);
  g_string_append_printf (device, "virtio-net-%s,netdev=net%zu,mac=%s", b->bus, n, nic->mac);
  if (many)
    g_string_append (device, ",mq=on");
  if (nic->queue_size != 0)
    g_string_append_printf (device, ",rx_queue_size=%u,tx_queue_size=%u", (unsigned) nic->queue_size,
                            (unsigned) nic->queue_size);
  /* No option ROM: nothing boots from the network. */
  if (strcmp (b->bus, "pci") == 0)
    g_string_append_printf (device, ",vectors=%u,romfile=", vectors (b, nic));
  kata_qemu__add (b, "-device", "%s%s", device->str, b->platform);
}

/* As QEMU's virtio-net has it; the machine would end as it starts. */
static int
check_queue (const kata_vm_nic *nic, kata_error **err)
{
  uint32_t size = nic->queue_size;
  if (size == 0 || (size >= QUEUE_MIN && size <= QUEUE_MAX && (size & (size - 1)) == 0))
    return 0;
  return kata_error__set (err, KATA_E_UNSUPPORTED, nic->name,
                          "network device \"%s\": queue_size %u; QEMU's have queues of a power of two from %d to %d; "
                          "choose one, or 0",
                          nic->name, size, QUEUE_MIN, QUEUE_MAX);
}

int
kata_qemu__add_nics (kata_qemu_builder *b, kata_error **err)
{
  const kata_vm_nic *const *nics = b->plan->nics;
  int fd = b->context->nic_fd, vhost_fd = fd;
  for (size_t i = 0; nics != NULL && nics[i] != NULL; i++) {
    int code = kata_device__check_nic (nics[i], err);
    if (code == 0)
      code = check_queue (nics[i], err);
    if (code < 0)
      return code;
    if (i >= NICS_MAX)
      return kata_error__set (err, KATA_E_LIMIT, nics[i]->name, "network device \"%s\": qemu is given at most %d",
                              nics[i]->name, NICS_MAX);
    vhost_fd += (int) kata_device__nic_fds (nics[i]);
  }
  for (size_t i = 0; nics != NULL && nics[i] != NULL; i++) {
    add_nic (b, i, nics[i], fd, vhost_fd);
    fd += (int) kata_device__nic_fds (nics[i]);
    vhost_fd += nics[i]->vhost ? (int) nics[i]->queues : 0;
  }
  return 0;
}
