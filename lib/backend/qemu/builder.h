/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* builder: what the files argv*.c share while they make one command line; private to them. */
#ifndef KATA_BACKEND_QEMU_BUILDER_H
#define KATA_BACKEND_QEMU_BUILDER_H

#include <stdbool.h>

#include <glib.h>

#include "backend/qemu/argv.h"
#include "backend/qemu/machine.h"

typedef struct kata_qemu_builder {
  const kata_vm_plan *plan;
  const kata_qemu_context *context;
  GPtrArray *argv;
  const kata_qemu_machine *machine;
  const char *bus;      /* the machine's */
  const char *platform; /* of each virtio device */
} kata_qemu_builder;

/* An option and its value. */
void kata_qemu__add (kata_qemu_builder *b, const char *option, const char *format, ...) G_GNUC_PRINTF (3, 4);
/* QEMU splits option values at commas; a doubled comma is one of the value's own. g_free(). */
char *kata_qemu__quoted (const char *value);

static inline bool
kata_qemu__given (const char *text)
{
  return text != NULL && text[0] != '\0';
}

/* argv-machine.c: the machine and its processors, and its memory. */
void kata_qemu__add_machine (kata_qemu_builder *b);
/* argv-memory.c. Is the memory an object of its own, not QEMU's default? */
bool kata_qemu__has_backend (const kata_vm_plan *plan);
void kata_qemu__add_memory (kata_qemu_builder *b);
void kata_qemu__add_image_memory (kata_qemu_builder *b);
/* argv-confidential.c: the object, and its name. */
#define KATA_QEMU_SECRET "secret"
void kata_qemu__add_confidential (kata_qemu_builder *b);
void kata_qemu__add_late_memory (kata_qemu_builder *b);
/* argv-boot.c: firmware, kernel, and what comes with it. */
bool kata_qemu__has_flash (const kata_vm_plan *plan);
void kata_qemu__add_boot (kata_qemu_builder *b);
/* argv-agent.c: the agent's channel, the shared directory. */
int kata_qemu__add_agent (kata_qemu_builder *b, kata_error **err);
void kata_qemu__add_share (kata_qemu_builder *b);
/* argv-disk.c */
int kata_qemu__add_disks (kata_qemu_builder *b, kata_error **err);
/* The connection to a vhost-user server. */
void kata_qemu__add_server (kata_qemu_builder *b, const char *id, const char *socket);
/* argv-net.c */
int kata_qemu__add_nics (kata_qemu_builder *b, kata_error **err);
/* argv-vfio.c */
int kata_qemu__add_host_devices (kata_qemu_builder *b, kata_error **err);
/* argv-port.c */
int kata_qemu__add_ports (kata_qemu_builder *b, kata_error **err);

#endif
