/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* describe: from a text to a description. The text is the host's own word, and checked as if it were not. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/raise.h"
#include "vmm/confine/layer.h"
#include "vmm/describe-keys.h"
#include "vmm/describe.h"

#define LINES_MAX 1024

struct parser {
  struct vmm_description *out;
  /* Which keys of which struct have been seen: bit = place in the group's table. */
  uint32_t seen[VMM_KEY_GROUPS][VMM_DISKS_MAX];
  const char *key, *value;
  size_t key_len, value_len;
  kata_error **err;
};

static int
wrong (const struct parser *p, int code, const char *why)
{
  char name[64];
  size_t len = p->key_len < sizeof name ? p->key_len : sizeof name - 1;
  memcpy (name, p->key, len);
  name[len] = '\0';
  return kata_error__set (p->err, code, name, "machine description: %s: %s", name, why);
}

/* Decimal digits only, no sign, no space, no leading zero: one number has one spelling. */
static bool
read_number (const char *s, size_t len, uint64_t *out)
{
  uint64_t value = 0;
  if (len == 0 || len > 20 || (len > 1 && s[0] == '0'))
    return false;
  for (size_t i = 0; i < len; i++)
    if (s[i] < '0' || s[i] > '9' || __builtin_mul_overflow (value, 10u, &value) ||
        __builtin_add_overflow (value, (uint64_t) (s[i] - '0'), &value))
      return false;
  *out = value;
  return true;
}

static bool
read_fd (const char *s, size_t len, int *out)
{
  uint64_t value;
  if (!read_number (s, len, &value) || value < VMM_DESCRIBE_FD_FIRST || value > VMM_DESCRIBE_FD_LAST)
    return false;
  *out = (int) value;
  return true;
}

static void
store_unsigned (char *to, size_t width, uint64_t value)
{
  switch (width) {
  case 1:
    *(uint8_t *) to = (uint8_t) value;
    break;
  case 2:
    *(uint16_t *) (void *) to = (uint16_t) value;
    break;
  case 4:
    *(uint32_t *) (void *) to = (uint32_t) value;
    break;
  default:
    memcpy (to, &value, sizeof value);
  }
}

static int
take_fds (struct parser *p, const struct vmm_key *key, char *base)
{
  int *fds = (void *) (base + key->offset);
  unsigned *count = (void *) (base + key->count_offset), n = 0;
  const char *s = p->value, *end = s + p->value_len;
  do {
    const char *comma = memchr (s, ',', (size_t) (end - s));
    size_t len = (size_t) ((comma != NULL ? comma : end) - s);
    if (n == key->max || !read_fd (s, len, &fds[n]))
      return wrong (p, KATA_E_INVALID, "not a list of descriptors, or too long a one");
    n++;
    s = comma != NULL ? comma + 1 : NULL;
  } while (s != NULL);
  *count = n;
  return 0;
}

static int
take_layers (struct parser *p, const struct vmm_key *key, char *base)
{
  uint32_t *layers = (void *) (base + key->offset);
  const char *s = p->value, *end = s + p->value_len;
  do {
    const char *comma = memchr (s, ',', (size_t) (end - s));
    int layer = vmm_layer__find (s, (size_t) ((comma != NULL ? comma : end) - s));
    if (layer < 0)
      return wrong (p, KATA_E_INVALID, "no such layer");
    *layers |= UINT32_C (1) << layer;
    s = comma != NULL ? comma + 1 : NULL;
  } while (s != NULL);
  return 0;
}

static int
take_mac (struct parser *p, char *to)
{
  for (size_t i = 0; i < 17 && p->value_len == 17; i++) {
    char c = p->value[i];
    bool colon = i % 3 == 2;
    int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (colon ? c != ':' : digit < 0)
      break;
    if (!colon)
      to[i / 3] = (char) (i % 3 == 0 ? digit << 4 : to[i / 3] | digit);
    if (i == 16)
      return 0;
  }
  return wrong (p, KATA_E_INVALID, "not an address such as 02:00:00:00:00:01");
}

static int
take_text (struct parser *p, const struct vmm_key *key, char *to)
{
  if (p->value_len >= key->width)
    return wrong (p, KATA_E_LIMIT, "too long");
  for (size_t i = 0; i < p->value_len; i++)
    if ((unsigned char) p->value[i] < 0x20 || p->value[i] == 0x7f)
      return wrong (p, KATA_E_INVALID, "holds a control character");
  memcpy (to, p->value, p->value_len);
  to[p->value_len] = '\0';
  return 0;
}

static int
take_number (struct parser *p, const struct vmm_key *key, char *to)
{
  uint64_t value;
  bool negative = key->kind == VMM_KEY_SIGNED && p->value_len > 0 && p->value[0] == '-';
  if (!read_number (p->value + negative, p->value_len - negative, &value))
    return wrong (p, KATA_E_INVALID, "not a number");
  if (key->kind == VMM_KEY_SIGNED) {
    if (value > (negative ? key->min : key->max) || (negative && value == 0))
      return wrong (p, KATA_E_INVALID, "out of range");
    int32_t number = negative ? -(int32_t) value : (int32_t) value;
    memcpy (to, &number, sizeof number);
    return 0;
  }
  if (value < key->min || value > key->max)
    return wrong (p, KATA_E_INVALID, "out of range");
  store_unsigned (to, key->width, value);
  return 0;
}

static int
take_word (struct parser *p, const struct vmm_key *key, char *to)
{
  for (uint64_t i = 0; key->words[i] != NULL; i++)
    if (strlen (key->words[i]) == p->value_len && memcmp (key->words[i], p->value, p->value_len) == 0) {
      store_unsigned (to, key->width, i);
      return 0;
    }
  return wrong (p, KATA_E_INVALID, "no such value");
}

static int
take_value (struct parser *p, const struct vmm_key *key, char *base)
{
  char *to = base + key->offset;
  switch (key->kind) {
  case VMM_KEY_FD:
    return read_fd (p->value, p->value_len, (int *) (void *) to) ? 0 : wrong (p, KATA_E_INVALID, "not a descriptor");
  case VMM_KEY_FDS:
    return take_fds (p, key, base);
  case VMM_KEY_UNSIGNED:
  case VMM_KEY_SIGNED:
    return take_number (p, key, to);
  case VMM_KEY_BOOLEAN:
    if (p->value_len != 1 || (p->value[0] != '0' && p->value[0] != '1'))
      return wrong (p, KATA_E_INVALID, "neither 0 nor 1");
    *(bool *) to = p->value[0] == '1';
    return 0;
  case VMM_KEY_TEXT:
    return take_text (p, key, to);
  case VMM_KEY_MAC:
    return take_mac (p, to);
  case VMM_KEY_WORD:
    return take_word (p, key, to);
  case VMM_KEY_LAYERS:
    return take_layers (p, key, base);
  }
  return wrong (p, KATA_E_INTERNAL, "unknown kind of key");
}

/* Takes "disk.3." off the front of the key: 0, *index and the length of what was taken; -1 when the group is another. */
static int
match_group (const struct parser *p, const struct vmm_key_group *g, size_t *index, size_t *taken)
{
  *index = *taken = 0;
  if (g->name == NULL)
    return 0;
  size_t len = strlen (g->name);
  if (p->key_len <= len + 1 || memcmp (p->key, g->name, len) != 0 || p->key[len] != '.')
    return -1;
  *taken = len + 1;
  if (g->max == 0)
    return 0;
  const char *digits = p->key + *taken, *dot = memchr (digits, '.', p->key_len - *taken);
  uint64_t number;
  if (dot == NULL || !read_number (digits, (size_t) (dot - digits), &number) || number >= g->max)
    return -1;
  *index = (size_t) number;
  *taken = (size_t) (dot + 1 - p->key);
  return 0;
}

/* A struct comes into being with its first key; an array grows by one at a time. */
static int
enter_struct (struct parser *p, const struct vmm_key_group *g, size_t index)
{
  size_t count;
  if (g->present_offset != 0)
    *(bool *) ((char *) p->out + g->present_offset) = true;
  if (g->max == 0)
    return 0;
  memcpy (&count, (char *) p->out + g->count_offset, sizeof count);
  if (index > count)
    return wrong (p, KATA_E_INVALID, "the one before it is missing");
  if (index == count) {
    count++;
    memcpy ((char *) p->out + g->count_offset, &count, sizeof count);
  }
  return 0;
}

static int
take_line (struct parser *p)
{
  for (size_t gi = 0; gi < VMM_KEY_GROUPS; gi++) {
    const struct vmm_key_group *g = &vmm_key_groups[gi];
    size_t index, taken;
    if (match_group (p, g, &index, &taken) < 0)
      continue;
    for (size_t ki = 0; ki < g->n_keys; ki++) {
      const struct vmm_key *key = &g->keys[ki];
      if (strlen (key->name) != p->key_len - taken || memcmp (key->name, p->key + taken, p->key_len - taken) != 0)
        continue;
      if ((p->seen[gi][index] >> ki & 1) != 0)
        return wrong (p, KATA_E_INVALID, "there twice");
      p->seen[gi][index] |= UINT32_C (1) << ki;
      int code = enter_struct (p, g, index);
      return code < 0 ? code : take_value (p, key, (char *) p->out + g->offset + index * g->stride);
    }
  }
  return wrong (p, KATA_E_INVALID, "unknown key");
}

static int
check_required (const struct parser *p)
{
  for (size_t gi = 0; gi < VMM_KEY_GROUPS; gi++) {
    const struct vmm_key_group *g = &vmm_key_groups[gi];
    size_t count = g->name == NULL;
    if (g->present_offset != 0)
      count = *((const bool *) p->out + g->present_offset);
    else if (g->max > 0)
      memcpy (&count, (const char *) p->out + g->count_offset, sizeof count);
    for (size_t i = 0; i < count; i++)
      for (size_t ki = 0; ki < g->n_keys; ki++)
        if (g->keys[ki].required && (p->seen[gi][i] >> ki & 1) == 0)
          return kata_error__set (p->err, KATA_E_INVALID, g->keys[ki].name,
                                  "machine description: %s %zu: %s is missing", g->name != NULL ? g->name : "machine",
                                  i, g->keys[ki].name);
  }
  return 0;
}

/* Cuts the line at *@text; false when it is not `key=value` with an end. */
static bool
next_line (struct parser *p, const char **text, const char *end)
{
  const char *newline = memchr (*text, '\n', (size_t) (end - *text));
  if (newline == NULL)
    return false;
  const char *equals = memchr (*text, '=', (size_t) (newline - *text));
  if (equals == NULL || equals == *text)
    return false;
  p->key = *text;
  p->key_len = (size_t) (equals - *text);
  p->value = equals + 1;
  p->value_len = (size_t) (newline - p->value);
  *text = newline + 1;
  return true;
}

static int
parse_all (struct parser *p, const char *text, size_t len)
{
  const char *end = text + len;
  uint64_t version;
  if (len > VMM_DESCRIBE_MAX)
    return kata_error__set (p->err, KATA_E_LIMIT, NULL, "machine description: more than %d bytes", VMM_DESCRIBE_MAX);
  if (!next_line (p, &text, end) || p->key_len != 8 || memcmp (p->key, "kata-vmm", 8) != 0 ||
      !read_number (p->value, p->value_len, &version) || version != VMM_DESCRIBE_VERSION)
    return kata_error__set (p->err, KATA_E_INVALID, "kata-vmm",
                            "machine description: it does not begin with kata-vmm=%d; kata-vmm and libkata are of "
                            "different versions",
                            VMM_DESCRIBE_VERSION);
  for (int line = 2; text < end; line++) {
    if (line > LINES_MAX || !next_line (p, &text, end))
      return kata_error__set (p->err, KATA_E_INVALID, NULL, "machine description: line %d is not key=value", line);
    int code = take_line (p);
    if (code < 0)
      return code;
  }
  return check_required (p);
}

int
vmm_describe__parse (struct vmm_description *out, const char *text, size_t len, kata_error **err)
{
  struct vmm_description *d = malloc (sizeof *d);
  if (d == NULL)
    return kata_error__set (err, KATA_E_NO_MEMORY, NULL, "machine description: no memory");
  vmm_description__init (d);
  struct parser p = { .out = d, .err = err };
  int code = parse_all (&p, text, len);
  if (code == 0) {
    *out = *d;
    out->machine.cmdline = out->cmdline;
  }
  free (d);
  return code;
}
