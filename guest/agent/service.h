/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* service: the table of methods, and what each of them gets and gives. */
#ifndef AGENT_SERVICE_H
#define AGENT_SERVICE_H

#include <protobuf-c/protobuf-c.h>
#include <ttrpc/ttrpc.h>

#include "agent.h"
#include "fault.h"

/* One request in work. */
struct call {
  struct agent *agent;
  ttrpc_request *request; /* for its cancellation */
  struct fault fault;
  uint8_t *payload; /* malloc'ed, or in ttrpc_request_room() when nothing fails any more */
  size_t payload_len;
};

/** Does the work: 0, then an empty payload is an empty message, or -1 with call->fault set. */
typedef int (*call_fn) (struct call *call, const void *message);

/** Packs @message as the reply. 0 or -1. */
int call_reply (struct call *call, const ProtobufCMessage *message);
/** Packs and frees a message that was filled in with malloc'ed parts, except @message itself. */
int call_reply_and_clear (struct call *call, ProtobufCMessage *message);

/** The methods of grpc.AgentService and grpc.Health for ttrpc_server_new(). */
const struct ttrpc_method *service_methods (void);

/* The handlers, by file. */
int service_create_container (struct call *call, const void *message);
int service_start_container (struct call *call, const void *message);
int service_remove_container (struct call *call, const void *message);
int service_update_container (struct call *call, const void *message);
int service_stats_container (struct call *call, const void *message);
int service_pause_container (struct call *call, const void *message);
int service_resume_container (struct call *call, const void *message);
int service_get_oom_event (struct call *call, const void *message);
int service_exec_process (struct call *call, const void *message);
int service_signal_process (struct call *call, const void *message);
int service_wait_process (struct call *call, const void *message);
int service_write_stdin (struct call *call, const void *message);
int service_read_stdout (struct call *call, const void *message);
int service_read_stderr (struct call *call, const void *message);
int service_close_stdin (struct call *call, const void *message);
int service_tty_win_resize (struct call *call, const void *message);
int service_create_sandbox (struct call *call, const void *message);
int service_destroy_sandbox (struct call *call, const void *message);
int service_update_interface (struct call *call, const void *message);
int service_update_routes (struct call *call, const void *message);
int service_list_interfaces (struct call *call, const void *message);
int service_list_routes (struct call *call, const void *message);
int service_add_arp_neighbors (struct call *call, const void *message);
int service_get_metrics (struct call *call, const void *message);
int service_online_cpu_mem (struct call *call, const void *message);
int service_reseed_random_dev (struct call *call, const void *message);
int service_get_guest_details (struct call *call, const void *message);
int service_set_guest_date_time (struct call *call, const void *message);
int service_copy_file (struct call *call, const void *message);
int service_check (struct call *call, const void *message);
int service_version (struct call *call, const void *message);

#endif
