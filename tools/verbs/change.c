/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* change: update. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "verbs/args.h"
#include "verbs/entry.h"
#include "verbs/wire.h"
#include "output.h"

/* One option and where its number goes in linux.resources. */
static const struct limit {
  const char *option, *group, *member;
} limits[] = {
  { "memory", "memory", "limit" },     { "memory-reservation", "memory", "reservation" },
  { "memory-swap", "memory", "swap" }, { "cpu-period", "cpu", "period" },
  { "cpu-quota", "cpu", "quota" },     { "cpu-share", "cpu", "shares" },
  { "pids-limit", "pids", "limit" },
};
#define N_LIMITS G_N_ELEMENTS (limits)

/* "512M" in bytes, or a plain number; -1 is "no limit". */
static int
read_number (const char *text, gint64 *value)
{
  char *end = NULL;
  errno = 0;
  gint64 number = g_ascii_strtoll (text, &end, 10);
  int shift = 0;
  if (end == text || errno != 0)
    return -1;
  switch (g_ascii_tolower (*end)) {
  case 'k':
    shift = 10;
    break;
  case 'm':
    shift = 20;
    break;
  case 'g':
    shift = 30;
    break;
  default:
    break;
  }
  end += shift != 0;
  if (*end != 0 || __builtin_mul_overflow (number, INT64_C (1) << shift, value))
    return -1;
  return 0;
}

static char *
compose (oci *oci, const char *const *values, const char *cpus, const char *mems)
{
  JsonObject *resources = json_object_new ();
  JsonNode *root = json_node_init_object (json_node_alloc (), resources);
  char *text = NULL;
  int ok = 1;
  json_object_unref (resources);
  const char *const words[] = { "cpus", cpus, "mems", mems };
  for (size_t i = 0; i < N_LIMITS + 2 && ok; i++) {
    const char *group = i < N_LIMITS ? limits[i].group : "cpu";
    const char *value = i < N_LIMITS ? values[i] : words[(i - N_LIMITS) * 2 + 1];
    gint64 number = 0;
    if (!value)
      continue;
    if (!json_object_has_member (resources, group))
      json_object_set_object_member (resources, group, json_object_new ());
    JsonObject *object = json_object_get_object_member (resources, group);
    if (i >= N_LIMITS) {
      json_object_set_string_member (object, words[(i - N_LIMITS) * 2], value);
    } else if (read_number (value, &number) == 0) {
      json_object_set_int_member (object, limits[i].member, number);
    } else {
      oci_fail (oci, OCI_FAILED, "--%s \"%.32s\" is not a number", limits[i].option, value);
      ok = 0;
    }
  }
  if (ok) {
    g_autoptr (JsonGenerator) generator = json_generator_new ();
    json_generator_set_root (generator, root);
    text = json_generator_to_data (generator, NULL);
  }
  json_node_unref (root);
  return text;
}

static char *
read_standard_input (void)
{
  g_autofree char *text = g_malloc (ENTRY_TEXT_MAX + 1);
  size_t length = 0;
  ssize_t n = 0;
  while (length < ENTRY_TEXT_MAX &&
         ((n = read (STDIN_FILENO, text + length, ENTRY_TEXT_MAX - length)) > 0 || (n < 0 && errno == EINTR)))
    length += n > 0 ? (size_t) n : 0;
  text[length] = 0;
  return n < 0 ? NULL : g_strdup (text);
}

static char *
read_resources (oci *oci, const char *file)
{
  char *text = strcmp (file, "-") == 0 ? read_standard_input () : entry_read_file (AT_FDCWD, file, 0);
  if (!text)
    oci_fail (oci, OCI_FAILED, "--resources \"%s\": %s", file, g_strerror (errno));
  return text;
}

int
oci_update (oci *oci, int argc, char **argv)
{
  const char *file = NULL, *values[N_LIMITS] = { NULL }, *cpus = NULL, *mems = NULL;
  arg_row rows[N_LIMITS + 9] = {
    { "resources", 'r', ARG_TEXT, &file },       { "cpuset-cpus", 0, ARG_TEXT, &cpus },
    { "cpuset-mems", 0, ARG_TEXT, &mems },       { "blkio-weight", 0, ARG_IGNORED, NULL },
    { "cpu-rt-period", 0, ARG_IGNORED, NULL },   { "cpu-rt-runtime", 0, ARG_IGNORED, NULL },
    { "l3-cache-schema", 0, ARG_IGNORED, NULL }, { "mem-bw-schema", 0, ARG_IGNORED, NULL },
  };
  for (size_t i = 0; i < N_LIMITS; i++)
    rows[8 + i] = (arg_row){ limits[i].option, 0, ARG_TEXT, &values[i] };
  entry entry;
  int first = args_parse_words (oci, rows, argc, argv, 1, 1);
  if (first < 0 || entry_load (oci, argv[first], &entry) != OCI_OK)
    return OCI_FAILED;
  g_autofree char *resources = file ? read_resources (oci, file) : compose (oci, values, cpus, mems);
  int rc = OCI_FAILED;
  if (resources) {
    JsonBuilder *request = wire_request ("update", entry.id);
    wire_add_text (request, "resources", resources);
    rc = wire_call (oci, OCI_FAILED, entry.sandbox, request, NULL, 0, NULL);
    if (rc < 0)
      rc = oci_fail (oci, OCI_FAILED, "container not running");
  }
  entry_clear (&entry);
  return rc;
}
