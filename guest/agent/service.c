/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* service: unpacks a request within a memory budget, runs its handler and packs the reply. */
#include "service.h"

#include <string.h>

#include "mem.h"
#include "proto/agent.pb-c.h"
#include "proto/health.pb-c.h"

/* A frame has at most 4 MiB, but millions of empty sub-messages in it would become hundreds of MiB of structures. */
#define UNPACK_BUDGET (32u << 20)

struct budget {
  size_t left;
};

static void *
budget_alloc (void *data, size_t size)
{
  struct budget *budget = data;
  if (size > budget->left)
    return NULL;
  budget->left -= size;
  return malloc (size);
}

static void
budget_free (void *data, void *block)
{
  free (block);
}

int
call_reply (struct call *call, const ProtobufCMessage *message)
{
  size_t len = protobuf_c_message_get_packed_size (message);
  if (len > TTRPC_MAX_PAYLOAD || !(call->payload = malloc (len + 1)))
    return fault_set (&call->fault, TTRPC_RESOURCE_EXHAUSTED, "the reply has %zu bytes", len);
  call->payload_len = protobuf_c_message_pack (message, call->payload);
  return 0;
}

int
call_reply_and_clear (struct call *call, ProtobufCMessage *message)
{
  /* free_unpacked frees the message too, so it gets a copy on the heap. */
  size_t size = message->descriptor->sizeof_message;
  int result = call_reply (call, message);
  ProtobufCMessage *copy = mem_zero (size);
  memcpy (copy, message, size);
  protobuf_c_message_free_unpacked (copy, NULL);
  return result;
}

static int32_t
service_run (struct agent *agent, ttrpc_request *request, const ProtobufCMessageDescriptor *type, call_fn fn,
             const uint8_t *data, size_t len, uint8_t **payload, size_t *payload_len, char **message)
{
  struct budget budget = { UNPACK_BUDGET };
  ProtobufCAllocator allocator = { budget_alloc, budget_free, &budget };
  struct call call = { .agent = agent, .request = request };
  ProtobufCMessage *unpacked = protobuf_c_message_unpack (type, &allocator, len, data);
  int result;
  if (unpacked)
    result = fn (&call, unpacked);
  else
    result = fault_set (&call.fault, TTRPC_INVALID_ARGUMENT, "the request is not a valid %s or needs too much memory",
                        type->short_name);
  if (unpacked)
    protobuf_c_message_free_unpacked (unpacked, &allocator);
  if (result == 0) {
    *payload = call.payload;
    *payload_len = call.payload_len;
    return TTRPC_OK;
  }
  free (call.payload);
  *message = mem_text (call.fault.text);
  log_debug (&agent->log, "%s: %s", type->short_name, call.fault.text);
  return call.fault.code ? call.fault.code : TTRPC_INTERNAL;
}

#define METHODS(X)                                                                                                     \
  X (AgentService, CreateContainer, create_container, create_container_request)                                        \
  X (AgentService, StartContainer, start_container, start_container_request)                                           \
  X (AgentService, RemoveContainer, remove_container, remove_container_request)                                        \
  X (AgentService, ExecProcess, exec_process, exec_process_request)                                                    \
  X (AgentService, SignalProcess, signal_process, signal_process_request)                                              \
  X (AgentService, WaitProcess, wait_process, wait_process_request)                                                    \
  X (AgentService, UpdateContainer, update_container, update_container_request)                                        \
  X (AgentService, StatsContainer, stats_container, stats_container_request)                                           \
  X (AgentService, PauseContainer, pause_container, pause_container_request)                                           \
  X (AgentService, ResumeContainer, resume_container, resume_container_request)                                        \
  X (AgentService, WriteStdin, write_stdin, write_stream_request)                                                      \
  X (AgentService, ReadStdout, read_stdout, read_stream_request)                                                       \
  X (AgentService, ReadStderr, read_stderr, read_stream_request)                                                       \
  X (AgentService, CloseStdin, close_stdin, close_stdin_request)                                                       \
  X (AgentService, TtyWinResize, tty_win_resize, tty_win_resize_request)                                               \
  X (AgentService, UpdateInterface, update_interface, update_interface_request)                                        \
  X (AgentService, UpdateRoutes, update_routes, update_routes_request)                                                 \
  X (AgentService, ListInterfaces, list_interfaces, list_interfaces_request)                                           \
  X (AgentService, ListRoutes, list_routes, list_routes_request)                                                       \
  X (AgentService, AddARPNeighbors, add_arp_neighbors, add_arpneighbors_request)                                       \
  X (AgentService, GetMetrics, get_metrics, get_metrics_request)                                                       \
  X (AgentService, CreateSandbox, create_sandbox, create_sandbox_request)                                              \
  X (AgentService, DestroySandbox, destroy_sandbox, destroy_sandbox_request)                                           \
  X (AgentService, OnlineCPUMem, online_cpu_mem, online_cpumem_request)                                                \
  X (AgentService, ReseedRandomDev, reseed_random_dev, reseed_random_dev_request)                                      \
  X (AgentService, GetGuestDetails, get_guest_details, guest_details_request)                                          \
  X (AgentService, SetGuestDateTime, set_guest_date_time, set_guest_date_time_request)                                 \
  X (AgentService, CopyFile, copy_file, copy_file_request)                                                             \
  X (AgentService, GetOOMEvent, get_oom_event, get_oomevent_request)                                                   \
  X (Health, Check, check, check_request)                                                                              \
  X (Health, Version, version, check_request)

#define WRAPPER(service, method, handler, type)                                                                        \
  static int32_t run_##handler (void *user, ttrpc_request *request, const uint8_t *data, size_t len,                   \
                                uint8_t **payload, size_t *payload_len, char **message)                                \
  {                                                                                                                    \
    return service_run (user, request, &grpc__##type##__descriptor, service_##handler, data, len, payload,             \
                        payload_len, message);                                                                         \
  }
METHODS (WRAPPER)

const struct ttrpc_method *
service_methods (void)
{
#define ROW(service, method, handler, type) { "grpc." #service, #method, run_##handler },
  static const struct ttrpc_method methods[] = { METHODS (ROW){ 0 } };
  return methods;
}
