/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* place: the pod's annotations as each engine writes them, and the size of the sandbox that they ask for. */
#include "oci/place.h"

#include <string.h>

#include "base/id.h"

/*
 * How the engines say it. The first dialect whose type annotation is there counts. CRI-O's words are podman's too: the containers of a podman
 * pod are "container" with the infra container's id.
 */
static const struct dialect {
  const char *type, *id;           /* annotations */
  const char *sandbox, *container; /* values of @type */
  const char *single;              /* (nullable) */
} dialects[] = {
  { "io.kubernetes.cri.container-type", "io.kubernetes.cri.sandbox-id", "sandbox", "container", NULL },
  { "io.kubernetes.cri-o.ContainerType", "io.kubernetes.cri-o.SandboxID", "sandbox", "container", NULL },
  { "io.kubernetes.docker.type", "io.kubernetes.sandbox.id", "podsandbox", "container", NULL },
  { "io.katacontainers.pkg.oci.container_type", "io.katacontainers.pkg.oci.sandbox_id", "pod_sandbox", "pod_container",
    "single_container" },
};

static int
bad_annotation (const char *name, const char *what, kata_error **err)
{
  g_autofree char *key = g_strdup_printf ("$.annotations[\"%s\"]", name);
  return kata_error__set (err, KATA_E_SPEC, key, "config.json: %s: %s", key, what);
}

static int
take_sandbox_id (kata_placement *out, const kata_oci_spec *spec, const struct dialect *dialect, kata_error **err)
{
  const char *id = kata_oci_spec__annotation (spec, dialect->id);
  g_autoptr (kata_error) error = NULL;
  if (id == NULL)
    return bad_annotation (dialect->id, "is missing; it names the sandbox of a pod's container", err);
  if (kata_id__check ("id", id, &error) < 0)
    return bad_annotation (dialect->id, kata_error_get_message (error), err);
  g_strlcpy (out->sandbox_id, id, sizeof out->sandbox_id);
  return 0;
}

static int
decide_role (kata_placement *out, const kata_oci_spec *spec, const char *container_id, kata_error **err)
{
  out->role = KATA_PLACEMENT_SINGLE;
  g_strlcpy (out->sandbox_id, container_id, sizeof out->sandbox_id);
  for (size_t i = 0; i < G_N_ELEMENTS (dialects); i++) {
    const char *type = kata_oci_spec__annotation (spec, dialects[i].type);
    if (type == NULL)
      continue;
    if (strcmp (type, dialects[i].sandbox) == 0) {
      out->role = KATA_PLACEMENT_SANDBOX;
      return 0;
    }
    if (strcmp (type, dialects[i].container) == 0) {
      out->role = KATA_PLACEMENT_CONTAINER;
      return take_sandbox_id (out, spec, &dialects[i], err);
    }
    if (g_strcmp0 (type, dialects[i].single) == 0)
      return 0;
    return bad_annotation (dialects[i].type, "is neither a pod's sandbox nor a pod's container", err);
  }
  return 0;
}

static int
read_number (int64_t *out, const kata_oci_spec *spec, const char *name, kata_error **err)
{
  const char *text = kata_oci_spec__annotation (spec, name);
  gint64 value = 0;
  *out = 0;
  if (text == NULL || *text == '\0')
    return 0;
  if (!g_ascii_string_to_signed (text, 10, -1, INT64_MAX, &value, NULL))
    return bad_annotation (name, "is not a number", err);
  *out = value;
  return 0;
}

/* The pod's sums, which the CRI puts on the sandbox: containers come later, and a virtual machine is sized once. */
static int
take_pod_size (kata_placement *out, const kata_oci_spec *spec, kata_error **err)
{
  int64_t quota = 0, period = 0, memory = 0;
  int rc = read_number (&quota, spec, "io.kubernetes.cri.sandbox-cpu-quota", err);
  if (rc == 0)
    rc = read_number (&period, spec, "io.kubernetes.cri.sandbox-cpu-period", err);
  if (rc == 0)
    rc = read_number (&memory, spec, "io.kubernetes.cri.sandbox-memory", err);
  if (rc < 0)
    return rc;
  if (quota > 0)
    out->cpu_milli = kata_oci_cpu__milli (
        &(struct kata_oci_cpu){ .quota = { .have = true, .value = quota },
                                .period = { .have = true, .value = period > 0 ? (uint64_t) period : 0 } });
  if (memory > 0)
    out->memory_bytes = (uint64_t) memory;
  return 0;
}

static void
take_own_size (kata_placement *out, const kata_oci_resources *resources)
{
  const struct kata_oci_cpu *cpu = &resources->cpu;
  if (cpu->quota.have)
    out->container_cpu_milli = kata_oci_cpu__milli (cpu);
  if (resources->memory.limit.have && resources->memory.limit.value > 0)
    out->container_memory_bytes = (uint64_t) resources->memory.limit.value;
  out->cpu_milli = out->container_cpu_milli;
  out->memory_bytes = out->container_memory_bytes;
}

static int
copy_text (char *to, size_t room, const char *from, const char *key, kata_error **err)
{
  if (from != NULL && g_strlcpy (to, from, room) >= room)
    return kata_error__set (err, KATA_E_LIMIT, key, "config.json: %s is longer than %zu bytes", key, room - 1);
  return 0;
}

/* Another container's processes or memory are in another virtual machine. A pod's own are said with paths too, but then it is a pod. */
static int
refuse_joining (const kata_placement *out, const kata_oci_spec *spec, kata_error **err)
{
  for (size_t i = 0; i < spec->linux_.n_namespaces && out->role == KATA_PLACEMENT_SINGLE; i++) {
    const struct kata_oci_namespace *ns = &spec->linux_.namespaces[i];
    if (ns->path != NULL && (strcmp (ns->type, "pid") == 0 || strcmp (ns->type, "ipc") == 0))
      return kata_error__set (err, KATA_E_UNSUPPORTED, "$.linux.namespaces",
                              "config.json: $.linux.namespaces[%zu]: the %s namespace of another container (%.128s) "
                              "cannot be joined from a virtual machine; put both containers into one pod",
                              i, ns->type, ns->path);
  }
  return 0;
}

static int
take_namespaces (kata_placement *out, const kata_oci_spec *spec, kata_error **err)
{
  for (size_t i = 0; i < spec->linux_.n_namespaces; i++) {
    const struct kata_oci_namespace *ns = &spec->linux_.namespaces[i];
    if (strcmp (ns->type, "network") != 0)
      continue;
    if (ns->path == NULL || *ns->path == '\0') {
      out->flags |= KATA_PLACEMENT_NETWORK_NEW;
      return 0;
    }
    return copy_text (out->network_namespace, sizeof out->network_namespace, ns->path, "$.linux.namespaces", err);
  }
  return 0;
}

/* "/dev/vfio/12"; the file beside them that all share is no device. */
static bool
is_vfio_group (const struct kata_oci_device *device)
{
  static const char prefix[] = "/dev/vfio/";
  const char *number = device->path + strlen (prefix);
  return strcmp (device->type, "c") == 0 && g_str_has_prefix (device->path, prefix) && *number != '\0' &&
         number[strspn (number, "0123456789")] == '\0';
}

static int
take_vfio_groups (kata_placement *out, const kata_oci_spec *spec, kata_error **err)
{
  for (size_t i = 0; i < spec->linux_.n_devices; i++) {
    const struct kata_oci_device *device = &spec->linux_.devices[i];
    if (!is_vfio_group (device))
      continue;
    if (out->n_vfio_groups++ > 0)
      g_strlcat (out->vfio_groups, " ", sizeof out->vfio_groups);
    if (g_strlcat (out->vfio_groups, device->path, sizeof out->vfio_groups) >= sizeof out->vfio_groups)
      return kata_error__set (err, KATA_E_LIMIT, "$.linux.devices",
                              "config.json: $.linux.devices: the paths of VFIO groups are longer than %d bytes",
                              KATA_PLACEMENT_VFIO_MAX - 1);
  }
  return 0;
}

int
kata_oci__place (kata_placement *out, const kata_oci_spec *spec, const char *container_id, kata_error **err)
{
  int rc = kata_id__check ("id", container_id, err);
  if (rc == 0)
    rc = decide_role (out, spec, container_id, err);
  if (rc < 0)
    return rc;
  out->flags |= spec->have_process ? KATA_PLACEMENT_PROCESS : 0;
  out->flags |= spec->have_process && spec->process.terminal ? KATA_PLACEMENT_TERMINAL : 0;
  take_own_size (out, &spec->linux_.resources);
  rc = take_pod_size (out, spec, err);
  if (rc == 0)
    rc = refuse_joining (out, spec, err);
  if (rc == 0)
    rc = take_namespaces (out, spec, err);
  if (rc == 0)
    rc = take_vfio_groups (out, spec, err);
  if (rc == 0)
    rc = copy_text (out->hostname, sizeof out->hostname, spec->hostname, "$.hostname", err);
  return rc < 0 ? rc
                : copy_text (out->cgroup, sizeof out->cgroup, spec->linux_.cgroups_path, "$.linux.cgroupsPath", err);
}
