/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vsock-line: reads "CONNECT <port>" and "LISTEN <port>", strictly; pure. */
#include <string.h>

#include "vmm/virtio/vsock-device.h"

enum vmm_vsock_verb
vmm_vsock_line__parse (const char *text, size_t len, uint32_t *port)
{
  static const struct {
    const char *word;
    size_t len;
    enum vmm_vsock_verb verb;
  } verbs[] = { { "CONNECT ", 8, VMM_VSOCK_VERB_CONNECT }, { "LISTEN ", 7, VMM_VSOCK_VERB_LISTEN } };
  enum vmm_vsock_verb verb = VMM_VSOCK_VERB_NONE;
  uint64_t value = 0;
  size_t i = 0;

  for (size_t v = 0; v < sizeof verbs / sizeof *verbs; v++)
    if (len > verbs[v].len && memcmp (text, verbs[v].word, verbs[v].len) == 0) {
      verb = verbs[v].verb;
      i = verbs[v].len;
    }
  if (verb == VMM_VSOCK_VERB_NONE || len - i > 10)
    return VMM_VSOCK_VERB_NONE;
  for (; i < len; i++) {
    if (text[i] < '0' || text[i] > '9')
      return VMM_VSOCK_VERB_NONE;
    value = value * 10 + (uint64_t) (text[i] - '0');
  }
  if (value == 0 || value >= VMM_VSOCK_PORT_ANY)
    return VMM_VSOCK_VERB_NONE;
  *port = (uint32_t) value;
  return verb;
}
