/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* entry: the state files of the OCI command line; every one is opened below a folder that only we can write to. */
#include "verbs/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "members.h"
#include "output.h"

#define OCI_FOLDER ".oci"
static const char *const entry_files[] = { "state.json", "state.json.new", "config.json", "config.json.new" };

/* A folder that another user could write to is a trap. */
static int
open_private (int parent, const char *name)
{
  struct stat st;
  if (mkdirat (parent, name, 0700) < 0 && errno != EEXIST)
    return -1;
  int fd = openat (parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd >= 0 && (fstat (fd, &st) < 0 || st.st_uid != geteuid () || (st.st_mode & 0022) != 0)) {
    close (fd);
    errno = EPERM;
    return -1;
  }
  return fd;
}

int
entry_folder (oci *oci, const char *kind)
{
  if (!oci_runtime (oci))
    return -1;
  const char *state_dir = kata_runtime_get_state_dir (oci->ctl.runtime);
  int root = open (state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int top = root < 0 ? -1 : open_private (root, OCI_FOLDER);
  int folder = top < 0 ? -1 : open_private (top, kind);
  int saved = errno;
  if (root >= 0)
    close (root);
  if (top >= 0)
    close (top);
  if (folder < 0)
    oci_fail (oci, OCI_FAILED, "cannot use \"%s/" OCI_FOLDER "/%s\": %s; it must be a folder of our own", state_dir,
              kind, g_strerror (saved));
  return folder;
}

static int
valid_id (const char *id)
{
  return id && g_ascii_isalnum (*id) && strlen (id) <= KATA_ID_MAX &&
         id[strspn (id, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_.-")] == 0;
}

static int
open_entry (int folder, const char *id)
{
  if (valid_id (id))
    return openat (folder, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  errno = ENOENT;
  return -1;
}

int
entry_make (oci *oci, const entry *entry)
{
  if (!valid_id (entry->id)) {
    g_autofree char *plain = output_plain (entry->id);
    return oci_fail (oci, OCI_FAILED,
                     "invalid container id \"%.140s\": letters, digits, \"_\", \".\" and \"-\" are allowed", plain);
  }
  int folder = entry_folder (oci, "containers");
  if (folder < 0)
    return OCI_FAILED;
  int rc = mkdirat (folder, entry->id, 0700), saved = errno;
  close (folder);
  if (rc == 0)
    return OCI_OK;
  if (saved == EEXIST)
    return oci_fail (oci, OCI_FAILED, "container with given ID already exists: \"%s\"", entry->id);
  return oci_fail (oci, OCI_FAILED, "cannot make a state folder for \"%s\": %s", entry->id, g_strerror (saved));
}

static int
write_file (int directory, const char *name, const char *text)
{
  g_autofree char *fresh = g_strconcat (name, ".new", NULL);
  size_t length = strlen (text);
  unlinkat (directory, fresh, 0);
  int fd = openat (directory, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0)
    return -1;
  while (length > 0) {
    ssize_t n = write (fd, text, length);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      break;
    text += n;
    length -= (size_t) n;
  }
  int failed = length > 0;
  if (close (fd) < 0 || failed || renameat (directory, fresh, directory, name) < 0) {
    unlinkat (directory, fresh, 0);
    return -1;
  }
  return 0;
}

static char *
to_json (const entry *entry)
{
  const struct {
    const char *name, *value;
  } texts[] = { { "id", entry->id },
                { "sandbox", entry->sandbox },
                { "bundle", entry->bundle },
                { "rootfs", entry->rootfs },
                { "created", entry->created },
                { "cgroup", entry->cgroup },
                { "annotations", entry->annotations } };
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  json_builder_begin_object (builder);
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++) {
    if (!texts[i].value)
      continue;
    json_builder_set_member_name (builder, texts[i].name);
    json_builder_add_string_value (builder, texts[i].value);
  }
  json_builder_set_member_name (builder, "pid");
  json_builder_add_int_value (builder, entry->pid);
  json_builder_set_member_name (builder, "pid_start");
  json_builder_add_int_value (builder, entry->pid_start);
  json_builder_set_member_name (builder, "console");
  json_builder_add_boolean_value (builder, entry->console);
  json_builder_end_object (builder);
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  JsonNode *root = json_builder_get_root (builder);
  json_generator_set_root (generator, root);
  char *text = json_generator_to_data (generator, NULL);
  json_node_unref (root);
  return text;
}

int
entry_save (oci *oci, const entry *entry)
{
  g_autofree char *text = to_json (entry);
  int folder = entry_folder (oci, "containers");
  int fd = folder < 0 ? -1 : open_entry (folder, entry->id);
  int rc = fd < 0 ? -1 : write_file (fd, "state.json", text);
  if (rc == 0 && entry->config)
    rc = write_file (fd, "config.json", entry->config);
  int saved = errno;
  if (fd >= 0)
    close (fd);
  if (folder >= 0)
    close (folder);
  return rc == 0 ? OCI_OK
                 : oci_fail (oci, OCI_FAILED, "cannot write the state of \"%s\": %s", entry->id, g_strerror (saved));
}

char *
entry_read_file (int directory, const char *name, int flags)
{
  struct stat st;
  int fd = openat (directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags);
  if (fd < 0)
    return NULL;
  if (fstat (fd, &st) < 0 || !S_ISREG (st.st_mode) || st.st_size < 0 || (uint64_t) st.st_size > ENTRY_TEXT_MAX) {
    close (fd);
    errno = S_ISREG (st.st_mode) ? EFBIG : EINVAL;
    return NULL;
  }
  size_t room = (size_t) st.st_size, length = 0;
  char *text = g_malloc (room + 1);
  ssize_t n;
  while (length < room && (n = read (fd, text + length, room - length)) != 0) {
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      break;
    length += (size_t) n;
  }
  text[length] = 0;
  close (fd);
  return text;
}

static int
from_json (entry *entry, const char *id, const char *text)
{
  g_autoptr (JsonParser) parser = NULL;
  JsonObject *object = members_parse (text, &parser);
  if (!object || g_strcmp0 (members_string (object, "id"), id) != 0)
    return -1;
  entry->id = g_strdup (id);
  entry->sandbox = g_strdup (members_string (object, "sandbox"));
  entry->bundle = g_strdup (members_string (object, "bundle"));
  entry->rootfs = g_strdup (members_string (object, "rootfs"));
  entry->created = g_strdup (members_string (object, "created"));
  entry->cgroup = g_strdup (members_string (object, "cgroup"));
  entry->annotations = g_strdup (members_string (object, "annotations"));
  entry->pid = members_int (object, "pid", 0);
  entry->pid_start = members_int (object, "pid_start", -1);
  entry->console = members_bool (object, "console");
  return valid_id (entry->sandbox) ? 0 : -1;
}

int
entry_try_load (oci *oci, const char *id, entry *entry)
{
  *entry = (struct entry){ 0 };
  int folder = entry_folder (oci, "containers");
  int fd = folder < 0 ? -1 : open_entry (folder, id);
  g_autofree char *text = fd < 0 ? NULL : entry_read_file (fd, "state.json", O_NOFOLLOW);
  if (fd >= 0)
    close (fd);
  if (folder >= 0)
    close (folder);
  if (text && from_json (entry, id, text) == 0)
    return 0;
  entry_clear (entry);
  return -1;
}

int
entry_load (oci *oci, const char *id, entry *entry)
{
  if (entry_try_load (oci, id, entry) == 0)
    return OCI_OK;
  g_autofree char *plain = output_plain (id);
  if (!entry_exists (oci, id))
    return oci_fail (oci, OCI_FAILED, "container \"%.140s\" does not exist", plain);
  return oci_fail (oci, OCI_FAILED, "the state of container \"%s\" cannot be read; delete --force removes it", plain);
}

int
entry_exists (oci *oci, const char *id)
{
  int folder = entry_folder (oci, "containers");
  int fd = folder < 0 ? -1 : open_entry (folder, id);
  if (folder >= 0)
    close (folder);
  if (fd >= 0)
    close (fd);
  return fd >= 0;
}

int
entry_load_config (oci *oci, entry *entry)
{
  int folder = entry_folder (oci, "containers");
  int fd = folder < 0 ? -1 : open_entry (folder, entry->id);
  if (folder >= 0)
    close (folder);
  if (fd < 0)
    return -1;
  g_free (entry->config);
  entry->config = entry_read_file (fd, "config.json", O_NOFOLLOW);
  close (fd);
  return entry->config ? 0 : -1;
}

hooks_container
entry_container (const entry *entry)
{
  return (hooks_container){ .id = entry->id,
                            .bundle = entry->bundle,
                            .rootfs = entry->rootfs,
                            .created = entry->created,
                            .annotations = entry->annotations,
                            .pid = entry->pid };
}

void
entry_remove (oci *oci, const char *id)
{
  int folder = entry_folder (oci, "containers");
  int fd = folder < 0 ? -1 : open_entry (folder, id);
  for (size_t i = 0; fd >= 0 && i < G_N_ELEMENTS (entry_files); i++)
    unlinkat (fd, entry_files[i], 0);
  if (fd >= 0) {
    close (fd);
    unlinkat (folder, id, AT_REMOVEDIR);
  }
  if (folder >= 0)
    close (folder);
}

void
entry_clear (entry *entry)
{
  g_free (entry->id);
  g_free (entry->sandbox);
  g_free (entry->bundle);
  g_free (entry->rootfs);
  g_free (entry->created);
  g_free (entry->cgroup);
  g_free (entry->config);
  g_free (entry->annotations);
  *entry = (struct entry){ 0 };
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

char **
entry_list (oci *oci)
{
  int folder = entry_folder (oci, "containers");
  if (folder < 0)
    return NULL;
  GPtrArray *names = g_ptr_array_new ();
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", folder);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name (dir)))
    if (valid_id (name))
      g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);
  close (folder);
  return (char **) g_ptr_array_free (names, FALSE);
}

int64_t
entry_start_time (int64_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%" G_GINT64_FORMAT "/stat", pid);
  g_autofree char *text = NULL;
  char state = 0;
  unsigned long long start = 0;
  if (pid <= 0 || !g_file_get_contents (path, &text, NULL, NULL))
    return -1;
  char *name_end = strrchr (text, ')');
  if (!name_end ||
      sscanf (name_end + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &state,
              &start) != 2)
    return -1;
  return state == 'Z' || state == 'X' ? -1 : (int64_t) start;
}

int
entry_lives (const entry *entry)
{
  return entry->pid > 0 && entry->pid_start >= 0 && entry_start_time (entry->pid) == entry->pid_start;
}

int
entry_pidfd (const entry *entry)
{
  if (!entry_lives (entry))
    return -1;
  int fd = (int) syscall (SYS_pidfd_open, (pid_t) entry->pid, 0);
  if (fd >= 0 && !entry_lives (entry)) { /* the number went to another meanwhile */
    close (fd);
    return -1;
  }
  return fd;
}
