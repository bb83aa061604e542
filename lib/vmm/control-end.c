/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* control: kata-vmm's end of the start socket, and its last words. */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/raise.h"
#include "vmm/control.h"
#include "vmm/describe.h"

#define END_PREFIX "kata-vmm ended: "

int
vmm_start__receive (int fd, char *text, size_t *len, kata_error **err)
{
  ssize_t n;
  do
    n = read (fd, text, VMM_DESCRIBE_MAX + 1); /* a packet; what is longer is cut */
  while (n < 0 && errno == EINTR);
  if (n < 0)
    return kata_error__errno (err, KATA_E_INVALID, NULL, errno, "start socket (descriptor %d)", fd);
  if (n == 0)
    return kata_error__set (err, KATA_E_CANCELLED, NULL, "start socket: the creator went away");
  if (n > VMM_DESCRIBE_MAX)
    return kata_error__set (err, KATA_E_LIMIT, NULL, "start socket: a description of more than %d bytes",
                            VMM_DESCRIBE_MAX);
  *len = (size_t) n;
  return 0;
}

void
vmm_start__answer (int fd, const kata_error *error)
{
  struct vmm_start_reply reply = { .size = htole32 (sizeof reply), .version = htole32 (VMM_CONTROL_VERSION) };
  reply.code = (int32_t) htole32 ((uint32_t) kata_error_get_code (error));
  if (error != NULL) {
    const char *key = kata_error_get_key (error);
    strncpy (reply.text, kata_error_get_message (error), sizeof reply.text - 1);
    strncpy (reply.key, key != NULL ? key : "", sizeof reply.key - 1);
  }
  ssize_t ignored = write (fd, &reply, sizeof reply);
  (void) ignored;
}

static const struct {
  enum vmm_end end;
  enum vmm_exit_reason reason;
  const char *name;
} ends[] = {
  { VMM_END_POWEROFF, VMM_EXIT_POWEROFF, "poweroff" },
  { VMM_END_RESET, VMM_EXIT_RESET, "reset" },
  { VMM_END_TRIPLE_FAULT, VMM_EXIT_TRIPLE_FAULT, "triple-fault" },
  { VMM_END_STOPPED, VMM_EXIT_STOPPED, "stopped" },
  { VMM_END_KVM, VMM_EXIT_KVM, "kvm" },
  { VMM_END_CONFINE, VMM_EXIT_CONFINE, "confine" },
  { VMM_END_START, VMM_EXIT_RUNNING, "start" },
  { VMM_END_LOST, VMM_EXIT_RUNNING, "lost" },
  { VMM_END_SERVER, VMM_EXIT_SERVER, "server" },
};

#define N_ENDS (sizeof ends / sizeof ends[0])

enum vmm_end
vmm_end__of (enum vmm_exit_reason reason)
{
  for (size_t i = 0; i < N_ENDS; i++)
    if (ends[i].reason == reason && reason != VMM_EXIT_RUNNING)
      return ends[i].end;
  return VMM_END_KVM; /* run() returned without a reason: no orderly end in any case */
}

const char *
vmm_end__name (int status)
{
  for (size_t i = 0; i < N_ENDS; i++)
    if ((int) ends[i].end == status)
      return ends[i].name;
  return NULL;
}

size_t
vmm_end__line (char line[VMM_END_LINE_MAX], enum vmm_end end, const char *text)
{
  const char *name = vmm_end__name (end);
  int n = snprintf (line, VMM_END_LINE_MAX, END_PREFIX "%s: %s", name != NULL ? name : "unknown", text);
  size_t len = n < 0 ? 0 : (size_t) n < VMM_END_LINE_MAX - 1 ? (size_t) n : VMM_END_LINE_MAX - 2;
  for (size_t i = 0; i < len; i++)
    if ((unsigned char) line[i] < 0x20)
      line[i] = ' ';
  line[len] = '\n';
  line[len + 1] = '\0';
  return len + 1;
}

/* One line without its newline: "kata-vmm ended: reset: text". */
static bool
read_line (const char *line, size_t len, enum vmm_end *end, char text[VMM_END_LINE_MAX])
{
  const size_t prefix = sizeof END_PREFIX - 1;
  if (len < prefix || memcmp (line, END_PREFIX, prefix) != 0)
    return false;
  for (size_t i = 0; i < N_ENDS; i++) {
    size_t name = strlen (ends[i].name), skip = prefix + name;
    if (len < skip + 2 || memcmp (line + prefix, ends[i].name, name) != 0 || memcmp (line + skip, ": ", 2) != 0)
      continue;
    size_t rest = len - skip - 2 < VMM_END_LINE_MAX - 1 ? len - skip - 2 : VMM_END_LINE_MAX - 1;
    memcpy (text, line + skip + 2, rest);
    text[rest] = '\0';
    *end = ends[i].end;
    return true;
  }
  return false;
}

bool
vmm_end__find (const char *log, size_t len, enum vmm_end *end, char text[VMM_END_LINE_MAX])
{
  while (len > 0) {
    const char *newline = memrchr (log, '\n', len);
    if (newline == NULL)
      return false;
    const char *before = memrchr (log, '\n', (size_t) (newline - log));
    const char *line = before != NULL ? before + 1 : log;
    if (read_line (line, (size_t) (newline - line), end, text))
      return true;
    len = (size_t) (newline - log);
  }
  return false;
}
