/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stratovirt-argv: each option's properties by name; what the guidebook does not name is wrong. */
#include "stratovirt-argv.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NETS 2
#define MMIO 11

/* An option's value: "kind,name=value,flag". */
struct value {
  const char *text;
  char *kind; /* NULL = it begins with a property */
  GHashTable *of;
};

static void
value_clear (struct value *value)
{
  g_free (value->kind);
  g_clear_pointer (&value->of, g_hash_table_unref);
}

static const char *
get (const struct value *value, const char *name)
{
  return g_hash_table_lookup (value->of, name);
}

static bool
word_of (const char *words, const char *word)
{
  g_auto (GStrv) all = g_strsplit (words, " ", -1);
  return word != NULL && g_strv_contains ((const char *const *) all, word);
}

static bool
switches_ok (const struct value *value, const char *names)
{
  g_auto (GStrv) all = g_strsplit (names, " ", -1);
  for (char **name = all; *name != NULL; name++)
    if (get (value, *name) != NULL && !word_of ("on off true false", get (value, *name)))
      return false;
  return true;
}

static bool
number (const char *text, uint64_t least, uint64_t most)
{
  char *end = NULL;
  uint64_t n = text != NULL && g_ascii_isdigit (text[0]) ? g_ascii_strtoull (text, &end, 0) : 0;
  return end != NULL && *end == '\0' && n >= least && n <= most;
}

/* "4:5": each is an open descriptor; how many, or 0. */
static unsigned
descriptors (const char *text)
{
  g_auto (GStrv) all = g_strsplit (text != NULL ? text : "", ":", -1);
  unsigned n = 0;
  for (; all[n] != NULL; n++)
    if (!number (all[n], 3, 1024) || fcntl (atoi (all[n]), F_GETFD) < 0)
      return 0;
  return n;
}

/* Splits; each property must be one of @properties, those that begin with '!' must be there. */
static char *
split (struct value *value, const char *text, const char *properties)
{
  g_auto (GStrv) parts = g_strsplit (text, ",", -1), known = g_strsplit (properties, " ", -1);
  value->text = text;
  value->of = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  for (size_t i = 0; parts[i] != NULL; i++) {
    const char *sign = strchr (parts[i], '=');
    g_autofree char *name = sign != NULL ? g_strndup (parts[i], (gsize) (sign - parts[i])) : g_strdup (parts[i]);
    g_autofree char *needed = g_strconcat ("!", name, NULL);
    if (i == 0 && sign == NULL)
      value->kind = g_strdup (parts[0]);
    else if (!word_of (properties, name) && !word_of (properties, needed))
      return g_strdup_printf ("%s: there is no property \"%s\"", text, name);
    else if (!g_hash_table_insert (value->of, g_strdup (name), g_strdup (sign != NULL ? sign + 1 : "")))
      return g_strdup_printf ("%s: \"%s\" twice", text, name);
  }
  for (char **name = known; *name != NULL; name++)
    if ((*name)[0] == '!' && (get (value, *name + 1) == NULL || get (value, *name + 1)[0] == '\0'))
      return g_strdup_printf ("%s: \"%s\" is required", text, *name + 1);
  return NULL;
}

/* A backend that a device will take. */
static char *
keep (struct stratovirt_machine *m, const char *kind, const struct value *value, const char *what)
{
  g_autofree char *name = g_strdup_printf ("%s %s", kind, get (value, "id"));
  return g_hash_table_insert (m->unused, g_steal_pointer (&name), g_strdup (what != NULL ? what : ""))
             ? NULL
             : g_strdup_printf ("%s: its id is there already", value->text);
}

/* What it was kept with; NULL: there is none, or another device has it. g_free(). */
static char *
take (struct stratovirt_machine *m, const char *kind, const char *id)
{
  g_autofree char *name = g_strdup_printf ("%s %s", kind, id);
  char *what = g_strdup (g_hash_table_lookup (m->unused, name));
  g_hash_table_remove (m->unused, name);
  return what;
}

/* ---- options ---- */

static char *
machine (struct stratovirt_machine *m, struct value *value)
{
  const char *type = value->kind != NULL ? value->kind : get (value, "type");
  if (!word_of ("microvm q35", type) || !switches_ok (value, "dump-guest-core mem-share"))
    return g_strdup ("-machine: a wrong value");
  m->pci = g_str_equal (type, "q35");
  m->shared_memory = word_of ("on true", get (value, "mem-share"));
  return NULL;
}

static char *
drive (struct stratovirt_machine *m, struct value *value)
{
  bool direct = get (value, "direct") == NULL || word_of ("on true", get (value, "direct"));
  if (!switches_ok (value, "readonly direct") ||
      (get (value, "aio") && !word_of ("native io_uring threads off", get (value, "aio"))) ||
      (get (value, "format") && !word_of ("raw qcow2", get (value, "format"))))
    return g_strdup_printf ("-drive %s: a wrong value", value->text);
  if (g_strcmp0 (get (value, "aio"), "native") == 0 && !direct)
    return g_strdup ("-drive: aio native needs direct");
  if (g_strcmp0 (get (value, "aio"), "off") == 0 && direct)
    return g_strdup ("-drive: aio off with direct");
  if (access (get (value, "file"), R_OK) != 0)
    return g_strdup_printf ("-drive: %s cannot be read", get (value, "file"));
  if (g_strcmp0 (get (value, "if"), "pflash") == 0) {
    m->pflash = true;
    return NULL;
  }
  if (get (value, "id") == NULL)
    return g_strdup ("-drive: no id");
  char *why = stratovirt_open_file (m, get (value, "file"), word_of ("on true", get (value, "readonly")));
  return why != NULL ? why : keep (m, "drive", value, get (value, "file"));
}

static char *
netdev (struct stratovirt_machine *m, struct value *value)
{
  const char *fd = get (value, "fd") != NULL ? get (value, "fd") : get (value, "fds");
  const char *vhost = get (value, "vhostfd") != NULL ? get (value, "vhostfd") : get (value, "vhostfds");
  unsigned n = descriptors (fd);
  if (g_strcmp0 (value->kind, "tap") != 0 || (n == 0 && get (value, "ifname") == NULL) ||
      !switches_ok (value, "vhost macnat"))
    return g_strdup_printf ("-netdev %s: a wrong value", value->text);
  if (vhost != NULL && (!word_of ("on true", get (value, "vhost")) || descriptors (vhost) != n))
    return g_strdup_printf ("-netdev %s: vhostfd without vhost, or not as many", value->text);
  g_autofree char *what = g_strdup_printf ("%u%s", n, vhost != NULL ? " vhost" : "");
  return keep (m, "netdev", value, what);
}

static char *
chardev (struct stratovirt_machine *m, struct value *value)
{
  if (g_strcmp0 (value->kind, "socket") != 0 || get (value, "path") == NULL)
    return g_strdup ("-chardev: not a unix socket");
  /* vhost-user's front end connects; "server" and "nowait" are refused for it. */
  return get (value, "server") != NULL || get (value, "nowait") != NULL
             ? g_strdup ("-chardev: server or nowait where virtiofsd is the server")
             : keep (m, "chardev", value, get (value, "path"));
}

static char *
object (struct stratovirt_machine *m, struct value *value)
{
  bool good = g_strcmp0 (value->kind, "rng-random") == 0 && get (value, "filename") != NULL;
  return good ? keep (m, "object", value, NULL) : g_strdup_printf ("-object %s: a wrong value", value->text);
}

static char *
serial (struct stratovirt_machine *m, struct value *value)
{
  if (g_strcmp0 (value->kind, "file") != 0 || get (value, "path") == NULL || m->console != NULL)
    return g_strdup ("-serial: not one file");
  m->console = g_strdup (get (value, "path"));
  return NULL;
}

static char *
qmp (struct stratovirt_machine *m, struct value *value)
{
  if (!g_str_has_prefix (value->kind, "unix:") || get (value, "server") == NULL || get (value, "nowait") == NULL)
    return g_strdup ("-qmp: not unix:PATH,server,nowait");
  m->qmp = g_strdup (value->kind + strlen ("unix:"));
  return NULL;
}

/* ---- devices ---- */

static char *
take_disk (struct stratovirt_machine *m, struct value *value)
{
  g_autofree char *drive_of = take (m, "drive", get (value, "drive"));
  if (drive_of == NULL)
    return g_strdup ("no such drive");
  if (get (value, "num-queues") != NULL && !number (get (value, "num-queues"), 1, 32))
    return g_strdup ("num-queues");
  if (m->pci)
    return NULL;
  if (m->disks == STRATOVIRT_BLOCKS)
    return g_strdup ("more than 4 block devices");
  m->blocks[m->disks++] = g_strdup (get (value, "id"));
  g_hash_table_insert (m->nodes, g_strdup (get (value, "id")), g_steal_pointer (&drive_of));
  return NULL;
}

static char *
take_nic (struct stratovirt_machine *m, struct value *value)
{
  g_autofree char *what = take (m, "netdev", get (value, "netdev"));
  bool vhost = what != NULL && strstr (what, " vhost") != NULL, many = what != NULL && atoi (what) > 1;
  if (what == NULL)
    return g_strdup ("no such netdev");
  if (many && (!m->pci || !word_of ("on", get (value, "mq"))))
    return g_strdup ("more than one queue");
  m->nics += vhost ? 0 : 1;
  m->others += vhost ? 1 : 0;
  if (!m->pci && !vhost && !g_hash_table_insert (m->nodes, g_strdup (get (value, "id")), g_strdup ("")))
    return g_strdup ("is already registered");
  return m->nics > NETS && !m->pci ? g_strdup ("more than 2 network devices") : NULL;
}

static char *
take_vsock (struct stratovirt_machine *m, struct value *value)
{
  if (m->cid != 0 || !number (get (value, "guest-cid"), 3, UINT32_MAX - 1))
    return g_strdup ("a second vsock, or a wrong context id");
  if (get (value, "vhostfd") != NULL && descriptors (get (value, "vhostfd")) != 1)
    return g_strdup ("vhostfd is no open descriptor");
  m->cid = (uint32_t) g_ascii_strtoull (get (value, "guest-cid"), NULL, 10);
  m->others++;
  return NULL;
}

static char *
take_fs (struct stratovirt_machine *m, struct value *value)
{
  m->fs_socket = take (m, "chardev", get (value, "chardev"));
  m->others++;
  return m->fs_socket == NULL ? g_strdup ("no such chardev")
         : !m->shared_memory  ? g_strdup ("memory is not shared")
                              : NULL;
}

static char *
take_rng (struct stratovirt_machine *m, struct value *value)
{
  g_autofree char *what = take (m, "object", get (value, "rng"));
  m->others++;
  return what == NULL ? g_strdup ("no such object") : NULL;
}

static char *
take_balloon (struct stratovirt_machine *m, struct value *value)
{
  m->others++;
  return switches_ok (value, "deflate-on-oom free-page-reporting") ? NULL : g_strdup ("a wrong switch");
}

static const struct device {
  const char *driver, *properties,
      *pci; /* without "-device" or "-pci"; @pci: those of the latter besides, and the place */
  char *(*take) (struct stratovirt_machine *m, struct value *value);
} devices[] = {
  { "virtio-blk", "!id !drive iothread serial", "num-queues bootindex queue-size", take_disk },
  { "virtio-net", "!id !netdev iothread rx-iothread tx-iothread mac", "mq queue-size", take_nic },
  { "vhost-vsock", "!id !guest-cid vhostfd", "", take_vsock },
  { "vhost-user-fs", "!id !chardev !tag", "", take_fs },
  { "virtio-rng", "id !rng max-bytes period", "", take_rng },
  { "virtio-balloon", "id deflate-on-oom free-page-reporting", "", take_balloon },
};

static char *
add_device (struct stratovirt_machine *m, const char *text)
{
  const char *ending = m->pci ? "-pci" : "-device";
  g_autofree char *driver = g_strndup (text, strcspn (text, ","));
  char *why = g_strdup_printf ("-device %s: this machine has no such device", text);
  for (size_t i = 0; i < G_N_ELEMENTS (devices); i++) {
    g_autofree char *name = g_strconcat (devices[i].driver, ending, NULL);
    if (!g_str_equal (name, driver))
      continue;
    struct value value = { 0 };
    g_autofree char *properties = g_strconcat (devices[i].properties, m->pci ? " !bus !addr multifunction " : "",
                                               m->pci ? devices[i].pci : "", NULL);
    g_free (why);
    why = split (&value, text, properties);
    if (why == NULL && !g_hash_table_add (m->ids, g_strdup (get (&value, "id"))))
      why = g_strdup ("its id is there already");
    if (why == NULL && m->pci &&
        (!g_str_equal (get (&value, "bus"), "pcie.0") || !number (get (&value, "addr"), 1, 30) ||
         !g_hash_table_add (m->places, g_strdup (get (&value, "addr")))))
      why = g_strdup ("its place is wrong or taken");
    char *fault = why == NULL ? devices[i].take (m, &value) : NULL;
    if (fault != NULL)
      why = g_strdup_printf ("-device %s: %s", text, fault);
    g_free (fault);
    value_clear (&value);
    break;
  }
  return why;
}

/* ---- the whole ---- */

static char *
plain (struct stratovirt_machine *m, const char *option, const char *value)
{
  g_autofree char *size = g_strndup (value, strspn (value, "0123456789"));
  if (g_str_equal (option, "-smp") && number (value, 1, 254))
    m->vcpus = true;
  else if (g_str_equal (option, "-m") && number (size, 128, 512 << 10) && g_str_equal (value + strlen (size), "M"))
    m->memory = true;
  else if (g_str_equal (option, "-append"))
    m->cmdline = g_strdup (value);
  else if (g_str_equal (option, "-kernel") && access (value, R_OK) == 0)
    m->kernel = g_strdup (value);
  else if (!(g_str_equal (option, "-initrd") && access (value, R_OK) == 0) && !g_str_equal (option, "-name") &&
           !g_str_equal (option, "-mem-path") && !g_str_equal (option, "-D") && !g_str_equal (option, "-pidfile"))
    return g_strdup_printf ("%s %s: no such option, or a wrong value", option, value);
  return NULL;
}

static char *
parse_option (struct stratovirt_machine *m, const char *option, const char *value)
{
  static const struct {
    const char *option, *properties;
    char *(*take) (struct stratovirt_machine *m, struct value *value);
  } options[] = {
    { "-machine", "type dump-guest-core mem-share accel usb", machine },
    { "-drive", "id !file readonly direct throttling.iops-total discard detect-zeroes if format aio unit media",
      drive },
    { "-netdev", "!id ifname fd fds queues path macnat vhost vhostfd vhostfds", netdev },
    { "-chardev", "!id path server nowait host port", chardev },
    { "-object", "!id filename", object },
    { "-serial", "path server nowait host port", serial },
    { "-qmp", "server nowait", qmp },
  };
  if (g_str_equal (option, "-device"))
    return add_device (m, value);
  for (size_t i = 0; i < G_N_ELEMENTS (options); i++) {
    struct value split_value = { 0 };
    if (!g_str_equal (options[i].option, option))
      continue;
    char *why = split (&split_value, value, options[i].properties);
    if (why == NULL)
      why = options[i].take (m, &split_value);
    value_clear (&split_value);
    return why;
  }
  return plain (m, option, value);
}

static const char *
lacks (const struct stratovirt_machine *m)
{
  if (!m->vcpus || !m->memory || m->kernel == NULL || m->qmp == NULL)
    return "one of -smp, -m, -kernel, -qmp is missing";
  if (m->pci && !m->pflash)
    return "q35 needs a firmware";
  if (!m->pci && STRATOVIRT_BLOCKS + NETS + m->others > MMIO)
    return "more devices than places";
  return g_hash_table_size (m->unused) != 0 ? "a backend that no device has" : NULL;
}

char *
stratovirt_parse (struct stratovirt_machine *m, int argc, char **argv)
{
  char *why = NULL;
  m->ids = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  m->places = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  m->unused = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  m->nodes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  m->files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  for (int i = 1; i < argc && why == NULL; i++) {
    if (g_str_equal (argv[i], "-mem-prealloc") || g_str_equal (argv[i], "-disable-seccomp"))
      continue;
    why = i + 1 < argc ? parse_option (m, argv[i], argv[i + 1]) : g_strdup_printf ("%s: no value", argv[i]);
    i++;
  }
  return why != NULL ? why : g_strdup (lacks (m));
}
