/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* manifest: reads the guest.json that the image builder writes beside kernel and initrd. */
#include <string.h>

#include "base/json.h"
#include "plan/build.h"

static uint64_t
feature_bit (const char *name)
{
  static const struct {
    const char *name;
    uint64_t bit;
  } features[] = { { "virtio-fs", KATA_GUEST_VIRTIOFS }, { "9p", KATA_GUEST_9P },
                   { "vsock", KATA_GUEST_VSOCK },        { "virtio-serial", KATA_GUEST_SERIAL_AGENT },
                   { "virtio-blk", KATA_GUEST_BLOCK },   { "virtio-net", KATA_GUEST_NET },
                   { "virtio-scsi", KATA_GUEST_SCSI },   { "seccomp", KATA_GUEST_SECCOMP } };
  for (size_t i = 0; i < G_N_ELEMENTS (features); i++)
    if (strcmp (features[i].name, name) == 0)
      return features[i].bit;
  return 0; /* a newer image may have more */
}

/* "vmlinuz" or {"file": "vmlinuz", …}; relative to the manifest. */
static const char *
read_file (struct kata_json_reader *r, const kata_json *root, const char *name, const char *dir)
{
  const kata_json *value = kata_json__get (root, name);
  const char *file = value != NULL && value->type == KATA_JSON_OBJECT ? kata_json__get_string (r, value, "file")
                                                                      : kata_json__string (r, value);
  if (file == NULL)
    return NULL;
  const char *path = file[0] == '/' ? file : kata_arena__printf (r->arena, "%s/%s", dir, file);
  if (!kata_plan__path_is_clean (path))
    kata_json__fail (r, value, "\"%.128s\" is no clean path", path);
  return path;
}

/* Debian's kernels lack CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES; that of guest/kernel has it. */
static uint64_t
kernel_bits (struct kata_json_reader *r, const kata_json *root)
{
  const kata_json *kernel = kata_json__get (root, "kernel");
  const char *flavour =
      kernel != NULL && kernel->type == KATA_JSON_OBJECT ? kata_json__get_string (r, kernel, "flavour") : NULL;
  return flavour == NULL || strcmp (flavour, "custom") == 0 ? KATA_GUEST_MMIO_WORDS : 0;
}

int
kata_guest_facts__parse (struct kata_guest_facts *out, kata_arena *arena, const char *dir, const char *text, size_t len,
                         kata_error **err)
{
  struct kata_json_reader r = { .arena = arena, .code = KATA_E_GUEST, .err = err };
  /* Every guest of the image builder has our agent: it finds disks by serial number and has cgroup v2; crun has seccomp. */
  struct kata_guest_facts facts = { .features = KATA_GUEST_BY_KATA | KATA_GUEST_CGROUP2 | KATA_GUEST_SECCOMP };
  const kata_json *root = NULL;

  int rc = kata_json__parse (&root, arena, text, len, NULL, KATA_E_GUEST, err);
  if (rc < 0)
    return rc;
  if (kata_json__is (&r, root, KATA_JSON_OBJECT) && kata_json__get (root, "features") == NULL)
    kata_json__missing (&r, root, "features");
  char **features = kata_json__get_strv (&r, root, "features");
  for (char **feature = features; feature != NULL && *feature != NULL; feature++)
    facts.features |= feature_bit (*feature);
  facts.features |= kernel_bits (&r, root);
  facts.kernel = read_file (&r, root, "kernel", dir);
  facts.initrd = read_file (&r, root, "initrd", dir);
  facts.image = read_file (&r, root, "image", dir);
  facts.arch = kata_json__get_string (&r, root, "arch");
  if (facts.arch != NULL &&
      (facts.arch[0] == '\0' || strlen (facts.arch) > 16 || !kata_plan__is_printable (facts.arch)))
    kata_json__fail (&r, kata_json__get (root, "arch"), "is no architecture");
  facts.cmdline = kata_json__get_string (&r, root, "cmdline");
  if (facts.cmdline != NULL && !kata_plan__is_printable (facts.cmdline))
    kata_json__fail (&r, kata_json__get (root, "cmdline"), "has a control character");
  if (r.result < 0)
    return r.result;
  *out = facts;
  return 0;
}
