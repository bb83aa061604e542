/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* journal: append with fdatasync, read with every line checked. */
#include "sandbox/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/id.h"
#include "host/beneath.h"
#include "sandbox/record.h"
#include "sandbox/state.h"

#define LINE_MAX_BYTES 8192u

static const struct kata_field entry_fields[] = {
  KATA_FIELD (STRING, struct kata_journal_entry, scope),
  KATA_FIELD (I32, struct kata_journal_entry, kind),
  KATA_FIELD (STRING, struct kata_journal_entry, role),
  KATA_FIELD (TEXT, struct kata_journal_entry, path),
  KATA_FIELD (I64, struct kata_journal_entry, pid),
  KATA_FIELD (U64, struct kata_journal_entry, start_time),
  { 0 },
};
static const struct kata_record entry_record = { sizeof (struct kata_journal_entry), entry_fields, NULL };

/* Relative, below the directory; openat2 refuses the rest, this only gives a clear error early. */
static bool
path_ok (const char *path)
{
  if (path == NULL || path[0] == '\0' || path[0] == '/')
    return false;
  g_auto (GStrv) parts = g_strsplit (path, "/", -1);
  for (size_t i = 0; parts[i] != NULL; i++)
    if (parts[i][0] == '\0' || strcmp (parts[i], ".") == 0 || strcmp (parts[i], "..") == 0)
      return false;
  return true;
}

/* Things in a network namespace: an absolute path, and which namespace it was. */
static bool
in_netns (int kind)
{
  return kind == KATA_UNDO_QDISC || kind == KATA_UNDO_LINK;
}

static bool
netns_ok (const struct kata_journal_entry *entry)
{
  return entry->path != NULL && entry->path[0] == '/' && entry->start_time != 0 && entry->role[0] != '\0' &&
         entry->pid >= 0 && entry->pid <= INT32_MAX;
}

/* undo.c looks whether it is in a cgroup file system. */
static bool
cgroup_ok (const char *path)
{
  return path != NULL && path[0] == '/' && path_ok (path + 1);
}

static char *
format_line (const struct kata_journal_entry *entry)
{
  struct kata_json_writer writer;
  kata_json_write__init (&writer, false);
  kata_record__write (&writer, NULL, &entry_record, entry);
  g_autofree char *text = kata_json_write__finish (&writer);
  return g_strconcat (g_strchomp (text), "\n", NULL);
}

static char *
format_header (void)
{
  g_autofree char *boot = kata_state__boot_id ();
  return g_strdup_printf ("{\"journal\":1,\"boot\":\"%s\"}\n", boot);
}

/* A line that was cut short (a disk that was full, a writer that was killed) would swallow the next: that one begins a line of its own. */
static int
is_torn (int fd, off_t size, bool *torn)
{
  char last = '\n';
  if (size > 0 && pread (fd, &last, 1, size - 1) < 0)
    return -errno;
  *torn = last != '\n';
  return 0;
}

/* One write, so that a line is there whole or torn at the end, never mixed with another. */
static int
append (int dirfd, const struct kata_journal_entry *entry)
{
  kata_auto_fd int fd =
      kata_beneath__open (dirfd, KATA_JOURNAL_FILE, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0600, true);
  bool torn = false;
  struct stat st;
  if (fd < 0)
    return fd;
  if (fstat (fd, &st) != 0)
    return -errno;
  if (!S_ISREG (st.st_mode) || st.st_nlink != 1) /* put there by somebody else */
    return -EINVAL;
  int r = is_torn (fd, st.st_size, &torn);
  if (r != 0)
    return r;
  g_autofree char *header = st.st_size == 0 ? format_header () : g_strdup (torn ? "\n" : "");
  g_autofree char *line = format_line (entry);
  g_autofree char *text = g_strconcat (header, line, NULL);
  ssize_t n = write (fd, text, strlen (text));
  if (n < 0)
    return -errno;
  if ((size_t) n != strlen (text))
    return -ENOSPC;
  return fdatasync (fd) == 0 ? 0 : -errno;
}

static int
record_entry (struct kata_journal *journal, const struct kata_journal_entry *entry, kata_error **err)
{
  static const char *const names[] = { "process", "file", "dir", "mount", "qdisc", "link" };
  const char *kind = entry->kind == KATA_JOURNAL_CGROUP ? "cgroup" : names[entry->kind];
  g_autofree char *point = g_strdup_printf ("journal:%s:%s", kind, entry->role);
  int r = append (journal->dirfd, entry);
  if (r != 0)
    return kata_error__errno (err, KATA_E_IO, journal->dir, -r, "write the journal in \"%s\"", journal->dir);
  return kata_fault__point (journal->fault, point, err);
}

int
kata_journal__record (void *data, const kata_undo *undo, kata_error **err)
{
  struct kata_journal *journal = data;
  if (journal == NULL)
    return kata_error__set (err, KATA_E_INTERNAL, undo->role, "journal: nothing may be made here");
  struct kata_journal_entry entry = { .scope = journal->scope, .kind = undo->kind, .role = undo->role };
  if (undo->kind == KATA_JOURNAL_CGROUP && cgroup_ok (undo->path)) {
    entry.path = undo->path;
    return record_entry (journal, &entry, err);
  }
  if (undo->kind < KATA_UNDO_PROCESS || undo->kind > KATA_UNDO_LINK)
    return kata_error__set (err, KATA_E_INTERNAL, undo->role, "journal: kind %d is not known", undo->kind);
  if (undo->kind == KATA_UNDO_PROCESS) {
    entry.pid = undo->pid;
    entry.start_time = undo->start_time;
    return record_entry (journal, &entry, err);
  }
  entry.path = undo->path;
  if (in_netns (undo->kind)) {
    entry.pid = undo->pid;
    entry.start_time = undo->start_time;
    if (!netns_ok (&entry))
      return kata_error__set (err, KATA_E_INTERNAL, undo->role, "journal: no network namespace is named");
    return record_entry (journal, &entry, err);
  }
  size_t prefix = strlen (journal->dir);
  if (undo->path != NULL && strncmp (undo->path, journal->dir, prefix) == 0 && undo->path[prefix] == '/')
    entry.path = undo->path + prefix + 1;
  if (!path_ok (entry.path))
    return kata_error__set (err, KATA_E_INTERNAL, undo->role, "journal: \"%s\" is not below \"%s\"",
                            undo->path != NULL ? undo->path : "", journal->dir);
  return record_entry (journal, &entry, err);
}

int
kata_journal__path (struct kata_journal *journal, int kind, const char *role, const char *path, kata_error **err)
{
  kata_undo undo = { .size = sizeof undo, .kind = kind, .role = role, .path = path };
  return kata_journal__record (journal, &undo, err);
}

int
kata_journal__forget (struct kata_journal *journal, int kind, const char *role, const char *path, kata_error **err)
{
  g_autoptr (kata_journal_log) log = NULL;
  int r = kata_journal__load (&log, journal->dirfd, err);
  if (r != 0 || !log->same_boot) /* of what was before a reboot nothing of this kind is undone */
    return r;
  for (guint i = log->entries->len; i > 0; i--) {
    struct kata_journal_entry *entry = log->entries->pdata[i - 1];
    if (entry->kind != kind || g_strcmp0 (entry->path, path) != 0 || (role != NULL && strcmp (entry->role, role) != 0))
      continue;
    entry->done = true;
    return kata_journal__store (log, journal->dirfd, err);
  }
  return 0;
}

struct kata_journal_entry *
kata_journal__parse (kata_arena *arena, const char *line, size_t length)
{
  static const struct kata_json_limits limits = { .bytes = LINE_MAX_BYTES, .depth = 3, .values = 32 };
  const kata_json *root = NULL;
  if (kata_json__parse (&root, arena, line, length, &limits, KATA_E_CORRUPT, NULL) != 0)
    return NULL;
  struct kata_json_reader reader = { .arena = arena, .code = KATA_E_CORRUPT };
  struct kata_journal_entry *entry = kata_arena__new0 (arena, struct kata_journal_entry, 1);
  if (root->type != KATA_JSON_OBJECT)
    return NULL;
  kata_record__read (&reader, root, &entry_record, entry);
  if (reader.result != 0)
    return NULL;
  if (entry->kind != KATA_JOURNAL_CGROUP && (entry->kind < KATA_UNDO_PROCESS || entry->kind > KATA_UNDO_LINK))
    return NULL;
  if (entry->scope[0] != '\0' && kata_id__check ("scope", entry->scope, NULL) != 0)
    return NULL;
  if (entry->kind == KATA_UNDO_PROCESS)
    return entry->pid > 1 && entry->pid <= INT32_MAX && entry->pid != getpid () ? entry : NULL;
  if (in_netns (entry->kind))
    return netns_ok (entry) ? entry : NULL;
  if (entry->kind == KATA_JOURNAL_CGROUP)
    return cgroup_ok (entry->path) ? entry : NULL;
  return path_ok (entry->path) ? entry : NULL;
}

/* The first line. */
static bool
read_header (kata_journal_log *log, const char *line, size_t length)
{
  static const struct kata_json_limits limits = { .bytes = LINE_MAX_BYTES, .depth = 2, .values = 8 };
  const kata_json *root = NULL;
  if (kata_json__parse (&root, log->arena, line, length, &limits, KATA_E_CORRUPT, NULL) != 0 ||
      root->type != KATA_JSON_OBJECT)
    return false;
  struct kata_json_reader reader = { .arena = log->arena, .code = KATA_E_CORRUPT };
  g_autofree char *boot = kata_state__boot_id ();
  uint32_t version = kata_json__get_u32 (&reader, root, "journal");
  const char *then = kata_json__get_string (&reader, root, "boot");
  log->same_boot = then != NULL && strcmp (then, boot) == 0;
  return reader.result == 0 && version == 1 && then != NULL;
}

static void
read_lines (kata_journal_log *log, const char *text, size_t length)
{
  bool first = true;
  for (const char *line = text, *end = text + length; line < end; first = false) {
    const char *newline = memchr (line, '\n', (size_t) (end - line));
    if (newline == NULL)
      return; /* torn: the process died while it wrote it, before the effect */
    size_t n = (size_t) (newline - line);
    struct kata_journal_entry *entry = NULL;
    if (first) {
      log->bad_lines += !read_header (log, line, n);
    } else if (log->entries->len < KATA_JOURNAL_ENTRIES_MAX &&
               (entry = kata_journal__parse (log->arena, line, n)) != NULL) {
      g_ptr_array_add (log->entries, entry);
    } else {
      log->bad_lines++;
    }
    line = newline + 1;
  }
}

int
kata_journal__load (kata_journal_log **out, int dirfd, kata_error **err)
{
  g_autofree char *text = NULL;
  size_t length = 0;
  int r = kata_beneath__read (dirfd, KATA_JOURNAL_FILE, KATA_JOURNAL_BYTES_MAX, &text, &length);
  if (r == -EFBIG)
    return kata_error__set (err, KATA_E_LIMIT, KATA_JOURNAL_FILE, "the journal is larger than %zu bytes",
                            KATA_JOURNAL_BYTES_MAX);
  /* Something else in its place holds no records: that is no reason not to remove the rest. */
  const bool foreign = r == -EINVAL || r == -ELOOP;
  if (r != 0 && r != -ENOENT && !foreign)
    return kata_error__errno (err, KATA_E_IO, KATA_JOURNAL_FILE, -r, "read the journal");
  kata_journal_log *log = g_new0 (kata_journal_log, 1);
  log->arena = kata_arena__new ();
  log->entries = g_ptr_array_new ();
  log->same_boot = true;
  log->bad_lines = foreign;
  if (r == 0)
    read_lines (log, text, length);
  *out = log;
  return 0;
}

void
kata_journal_log__free (kata_journal_log *log)
{
  if (log == NULL)
    return;
  g_ptr_array_unref (log->entries);
  kata_arena__free (log->arena);
  g_free (log);
}

int
kata_journal__store (const kata_journal_log *log, int dirfd, kata_error **err)
{
  g_autoptr (GString) text = g_string_new (NULL);
  for (guint i = 0; i < log->entries->len; i++) {
    const struct kata_journal_entry *entry = log->entries->pdata[i];
    if (entry->done)
      continue;
    if (text->len == 0) {
      g_autofree char *header = format_header ();
      g_string_append (text, header);
    }
    g_autofree char *line = format_line (entry);
    g_string_append (text, line);
  }
  int r = 0;
  if (text->len != 0)
    r = kata_beneath__replace (dirfd, KATA_JOURNAL_FILE, text->str, text->len);
  else if (unlinkat (dirfd, KATA_JOURNAL_FILE, 0) != 0 && errno != ENOENT && errno != EISDIR)
    r = -errno;
  if (r != 0)
    return kata_error__errno (err, KATA_E_IO, KATA_JOURNAL_FILE, -r, "write the journal");
  return 0;
}
