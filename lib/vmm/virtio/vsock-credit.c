/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vsock-credit: flow control (virtio 1.2, 5.10.6.3), both ways; it moves no byte. */
#include "vmm/virtio/vsock-device.h"

uint32_t
vmm_vsock_credit__promise (struct vmm_vsock *vsock)
{
  /* A quarter of what is left: the first connections are fast, the thousandth still works. */
  uint32_t share = vsock->pool / 4;

  if (share > VMM_VSOCK_CREDIT_MAX - VMM_VSOCK_CREDIT_MIN)
    share = VMM_VSOCK_CREDIT_MAX - VMM_VSOCK_CREDIT_MIN;
  vsock->pool -= share;
  return VMM_VSOCK_CREDIT_MIN + share;
}

void
vmm_vsock_credit__give_back (struct vmm_vsock *vsock, uint32_t alloc)
{
  vsock->pool += alloc - VMM_VSOCK_CREDIT_MIN;
}

void
vmm_vsock_credit__update (struct vmm_vsock_conn *conn, const struct vmm_vsock_packet *packet)
{
  /* A guest that claims 4 GiB gets no more in flight than one that claims what we would (CVE-2026-23086). */
  conn->peer_alloc = packet->buf_alloc < VMM_VSOCK_CREDIT_MAX ? packet->buf_alloc : VMM_VSOCK_CREDIT_MAX;
  conn->clamped = packet->buf_alloc > VMM_VSOCK_CREDIT_MAX;
  conn->peer_forwarded = packet->fwd_cnt;
  if (vmm_vsock_credit__left (conn) > 0)
    conn->asked = false;
}

uint32_t
vmm_vsock_credit__left (const struct vmm_vsock_conn *conn)
{
  /* Wraps as the counters do; a guest that claims to have forwarded more than was sent gets a huge difference, thus nothing. */
  uint32_t flying = conn->sent - conn->peer_forwarded;
  return flying < conn->peer_alloc ? conn->peer_alloc - flying : 0;
}

void
vmm_vsock_credit__ask (struct vmm_vsock_conn *conn)
{
  struct vmm_vsock *vsock = conn->vsock;

  if (conn->asked)
    return;
  conn->asked = true;
  /* A guest tells by itself when most of its buffer is free again, and each question costs it an interrupt and two exits. But it never comes to that
   * when its buffer is larger than what we send. */
  if (conn->clamped) {
    conn->send |= VMM_VSOCK_SEND_ASK;
  } else if (!vsock->ask_armed) {
    vsock->ask_armed = true;
    vmm_timer__arm (vsock->ask, VMM_VSOCK_ASK_NS);
  }
}

void
vmm_vsock_credit__timer (void *ctx)
{
  struct vmm_vsock *vsock = ctx;

  vsock->ask_armed = false;
  for (struct vmm_list *at = vsock->all.next; at != &vsock->all; at = at->next) {
    struct vmm_vsock_conn *conn = vmm_list__entry (at, struct vmm_vsock_conn, all);
    if (!conn->asked || conn->state != VMM_VSOCK_OPEN || vmm_vsock_credit__left (conn) > 0)
      continue;
    conn->send |= VMM_VSOCK_SEND_ASK;
    vmm_vsock_conn__schedule (conn);
  }
  vmm_vsock__pump (vsock);
}

void
vmm_vsock_credit__forwarded (struct vmm_vsock_conn *conn, uint32_t n)
{
  conn->forwarded += n;
  if (conn->state == VMM_VSOCK_OPEN && !(conn->shut_guest & VMM_VSOCK_SHUT_SEND) &&
      conn->forwarded - conn->told >= conn->alloc / 4)
    conn->send |= VMM_VSOCK_SEND_CREDIT;
}
