/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stratovirt-disk: a backend and its device have one name; a file that is written to has one backend; a place has one device. */
#include "stratovirt-disk.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BACKENDS_MAX 6 /* of disks and network devices */
#define SERIAL_MAX   20

const struct schema_field stratovirt_disk_schema[] = {
  { "blockdev-add", "node-name", SCHEMA_STRING, true, NULL, NULL },
  { "blockdev-add", "file", SCHEMA_OBJECT, true, "FileOptions", NULL },
  { "blockdev-add", "media", SCHEMA_STRING, false, NULL, "disk cdrom" },
  { "blockdev-add", "cache", SCHEMA_OBJECT, false, "CacheOptions", NULL },
  { "blockdev-add", "read-only", SCHEMA_BOOLEAN, false, NULL, NULL },
  { "blockdev-add", "driver", SCHEMA_STRING, false, NULL, "raw" },
  { "FileOptions", "driver", SCHEMA_STRING, true, NULL, NULL },
  { "FileOptions", "filename", SCHEMA_STRING, true, NULL, NULL },
  { "FileOptions", "aio", SCHEMA_STRING, false, NULL, "off native iouring threads" },
  { "CacheOptions", "no-flush", SCHEMA_BOOLEAN, false, NULL, NULL },
  { "CacheOptions", "direct", SCHEMA_BOOLEAN, false, NULL, NULL },
  { "device_add", "id", SCHEMA_STRING, true, NULL, NULL },
  { "device_add", "driver", SCHEMA_STRING, true, NULL, NULL },
  { "device_add", "addr", SCHEMA_STRING, false, NULL, NULL },
  { "device_add", "drive", SCHEMA_STRING, false, NULL, NULL },
  { "device_add", "serial", SCHEMA_STRING, false, NULL, NULL },
  { "device_del", "id", SCHEMA_STRING, true, NULL, NULL },
  { .object = NULL },
};

char *
stratovirt_open_file (struct stratovirt_machine *m, const char *path, bool readonly)
{
  struct stat st;
  char *open_already = g_hash_table_lookup (m->files, path);
  if (stat (path, &st) != 0 || !(S_ISREG (st.st_mode) || S_ISBLK (st.st_mode)))
    return g_strdup ("Failed to check the drive: not a regular file or block device");
  if (open_already != NULL && !(readonly && open_already[0] == 'r'))
    return g_strdup ("Failed to add drive, file can only be shared with read_only.");
  if (open_already == NULL)
    g_hash_table_insert (m->files, g_strdup (path), g_strdup (readonly ? "r1" : "w1"));
  else
    open_already[1]++;
  return NULL;
}

static void
close_file (struct stratovirt_machine *m, const char *path)
{
  char *opened = g_hash_table_lookup (m->files, path);
  if (opened != NULL && --opened[1] == '0')
    g_hash_table_remove (m->files, path);
}

char *
stratovirt_blockdev_add (struct stratovirt_machine *m, JsonObject *given)
{
  JsonObject *file = json_object_get_object_member (given, "file");
  JsonObject *cache = json_object_has_member (given, "cache") ? json_object_get_object_member (given, "cache") : NULL;
  const char *name = json_object_get_string_member (given, "node-name");
  const char *path = json_object_get_string_member (file, "filename");
  const char *aio = json_object_get_string_member_with_default (file, "aio", "off");
  bool direct = cache == NULL || json_object_get_boolean_member_with_default (cache, "direct", TRUE);
  bool readonly = json_object_get_boolean_member_with_default (given, "read-only", FALSE);
  if (m->pci)
    return g_strdup ("this fake knows later disks of microvm only");
  if (g_str_equal (aio, "native") && !direct)
    return g_strdup ("native aio type should be used with direct on");
  if (g_str_equal (aio, "off") && direct)
    return g_strdup ("low performance expected when use sync io with direct on");
  if (g_hash_table_size (m->nodes) >= BACKENDS_MAX)
    return g_strdup_printf ("A maximum of %d replaceable devices are supported", BACKENDS_MAX);
  if (g_hash_table_contains (m->nodes, name))
    return g_strdup_printf ("%s is already registered.", name);
  char *why = stratovirt_open_file (m, path, readonly);
  if (why == NULL)
    g_hash_table_insert (m->nodes, g_strdup (name), g_strdup (path));
  return why;
}

char *
stratovirt_device_add (struct stratovirt_machine *m, JsonObject *given)
{
  const char *id = json_object_get_string_member (given, "id");
  const char *addr = json_object_get_string_member_with_default (given, "addr", "0");
  const char *serial = json_object_get_string_member_with_default (given, "serial", "");
  char *end = NULL;
  uint64_t place = g_ascii_strtoull (addr, &end, 0);
  if (end == addr || *end != '\0')
    return g_strdup_printf ("Invalid addr for device %s", id);
  if (!g_hash_table_contains (m->nodes, id))
    return g_strdup ("Failed to find device configuration.");
  if (strstr (json_object_get_string_member (given, "driver"), "blk") == NULL)
    return g_strdup ("Unsupported replaceable device type.");
  if (place >= STRATOVIRT_BLOCKS)
    return g_strdup_printf ("A maximum of %d block replaceable devices are supported", STRATOVIRT_BLOCKS);
  if (!json_object_has_member (given, "drive"))
    return g_strdup ("No drive set");
  if (m->blocks[place] != NULL)
    return g_strdup_printf ("The slot %u is occupied already.", (unsigned) place);
  if (strlen (serial) > SERIAL_MAX)
    return g_strdup ("device serial number too long");
  m->blocks[place] = g_strdup (id);
  return NULL;
}

char *
stratovirt_device_del (struct stratovirt_machine *m, JsonObject *given)
{
  const char *id = json_object_get_string_member (given, "id"), *path = g_hash_table_lookup (m->nodes, id);
  for (size_t i = 0; i < STRATOVIRT_BLOCKS; i++)
    if (g_strcmp0 (m->blocks[i], id) == 0)
      g_clear_pointer (&m->blocks[i], g_free);
  if (path == NULL)
    return g_strdup_printf ("Device %s not found", id);
  close_file (m, path);
  g_hash_table_remove (m->nodes, id);
  return NULL;
}
