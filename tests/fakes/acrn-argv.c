/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* acrn-argv: options and devices by name; what the manual does not name is wrong. */
#include "acrn-argv.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#define BOOTARGS_MAX 1023
#define PATH_LONGEST 1023
#define NAME_MAX_LEN 15

static bool
number (const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
  char *end = NULL;
  uint64_t n = g_ascii_isdigit (text[0]) ? g_ascii_strtoull (text, &end, 10) : 0;
  if (end == NULL || *end != '\0' || n < least || n > most)
    return false;
  if (out != NULL)
    *out = n;
  return true;
}

static char *
wrong (const char *what, const char *value)
{
  return g_strdup_printf ("%s: invalid \"%s\"", what, value);
}

/* ---- devices ---- */

char *
acrn_check_disk (const char *words)
{
  g_auto (GStrv) parts = g_strsplit (words, ",", -1);
  struct stat st;
  if (parts[0] == NULL || stat (parts[0], &st) != 0 || access (parts[0], R_OK) != 0)
    return wrong ("virtio-blk, file", words);
  if (S_ISREG (st.st_mode) ? st.st_size < 512 || st.st_size % 512 != 0 : !S_ISBLK (st.st_mode))
    return g_strdup_printf ("virtio-blk: %s: its size", parts[0]);
  for (char **part = parts + 1; *part != NULL; part++)
    if (!g_str_equal (*part, "ro") && !g_str_equal (*part, "writethru") && !g_str_equal (*part, "writeback") &&
        !g_str_has_prefix (*part, "sectorsize=") && !g_str_has_prefix (*part, "range="))
      return wrong ("virtio-blk, option", *part);
  return NULL;
}

static char *
blk (struct acrn_machine *m, unsigned slot, const char *config)
{
  if (config == NULL)
    return g_strdup ("virtio-blk: backing device required");
  m->empty[slot] = strstr (config, "nodisk") != NULL;
  return m->empty[slot] ? NULL : acrn_check_disk (config);
}

static bool
mac_ok (const char *mac)
{
  unsigned n[6];
  char rest;
  return sscanf (mac, "%2x:%2x:%2x:%2x:%2x:%2x%c", &n[0], &n[1], &n[2], &n[3], &n[4], &n[5], &rest) == 6 &&
         (n[0] & 1) == 0;
}

/* A tap that is not there would be made; so a name that is wrong is seen here. */
static char *
net (struct acrn_machine *m, unsigned slot, const char *config)
{
  g_auto (GStrv) parts = g_strsplit (config != NULL ? config : "", ",", -1);
  if (parts[0] == NULL || !g_str_has_prefix (parts[0], "tap=") || if_nametoindex (parts[0] + 4) == 0)
    return wrong ("virtio-net, tap", config != NULL ? config : "");
  for (char **part = parts + 1; *part != NULL; part++)
    if (!g_str_equal (*part, "vhost") && !g_str_has_prefix (*part, "mac_seed=") &&
        !(g_str_has_prefix (*part, "mac=") && mac_ok (*part + 4)))
      return wrong ("virtio-net, option", *part);
  return NULL;
}

static char *
console (struct acrn_machine *m, unsigned slot, const char *config)
{
  const char *path = config != NULL ? strchr (config, '=') : NULL;
  if (path == NULL || path[1] == '\0' || strchr (path, ',') != NULL ||
      !(g_str_has_prefix (config, "@file:") || g_str_has_prefix (config, "file:")))
    return wrong ("virtio-console", config != NULL ? config : "");
  m->console = g_strdup (path + 1);
  return NULL;
}

static char *
vsock (struct acrn_machine *m, unsigned slot, const char *config)
{
  uint64_t cid;
  if (config == NULL || !g_str_has_prefix (config, "cid=") || !number (config + 4, 3, UINT32_MAX - 1, &cid))
    return wrong ("vhost-vsock", config != NULL ? config : "");
  m->cid = (uint32_t) cid;
  return NULL;
}

static char *
plain (struct acrn_machine *m, unsigned slot, const char *config)
{
  return config == NULL ? NULL : wrong ("a device without options", config);
}

static const struct device {
  const char *name;
  char *(*parse) (struct acrn_machine *m, unsigned slot, const char *config);
} devices[] = {
  { "hostbridge", plain }, { "virtio-blk", blk },         { "virtio-net", net },
  { "virtio-rnd", plain }, { "virtio-console", console }, { "vhost-vsock", vsock },
};

/* <bus>:<slot>:<func>, <slot>[:<func>]; this fake has one bus and one function in each slot. */
static bool
place (const char *text, unsigned *slot)
{
  g_auto (GStrv) parts = g_strsplit (text, ":", -1);
  guint n = g_strv_length (parts);
  uint64_t at = ACRN_SLOTS;
  const char *func = n == 3 ? parts[2] : n == 2 ? parts[1] : "0";
  if (n < 1 || n > 3 || (n == 3 && !number (parts[0], 0, 0, NULL)) || !number (func, 0, 0, NULL) ||
      !number (n == 3 ? parts[1] : parts[0], 0, ACRN_SLOTS - 1, &at))
    return n == 2 && g_str_equal (text, "0:0") ? (*slot = 0, true) : false;
  *slot = (unsigned) at;
  return true;
}

static char *
pci_slot (struct acrn_machine *m, const char *value)
{
  g_auto (GStrv) parts = g_strsplit (value, ",", 3);
  unsigned slot = 0;
  if (g_strv_length (parts) < 2 || !place (parts[0], &slot))
    return wrong ("-s", value);
  if (m->device[slot] != NULL)
    return g_strdup_printf ("pci slot %u already occupied!", slot);
  for (size_t i = 0; i < G_N_ELEMENTS (devices); i++)
    if (g_str_equal (devices[i].name, parts[1])) {
      m->device[slot] = devices[i].name;
      return devices[i].parse (m, slot, parts[2]);
    }
  return wrong ("-s, device", parts[1]);
}

/* ---- options ---- */

static char *
readable (const char *option, const char *path, const char **out)
{
  *out = path;
  return strlen (path) <= PATH_LONGEST && access (path, R_OK) == 0 ? NULL : wrong (option, path);
}

/* The ids are those of this host's processors, each once. */
static char *
affinity (struct acrn_machine *m, const char *value)
{
  g_auto (GStrv) ids = g_strsplit (value, ",", -1);
  g_autofree char *info = NULL;
  if (!g_file_get_contents ("/proc/cpuinfo", &info, NULL, NULL))
    return g_strdup ("/proc/cpuinfo");
  for (size_t i = 0; ids[i] != NULL; i++) {
    g_autofree char *line = g_strdup_printf ("\napicid\t\t: %s\n", ids[i]);
    if (!number (ids[i], 0, 255, NULL) || strstr (info, line) == NULL)
      return wrong ("--cpu_affinity", ids[i]);
    for (size_t j = 0; j < i; j++)
      if (g_str_equal (ids[i], ids[j]))
        return wrong ("--cpu_affinity, twice", ids[i]);
  }
  m->cpus = value;
  return ids[0] != NULL ? NULL : wrong ("--cpu_affinity", value);
}

static char *
memory (struct acrn_machine *m, const char *value)
{
  size_t len = strlen (value);
  g_autofree char *digits = g_strndup (value, len > 0 ? len - 1 : 0);
  m->memory = value;
  return len > 1 && strchr ("KkBbMmGg", value[len - 1]) != NULL && number (digits, 1, UINT64_MAX, NULL)
             ? NULL
             : wrong ("-m", value);
}

static char *
option (struct acrn_machine *m, const char *name, const char *value)
{
  const char *firmware;
  if (value == NULL)
    return wrong ("option without a value", name);
  if (g_str_equal (name, "-s"))
    return pci_slot (m, value);
  if (g_str_equal (name, "-m"))
    return memory (m, value);
  if (g_str_equal (name, "-k"))
    return readable (name, value, &m->kernel);
  if (g_str_equal (name, "-r"))
    return readable (name, value, &m->ramdisk);
  if (g_str_equal (name, "--ovmf"))
    return readable (name, value, &firmware);
  if (g_str_equal (name, "--cpu_affinity"))
    return affinity (m, value);
  if (!g_str_equal (name, "-B"))
    return wrong ("option", name);
  m->bootargs = value;
  return strlen (value) <= BOOTARGS_MAX ? NULL : wrong (name, value);
}

char *
acrn_parse (struct acrn_machine *m, int argc, char **argv)
{
  int i = 1;
  for (; i < argc && argv[i][0] == '-'; i += 2) {
    char *why = option (m, argv[i], i + 1 < argc ? argv[i + 1] : NULL);
    if (why != NULL)
      return why;
  }
  if (i != argc - 1)
    return g_strdup ("You must provide the name of the Virtual Machine (VM) you want to start. Exiting.");
  m->name = argv[i];
  if (strlen (m->name) > NAME_MAX_LEN)
    return wrong ("the name of the VM exceeds the maximum length", m->name);
  if (m->memory == NULL || m->kernel == NULL || m->cpus == NULL || m->bootargs == NULL || m->cid == 0 ||
      g_strcmp0 (m->device[0], "hostbridge") != 0)
    return g_strdup ("memory, processors, a kernel, its words, a host bridge and a vsock are needed");
  return NULL;
}
