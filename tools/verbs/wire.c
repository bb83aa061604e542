/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* wire: messages between a verb and a keeper. */
#include "verbs/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "verbs/entry.h"
#include "members.h"
#include "output.h"

union control {
  struct cmsghdr header;
  char bytes[CMSG_SPACE (sizeof (int) * WIRE_FDS_MAX)];
};

static int
send_all (int fd, const void *data, size_t length)
{
  const char *at = data;
  while (length > 0) {
    ssize_t n = send (fd, at, length, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return -1;
    at += n;
    length -= (size_t) n;
  }
  return 0;
}

/* The length goes first and carries the descriptors. */
static int
send_length (int fd, uint32_t length, const int *fds, int n_fds)
{
  union control control = { 0 };
  struct iovec part = { .iov_base = &length, .iov_len = sizeof length };
  struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
  if (n_fds > 0) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE (sizeof (int) * (size_t) n_fds);
    struct cmsghdr *header = CMSG_FIRSTHDR (&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN (sizeof (int) * (size_t) n_fds);
    memcpy (CMSG_DATA (header), fds, sizeof (int) * (size_t) n_fds);
  }
  ssize_t n;
  while ((n = sendmsg (fd, &message, MSG_NOSIGNAL)) < 0 && errno == EINTR)
    ;
  return n == (ssize_t) sizeof length ? 0 : -1;
}

int
wire_send (int fd, JsonBuilder *builder, const int *fds, int n_fds)
{
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  JsonNode *root = json_builder_get_root (builder);
  gsize length = 0;
  json_generator_set_root (generator, root);
  g_autofree char *text = json_generator_to_data (generator, &length);
  json_node_unref (root);
  if (length > WIRE_MAX) {
    errno = EMSGSIZE;
    return -1;
  }
  return send_length (fd, (uint32_t) length, fds, n_fds) < 0 ? -1 : send_all (fd, text, length);
}

static void
take_fds (wire_message *message, struct msghdr *header)
{
  for (struct cmsghdr *c = CMSG_FIRSTHDR (header); c; c = CMSG_NXTHDR (header, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
      continue;
    size_t n = (c->cmsg_len - CMSG_LEN (0)) / sizeof (int);
    for (size_t i = 0; i < n; i++) {
      int fd;
      memcpy (&fd, CMSG_DATA (c) + i * sizeof fd, sizeof fd);
      if (message->n_fds < WIRE_FDS_MAX)
        message->fds[message->n_fds++] = fd;
      else
        close (fd);
    }
  }
}

static int
receive_length (int fd, wire_message *message, uint32_t *length)
{
  union control control = { 0 };
  struct iovec part = { .iov_base = length, .iov_len = sizeof *length };
  struct msghdr header = {
    .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes
  };
  ssize_t n;
  while ((n = recvmsg (fd, &header, MSG_CMSG_CLOEXEC | MSG_WAITALL)) < 0 && errno == EINTR)
    ;
  take_fds (message, &header);
  if (n == 0)
    errno = ECONNRESET;
  else if (n > 0 && (n != (ssize_t) sizeof *length || *length > WIRE_MAX || *length == 0))
    errno = EPROTO;
  else if (n > 0)
    return 0;
  return -1;
}

int
wire_receive (int fd, wire_message *message)
{
  uint32_t length = 0;
  *message = (wire_message){ 0 };
  if (receive_length (fd, message, &length) < 0)
    return -1;
  g_autofree char *text = g_malloc ((gsize) length + 1);
  size_t got = 0;
  while (got < length) {
    ssize_t n = recv (fd, text + got, length - got, 0);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      errno = n == 0 ? ECONNRESET : errno;
      return -1;
    }
    got += (size_t) n;
  }
  text[length] = 0;
  message->object = members_parse (text, &message->parser);
  errno = EPROTO;
  return message->object ? 0 : -1;
}

void
wire_clear (wire_message *message)
{
  for (int i = 0; i < message->n_fds; i++)
    if (message->fds[i] >= 0)
      close (message->fds[i]);
  g_clear_object (&message->parser);
  *message = (wire_message){ 0 };
}

int
wire_peer_is_ours (int fd)
{
  struct ucred peer;
  socklen_t length = sizeof peer;
  return getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.uid == geteuid ();
}

JsonBuilder *
wire_request (const char *op, const char *id)
{
  JsonBuilder *builder = json_builder_new ();
  json_builder_begin_object (builder);
  wire_add_text (builder, "op", op);
  if (id)
    wire_add_text (builder, "id", id);
  return builder;
}

void
wire_add_text (JsonBuilder *builder, const char *name, const char *value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, value);
}

void
wire_add_int (JsonBuilder *builder, const char *name, int64_t value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_int_value (builder, value);
}

/* By way of the folder's descriptor: a socket's path is short, a state folder's may be long. */
static int
connect_keeper (oci *oci, const char *sandbox)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int pods = entry_folder (oci, "pods");
  if (pods < 0)
    return -1;
  int length = g_snprintf (address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s/sock", pods, sandbox);
  if (length >= (int) sizeof address.sun_path) { /* an id of 128 bytes: from inside its folder */
    g_autofree char *folder = g_strdup_printf ("/proc/self/fd/%d/%s", pods, sandbox);
    int inner = g_open (folder, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    close (pods);
    pods = inner;
    g_snprintf (address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/sock", pods);
  }
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && (connect (fd, (struct sockaddr *) &address, sizeof address) < 0 || !wire_peer_is_ours (fd))) {
    close (fd);
    fd = -1;
  }
  if (pods >= 0)
    close (pods);
  return fd;
}

int
wire_call (oci *oci, int exit_code, const char *sandbox, JsonBuilder *builder, const int *fds, int n_fds,
           wire_message *reply)
{
  wire_message mine = { 0 };
  json_builder_end_object (builder);
  int fd = connect_keeper (oci, sandbox);
  int rc = fd < 0 ? -1 : wire_send (fd, builder, fds, n_fds);
  g_object_unref (builder);
  if (rc == 0)
    rc = wire_receive (fd, &mine);
  if (fd >= 0)
    close (fd);
  const char *error = rc == 0 ? members_string (mine.object, "error") : NULL;
  if (error)
    rc = oci_fail (oci, exit_code, "%s", error);
  if (rc == 0 && reply)
    *reply = mine;
  else
    wire_clear (&mine);
  return rc;
}
