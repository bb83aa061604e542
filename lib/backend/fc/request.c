/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* request: writes each request's body member by member, from Firecracker's API document (src/firecracker/swagger/firecracker.yaml). */
#include "backend/fc/request.h"

#include <string.h>

#include "backend/fc/check.h"
#include "base/error.h"
#include "base/json-write.h"

#define GUEST_CID 3u
#define REFILL_MS 1000
/* What a guest may print: so much at once, and then so much a minute (version 1.16 and later). */
#define CONSOLE_BURST       (4u << 20)
#define CONSOLE_BURST_DEBUG (64u << 20)
#define CONSOLE_RATE        4096u
#define CONSOLE_REFILL_MS   60000u

static bool
given (const char *text)
{
  return text != NULL && text[0] != '\0';
}

bool
kata_fc__at_least (const struct kata_fc_facts *facts, unsigned major, unsigned minor)
{
  return facts->version[0] > major || (facts->version[0] == major && facts->version[1] >= minor);
}

char *
kata_fc__inside (const struct kata_fc_facts *facts, const char *path, const char *name)
{
  return facts->jailed ? g_strconcat ("/", name, NULL) : g_strdup (path);
}

/* ---- the list ---- */

struct list {
  GPtrArray *requests;
  const kata_vm_plan *plan;
  const struct kata_fc_facts *facts;
  struct kata_json_writer w;
};

static void
request_free (void *data)
{
  kata_fc_request *request = data;
  g_free (request->path);
  g_free (request->body);
  g_free (request);
}

static struct kata_json_writer *
begin (struct list *l)
{
  kata_json_write__init (&l->w, false);
  kata_json_write__begin_object (&l->w, NULL);
  return &l->w;
}

static void
end (struct list *l, const char *path, const char *id)
{
  kata_fc_request *request = g_new0 (kata_fc_request, 1);
  kata_json_write__end_object (&l->w);
  request->method = "PUT";
  request->path = id != NULL ? g_strdup_printf ("%s/%s", path, id) : g_strdup (path);
  request->body = kata_json_write__finish (&l->w);
  g_ptr_array_add (l->requests, request);
}

/* ---- parts ---- */

static void
write_bucket (struct kata_json_writer *w, const char *name, uint64_t size, uint64_t once, unsigned refill_ms)
{
  if (size == 0)
    return;
  kata_json_write__begin_object (w, name);
  kata_json_write__uint (w, "size", size);
  if (once != 0)
    kata_json_write__uint (w, "one_time_burst", once);
  kata_json_write__uint (w, "refill_time", refill_ms);
  kata_json_write__end_object (w);
}

static void
write_limiter (struct kata_json_writer *w, const char *name, uint64_t bytes)
{
  if (bytes == 0)
    return;
  kata_json_write__begin_object (w, name);
  write_bucket (w, "bandwidth", bytes, 0, REFILL_MS);
  kata_json_write__end_object (w);
}

/* ---- one request each ---- */

/* Without a file of its own the log goes to standard output, which is ours; before 1.14 the guest's console is there too. */
static void
add_logs (struct list *l)
{
  struct kata_json_writer *w = begin (l);
  if (!kata_fc__at_least (l->facts, 1, 14))
    kata_json_write__string (w, "log_path", KATA_FC_LOG);
  kata_json_write__string (w, "level", l->plan->debug ? "Debug" : "Warning");
  kata_json_write__bool (w, "show_level", true);
  end (l, "/logger", NULL);
  w = begin (l);
  kata_json_write__string (w, "metrics_path", KATA_FC_METRICS);
  end (l, "/metrics", NULL);
}

static void
add_machine (struct list *l)
{
  struct kata_json_writer *w = begin (l);
  kata_json_write__uint (w, "vcpu_count", l->plan->vcpus);
  kata_json_write__uint (w, "mem_size_mib", l->plan->memory_mib);
  kata_json_write__bool (w, "smt", false);
  kata_json_write__bool (w, "track_dirty_pages", false);
  if (l->plan->hugepages)
    kata_json_write__string (w, "huge_pages", "2M");
  end (l, "/machine-config", NULL);
}

/* It knows no power-off, and no triple fault: the reset of the keyboard's controller is how its guests end. */
static void
add_boot (struct list *l)
{
  const kata_vm_plan *p = l->plan;
  g_autoptr (GString) words = g_string_new ("console=ttyS0");
  g_autofree char *kernel = kata_fc__inside (l->facts, p->kernel, "kernel");
  g_autofree char *initrd = given (p->initrd) ? kata_fc__inside (l->facts, p->initrd, "initrd") : NULL;
  if (initrd == NULL)
    g_string_append_printf (words, " root=/dev/vda%s ro rootfstype=%s", p->image_partition != 0 ? "1" : "",
                            given (p->image_fstype) ? p->image_fstype : "ext4");
  if (given (p->cmdline))
    g_string_append_printf (words, " %s", p->cmdline);
  g_string_append (words, " reboot=k i8042.noaux i8042.nomux i8042.dumbkbd");
  struct kata_json_writer *w = begin (l);
  kata_json_write__string (w, "kernel_image_path", kernel);
  if (initrd != NULL)
    kata_json_write__string (w, "initrd_path", initrd);
  kata_json_write__string (w, "boot_args", words->str);
  end (l, "/boot-source", NULL);
}

/* Its ids have no hyphens. "kata-data" on our side is "kata_data" there. */
static char *
drive_id (const char *id)
{
  return g_strdelimit (g_strdup (id), "-", '_');
}

/* None is a root device: of that Firecracker itself says on the guest's command line, behind all that we say, that the root is the whole disk. */
static void
put_drive (struct list *l, const char *id, const char *path, bool readonly)
{
  const kata_vm_plan *p = l->plan;
  struct kata_json_writer *w = begin (l);
  kata_json_write__string (w, "drive_id", id);
  kata_json_write__string (w, "path_on_host", path);
  kata_json_write__bool (w, "is_root_device", false);
  kata_json_write__bool (w, "is_read_only", readonly);
  kata_json_write__string (w, "cache_type", readonly ? "Unsafe" : "Writeback"); /* "Unsafe" drops flushes */
  kata_json_write__string (w, "io_engine", p->block_aio == 2 ? "Async" : "Sync");
  if (p->disk_bytes != 0 || p->disk_ops != 0) {
    kata_json_write__begin_object (w, "rate_limiter");
    write_bucket (w, "bandwidth", p->disk_bytes, p->disk_bytes_once, REFILL_MS);
    write_bucket (w, "ops", p->disk_ops, p->disk_ops_once, REFILL_MS);
    kata_json_write__end_object (w);
  }
  end (l, "/drives", id);
}

static void
add_drive (struct list *l, const char *id, const char *path, bool readonly)
{
  g_autofree char *name = g_strconcat ("disk-", id, NULL);
  g_autofree char *inside = kata_fc__inside (l->facts, path, name);
  g_autofree char *there = drive_id (id);
  put_drive (l, there, inside, readonly);
}

static void
add_drives (struct list *l)
{
  const kata_vm_plan *p = l->plan;
  if (given (p->image) && !given (p->initrd))
    add_drive (l, "kata-image", p->image, true);
  for (size_t i = 0; p->disks != NULL && p->disks[i] != NULL; i++)
    if (p->disks[i]->port == 0)
      add_drive (l, p->disks[i]->id, p->disks[i]->path, p->disks[i]->readonly != 0);
  /* Behind all others, so that the guest knows them by their order. */
  for (uint32_t place = 1; place <= kata_fc__places (p); place++) {
    g_autofree char *id = kata_fc__place_id (place), *path = kata_fc__place_path (place);
    put_drive (l, id, path, kata_fc__place_readonly (place));
  }
}

static void
add_nics (struct list *l)
{
  for (size_t i = 0; l->plan->nics != NULL && l->plan->nics[i] != NULL; i++) {
    const kata_vm_nic *nic = l->plan->nics[i];
    g_autofree char *id = g_strdup_printf ("net%zu", i);
    struct kata_json_writer *w = begin (l);
    kata_json_write__string (w, "iface_id", id);
    kata_json_write__string (w, "host_dev_name", nic->device);
    kata_json_write__string (w, "guest_mac", nic->mac);
    if (nic->mtu != 0 && kata_fc__at_least (l->facts, 1, 16))
      kata_json_write__uint (w, "mtu", nic->mtu);
    write_limiter (w, "rx_rate_limiter", l->plan->nic_rx_bytes);
    write_limiter (w, "tx_rate_limiter", l->plan->nic_tx_bytes);
    end (l, "/network-interfaces", id);
  }
}

static void
add_rest (struct list *l)
{
  const kata_vm_plan *p = l->plan;
  struct kata_json_writer *w;
  if (given (p->entropy_source)) {
    begin (l);
    end (l, "/entropy", NULL);
  }
  if (p->memory_reporting) {
    w = begin (l);
    kata_json_write__uint (w, "amount_mib", 0);
    kata_json_write__bool (w, "deflate_on_oom", true);
    kata_json_write__bool (w, "free_page_reporting", true);
    end (l, "/balloon", NULL);
  }
  if (kata_fc__room_mib (p) != 0) {
    w = begin (l);
    kata_json_write__uint (w, "total_size_mib", kata_fc__room_mib (p));
    end (l, "/hotplug/memory", NULL);
  }
  if (kata_fc__at_least (l->facts, 1, 14)) {
    w = begin (l);
    kata_json_write__string (w, "serial_out_path", KATA_FC_CONSOLE_LOG);
    if (kata_fc__at_least (l->facts, 1, 16))
      write_bucket (w, "rate_limiter", CONSOLE_RATE, p->debug ? CONSOLE_BURST_DEBUG : CONSOLE_BURST, CONSOLE_REFILL_MS);
    end (l, "/serial", NULL);
  }
  w = begin (l);
  kata_json_write__uint (w, "guest_cid", GUEST_CID);
  kata_json_write__string (w, "uds_path", KATA_FC_VSOCK_SOCKET);
  end (l, "/vsock", NULL);
  w = begin (l);
  kata_json_write__string (w, "action_type", "InstanceStart");
  end (l, "/actions", NULL);
}

/* What came with version 1.14. */
static int
check_version (const kata_vm_plan *plan, const struct kata_fc_facts *facts, kata_error **err)
{
  const char *key = plan->memory_reporting          ? "hypervisor.fc.reclaim_guest_freed_memory"
                    : kata_fc__room_mib (plan) != 0 ? "hypervisor.fc.default_maxmemory"
                                                    : NULL;
  if (key == NULL || kata_fc__at_least (facts, 1, 14))
    return 0;
  return kata_error__set (err, KATA_E_UNSUPPORTED, key,
                          "%s: this Firecracker is version %u.%u, 1.14 is needed; remove the key", key,
                          facts->version[0], facts->version[1]);
}

int
kata_fc__requests (GPtrArray **out, const kata_vm_plan *plan, const struct kata_fc_facts *facts, kata_error **err)
{
  int code = kata_fc__check (plan, err);
  if (code < 0)
    return code;
  code = check_version (plan, facts, err);
  if (code < 0)
    return code;
  struct list l = { .requests = g_ptr_array_new_with_free_func (request_free), .plan = plan, .facts = facts };
  add_logs (&l);
  add_machine (&l);
  add_boot (&l);
  add_drives (&l);
  add_nics (&l);
  add_rest (&l);
  *out = l.requests;
  return 0;
}
