/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* create: from a bundle to a proxy on the host and a container that waits in the guest; one list of steps, undone backwards. */
#include "verbs/create.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "verbs/cgroup.h"
#include "verbs/scope.h"
#include "verbs/spawn.h"
#include "verbs/wire.h"
#include "members.h"
#include "output.h"

/* The bundle's text, checked by the library, and what the entry keeps of it. */
static int
read_bundle (oci *oci, int exit_code, create *create, kata_placement *placement)
{
  CTL_AUTO (error) err = NULL;
  entry *entry = &create->entry;
  g_autofree char *path = g_build_filename (create->bundle, "config.json", NULL);
  entry->id = g_strdup (create->id);
  entry->bundle = realpath (create->bundle, NULL);
  entry->config = entry->bundle ? entry_read_file (AT_FDCWD, path, 0) : NULL;
  if (!entry->config)
    return oci_fail (oci, exit_code, "cannot read \"%s\": %s", path, g_strerror (errno));
  if (kata_placement_read (placement, entry->config, create->id, &err) < 0)
    return oci_error (oci, exit_code, err);
  g_autoptr (JsonParser) parser = NULL;
  JsonObject *config = members_parse (entry->config, &parser);
  JsonNode *root = config ? json_object_get_member (config, "root") : NULL;
  JsonNode *annotations = config ? json_object_get_member (config, "annotations") : NULL;
  const char *rootfs =
      root && JSON_NODE_HOLDS_OBJECT (root) ? members_string (json_node_get_object (root), "path") : NULL;
  if (rootfs)
    entry->rootfs = g_canonicalize_filename (rootfs, entry->bundle);
  if (annotations && JSON_NODE_HOLDS_OBJECT (annotations)) {
    g_autoptr (JsonGenerator) generator = json_generator_new ();
    json_generator_set_root (generator, annotations);
    entry->annotations = json_generator_to_data (generator, NULL);
  }
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *seconds = g_date_time_format (now, "%Y-%m-%dT%H:%M:%S");
  entry->created = g_strdup_printf ("%s.%06dZ", seconds, g_date_time_get_microsecond (now));
  entry->sandbox = g_strdup (placement->sandbox_id);
  entry->cgroup = cgroup_path (placement->cgroup, oci->systemd_cgroup);
  entry->console = (placement->flags & KATA_PLACEMENT_TERMINAL) != 0;
  return 0;
}

static int
check_arguments (oci *oci, int exit_code, const create *create, const kata_placement *placement)
{
  if (entry_exists (oci, create->id))
    return oci_fail (oci, exit_code, "container with given ID already exists: \"%s\"", create->id);
  if (!(placement->flags & KATA_PLACEMENT_PROCESS))
    return oci_fail (oci, exit_code, "config.json: $.process is missing: a virtual machine's container must have one");
  if (placement->role != KATA_PLACEMENT_CONTAINER && !*placement->network_namespace &&
      !(placement->flags & KATA_PLACEMENT_NETWORK_NEW))
    return oci_fail (
        oci, exit_code,
        "config.json: $.linux.namespaces has no network: a virtual machine cannot have the host's network; "
        "use a bridge (the default) or none");
  if (create->preserve_fds && strcmp (create->preserve_fds, "0") != 0)
    return oci_fail (oci, exit_code,
                     "--preserve-fds %s: descriptors of the host cannot be handed into a virtual machine",
                     create->preserve_fds);
  if (create->entry.console && create->detached && !create->console_socket)
    return oci_fail (oci, exit_code, "cannot allocate tty if the engine gives no --console-socket");
  if (!create->entry.console && create->console_socket)
    return oci_fail (oci, exit_code, "--console-socket is given, but $.process.terminal is false");
  return 0;
}

static int
start_proxy (oci *oci, int exit_code, create *create, const kata_placement *placement, int slave)
{
  launch *launch = &create->launch;
  launch->network_namespace = *placement->network_namespace ? placement->network_namespace : NULL;
  launch->new_network = (placement->flags & KATA_PLACEMENT_NETWORK_NEW) != 0;
  launch->rootfs_fd =
      create->entry.rootfs ? open (create->entry.rootfs, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
  launch->rootfs = create->entry.rootfs;
  launch->tty_fd = slave;
  int saved = errno, rc = 0;
  if (create->entry.rootfs && launch->rootfs_fd < 0 && saved != ENOTDIR)
    rc = oci_fail (oci, exit_code, "rootfs \"%s\": %s", create->entry.rootfs, g_strerror (saved));
  if (rc == 0)
    rc = launch_proxy (oci, exit_code, launch);
  if (launch->rootfs_fd >= 0)
    close (launch->rootfs_fd);
  launch->rootfs_fd = -1;
  if (rc == 0) {
    create->entry.pid = launch->pid;
    create->entry.pid_start = entry_start_time (launch->pid);
  }
  return rc;
}

static int
run_hooks (oci *oci, int exit_code, const entry *entry, const char *kind, const char *status)
{
  g_autofree char *why = NULL;
  hooks_container container = entry_container (entry);
  return hooks_run (entry->config, &container, kind, status, &why) < 0 ? oci_fail (oci, exit_code, "%s", why) : 0;
}

/* What hooks did before the failure is undone by the last ones, as by runc. What those say adds nothing to the reason. */
static void
undo_hooks (const entry *entry)
{
  g_autofree char *why = NULL;
  hooks_container container = entry_container (entry);
  if (entry->pid > 0)
    hooks_run (entry->config, &container, "poststop", "stopped", &why);
}

static JsonBuilder *
create_request (const create *create, const kata_placement *placement)
{
  JsonBuilder *request = wire_request ("create", create->id);
  struct winsize size = { 0 };
  wire_add_text (request, "bundle", create->entry.bundle);
  wire_add_text (request, "config", create->entry.config);
  if (*placement->network_namespace)
    wire_add_text (request, "netns", placement->network_namespace);
  else if (placement->flags & KATA_PLACEMENT_NETWORK_NEW) {
    g_autofree char *path = g_strdup_printf ("/proc/%d/ns/net", (int) create->launch.pid);
    wire_add_text (request, "netns", path);
  }
  if (create->master >= 0 && ioctl (create->master, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col) {
    wire_add_int (request, "rows", size.ws_row);
    wire_add_int (request, "columns", size.ws_col);
  }
  return request;
}

static int
ask_keeper (oci *oci, int exit_code, create *create, const kata_placement *placement, int slave)
{
  const int streams[] = { create->launch.control_fd, STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO };
  const int terminal[] = { create->launch.control_fd, slave };
  int rc = 0;
  if (placement->role != KATA_PLACEMENT_CONTAINER)
    rc = spawn_keeper (oci, exit_code, create->entry.sandbox, create->entry.cgroup);
  if (rc == 0)
    rc = wire_call (oci, exit_code, create->entry.sandbox, create_request (create, placement),
                    slave >= 0 ? terminal : streams, slave >= 0 ? 2 : 4, NULL);
  if (rc < 0)
    rc = placement->role == KATA_PLACEMENT_CONTAINER
             ? oci_fail (oci, exit_code,
                         "the pod's sandbox \"%s\" does not run; its first container must be created before this one",
                         create->entry.sandbox)
             : oci_fail (oci, exit_code, "the keeper of sandbox \"%s\" ended", create->entry.sandbox);
  return rc;
}

static int
hand_out (oci *oci, int exit_code, create *create)
{
  if (create->console_socket && launch_send_console (create->console_socket, create->master) < 0)
    return oci_fail (oci, exit_code, "--console-socket \"%s\": %s", create->console_socket, g_strerror (errno));
  if (create->pid_file && launch_write_pid (create->pid_file, create->launch.pid) < 0)
    return oci_fail (oci, exit_code, "--pid-file \"%s\": %s", create->pid_file, g_strerror (errno));
  return 0;
}

static void
forget_keeper (oci *oci, const create *create)
{
  JsonBuilder *request = wire_request ("delete", create->id);
  wire_add_int (request, "force", 1);
  wire_call (oci, OCI_FAILED, create->entry.sandbox, request, NULL, 0, NULL);
}

/* systemd makes the scope where it runs; the directory is entered in any case, for hierarchies that systemd does not keep. */
static void
enter_cgroup (oci *oci, const create *create, const kata_placement *placement)
{
  g_autofree char *why = NULL;
  g_autofree char *description = g_strdup_printf ("libkata container %s", create->id);
  if (oci->systemd_cgroup && scope_enter (placement->cgroup, create->launch.pid, description, &why) < 0)
    g_printerr ("kata-runtime: warning: %s\n", why);
  cgroup_enter (oci, create->entry.cgroup, create->launch.pid);
}

/* With the entry made. What fails is undone by create_container(). */
static int
create_steps (oci *oci, int exit_code, create *create, const kata_placement *placement, int slave, int *asked)
{
  int rc = start_proxy (oci, exit_code, create, placement, slave);
  if (rc == 0 && create->entry.cgroup)
    enter_cgroup (oci, create, placement);
  if (rc == 0)
    rc = entry_save (oci, &create->entry) == OCI_OK ? 0 : exit_code;
  if (rc == 0)
    rc = run_hooks (oci, exit_code, &create->entry, "prestart", "created");
  if (rc == 0)
    rc = run_hooks (oci, exit_code, &create->entry, "createRuntime", "creating");
  if (rc == 0)
    rc = ask_keeper (oci, exit_code, create, placement, slave);
  *asked = rc == 0;
  if (rc == 0)
    rc = run_hooks (oci, exit_code, &create->entry, "createContainer", "creating");
  return rc == 0 ? hand_out (oci, exit_code, create) : rc;
}

int
create_container (oci *oci, int exit_code, create *create)
{
  g_autofree kata_placement *placement = g_new0 (kata_placement, 1);
  int slave = -1, asked = 0;
  placement->size = sizeof *placement;
  create->master = create->launch.control_fd = -1;
  create->launch.pid = -1;
  if (!oci_runtime (oci))
    return exit_code;
  int rc = read_bundle (oci, exit_code, create, placement);
  if (rc == 0)
    rc = check_arguments (oci, exit_code, create, placement);
  if (rc == 0 && create->entry.console && launch_terminal (&create->master, &slave) < 0)
    rc = oci_fail (oci, exit_code, "cannot make a terminal: %s", g_strerror (errno));
  if (rc == 0)
    rc = entry_make (oci, &create->entry) == OCI_OK ? 0 : exit_code;
  if (rc == 0) {
    rc = create_steps (oci, exit_code, create, placement, slave, &asked);
    if (rc != 0) {
      if (asked)
        forget_keeper (oci, create);
      launch_undo (&create->launch);
      if (create->entry.cgroup)
        cgroup_remove (oci, create->entry.cgroup);
      entry_remove (oci, create->id);
      undo_hooks (&create->entry);
    }
  }
  if (slave >= 0)
    close (slave);
  return rc;
}

void
create_clear (create *create)
{
  if (create->master >= 0)
    close (create->master);
  if (create->launch.control_fd >= 0)
    close (create->launch.control_fd);
  create->master = create->launch.control_fd = -1;
  entry_clear (&create->entry);
}
