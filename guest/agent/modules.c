/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* modules: finit_module on files of the initrd; knows nothing of dependencies, the image's list is in load order. */
#include "modules.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "file.h"
#include "mem.h"
#include "path.h"

#define LIST_MAX       32768
#define FEATURES_DIR   "/etc/kata-modules.d" /* one list per alias */
#define DEVICES_DIR    "/sys/bus/virtio/devices"
#define TREE_DEPTH_MAX 12

static int
load_file (const char *path, const char *parameters)
{
  auto_fd int fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return -1;
  if (syscall (SYS_finit_module, fd, parameters, 0) < 0 && errno != EEXIST)
    return -1;
  return 0;
}

/*
 * Words "name.parameter=value" of the kernel command line are for modules too, but who loads one must hand them over: a VMM
 * announces its MMIO devices so.
 */
static void
boot_parameters (const char *path, char *out, size_t size)
{
  char text[4096], name[64];
  const char *base = strrchr (path, '/');
  size_t len = (size_t) snprintf (name, sizeof name, "%s", base ? base + 1 : path), used = 0;
  out[0] = 0;
  if (len < 4 || len >= sizeof name || file_read ("/proc/cmdline", text, sizeof text) < 0)
    return;
  if (text_is (name + len - 3, ".ko"))
    name[len -= 3] = 0;
  for (char *rest = NULL, *word = strtok_r (text, " \n", &rest); word; word = strtok_r (NULL, " \n", &rest)) {
    size_t i = 0;
    while (i < len && (word[i] == name[i] || (strchr ("-_", word[i]) && word[i] && strchr ("-_", name[i]))))
      i++;
    if (i < len || word[i] != '.')
      continue;
    int n = snprintf (out + used, size - used, "%s%s", used ? " " : "", word + i + 1);
    if (n > 0 && (size_t) n < size - used)
      used += (size_t) n;
    out[used] = 0;
  }
}

void
modules_load_list (const struct log *log, const char *list_path)
{
  auto_free char *text = malloc (LIST_MAX);
  char *rest = NULL;
  char parameters[1024];
  unsigned loaded = 0;
  if (!text || file_read (list_path, text, LIST_MAX) < 0) {
    log_info (log, "%s: no list of modules", list_path);
    return;
  }
  for (char *line = strtok_r (text, "\n", &rest); line; line = strtok_r (NULL, "\n", &rest)) {
    if (*line == '#' || *line == 0)
      continue;
    boot_parameters (line, parameters, sizeof parameters);
    if (load_file (line, parameters) < 0)
      log_warn (log, "module %s: %s", line, strerror (errno));
    else
      loaded++;
  }
  log_debug (log, "%u modules loaded", loaded);
}

void
modules_load_devices (const struct log *log)
{
  DIR *dir = opendir (DEVICES_DIR);
  struct dirent *entry;
  char path[400], alias[64];
  while (dir && (entry = readdir (dir))) {
    snprintf (path, sizeof path, DEVICES_DIR "/%s/driver", entry->d_name);
    if (entry->d_name[0] == '.' || access (path, F_OK) == 0)
      continue;
    snprintf (path, sizeof path, DEVICES_DIR "/%s/modalias", entry->d_name);
    if (file_read (path, alias, sizeof alias) < 16)
      continue;
    snprintf (path, sizeof path, FEATURES_DIR "/%.16s", alias); /* "virtio:d00000003", without the vendor */
    if (access (path, F_OK) == 0)
      modules_load_list (log, path);
  }
  if (dir)
    closedir (dir);
}

int
modules_probe (const char *alias)
{
  static const struct log quiet = { LOG_LEVEL_ERROR };
  char path[256];
  snprintf (path, sizeof path, FEATURES_DIR "/%.200s", alias);
  if (strchr (alias, '/') || access (path, F_OK) < 0)
    return 1;
  modules_load_list (&quiet, path);
  return 0;
}

/* "foo-bar" and "foo_bar" are the same module. */
static int
is_module_file (const char *file, const char *name)
{
  for (; *name; name++, file++) {
    char a = *name == '-' ? '_' : *name, b = *file == '-' ? '_' : *file;
    if (a != b)
      return 0;
  }
  return text_is (file, ".ko");
}

static int
find_file (int fd, const char *name, char *path, size_t size, int depth)
{
  DIR *dir = fdopendir (fd);
  struct dirent *entry;
  size_t used = strlen (path);
  int found = 0;
  if (!dir) {
    close (fd);
    return 0;
  }
  while (!found && (entry = readdir (dir))) {
    if (entry->d_name[0] == '.')
      continue;
    if (snprintf (path + used, size - used, "/%s", entry->d_name) >= (int) (size - used))
      continue;
    if (is_module_file (entry->d_name, name)) {
      found = 1;
      break;
    }
    int sub = depth < TREE_DEPTH_MAX ? path_open_beneath (fd, entry->d_name, O_RDONLY | O_DIRECTORY, 0) : -1;
    if (sub >= 0)
      found = find_file (sub, name, path, size, depth + 1);
  }
  closedir (dir);
  if (!found)
    path[used] = 0;
  return found;
}

int
modules_load_named (const struct log *log, const Grpc__KernelModule *module, struct fault *fault)
{
  struct utsname kernel;
  char path[512], check[128], parameters[1024] = "";
  const char *name = text_of (module->name);
  if (!path_id_is_valid (name))
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "kernel module: not a valid name");
  for (size_t i = 0; i < module->n_parameters; i++) {
    size_t used = strlen (parameters);
    int n = snprintf (parameters + used, sizeof parameters - used, "%s%s", used ? " " : "", module->parameters[i]);
    if (n < 0 || (size_t) n >= sizeof parameters - used)
      return fault_set (fault, TTRPC_INVALID_ARGUMENT, "kernel module %s: parameters are too long", name);
  }
  snprintf (check, sizeof check, "/sys/module/%.100s", name);
  for (char *at = check; *at; at++)
    *at = *at == '-' ? '_' : *at;
  if (access (check, F_OK) == 0)
    return 0; /* loaded at boot or built in */
  if (uname (&kernel) < 0)
    return fault_errno (fault, "uname");
  snprintf (path, sizeof path, "/lib/modules/%s", kernel.release);
  int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 || !find_file (fd, name, path, sizeof path, 0))
    return fault_set (fault, TTRPC_NOT_FOUND, "kernel module %s: not in the guest's image below /lib/modules/%s", name,
                      kernel.release);
  if (load_file (path, parameters) < 0)
    return fault_errno (fault, "kernel module %s", path);
  log_info (log, "module %s loaded", name);
  return 0;
}
