/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vsock-table: finds connections by their ports; it owns none. */
#include "vmm/virtio/vsock-device.h"

static struct vmm_vsock_conn **
bucket (const struct vmm_vsock *vsock, uint32_t local_port, uint32_t peer_port)
{
  /* The guest chooses ports and can make all of them collide: a walk over its own connections, which are capped. */
  uint32_t mix = (local_port ^ (peer_port * UINT32_C (2654435761))) * UINT32_C (2246822519);
  return (struct vmm_vsock_conn **) &vsock->buckets[(mix >> 16) % VMM_VSOCK_BUCKETS];
}

struct vmm_vsock_conn *
vmm_vsock_table__find (const struct vmm_vsock *vsock, uint32_t local_port, uint32_t peer_port)
{
  struct vmm_vsock_conn *conn = *bucket (vsock, local_port, peer_port);
  while (conn && (conn->local_port != local_port || conn->peer_port != peer_port))
    conn = conn->next;
  return conn;
}

void
vmm_vsock_table__add (struct vmm_vsock *vsock, struct vmm_vsock_conn *conn)
{
  struct vmm_vsock_conn **head = bucket (vsock, conn->local_port, conn->peer_port);
  conn->next = *head;
  *head = conn;
}

void
vmm_vsock_table__remove (struct vmm_vsock *vsock, struct vmm_vsock_conn *conn)
{
  struct vmm_vsock_conn **at = bucket (vsock, conn->local_port, conn->peer_port);
  while (*at && *at != conn)
    at = &(*at)->next;
  if (*at)
    *at = conn->next;
  conn->next = NULL;
}

uint32_t
vmm_vsock_table__free_port (struct vmm_vsock *vsock, uint32_t peer_port)
{
  /* Ends: there are far more ports than connections. */
  do {
    vsock->next_port = vsock->next_port < VMM_VSOCK_PORT_FIRST || vsock->next_port >= VMM_VSOCK_PORT_LAST
                           ? VMM_VSOCK_PORT_FIRST
                           : vsock->next_port + 1;
  } while (vmm_vsock_table__find (vsock, vsock->next_port, peer_port));
  return vsock->next_port;
}
