/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pci: links and small files of sysfs. */
#include "host/pci.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMBERS_MAX  1024u
#define CLASS_BRIDGE 0x06u
#define GROUPS       "/sys/kernel/iommu_groups"
#define GROUP_FILES  "/dev/vfio/"

/* As many hexadecimal digits; how many there were. */
static size_t
digits (const char *text)
{
  size_t n = 0;
  while (g_ascii_isxdigit (text[n]))
    n++;
  return n;
}

bool
kata_pci__parse (char out[KATA_PCI_ADDRESS_MAX + 1], const char *text)
{
  const char *domain = "0000", *rest = text != NULL ? text : "";
  size_t n = digits (rest), n_domain = 4;
  if (n >= 4 && n <= 8 && rest[n] == ':') {
    domain = rest;
    n_domain = n;
    rest += n + 1;
  }
  if (digits (rest) != 2 || rest[2] != ':' || digits (rest + 3) != 2 || rest[5] != '.' || rest[6] < '0' ||
      rest[6] > '7' || rest[7] != '\0')
    return false;
  if (rest[3] > '1') /* 32 devices on a bus */
    return false;
  g_snprintf (out, KATA_PCI_ADDRESS_MAX + 1, "%.*s:%s", (int) n_domain, domain, rest);
  for (char *p = out; *p != '\0'; p++)
    *p = g_ascii_tolower (*p);
  return true;
}

static int64_t
number (const char *text)
{
  guint64 value = 0;
  return g_ascii_string_to_unsigned (text, 10, 0, INT32_MAX, &value, NULL) ? (int64_t) value : -1;
}

int64_t
kata_pci__group_of_file (const char *path)
{
  return path != NULL && g_str_has_prefix (path, GROUP_FILES) ? number (path + strlen (GROUP_FILES)) : -1;
}

static char *
path_of (const char *root, const char *address, const char *name)
{
  return g_strdup_printf ("%s" KATA_PCI_DEVICES "/%s%s", root, address, name);
}

bool
kata_pci__exists (const char *root, const char *address)
{
  g_autofree char *path = path_of (root, address, "");
  return g_file_test (path, G_FILE_TEST_IS_DIR);
}

/* The last part of where a link leads; NULL = it is none. */
static char *
target_name (const char *root, const char *address, const char *name)
{
  g_autofree char *path = path_of (root, address, name);
  g_autofree char *target = g_file_read_link (path, NULL);
  return target != NULL ? g_path_get_basename (target) : NULL;
}

int64_t
kata_pci__group (const char *root, const char *address)
{
  g_autofree char *name = target_name (root, address, "/iommu_group");
  return name != NULL ? number (name) : -1;
}

char *
kata_pci__driver (const char *root, const char *address)
{
  return target_name (root, address, "/driver");
}

static int
compare (const void *a, const void *b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

GPtrArray *
kata_pci__members (const char *root, int64_t group)
{
  GPtrArray *members = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *path = g_strdup_printf ("%s" GROUPS "/%" G_GINT64_FORMAT "/devices", root, group);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;
  char address[KATA_PCI_ADDRESS_MAX + 1];
  while (dir != NULL && members->len < MEMBERS_MAX && (name = g_dir_read_name (dir)) != NULL)
    if (kata_pci__parse (address, name)) /* a group can have other devices than PCI's */
      g_ptr_array_add (members, g_strdup (address));
  g_ptr_array_sort (members, compare);
  return members;
}

bool
kata_pci__is_bridge (const char *root, const char *address)
{
  g_autofree char *path = path_of (root, address, "/class");
  char text[16] = "";
  FILE *file = fopen (path, "re");
  if (file == NULL)
    return false;
  bool read = fgets (text, sizeof text, file) != NULL;
  fclose (file);
  return read && strtoul (text, NULL, 16) >> 16 == CLASS_BRIDGE; /* "0x060400" */
}
