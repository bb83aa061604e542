/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* group: directories below STATE_DIR/.shim, which only the shim's own user may enter. */
#include "group.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define FOLDER      ".shim"
#define NAME_LENGTH 32u /* hexadecimal digits: 128 bits; the socket's path has to be short */
#define KEPT_LENGTH 40u /* of an id that is too long for the library */
#define ID_MAX      128u
#define BACKLOG     64
#define LOCK_STEP   10000
#define FILE_MAX    (1u << 20)

/* "__" occurs in no identifier of containerd's, so no two pods of different namespaces have one name. */
static char *
sandbox_id_of (const char *space, const char *id)
{
  g_autofree char *name = g_strdup_printf ("%s__%s", space, id);
  if (strlen (name) <= ID_MAX)
    return g_steal_pointer (&name);
  g_autofree char *sum = g_compute_checksum_for_string (G_CHECKSUM_SHA256, name, -1);
  return g_strdup_printf ("%.*s__%s", (int) KEPT_LENGTH, space, sum);
}

void
group_name (group *group, const options *options, const char *id)
{
  g_autofree char *whole = g_strdup_printf ("%s\n%s\n%s", options->address, options->namespace_name, id);
  g_autofree char *sum = g_compute_checksum_for_string (G_CHECKSUM_SHA256, whole, -1);
  sum[NAME_LENGTH] = 0;
  group->fd = -1;
  group->id = g_strdup (id);
  group->path = g_build_filename (options->state_dir, FOLDER, sum, NULL);
  group->sandbox_id = sandbox_id_of (options->namespace_name, id);
}

/* Ours alone: nobody else can put a socket where containerd connects to, or read what is said there. */
static int
open_private (const char *path)
{
  struct stat st;
  int fd = open (path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return -errno;
  if (fstat (fd, &st) == 0 && st.st_uid == geteuid () && (st.st_mode & 077) == 0)
    return fd;
  close (fd);
  return -EPERM;
}

/* The folder of all groups. */
static int
open_folder (const group *group, gboolean make)
{
  g_autofree char *folder = g_path_get_dirname (group->path);
  g_autofree char *state = g_path_get_dirname (folder);
  if (make && g_mkdir_with_parents (state, 0700) != 0)
    return -errno;
  if (make && mkdir (folder, 0700) != 0 && errno != EEXIST)
    return -errno;
  return open_private (folder);
}

int
group_open (group *group)
{
  int fd = open_private (group->path);
  if (fd < 0)
    return fd;
  group->fd = fd;
  return 0;
}

int
group_lock (group *group, int wait_ms)
{
  struct stat st;
  gint64 until = g_get_monotonic_time () + (gint64) wait_ms * 1000;
  while (flock (group->fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      return -errno;
    if (g_get_monotonic_time () >= until)
      return -EWOULDBLOCK;
    g_usleep (LOCK_STEP);
  }
  return fstat (group->fd, &st) == 0 && st.st_nlink > 0 ? 0 : -ENOENT;
}

/* The folder's lock is held between mkdir and the new directory's own lock: who finds a directory unlocked then knows that its maker is gone. */
int
group_make (group *group)
{
  int folder = open_folder (group, TRUE);
  if (folder < 0)
    return folder;
  int r = flock (folder, LOCK_EX) == 0 && mkdir (group->path, 0700) == 0 ? 0 : -errno;
  if (r == 0)
    r = group_open (group);
  if (r == 0)
    r = group_lock (group, 0);
  close (folder);
  return r;
}

int
group_remove (group *group)
{
  g_auto (GStrv) names = group_list (group, "");
  for (char **name = names; *name; name++)
    unlinkat (group->fd, *name, 0);
  return rmdir (group->path) == 0 || errno == ENOENT ? 0 : -errno;
}

void
group_clear (group *group)
{
  if (group->fd >= 0)
    close (group->fd);
  group->fd = -1;
  g_clear_pointer (&group->id, g_free);
  g_clear_pointer (&group->path, g_free);
  g_clear_pointer (&group->sandbox_id, g_free);
}

int
group_write (group *group, const char *name, const char *text)
{
  g_autofree char *fresh = g_strdup_printf ("%s.new", name);
  size_t length = strlen (text), at = 0;
  int fd = openat (group->fd, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0)
    return -errno;
  int r = 0;
  while (r == 0 && at < length) {
    ssize_t n = write (fd, text + at, length - at);
    if (n < 0 && errno != EINTR)
      r = -errno;
    at += n > 0 ? (size_t) n : 0;
  }
  close (fd);
  if (r == 0 && renameat (group->fd, fresh, group->fd, name) != 0)
    r = -errno;
  if (r != 0)
    unlinkat (group->fd, fresh, 0);
  return r;
}

char *
group_read (group *group, const char *name)
{
  struct stat st;
  int fd = openat (group->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return NULL;
  char *text = NULL;
  if (fstat (fd, &st) == 0 && S_ISREG (st.st_mode) && st.st_size <= FILE_MAX) {
    text = g_malloc0 ((gsize) st.st_size + 1);
    gsize at = 0;
    ssize_t n;
    while (at < (gsize) st.st_size && (n = read (fd, text + at, (gsize) st.st_size - at)) > 0)
      at += (gsize) n;
  }
  close (fd);
  return text;
}

void
group_forget (group *group, const char *name)
{
  unlinkat (group->fd, name, 0);
}

char **
group_list (group *group, const char *prefix)
{
  GPtrArray *names = g_ptr_array_new ();
  int copy = openat (group->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir = copy >= 0 ? fdopendir (copy) : NULL;
  struct dirent *entry;
  while (dir && (entry = readdir (dir)))
    if (!g_str_equal (entry->d_name, ".") && !g_str_equal (entry->d_name, "..") &&
        g_str_has_prefix (entry->d_name, prefix))
      g_ptr_array_add (names, g_strdup (entry->d_name));
  if (dir)
    closedir (dir);
  else if (copy >= 0)
    close (copy);
  g_ptr_array_add (names, NULL);
  return (char **) g_ptr_array_free (names, FALSE);
}

char *
group_address (const group *group)
{
  return g_strdup_printf ("unix://%s/" GROUP_SOCKET, group->path);
}

static int
make_socket (const group *group, struct sockaddr_un *address)
{
  *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
  int n = snprintf (address->sun_path, sizeof address->sun_path, "%s/" GROUP_SOCKET, group->path);
  if (n < 0 || (size_t) n >= sizeof address->sun_path)
    return -ENAMETOOLONG;
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  return fd < 0 ? -errno : fd;
}

gboolean
group_answers (const group *group)
{
  struct sockaddr_un address;
  int fd = make_socket (group, &address);
  if (fd < 0)
    return FALSE;
  gboolean answers = connect (fd, (struct sockaddr *) &address, sizeof address) == 0;
  close (fd);
  return answers;
}

int
group_listen (group *group)
{
  struct sockaddr_un address;
  int fd = make_socket (group, &address);
  if (fd < 0)
    return fd;
  mode_t before = umask (0177);
  int r = bind (fd, (struct sockaddr *) &address, sizeof address) == 0 && listen (fd, BACKLOG) == 0 ? 0 : -errno;
  umask (before);
  if (r == 0)
    return fd;
  close (fd);
  return r;
}
