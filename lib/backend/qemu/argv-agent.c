/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* argv-agent: the agent's channel and the directory shared with it in QEMU's words. */
#include "backend/qemu/builder.h"

#include "base/error.h"

int
kata_qemu__add_agent (kata_qemu_builder *b, kata_error **err)
{
  const kata_vm_plan *p = b->plan;
  if (p->agent_kind == KATA_AGENT_VSOCK) {
    kata_qemu__add (b, "-device", "vhost-vsock-%s,guest-cid=%u,vhostfd=%d%s", b->bus, b->context->cid,
                    b->context->vhost_fd, b->platform);
    return 0;
  }
  if (p->agent_kind != KATA_AGENT_SERIAL)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "agent_kind",
                            "qemu: the agent is reached over vsock or virtio-serial only");
  if (p->agent_serial_ports == 0 || p->agent_serial_ports > KATA_QEMU_PORTS_MAX)
    return kata_error__set (err, KATA_E_LIMIT, "agent_serial_ports",
                            "qemu: %u ports for the agent; 1 to %d are possible", p->agent_serial_ports,
                            KATA_QEMU_PORTS_MAX);
  /* Port 0 is reserved for a console. */
  kata_qemu__add (b, "-device", "virtio-serial-%s,id=agent,max_ports=%u%s", b->bus, p->agent_serial_ports + 1,
                  b->platform);
  for (uint32_t i = 0; i < p->agent_serial_ports; i++) {
    kata_qemu__add (b, "-chardev", "socket,id=agent%u,path=" KATA_QEMU_AGENT_SOCKET ",server=on,wait=off", i, i);
    kata_qemu__add (b, "-device", "virtserialport,bus=agent.0,nr=%u,chardev=agent%u,name=" KATA_QEMU_AGENT_PORT, i + 1,
                    i, i);
  }
  return 0;
}

void
kata_qemu__add_share (kata_qemu_builder *b)
{
  const kata_vm_plan *p = b->plan;
  if (p->share_kind == KATA_SHARE_NONE)
    return;
  g_autofree char *tag = kata_qemu__quoted (p->share_tag != NULL ? p->share_tag : "kataShared");
  if (p->share_kind == KATA_SHARE_VIRTIOFS) {
    kata_qemu__add (b, "-chardev", "socket,id=share,path=virtiofsd.sock");
    kata_qemu__add (b, "-device", "vhost-user-fs-%s,chardev=share,tag=%s,queue-size=%u%s", b->bus, tag,
                    p->virtiofs_queue_size > 0 ? p->virtiofs_queue_size : 1024, b->platform);
    return;
  }
  g_autofree char *dir = kata_qemu__quoted (p->share_dir);
  kata_qemu__add (b, "-fsdev", "local,id=share,path=%s,security_model=none,multidevs=remap", dir);
  kata_qemu__add (b, "-device", "virtio-9p-%s,fsdev=share,mount_tag=%s%s", b->bus, tag, b->platform);
}
