/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mounts: thin, link-safe wrapping of mount(2); which driver mounts what is storage.c's. */
#include "mounts.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "mem.h"

static const struct {
  const char *word;
  unsigned long set, clear, propagation;
} known[] = {
  { "defaults", 0, 0, 0 },
  { "ro", MS_RDONLY, 0, 0 },
  { "rw", 0, MS_RDONLY, 0 },
  { "nosuid", MS_NOSUID, 0, 0 },
  { "suid", 0, MS_NOSUID, 0 },
  { "nodev", MS_NODEV, 0, 0 },
  { "dev", 0, MS_NODEV, 0 },
  { "noexec", MS_NOEXEC, 0, 0 },
  { "exec", 0, MS_NOEXEC, 0 },
  { "sync", MS_SYNCHRONOUS, 0, 0 },
  { "async", 0, MS_SYNCHRONOUS, 0 },
  { "dirsync", MS_DIRSYNC, 0, 0 },
  { "noatime", MS_NOATIME, 0, 0 },
  { "atime", 0, MS_NOATIME, 0 },
  { "nodiratime", MS_NODIRATIME, 0, 0 },
  { "diratime", 0, MS_NODIRATIME, 0 },
  { "relatime", MS_RELATIME, 0, 0 },
  { "norelatime", 0, MS_RELATIME, 0 },
  { "strictatime", MS_STRICTATIME, 0, 0 },
  { "bind", MS_BIND, 0, 0 },
  { "rbind", MS_BIND | MS_REC, 0, 0 },
  { "private", 0, 0, MS_PRIVATE },
  { "rprivate", 0, 0, MS_PRIVATE | MS_REC },
  { "shared", 0, 0, MS_SHARED },
  { "rshared", 0, 0, MS_SHARED | MS_REC },
  { "slave", 0, 0, MS_SLAVE },
  { "rslave", 0, 0, MS_SLAVE | MS_REC },
};

int
mount_options_add (struct mount_options *options, const char *word, struct fault *fault)
{
  size_t used = strlen (options->data);
  int n = snprintf (options->data + used, sizeof options->data - used, "%s%s", used ? "," : "", word);
  if (n < 0 || (size_t) n >= sizeof options->data - used)
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "mount options are longer than %d bytes", MOUNT_DATA_MAX - 1);
  return 0;
}

static int
take_word (struct mount_options *out, const char *word, struct fault *fault)
{
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
    if (text_is (word, known[i].word)) {
      out->flags = (out->flags | known[i].set) & ~known[i].clear;
      if (known[i].propagation)
        out->propagation = known[i].propagation;
      return 0;
    }
  return mount_options_add (out, word, fault);
}

int
mount_options_parse (struct mount_options *out, char *const *words, size_t count, const char *const *ours,
                     struct fault *fault)
{
  memset (out, 0, sizeof *out);
  for (size_t i = 0; i < count; i++) {
    int skip = 0;
    for (size_t k = 0; ours && ours[k]; k++)
      skip |= text_starts (words[i], ours[k]);
    if (!skip && words[i][0] && take_word (out, words[i], fault) < 0)
      return -1;
  }
  return 0;
}

int
mount_options_has (const struct mount_options *options, const char *name)
{
  size_t len = strlen (name);
  for (const char *at = options->data; *at; at += strcspn (at, ",")) {
    at += *at == ',';
    if (strncmp (at, name, len) == 0 && (at[len] == '=' || at[len] == ',' || at[len] == 0))
      return 1;
  }
  return 0;
}

static void
fd_path (char out[40], int fd)
{
  snprintf (out, 40, "/proc/self/fd/%d", fd);
}

/* Propagation changes need the new mount itself, not the directory below it that @target_fd still means. */
static int
set_propagation (const char *where, const struct mount_options *options, struct fault *fault)
{
  if (options->propagation && mount (NULL, where, NULL, options->propagation, NULL) < 0)
    return fault_errno (fault, "cannot set the propagation of %s", where);
  return 0;
}

int
mount_on (int target_fd, const char *where, const char *source, const char *fstype, const struct mount_options *options,
          struct fault *fault)
{
  char target[40];
  fd_path (target, target_fd);
  if (mount (source, target, fstype, options->flags, options->data[0] ? options->data : NULL) < 0)
    return fault_errno (fault, "cannot mount %s \"%s\" at %s with options \"%.300s\"", fstype, source, where,
                        options->data);
  return set_propagation (where, options, fault);
}

int
mount_bind (int source_fd, int target_fd, const char *where, const struct mount_options *options, struct fault *fault)
{
  char source[40], target[40];
  unsigned long extra = options->flags & ~(unsigned long) (MS_BIND | MS_REC);
  fd_path (source, source_fd);
  fd_path (target, target_fd);
  if (mount (source, target, NULL, MS_BIND | MS_REC, NULL) < 0)
    return fault_errno (fault, "cannot bind-mount on %s", where);
  if (extra && mount (NULL, where, NULL, MS_BIND | MS_REMOUNT | extra, NULL) < 0) {
    fault_errno (fault, "cannot set the flags of %s", where);
    mount_detach (where);
    return -1;
  }
  return set_propagation (where, options, fault);
}

void
mount_detach (const char *path)
{
  for (int i = 0; i < 16; i++)
    if (umount2 (path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
      return;
}
