/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plugin: opens the file, looks whose it is, loads what was looked at, and holds the table against what the file says of it. */
#include "backend/plugin.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"
#include "host/beneath.h"

#define PARTS_MAX 256 /* program headers; a library has a dozen */

/* O_PATH: a device or a fifo is not woken by being looked at. */
static int
open_file (int *out, const char *path, kata_error **err)
{
  if (path[0] != '/' || path[strspn (path, "/")] == '\0')
    return kata_error__set (err, KATA_E_INVALID, path, "backend library \"%s\": not an absolute path of a file", path);
  kata_auto_fd int root = open ("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0)
    return kata_error__errno (err, KATA_E_IO, path, errno, "backend library %s: / cannot be opened", path);
  int fd = kata_beneath__open (root, path + strspn (path, "/"), O_PATH, 0, false);
  if (fd == -ENOENT || fd == -ENOTDIR)
    return kata_error__set (err, KATA_E_NOT_FOUND, path, "backend library %s: no such file", path);
  if (fd == -ELOOP || fd == -EXDEV)
    return kata_error__set (err, KATA_E_PERMISSION, path,
                            "backend library %s: there is a symbolic link or .. in the path; give the file's own path",
                            path);
  if (fd < 0)
    return kata_error__errno (err, fd == -EACCES ? KATA_E_PERMISSION : KATA_E_IO, path, -fd,
                              "backend library %s: cannot be opened", path);
  *out = fd;
  return 0;
}

/* What is loaded has all rights of this process: nobody else may have written it. */
static int
check_file (int fd, struct stat *st, const char *path, kata_error **err)
{
  if (fstat (fd, st) != 0)
    return kata_error__errno (err, KATA_E_IO, path, errno, "backend library %s: cannot be looked at", path);
  if (!S_ISREG (st->st_mode))
    return kata_error__set (err, KATA_E_INVALID, path, "backend library %s: not a regular file", path);
  if (st->st_uid != 0 && st->st_uid != geteuid ())
    return kata_error__set (err, KATA_E_PERMISSION, path,
                            "backend library %s: belongs to user %u, not to root or to who runs this; chown it", path,
                            (unsigned) st->st_uid);
  if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return kata_error__set (err, KATA_E_PERMISSION, path,
                            "backend library %s: others can write to it (mode %04o); chmod go-w it", path,
                            (unsigned) st->st_mode & 07777);
  return 0;
}

/* Is all there that the headers speak of? The loader does not ask: it dies of SIGBUS where a file was cut short. What else it can see wrong it says. */
static bool
whole_library (int fd, uint64_t size)
{
  ElfW (Ehdr) head;
  ElfW (Phdr) part;
  if (pread (fd, &head, sizeof head, 0) != sizeof head || memcmp (head.e_ident, ELFMAG, SELFMAG) != 0 ||
      head.e_ident[EI_CLASS] != (sizeof (void *) == 8 ? ELFCLASS64 : ELFCLASS32) || head.e_type != ET_DYN ||
      head.e_phentsize != sizeof part || head.e_phnum == 0 || head.e_phnum > PARTS_MAX || head.e_phoff > size)
    return false;
  for (size_t i = 0; i < head.e_phnum; i++)
    if (pread (fd, &part, sizeof part, (off_t) (head.e_phoff + i * sizeof part)) != sizeof part ||
        part.p_offset > size || part.p_filesz > size - part.p_offset)
      return false;
  return true;
}

static int
check_library (int path_fd, const struct stat *st, const char *path, kata_error **err)
{
  g_autofree char *link = g_strdup_printf ("/proc/self/fd/%d", path_fd);
  kata_auto_fd int fd = open (link, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return kata_error__errno (err, errno == EACCES ? KATA_E_PERMISSION : KATA_E_IO, path, errno,
                              "backend library %s: cannot be read through /proc", path);
  if (!whole_library (fd, (uint64_t) st->st_size))
    return kata_error__set (err, KATA_E_INVALID, path,
                            "backend library %s: cannot be loaded: no shared library for this machine, or cut short",
                            path);
  return 0;
}

/*
 * A name of the open file by which nothing else was ever loaded. The loader takes a name that it has heard before for the library that it was then,
 * and the numbers of descriptors come again: so the file's own numbers are in the name, as empty parts ("//" and "/.", a bit each), which the kernel
 * skips. While a library is loaded its file keeps them, deleted or not; and by them the loader itself tells whether a file is loaded already.
 */
static char *
name_of (int fd, const struct stat *st)
{
  const uint64_t numbers[] = { (uint64_t) st->st_dev, (uint64_t) st->st_ino };
  GString *name = g_string_new ("/proc/self/fd");
  for (size_t i = 0; i < G_N_ELEMENTS (numbers); i++)
    for (unsigned bit = 0; bit < 64; bit++)
      g_string_append (name, (numbers[i] >> bit & 1) != 0 ? "/." : "//");
  g_string_append_printf (name, "/%d", fd);
  return g_string_free (name, FALSE);
}

/* The loader's word for what went wrong, without the name that we gave it. */
static int
loader_error (const char *path, const char *name, kata_error **err)
{
  const char *why = dlerror ();
  if (why != NULL && g_str_has_prefix (why, name))
    why += strlen (name) + strspn (why + strlen (name), ": ");
  return kata_error__set (err, KATA_E_INVALID, path, "backend library %s: cannot be loaded: %s", path,
                          why != NULL ? why : "no reason is known");
}

/* The table of this very file, not one that it was linked with, and as long as the compiler made it. */
static int
find_table (const kata_backend **out, void *so, const char *path, kata_error **err)
{
  Dl_info info;
  struct link_map *own = NULL, *its = NULL;
  ElfW (Sym) *symbol = NULL;
  void *at = dlsym (so, KATA_BACKEND_SYMBOL);
  if (at == NULL || dlinfo (so, RTLD_DI_LINKMAP, &own) != 0 ||
      dladdr1 (at, &info, (void **) &its, RTLD_DL_LINKMAP) == 0 || its != own)
    return kata_error__set (err, KATA_E_INVALID, KATA_BACKEND_SYMBOL,
                            "backend library %s: exports no " KATA_BACKEND_SYMBOL, path);
  if (dladdr1 (at, &info, (void **) &symbol, RTLD_DL_SYMENT) == 0 || symbol == NULL ||
      ELF64_ST_TYPE (symbol->st_info) != STT_OBJECT || (uintptr_t) at % _Alignof(kata_backend) != 0)
    return kata_error__set (err, KATA_E_INVALID, KATA_BACKEND_SYMBOL,
                            "backend library %s: " KATA_BACKEND_SYMBOL " is no variable of type kata_backend", path);
  const kata_backend *table = at;
  if (symbol->st_size < offsetof (kata_backend, name) + sizeof table->name || table->size != symbol->st_size)
    return kata_error__set (
        err, KATA_E_INVALID, "size",
        "backend library %s: its table is not as long as it says; set size to sizeof (kata_backend)", path);
  if (table->abi > KATA_BACKEND_ABI)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "abi",
                            "backend library %s: made for interface %u of a newer libkata, this one has %u", path,
                            table->abi, KATA_BACKEND_ABI);
  *out = table;
  return 0;
}

int
kata_plugin__load (kata_registry *registry, const char *path, kata_error **err)
{
  kata_auto_fd int fd = -1;
  struct stat st;
  const kata_backend *table = NULL;
  int code = open_file (&fd, path, err);
  if (code == 0)
    code = check_file (fd, &st, path, err);
  if (code == 0)
    code = check_library (fd, &st, path, err);
  if (code < 0)
    return code;
  g_autofree char *name = name_of (fd, &st);
  void *so = dlopen (name, RTLD_NOW | RTLD_LOCAL);
  if (so == NULL)
    return loader_error (path, name, err);
  code = find_table (&table, so, path, err);
  if (code == 0)
    code = kata_registry__add (registry, table, err);
  /* One that was taken stays for good: threads and exit handlers of its own may outlive every runtime. */
  if (code < 0)
    dlclose (so);
  return code;
}
