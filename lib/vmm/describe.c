/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* describe: from a description to its text, and which descriptors it names. */
#include "vmm/describe.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/raise.h"
#include "vmm/confine/layer.h"
#include "vmm/describe-keys.h"

void
vmm_description__init (struct vmm_description *d)
{
  *d =
      (struct vmm_description){ .size = sizeof *d, .control_fd = -1, .log_fd = -1, .oom_score = VMM_DESCRIBE_OOM_KEEP };
  struct vmm_machine_config *m = &d->machine;
  m->size = sizeof *m;
  m->kvm_fd = m->kernel_fd = m->initrd_fd = m->serial_fd = -1;
  m->vsock.listen_fd = m->console.out_fd = m->console.in_fd = -1;
  for (size_t i = 0; i < VMM_DISKS_MAX; i++)
    m->disks[i].fd = -1;
  for (size_t i = 0; i < VMM_NETS_MAX; i++)
    memset (m->nets[i].tap_fds, -1, sizeof m->nets[i].tap_fds);
  for (size_t i = 0; i < VMM_FS_MAX; i++)
    m->fs[i].socket_fd = -1;
  for (size_t i = 0; i < VMM_PMEM_MAX; i++)
    m->pmem[i].fd = -1;
}

/* ---- every key of a description, in order ---- */

struct walk {
  const struct vmm_description *description;
  int (*visit) (struct walk *walk, const struct vmm_key *key, const void *base, const char *name, bool always);
  FILE *out;
  struct vmm_describe_fd *fds; /* NULL = numbers as they are */
  size_t n_fds;
  bool renumber;
  kata_error **err;
};

static int
walk_struct (struct walk *w, const struct vmm_key_group *g, size_t index, const char *prefix, bool always)
{
  const char *base = (const char *) w->description + g->offset + index * g->stride;
  char name[64];
  for (size_t i = 0; i < g->n_keys; i++) {
    snprintf (name, sizeof name, "%s%s", prefix, g->keys[i].name);
    int code = w->visit (w, &g->keys[i], base, name, always);
    if (code < 0)
      return code;
  }
  return 0;
}

static int
walk_array (struct walk *w, const struct vmm_key_group *g)
{
  size_t count;
  char prefix[32];
  memcpy (&count, (const char *) w->description + g->count_offset, sizeof count);
  if (count > g->max)
    return kata_error__set (w->err, KATA_E_LIMIT, g->name, "describe the machine: %zu of %s, at most %zu", count,
                            g->name, g->max);
  for (size_t i = 0; i < count; i++) {
    snprintf (prefix, sizeof prefix, "%s.%zu.", g->name, i);
    int code = walk_struct (w, g, i, prefix, false);
    if (code < 0)
      return code;
  }
  return 0;
}

static int
walk_all (struct walk *w)
{
  char prefix[32];
  int code = 0;
  for (const struct vmm_key_group *g = vmm_key_groups; g < vmm_key_groups + VMM_KEY_GROUPS && code == 0; g++) {
    if (g->name == NULL)
      code = walk_struct (w, g, 0, "", false);
    else if (g->max > 0)
      code = walk_array (w, g);
    else if (*((const bool *) w->description + g->present_offset)) {
      snprintf (prefix, sizeof prefix, "%s.", g->name);
      code = walk_struct (w, g, 0, prefix, true);
    }
  }
  return code;
}

/* ---- one value ---- */

static uint64_t
load_unsigned (const void *base, const struct vmm_key *key)
{
  const char *p = (const char *) base + key->offset;
  uint64_t value = 0;
  switch (key->width) {
  case 1:
    return *(const uint8_t *) p;
  case 2:
    return *(const uint16_t *) p;
  case 4:
    return *(const uint32_t *) p;
  default:
    memcpy (&value, p, sizeof value);
    return value;
  }
}

static int
wrong (struct walk *w, const char *name, const char *why)
{
  return kata_error__set (w->err, KATA_E_INVALID, name, "describe the machine: %s: %s", name, why);
}

/* The number of @fd in kata-vmm; 0 when there are too many. */
static int
fd_number (struct walk *w, int fd)
{
  size_t i = 0;
  if (!w->renumber)
    return fd;
  while (i < w->n_fds && w->fds[i].fd != fd)
    i++;
  if (i == VMM_DESCRIBE_FDS_MAX)
    return 0;
  if (i == w->n_fds)
    w->fds[w->n_fds++] = (struct vmm_describe_fd){ fd, VMM_DESCRIBE_FD_FIRST + (int) i };
  return w->fds[i].target;
}

static int
write_fd (struct walk *w, const char *name, int fd, const char *separator)
{
  int number = fd_number (w, fd);
  if (number == 0)
    return kata_error__set (w->err, KATA_E_LIMIT, name, "describe the machine: %s: more than %d descriptors", name,
                            VMM_DESCRIBE_FDS_MAX);
  if (number < VMM_DESCRIBE_FD_FIRST || number > VMM_DESCRIBE_FD_LAST)
    return kata_error__set (w->err, KATA_E_INVALID, name, "describe the machine: %s: descriptor %d is not in [%d, %d]",
                            name, number, VMM_DESCRIBE_FD_FIRST, VMM_DESCRIBE_FD_LAST);
  fprintf (w->out, "%s%d", separator, number);
  return 0;
}

static int
write_one_fd (struct walk *w, const struct vmm_key *key, const void *base, const char *name)
{
  int fd = *(const int *) (const void *) ((const char *) base + key->offset);
  if (fd < 0)
    return key->required ? wrong (w, name, "missing") : 0;
  fputs (name, w->out);
  int code = write_fd (w, name, fd, "=");
  fputc ('\n', w->out);
  return code;
}

static int
write_fds (struct walk *w, const struct vmm_key *key, const void *base, const char *name)
{
  const int *fds = (const void *) ((const char *) base + key->offset);
  unsigned count = *(const unsigned *) (const void *) ((const char *) base + key->count_offset);
  if (count == 0 || count > key->max)
    return wrong (w, name, "missing, or too many");
  fputs (name, w->out);
  for (unsigned i = 0; i < count; i++) {
    int code = fds[i] < 0 ? wrong (w, name, "missing") : write_fd (w, name, fds[i], i == 0 ? "=" : ",");
    if (code < 0)
      return code;
  }
  fputc ('\n', w->out);
  return 0;
}

static int
write_number (struct walk *w, const struct vmm_key *key, const void *base, const char *name, bool always)
{
  uint64_t value = load_unsigned (base, key);
  if (value == 0 && !always && !key->required)
    return 0;
  if (value < key->min || value > key->max)
    return kata_error__set (w->err, KATA_E_INVALID, name,
                            "describe the machine: %s: %" PRIu64 " is not in [%" PRIu64 ", %" PRIu64 "]", name, value,
                            key->min, key->max);
  fprintf (w->out, "%s=%" PRIu64 "\n", name, value);
  return 0;
}

static int
write_text (struct walk *w, const struct vmm_key *key, const void *base, const char *name)
{
  const char *text = (const char *) base + key->offset;
  size_t len = strnlen (text, key->width);
  if (len == key->width)
    return wrong (w, name, "too long");
  for (size_t i = 0; i < len; i++)
    if ((unsigned char) text[i] < 0x20 || text[i] == 0x7f)
      return wrong (w, name, "holds a control character");
  if (len == 0)
    return key->required ? wrong (w, name, "missing") : 0;
  fprintf (w->out, "%s=%s\n", name, text);
  return 0;
}

static int
write_word (struct walk *w, const struct vmm_key *key, const void *base, const char *name)
{
  uint64_t value = load_unsigned (base, key), i = 0;
  while (key->words[i] != NULL && i < value)
    i++;
  if (key->words[i] == NULL)
    return wrong (w, name, "no such value");
  fprintf (w->out, "%s=%s\n", name, key->words[i]);
  return 0;
}

static int
write_layers (struct walk *w, const struct vmm_key *key, const void *base, const char *name)
{
  uint64_t value = load_unsigned (base, key);
  const char *separator = "=";
  if (value >> VMM_LAYER_COUNT != 0)
    return wrong (w, name, "no such layer");
  if (value == 0)
    return 0;
  fputs (name, w->out);
  for (int i = 0; i < VMM_LAYER_COUNT; i++)
    if ((value >> i & 1) != 0) {
      fprintf (w->out, "%s%s", separator, vmm_layer__name ((enum vmm_layer) i));
      separator = ",";
    }
  fputc ('\n', w->out);
  return 0;
}

static int
write_key (struct walk *w, const struct vmm_key *key, const void *base, const char *name, bool always)
{
  const uint8_t *bytes = (const uint8_t *) base + key->offset;
  int32_t number;
  switch (key->kind) {
  case VMM_KEY_FD:
    return write_one_fd (w, key, base, name);
  case VMM_KEY_FDS:
    return write_fds (w, key, base, name);
  case VMM_KEY_UNSIGNED:
    return write_number (w, key, base, name, always);
  case VMM_KEY_TEXT:
    return write_text (w, key, base, name);
  case VMM_KEY_WORD:
    return write_word (w, key, base, name);
  case VMM_KEY_LAYERS:
    return write_layers (w, key, base, name);
  case VMM_KEY_BOOLEAN:
    if (*(const bool *) bytes)
      fprintf (w->out, "%s=1\n", name);
    return 0;
  case VMM_KEY_MAC:
    fprintf (w->out, "%s=%02x:%02x:%02x:%02x:%02x:%02x\n", name, bytes[0], bytes[1], bytes[2], bytes[3], bytes[4],
             bytes[5]);
    return 0;
  case VMM_KEY_SIGNED:
    memcpy (&number, bytes, sizeof number);
    if (number == VMM_DESCRIBE_OOM_KEEP)
      return 0;
    if (number < -(int32_t) key->min || number > (int32_t) key->max)
      return wrong (w, name, "out of range");
    fprintf (w->out, "%s=%" PRId32 "\n", name, number);
    return 0;
  }
  return wrong (w, name, "unknown kind of key");
}

/* ---- the two walks ---- */

int
vmm_describe__write (char **out, struct vmm_describe_fd *fds, size_t *n_fds, const struct vmm_description *description,
                     kata_error **err)
{
  struct vmm_describe_fd map[VMM_DESCRIBE_FDS_MAX];
  struct vmm_description copy = *description;
  const char *cmdline = description->machine.cmdline != NULL ? description->machine.cmdline : "";
  char *text = NULL;
  size_t len = 0;
  if (strlen (cmdline) >= sizeof copy.cmdline)
    return kata_error__set (err, KATA_E_LIMIT, "cmdline", "describe the machine: cmdline: more than %d bytes",
                            VMM_CMDLINE_MAX - 1);
  strcpy (copy.cmdline, cmdline);
  struct walk w = { &copy, write_key, open_memstream (&text, &len), map, 0, fds != NULL, err };
  if (w.out == NULL)
    return kata_error__set (err, KATA_E_NO_MEMORY, NULL, "describe the machine: no memory");
  fprintf (w.out, "kata-vmm=%d\n", VMM_DESCRIBE_VERSION);
  int code = walk_all (&w);
  if (fclose (w.out) != 0 && code == 0)
    code = kata_error__set (err, KATA_E_NO_MEMORY, NULL, "describe the machine: no memory");
  if (code == 0 && len > VMM_DESCRIBE_MAX)
    code = kata_error__set (err, KATA_E_LIMIT, NULL, "describe the machine: more than %d bytes", VMM_DESCRIBE_MAX);
  if (code < 0) {
    free (text);
    return code;
  }
  if (fds != NULL) {
    memcpy (fds, map, w.n_fds * sizeof map[0]);
    *n_fds = w.n_fds;
  }
  *out = text;
  return 0;
}

static int
collect_key (struct walk *w, const struct vmm_key *key, const void *base, const char *name, bool always)
{
  const int *fds = (const void *) ((const char *) base + key->offset);
  unsigned count = key->kind == VMM_KEY_FD ? 1 : 0;
  if (key->kind == VMM_KEY_FDS)
    count = *(const unsigned *) (const void *) ((const char *) base + key->count_offset);
  for (unsigned i = 0; i < count; i++)
    if (fds[i] >= 0)
      fd_number (w, fds[i]);
  return 0;
}

static int
compare_fd (const void *a, const void *b)
{
  int x = *(const int *) a, y = *(const int *) b;
  return (x > y) - (x < y);
}

size_t
vmm_describe__fds (const struct vmm_description *description, int out[VMM_DESCRIBE_FDS_MAX])
{
  struct vmm_describe_fd map[VMM_DESCRIBE_FDS_MAX];
  struct walk w = { description, collect_key, NULL, map, 0, true, NULL };
  walk_all (&w);
  for (size_t i = 0; i < w.n_fds; i++)
    out[i] = map[i].fd;
  qsort (out, w.n_fds, sizeof out[0], compare_fd);
  return w.n_fds;
}
