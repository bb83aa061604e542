/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* request: what the user asked to run, from options to the library's structs; nothing is made. */
#include "request.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle.h"
#include "output.h"
#include "terminal.h"

/* What the guest's kernel and agent need beside what the container may use. */
#define GUEST_OVERHEAD_MIB 128

GPtrArray *
request_environment (ctl *ctl, GPtrArray *words, int terminal)
{
  GPtrArray *env = g_ptr_array_new_with_free_func (g_free);
  gboolean has_term = FALSE;
  for (guint i = 0; words && i < words->len; i++) {
    const char *word = words->pdata[i];
    if (*word == '=' || *word == 0) {
      output_usage (ctl, "--env: \"%s\" has no name in front of the \"=\"", word);
      g_ptr_array_unref (env);
      return NULL;
    }
    has_term = has_term || g_str_has_prefix (word, "TERM=");
    if (strchr (word, '='))
      g_ptr_array_add (env, g_strdup (word));
    else if (g_getenv (word))
      g_ptr_array_add (env, g_strdup_printf ("%s=%s", word, g_getenv (word)));
  }
  if (terminal && !has_term)
    g_ptr_array_add (env, g_strdup_printf ("TERM=%s", g_getenv ("TERM") ? g_getenv ("TERM") : "xterm"));
  g_ptr_array_add (env, NULL);
  return env;
}

static void
free_volume (gpointer data)
{
  kata_volume *volume = data;
  if (volume) {
    g_free ((char *) volume->source);
    g_free ((char *) volume->destination);
  }
  g_free (volume);
}

static int
add_volume (ctl *ctl, request *request, const char *word)
{
  g_auto (GStrv) parts = g_strsplit (word, ":", 4);
  guint n = g_strv_length (parts);
  if (n < 2 || n > 3 || !*parts[0] || parts[1][0] != '/')
    return output_usage (ctl, "--volume: \"%s\" is not SOURCE:/DESTINATION or SOURCE:/DESTINATION:ro", word);
  if (n == 3 && strcmp (parts[2], "ro") != 0 && strcmp (parts[2], "rw") != 0)
    return output_usage (ctl, "--volume: \"%s\" must end in :ro or :rw", word);
  if (access (parts[0], F_OK) < 0)
    return output_fail (ctl, CTL_FAILED, "--volume: \"%s\": %s; make it first", parts[0], g_strerror (errno));
  kata_volume *volume = g_new0 (kata_volume, 1);
  volume->size = sizeof *volume;
  volume->source = g_canonicalize_filename (parts[0], NULL);
  volume->destination = g_strdup (parts[1]);
  volume->flags = n == 3 && strcmp (parts[2], "ro") == 0 ? KATA_VOLUME_READONLY : 0;
  g_ptr_array_add (request->volumes, volume);
  return -1;
}

static int
add_annotation (ctl *ctl, request *request, const char *word)
{
  const char *equal = strchr (word, '=');
  if (!equal || equal == word)
    return output_usage (ctl, "--annotation: \"%s\" is not KEY=VALUE", word);
  g_ptr_array_add (request->annotations, g_strndup (word, (gsize) (equal - word)));
  g_ptr_array_add (request->annotations, g_strdup (equal + 1));
  return -1;
}

static void
add_host_device (request *request, const char *word)
{
  kata_host_device *device = g_new0 (kata_host_device, 1);
  device->size = sizeof *device;
  device->address = word; /* of vfio_words; the library judges it */
  g_ptr_array_add (request->host_devices, device);
}

/* The type of a file system in an image by its magic number; NULL = not one that a guest would mount. */
static const char *
image_type (const char *path)
{
  static const struct {
    off_t at;
    const char *magic;
    size_t length;
    const char *type;
  } known[] = { { 1080, "\x53\xef", 2, "ext4" },
                { 1024, "\xe2\xe1\xf5\xe0", 4, "erofs" },
                { 0, "hsqs", 4, "squashfs" },
                { 0, "XFSB", 4, "xfs" } };
  const char *type = NULL;
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  for (size_t i = 0; fd >= 0 && !type && i < G_N_ELEMENTS (known); i++) {
    char bytes[4];
    if (pread (fd, bytes, known[i].length, known[i].at) == (ssize_t) known[i].length &&
        memcmp (bytes, known[i].magic, known[i].length) == 0)
      type = known[i].type;
  }
  if (fd >= 0)
    close (fd);
  return type;
}

/* What is behind a vhost-user server's socket only the guest can see. */
static int
take_image (ctl *ctl, request *request, gboolean server)
{
  const char *type = request->rootfs_type;
  if (!type)
    type = server ? "ext4" : image_type (request->rootfs_path);
  if (!type)
    return output_fail (ctl, CTL_FAILED,
                        "--rootfs: \"%s\" holds no ext4, xfs, erofs or squashfs; name the type with --rootfs-type",
                        request->rootfs_path);
  gboolean fixed = strcmp (type, "erofs") == 0 || strcmp (type, "squashfs") == 0;
  request->disk = (kata_disk){ .size = sizeof (kata_disk), .id = "rootfs", .path = request->rootfs_path };
  request->disk.flags = fixed || request->readonly ? KATA_DISK_READONLY : 0;
  request->disk.flags |= server ? KATA_DISK_VHOST_USER : 0u;
  request->readonly = request->readonly || fixed;
  request->disks[0] = &request->disk;
  request->sandbox.disks = request->disks;
  request->container.rootfs_disk = request->disk.id;
  request->container.rootfs_fstype = type;
  return -1;
}

static int
take_root (ctl *ctl, request *request)
{
  struct stat st;
  if (request->bundle) {
    request->bundle_path = g_canonicalize_filename (request->bundle, NULL);
    request->container.bundle = request->bundle_path;
    /* The containers of a sandbox share its host name, so this one's only container decides it. */
    request->bundle_hostname = request->hostname ? NULL : bundle_hostname (request->bundle_path);
    if (request->bundle_hostname)
      request->hostname = request->bundle_hostname;
  }
  if (!request->rootfs)
    return -1;
  request->rootfs_path = g_canonicalize_filename (request->rootfs, NULL);
  char *place =
      realpath (request->rootfs_path, NULL); /* who types a link means what it leads to; the library follows none */
  if (place) {
    g_free (request->rootfs_path);
    request->rootfs_path = g_strdup (place);
    free (place);
  }
  if (stat (request->rootfs_path, &st) < 0)
    return output_fail (ctl, CTL_FAILED, "--rootfs: \"%s\": %s; give a directory or a disk image", request->rootfs_path,
                        g_strerror (errno));
  if (!S_ISDIR (st.st_mode))
    return take_image (ctl, request, S_ISSOCK (st.st_mode));
  request->container.rootfs = request->rootfs_path;
  return -1;
}

/* A name without a slash is one of `ip netns`. */
static int
take_network (ctl *ctl, request *request)
{
  const char *word = request->network;
  if (!word || strcmp (word, "none") == 0 || strcmp (word, "user") == 0 || strcmp (word, "new") == 0) {
    request->sandbox.network = word;
    return -1;
  }
  if (g_str_has_prefix (word, "dan:")) {
    g_autofree char *path = g_canonicalize_filename (word + 4, NULL);
    request->sandbox.network = request->netns_path = g_strconcat ("dan:", path, NULL);
    return -1;
  }
  request->netns_path =
      strchr (word, '/') ? g_canonicalize_filename (word, NULL) : g_build_filename ("/run/netns", word, NULL);
  if (access (request->netns_path, F_OK) < 0)
    return output_fail (ctl, CTL_FAILED, "--network: \"%s\": %s; give a network namespace, none or user",
                        request->netns_path, g_strerror (errno));
  request->sandbox.network = request->netns_path;
  return -1;
}

static void
fill_options (request *request, GPtrArray *arguments)
{
  kata_sandbox_options *sandbox = &request->sandbox;
  kata_container_options *container = &request->container;
  sandbox->id = container->id = request->name;
  sandbox->first_container = container;
  sandbox->hostname = container->hostname = request->hostname;
  sandbox->cgroup = request->cgroup;
  if (request->cgroup)
    sandbox->limit_cpu_milli = request->cpu_milli; /* of the cgroup; the size is what follows */
  sandbox->vcpus = (request->cpu_milli + 999) / 1000;
  sandbox->annotations = (const char *const *) request->annotations->pdata;
  sandbox->host_devices = (const kata_host_device *const *) request->host_devices->pdata;
  container->cpu_milli = request->cpu_milli;
  container->memory_bytes = request->memory;
  container->pids = request->pids;
  if (request->memory)
    sandbox->memory_mib = (request->memory + 1024 * 1024 - 1) / (1024 * 1024) + GUEST_OVERHEAD_MIB;
  if (arguments->len > 0) {
    g_ptr_array_add (arguments, NULL);
    container->args = (const char *const *) arguments->pdata;
  }
  container->env = (const char *const *) request->env->pdata;
  container->cwd = request->cwd;
  container->user = request->user;
  container->volumes = (const kata_volume *const *) request->volumes->pdata;
  container->flags =
      (request->terminal ? KATA_CONTAINER_TERMINAL : 0u) | (request->readonly ? KATA_CONTAINER_READONLY : 0u);
  if (request->terminal)
    terminal_size (&container->rows, &container->columns);
}

int
request_build (ctl *ctl, request *request, GPtrArray *arguments)
{
  request->sandbox = (kata_sandbox_options) KATA_SANDBOX_OPTIONS_INIT;
  request->container = (kata_container_options) KATA_CONTAINER_OPTIONS_INIT;
  request->volumes = g_ptr_array_new_with_free_func (free_volume);
  request->annotations = g_ptr_array_new_with_free_func (g_free);
  request->host_devices = g_ptr_array_new_with_free_func (g_free);
  request->env = request_environment (ctl, request->env_words, request->terminal);
  if (!request->env)
    return CTL_USAGE;
  for (guint i = 0; request->volume_words && i < request->volume_words->len; i++) {
    int rc = add_volume (ctl, request, request->volume_words->pdata[i]);
    if (rc >= 0)
      return rc;
  }
  for (guint i = 0; request->annotation_words && i < request->annotation_words->len; i++) {
    int rc = add_annotation (ctl, request, request->annotation_words->pdata[i]);
    if (rc >= 0)
      return rc;
  }
  for (guint i = 0; request->vfio_words && i < request->vfio_words->len; i++)
    add_host_device (request, request->vfio_words->pdata[i]);
  g_ptr_array_add (request->host_devices, NULL);
  g_ptr_array_add (request->volumes, NULL);
  g_ptr_array_add (request->annotations, NULL);
  int rc = take_root (ctl, request);
  if (rc < 0)
    rc = take_network (ctl, request);
  if (rc >= 0)
    return rc;
  fill_options (request, arguments);
  return -1;
}

static void
free_array (GPtrArray **array)
{
  if (*array)
    g_ptr_array_unref (*array);
  *array = NULL;
}

void
request_clear (request *request)
{
  free_array (&request->volume_words);
  free_array (&request->env_words);
  free_array (&request->annotation_words);
  free_array (&request->vfio_words);
  free_array (&request->host_devices);
  free_array (&request->volumes);
  free_array (&request->env);
  free_array (&request->annotations);
  g_free (request->rootfs_path);
  g_free (request->bundle_path);
  g_free (request->bundle_hostname);
  g_free (request->netns_path);
}
