/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* client: packs requests for tests and keeps the last answer. */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "proto/serial-link.h"

#define CALL_TIMEOUT_MS 60000

static int
connect_unix (const char *path, int timeout_ms)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  struct timespec pause = { .tv_nsec = 50000000 };
  snprintf (address.sun_path, sizeof address.sun_path, "%s", path);
  for (int waited = 0; waited <= timeout_ms; waited += 50) {
    int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect (fd, (struct sockaddr *) &address, sizeof address) == 0)
      return fd;
    close (fd);
    nanosleep (&pause, NULL);
  }
  return -1;
}

int
client_connect (struct client *client, const char *address, int timeout_ms)
{
  int serial = strncmp (address, "serial:", 7) == 0;
  struct ttrpc_io io;
  memset (client, 0, sizeof *client);
  int fd = connect_unix (address + (serial ? 7 : 5), timeout_ms);
  if (fd < 0)
    return -1;
  int result = serial ? kata_serial_link__connect (&io, fd, timeout_ms) : ttrpc_io_from_fd (&io, fd);
  if (result == 0)
    result = ttrpc_client_new (&client->ttrpc, &io);
  if (result < 0)
    snprintf (client->message, sizeof client->message, "connect: %s", strerror (-result));
  return result < 0 ? -1 : 0;
}

void
client_close (struct client *client)
{
  ttrpc_client_free (client->ttrpc);
  client->ttrpc = NULL;
}

ProtobufCMessage *
client_call (struct client *client, const char *method, const ProtobufCMessage *request,
             const ProtobufCMessageDescriptor *type, int timeout_ms)
{
  char service[64];
  const char *slash = strchr (method, '/');
  size_t len = protobuf_c_message_get_packed_size (request);
  uint8_t *data = malloc (len + 1);
  struct ttrpc_reply reply = { 0 };
  ProtobufCMessage *message = NULL;
  snprintf (service, sizeof service, "grpc.%.*s", (int) (slash - method), method);
  protobuf_c_message_pack (request, data);
  ttrpc_client_call (client->ttrpc, service, slash + 1, data, len, timeout_ms, &reply);
  free (data);
  client->code = reply.code;
  snprintf (client->message, sizeof client->message, "%s", reply.message ? reply.message : "");
  if (reply.code == 0 && type)
    message = protobuf_c_message_unpack (type, NULL, reply.payload_len, reply.payload);
  ttrpc_reply_clear (&reply);
  return message;
}

int
client_simple (struct client *client, const char *method, const ProtobufCMessage *request)
{
  client_call (client, method, request, NULL, CALL_TIMEOUT_MS);
  return client->code;
}

/* Everything of a request lives on the caller's stack. */
struct process_parts {
  Grpc__Process process;
  Grpc__User user;
  Grpc__LinuxCapabilities caps;
  char *args[3];
  char *env[1];
  char *cap_names[4];
};

static void
fill_process (struct process_parts *parts, const char *script, int terminal)
{
  grpc__process__init (&parts->process);
  grpc__user__init (&parts->user);
  grpc__linux_capabilities__init (&parts->caps);
  parts->args[0] = (char *) "/bin/sh";
  parts->args[1] = (char *) "-c";
  parts->args[2] = (char *) script;
  parts->env[0] = (char *) "PATH=/bin";
  parts->cap_names[0] = (char *) "CAP_KILL";
  parts->caps.n_bounding = parts->caps.n_effective = parts->caps.n_permitted = 1;
  parts->caps.bounding = parts->caps.effective = parts->caps.permitted = parts->cap_names;
  parts->process.user = &parts->user;
  parts->process.capabilities = &parts->caps;
  parts->process.n_args = 3;
  parts->process.args = parts->args;
  parts->process.n_env = 1;
  parts->process.env = parts->env;
  parts->process.cwd = (char *) "/";
  parts->process.has_terminal = 1;
  parts->process.terminal = terminal;
}

int
client_create (struct client *client, const struct client_container *container)
{
  Grpc__CreateContainerRequest request = GRPC__CREATE_CONTAINER_REQUEST__INIT;
  Grpc__Spec spec = GRPC__SPEC__INIT;
  Grpc__Root root = GRPC__ROOT__INIT;
  Grpc__Linux linux_ = GRPC__LINUX__INIT;
  Grpc__LinuxResources resources = GRPC__LINUX_RESOURCES__INIT;
  Grpc__LinuxMemory memory = GRPC__LINUX_MEMORY__INIT;
  Grpc__LinuxNamespace pid = GRPC__LINUX_NAMESPACE__INIT, network = GRPC__LINUX_NAMESPACE__INIT;
  Grpc__LinuxNamespace *namespaces[] = { &network, &pid };
  Grpc__Mount proc = GRPC__MOUNT__INIT, dev = GRPC__MOUNT__INIT, pts = GRPC__MOUNT__INIT;
  Grpc__Mount *mounts[] = { &proc, &dev, &pts };
  char *pts_options[] = { (char *) "newinstance", (char *) "ptmxmode=0666", (char *) "mode=0620" };
  struct process_parts parts;
  fill_process (&parts, container->script, container->terminal);
  proc.destination = (char *) "/proc";
  proc.type = proc.source = (char *) "proc";
  dev.destination = (char *) "/dev";
  dev.type = dev.source = (char *) "tmpfs";
  pts.destination = (char *) "/dev/pts";
  pts.type = pts.source = (char *) "devpts";
  pts.n_options = 3;
  pts.options = pts_options;
  pid.type = (char *) "pid";
  network.type = (char *) "network";
  network.path = (char *) "/proc/1/ns/of-the-host";
  memory.has_limit = 1;
  memory.limit = container->memory_limit;
  resources.memory = &memory;
  linux_.resources = &resources;
  linux_.n_namespaces = container->own_pids ? 2 : 1;
  linux_.namespaces = namespaces;
  root.path = (char *) container->rootfs;
  spec.process = &parts.process;
  spec.root = &root;
  spec.linux = &linux_;
  spec.n_mounts = 3;
  spec.mounts = mounts;
  request.container_id = (char *) container->id;
  request.oci = &spec;
  request.has_sandbox_pidns = 1;
  request.sandbox_pidns = container->pod_pids;
  request.n_storages = container->n_storages;
  request.storages = container->storages;
  return client_simple (client, "AgentService/CreateContainer", &request.base);
}

int
client_start (struct client *client, const char *id)
{
  Grpc__StartContainerRequest request = GRPC__START_CONTAINER_REQUEST__INIT;
  request.container_id = (char *) id;
  return client_simple (client, "AgentService/StartContainer", &request.base);
}

int
client_remove (struct client *client, const char *id)
{
  Grpc__RemoveContainerRequest request = GRPC__REMOVE_CONTAINER_REQUEST__INIT;
  request.container_id = (char *) id;
  return client_simple (client, "AgentService/RemoveContainer", &request.base);
}

int
client_exec (struct client *client, const char *id, const char *exec_id, const char *script, int terminal)
{
  Grpc__ExecProcessRequest request = GRPC__EXEC_PROCESS_REQUEST__INIT;
  struct process_parts parts;
  fill_process (&parts, script, terminal);
  request.container_id = (char *) id;
  request.exec_id = (char *) exec_id;
  request.process = &parts.process;
  return client_simple (client, "AgentService/ExecProcess", &request.base);
}

int
client_wait (struct client *client, const char *id, const char *exec_id, int timeout_ms)
{
  Grpc__WaitProcessRequest request = GRPC__WAIT_PROCESS_REQUEST__INIT;
  request.container_id = (char *) id;
  request.exec_id = (char *) exec_id;
  ProtobufCMessage *reply = client_call (client, "AgentService/WaitProcess", &request.base,
                                         &grpc__wait_process_response__descriptor, timeout_ms);
  if (!reply)
    return -1;
  int status = ((Grpc__WaitProcessResponse *) reply)->status;
  protobuf_c_message_free_unpacked (reply, NULL);
  return status;
}

int
client_signal (struct client *client, const char *id, const char *exec_id, int number)
{
  Grpc__SignalProcessRequest request = GRPC__SIGNAL_PROCESS_REQUEST__INIT;
  request.container_id = (char *) id;
  request.exec_id = (char *) exec_id;
  request.has_signal = 1;
  request.signal = (uint32_t) number;
  return client_simple (client, "AgentService/SignalProcess", &request.base);
}

int
client_write (struct client *client, const char *id, const char *exec_id, const void *data, size_t len)
{
  Grpc__WriteStreamRequest request = GRPC__WRITE_STREAM_REQUEST__INIT;
  request.container_id = (char *) id;
  request.exec_id = (char *) exec_id;
  request.has_data = 1;
  request.data.len = len;
  request.data.data = (uint8_t *) data;
  return client_simple (client, "AgentService/WriteStdin", &request.base);
}

long
client_read (struct client *client, const char *id, const char *exec_id, int error_stream, char *buffer, size_t size,
             int timeout_ms)
{
  Grpc__ReadStreamRequest request = GRPC__READ_STREAM_REQUEST__INIT;
  request.container_id = (char *) id;
  request.exec_id = (char *) exec_id;
  request.has_len = 1;
  request.len = (uint32_t) size;
  Grpc__ReadStreamResponse *reply = (Grpc__ReadStreamResponse *) client_call (
      client, error_stream ? "AgentService/ReadStderr" : "AgentService/ReadStdout", &request.base,
      &grpc__read_stream_response__descriptor, timeout_ms);
  if (!reply)
    return -1;
  long n = reply->data.len <= size ? (long) reply->data.len : -1;
  if (n > 0)
    memcpy (buffer, reply->data.data, (size_t) n);
  protobuf_c_message_free_unpacked (&reply->base, NULL);
  return n;
}

long
client_read_all (struct client *client, const char *id, const char *exec_id, int error_stream, char *buffer,
                 size_t size)
{
  static const size_t chunk = 1 << 20;
  char *piece = malloc (chunk);
  long total = 0, n;
  size_t kept = 0;
  while ((n = client_read (client, id, exec_id, error_stream, piece, chunk, CALL_TIMEOUT_MS)) > 0) {
    size_t more = (size_t) n < size - 1 - kept ? (size_t) n : size - 1 - kept;
    memcpy (buffer + kept, piece, more);
    kept += more;
    total += n;
  }
  buffer[kept] = 0;
  free (piece);
  return n < 0 ? -1 : total;
}

int
client_resize (struct client *client, const char *id, const char *exec_id, unsigned rows, unsigned columns)
{
  Grpc__TtyWinResizeRequest request = GRPC__TTY_WIN_RESIZE_REQUEST__INIT;
  request.container_id = (char *) id;
  request.exec_id = (char *) exec_id;
  request.has_row = request.has_column = 1;
  request.row = rows;
  request.column = columns;
  return client_simple (client, "AgentService/TtyWinResize", &request.base);
}

int
client_copy (struct client *client, const char *path, const char *data, unsigned mode)
{
  Grpc__CopyFileRequest request = GRPC__COPY_FILE_REQUEST__INIT;
  request.path = (char *) path;
  request.has_file_size = request.has_file_mode = request.has_data = 1;
  request.file_size = (int64_t) strlen (data);
  request.file_mode = mode;
  request.data.len = strlen (data);
  request.data.data = (uint8_t *) data;
  return client_simple (client, "AgentService/CopyFile", &request.base);
}
