/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* publish: events on their way to containerd, in strict order, kept for a while when it does not listen; knows no task. */
#ifndef SHIM_PUBLISH_H
#define SHIM_PUBLISH_H

#include <glib.h>
#include <protobuf-c/protobuf-c.h>

typedef struct publisher publisher;

/** @address "" = nobody listens, events are dropped. */
publisher *publisher_new (const char *address, const char *namespace_name);
/** @type: "TaskStart", …; copies all it needs; never blocks. */
void publisher_send (publisher *publisher, const char *topic, const char *type, const ProtobufCMessage *event);
/** Waits until all is sent, at most @timeout_ms. */
void publisher_flush (publisher *publisher, int timeout_ms);

#endif
