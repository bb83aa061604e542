/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layer: names, and the error for one that is missing. */
#include "vmm/confine/layer.h"

#include <string.h>

#include "base/raise.h"

static const char *const names[VMM_LAYER_COUNT] = {
  "userns",  "pidns",    "mountns", "netns",    "ipcns",        "utsns",
  "keyring", "landlock", "rlimits", "identity", "capabilities", "seccomp",
};

const char *
vmm_layer__name (enum vmm_layer layer)
{
  return (unsigned) layer < VMM_LAYER_COUNT ? names[layer] : NULL;
}

int
vmm_layer__find (const char *name, size_t len)
{
  for (int i = 0; i < VMM_LAYER_COUNT; i++)
    if (strlen (names[i]) == len && memcmp (names[i], name, len) == 0)
      return i;
  return -1;
}

int
vmm_layer__missing (kata_error **err, enum vmm_layer layer, int errnum, const char *what)
{
  const char *name = vmm_layer__name (layer);
  if (errnum != 0)
    return kata_error__errno (err, KATA_E_HOST, VMM_LAYER_KEY, errnum,
                              "jail, layer %s (allow it on the host, or waive it: " VMM_LAYER_KEY " = [\"%s\"]): %s",
                              name, name, what);
  return kata_error__set (err, KATA_E_HOST, VMM_LAYER_KEY,
                          "jail, layer %s: %s; allow it on the host, or waive it: " VMM_LAYER_KEY " = [\"%s\"]", name,
                          what, name);
}
