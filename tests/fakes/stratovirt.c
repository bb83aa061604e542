/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stratovirt: a stand-in for `stratovirt`, made from its QMP manual (docs/qmp.md) and guidebook: checks its command line, each command and the order
   of them. Its guest is a null one, which is reached by a unix socket in the place of vhost-vsock. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "machine.h"
#include "schema.h"
#include "server.h"
#include "stratovirt-disk.h"

#define EVENT          "{\"event\":\"%s\",\"data\":{},\"timestamp\":{\"seconds\":1,\"microseconds\":0}}\r\n"
#define LINE_MAX_BYTES (1u << 20)
#define DEPTH          1000000
#define LATE_US        300000
#define VSOCK_SOCKET   "vsock.sock" /* tests/fakes/backend.c knows it too */

struct vmm {
  struct stratovirt_machine machine;
  struct null_guest *guest;
  struct fake_fault fault;
  bool paused;
  int fs_fd; /* kept: virtiofsd ends with it */
};

/* What each command is made of; the arguments' own fields are stratovirt-disk.c's. */
static const struct schema_field arguments[] = {
  { "QmpCommand", "execute", SCHEMA_STRING, true, NULL, NULL },
  { "QmpCommand", "arguments", SCHEMA_OBJECT, false, NULL, NULL },
  { "QmpCommand", "id", SCHEMA_STRING, false, NULL, NULL },
  { .object = NULL },
};

typedef char *(*verb) (struct vmm *vmm, JsonObject *arguments, char **result);

static char *
nothing (struct vmm *vmm, JsonObject *given, char **result)
{
  return NULL;
}

static char *
stop_guest (struct vmm *vmm, JsonObject *given, char **result)
{
  if (vmm->paused)
    return g_strdup ("Failed to pause VM");
  fake_machine_pause (vmm->guest, true);
  vmm->paused = true;
  return NULL;
}

static char *
cont_guest (struct vmm *vmm, JsonObject *given, char **result)
{
  if (!vmm->paused)
    return g_strdup ("Resume fail");
  fake_machine_pause (vmm->guest, false);
  vmm->paused = false;
  return NULL;
}

static char *
query_status (struct vmm *vmm, JsonObject *given, char **result)
{
  bool running = !vmm->paused;
  *result = g_strdup_printf ("{\"running\":%s,\"singlestep\":false,\"status\":\"%s\"}", running ? "true" : "false",
                             running ? "running" : "paused");
  return NULL;
}

/* The machine microvm has no power button to press: there is no ACPI in it. */
static char *
power_down (struct vmm *vmm, JsonObject *given, char **result)
{
  return vmm->machine.pci && !vmm->paused ? NULL : g_strdup ("Powerdown fail");
}

static char *
blockdev_add (struct vmm *vmm, JsonObject *given, char **result)
{
  return stratovirt_blockdev_add (&vmm->machine, given);
}

/* microvm refuses it; device_del closes the file too. */
static char *
blockdev_del (struct vmm *vmm, JsonObject *given, char **result)
{
  return g_strdup ("blockdev_del not support yet");
}

static char *
device_add (struct vmm *vmm, JsonObject *given, char **result)
{
  return stratovirt_device_add (&vmm->machine, given);
}

static char *
device_del (struct vmm *vmm, JsonObject *given, char **result)
{
  return stratovirt_device_del (&vmm->machine, given);
}

static const struct command {
  const char *name, *event; /* that tells of it; NULL = none */
  bool before;              /* the event comes before the answer */
  bool arguments;
  verb verb;
} commands[] = {
  { "qmp_capabilities", NULL, false, false, nothing }, { "query-status", NULL, false, false, query_status },
  { "stop", "STOP", true, false, stop_guest },         { "cont", "RESUME", true, false, cont_guest },
  { "quit", "SHUTDOWN", false, false, nothing },       { "system_powerdown", "POWERDOWN", false, false, power_down },
  { "blockdev-add", NULL, false, true, blockdev_add }, { "blockdev-del", NULL, false, true, blockdev_del },
  { "device_add", NULL, false, true, device_add },     { "device_del", "DEVICE_DELETED", true, true, device_del },
};

static void say (int fd, const char *format, ...) G_GNUC_PRINTF (2, 3);

static void
say (int fd, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  (void) !send (fd, text, strlen (text), MSG_NOSIGNAL);
}

enum conduct { GOOD = 0, REFUSED, DONE };

/* REFUSED: it has been answered; DONE: nothing more is to be done about the connection. */
static enum conduct
misbehave (const struct fake_fault *fault, const char *action, int fd)
{
  const char *how = fault->how;
  if (fault->action == NULL || !g_str_equal (fault->action, action))
    return GOOD;
  if (g_str_equal (how, "die"))
    exit (3);
  if (g_str_equal (how, "hang"))
    for (;;)
      pause ();
  if (g_str_equal (how, "late")) {
    g_usleep (LATE_US);
    return GOOD;
  }
  if (g_str_equal (how, "junk"))
    say (fd, "\xff\xfe what is this\r\n");
  if (g_str_equal (how, "refuse"))
    say (fd, "{\"error\":{\"class\":\"GenericError\",\"desc\":\"it is said so: in two parts\"}}\r\n");
  if (g_str_equal (how, "deep")) {
    g_autofree char *nested = g_strnfill (DEPTH, '[');
    say (fd, "{\"return\":%s\r\n", nested);
  }
  for (size_t n = 0; g_str_equal (how, "long") && n <= LINE_MAX_BYTES * 2; n += 1000)
    say (fd, "%1000s", "");
  return g_str_equal (how, "refuse") ? REFUSED : DONE; /* and "hang-up" */
}

/* NULL, or what is wrong; @id is the command's, quoted, with a comma. */
static char *
perform (struct vmm *vmm, JsonNode *root, bool *greeted, const struct command **out, char **result, char **id)
{
  char *why = schema_complaint (arguments, "QmpCommand", root);
  if (why != NULL)
    return why;
  JsonObject *object = json_node_get_object (root);
  const char *name = json_object_get_string_member (object, "execute");
  JsonObject *given =
      json_object_has_member (object, "arguments") ? json_object_get_object_member (object, "arguments") : NULL;
  /* As the real one does, it forgets the id of the first command. */
  if (json_object_has_member (object, "id") && !g_str_equal (name, "qmp_capabilities"))
    *id = g_strdup_printf (",\"id\":\"%s\"", json_object_get_string_member (object, "id"));
  for (size_t i = 0; i < G_N_ELEMENTS (commands); i++)
    if (g_str_equal (commands[i].name, name))
      *out = &commands[i];
  if (*out == NULL)
    return g_strdup_printf ("The command %s has not been found", name);
  if (!*greeted && *out != &commands[0])
    return g_strdup ("Expecting capabilities negotiation with 'qmp_capabilities'");
  *greeted = true;
  if (!(*out)->arguments && given != NULL && json_object_get_size (given) > 0)
    return g_strdup_printf ("%s takes no arguments", name);
  if ((*out)->arguments)
    why = schema_complaint (stratovirt_disk_schema, name,
                            given != NULL ? json_object_get_member (object, "arguments") : NULL);
  if (why != NULL)
    return why;
  return (*out)->verb (vmm, given, result);
}

/* False: the connection is done with. */
static bool
answer (struct vmm *vmm, int fd, const char *line, bool *greeted)
{
  g_autoptr (JsonNode) root = json_from_string (line, NULL);
  g_autofree char *result = NULL, *id = NULL;
  const struct command *command = NULL;
  g_autofree char *why = perform (vmm, root, greeted, &command, &result, &id);
  if (why != NULL) {
    fprintf (stderr, "%s: %s\n", line, why);
    say (fd, "{\"error\":{\"class\":\"GenericError\",\"desc\":\"%s\"}%s}\r\n", why, id != NULL ? id : "");
    return true;
  }
  enum conduct conduct = misbehave (&vmm->fault, command->name, fd);
  if (conduct != GOOD)
    return conduct == REFUSED;
  if (command->before)
    say (fd, EVENT, command->event);
  say (fd, "{\"return\":%s%s}\r\n", result != NULL ? result : "{}", id != NULL ? id : "");
  if (command->event != NULL && !command->before)
    say (fd, EVENT, command->event);
  if (g_str_equal (command->name, "quit"))
    exit (0);
  if (g_str_equal (command->name, "system_powerdown"))
    fake_machine_end (vmm->guest); /* ends the process */
  return true;
}

static void
serve (struct vmm *vmm, int fd)
{
  g_autoptr (GString) text = g_string_new (NULL);
  bool greeted = false;
  char c;
  enum conduct conduct = misbehave (&vmm->fault, "greeting", fd);
  if (conduct == DONE)
    return;
  if (conduct == GOOD)
    say (fd, "{\"QMP\":{\"version\":{\"qemu\":{\"micro\":0,\"minor\":4,\"major\":2},\"package\":\"\"},\"capabilities\":"
             "[]}}\r\n");
  while (text->len < LINE_MAX_BYTES && recv (fd, &c, 1, 0) == 1) {
    if (c != '\n') {
      g_string_append_c (text, c);
      continue;
    }
    if (!answer (vmm, fd, text->str, &greeted))
      return;
    g_string_truncate (text, 0);
  }
}

static char *
start (struct vmm *vmm)
{
  struct stratovirt_machine *m = &vmm->machine;
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = m->cid != 0 ? fake_listen (VSOCK_SOCKET) : -1;
  if (fd < 0)
    return g_strdup ("vsock: no socket");
  if (m->fs_socket != NULL) {
    vmm->fs_fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_strlcpy (address.sun_path, m->fs_socket, sizeof address.sun_path);
    if (connect (vmm->fs_fd, (struct sockaddr *) &address, sizeof address) != 0)
      return g_strdup_printf ("fs: %s", g_strerror (errno));
  }
  if (m->console != NULL)
    close (open (m->console, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  vmm->guest = fake_machine_start (m->cmdline != NULL ? m->cmdline : "", fd);
  return vmm->guest != NULL ? NULL : g_strdup ("the guest does not start");
}

int
main (int argc, char **argv)
{
  struct vmm vmm = { .fs_fd = -1 };
  if (argc == 2 && g_str_equal (argv[1], "-version"))
    return puts ("StratoVirt 2.5.0") < 0;
  /* The fake's own, before all others. */
  if (argc > 2 && g_str_equal (argv[1], "--fault")) {
    if (!fake_fault_parse (&vmm.fault, argv[2]))
      return 2;
    argc -= 2;
    argv += 2;
  }
  char *why = stratovirt_parse (&vmm.machine, argc, argv);
  int listener = why == NULL ? fake_listen (vmm.machine.qmp) : -1, fd;
  if (why == NULL)
    why = listener < 0 ? g_strdup ("qmp: no socket") : start (&vmm);
  if (why != NULL)
    return fprintf (stderr, "%s\n", why) < 0 ? 1 : 2;
  while ((fd = accept4 (listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
    serve (&vmm, fd);
    close (fd);
  }
  return 1;
}
