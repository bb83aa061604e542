/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dan: a file that describes network devices, as somebody else writes it: what is believed is within what hypervisors and guests take. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <glib.h>

#include "base/error.h"
#include "sandbox/dan.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
look_at_nic (const kata_vm_nic *nic, const struct kata_net_interface *interface)
{
  if (nic->kind != KATA_NIC_VHOST_USER || nic->socket == NULL || nic->socket[0] != '/' || nic->queues == 0 ||
      nic->mtu < 68 || nic->mtu > 65535 || interface->name == NULL || interface->name[0] == '\0' ||
      interface->n_addresses > KATA_NET_ADDRESSES_MAX)
    g_error ("a device was believed that is none");
  for (size_t i = 0; i < interface->n_addresses; i++)
    if (interface->addresses[i].prefix > (interface->addresses[i].ipv6 ? 128 : 32))
      g_error ("a prefix of %u", interface->addresses[i].prefix);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (kata_arena) arena = kata_arena__new ();
  g_autoptr (kata_error) error = NULL;
  struct kata_dan dan = { 0 };
  if (size > KATA_DAN_BYTES_MAX)
    return 0;
  int r = kata_dan__parse (&dan, arena, (const char *) data, size, &error);
  if ((r != 0) != (error != NULL) || (r != 0 && r != KATA_E_INVALID && r != KATA_E_LIMIT && r != KATA_E_UNSUPPORTED))
    g_error ("a refusal without an error of its kind: %d", r);
  if (r != 0) {
    if (dan.n_nics != 0)
      g_error ("half an answer");
    return 0;
  }
  if (dan.n_nics == 0 || dan.n_nics > KATA_DAN_DEVICES_MAX || dan.net.n_interfaces != dan.n_nics)
    g_error ("%zu devices", dan.n_nics);
  for (size_t i = 0; i < dan.n_nics; i++)
    look_at_nic (&dan.nics[i], &dan.net.interfaces[i]);
  return 0;
}
