/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-qemu-resize: vCPUs, memory and disks asked of a QEMU that is a script: what it is told, and what becomes of answers that are wrong or hostile. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "backend/qemu/resize.h"
#include "base/error.h"

#define WAIT_MS  5000
#define SHORT_MS 600

/* What is answered to a command, each time the next row for it, and the last again. "return" holds @answer; after '!' it is the whole line, "%s" the id. */
struct step {
  const char *command, *answer; /* NULL: nothing is answered; "": the connection is closed */
};

struct script {
  const struct step *steps;
  size_t used[32];
  int listener;
  GString *told; /* each command with its arguments */
};

static const struct step *
next_step (struct script *s, const char *line)
{
  const struct step *found = NULL;
  for (size_t i = 0; s->steps[i].command != NULL; i++) {
    g_autofree char *wanted = g_strdup_printf ("\"execute\":\"%s\"", s->steps[i].command);
    if (strstr (line, wanted) == NULL)
      continue;
    found = &s->steps[i];
    if (s->used[i]++ == 0)
      break;
  }
  return found;
}

static bool
send_all (int fd, const char *text, size_t len)
{
  for (size_t done = 0; done < len;) {
    ssize_t n = send (fd, text + done, len - done, MSG_NOSIGNAL);
    if (n <= 0)
      return false;
    done += (size_t) n;
  }
  return true;
}

static bool
answer (struct script *s, int fd, const char *line)
{
  char id[64] = "";
  const char *at = strstr (line, "\"id\":\""); /* arguments may have an id, too; the command's is the first */
  if (at == NULL || sscanf (at + 6, "%63[^\"]", id) != 1)
    return false;
  if (strstr (line, "\"qmp_capabilities\"") != NULL) {
    g_autofree char *text = g_strdup_printf ("{\"return\":{},\"id\":\"%s\"}\n", id);
    return send_all (fd, text, strlen (text));
  }
  g_string_append (s->told, line);
  const struct step *step = next_step (s, line);
  if (step == NULL)
    g_error ("nothing is said to %s", line);
  if (step->answer == NULL)
    return true;
  if (step->answer[0] == '\0')
    return false;
  g_autoptr (GString) text = g_string_new (step->answer + (step->answer[0] == '!'));
  if (step->answer[0] != '!') {
    g_string_prepend (text, "{\"return\":");
    g_string_append (text, ",\"id\":\"%s\"}");
  }
  g_string_replace (text, "%s", id, 0);
  g_string_append_c (text, '\n');
  return send_all (fd, text->str, text->len);
}

static void *
serve (void *data)
{
  static const char greeting[] = "{\"QMP\":{\"version\":{},\"capabilities\":[]}}\n";
  struct script *s = data;
  int fd = accept (s->listener, NULL, NULL);
  FILE *in = fd >= 0 ? fdopen (fd, "r") : NULL;
  char *line = NULL;
  size_t size = 0;
  bool more = in != NULL && send_all (fd, greeting, strlen (greeting));
  while (more && getline (&line, &size, in) > 0)
    more = answer (s, fd, line);
  free (line);
  if (in != NULL)
    fclose (in);
  return NULL;
}

struct talk {
  struct script script;
  char dir[64];
  GThread *thread;
  kata_qemu_vm *vm;
  pid_t child;
};

static void
talk_begin (struct talk *t, const struct step *steps, bool virtio_mem)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  void *made = NULL;
  *t = (struct talk){ .script = { .steps = steps, .told = g_string_new (NULL) }, .dir = "/tmp/kata-resize-XXXXXX" };
  ck_assert_ptr_nonnull (g_mkdtemp_full (t->dir, 0700));
  g_snprintf (address.sun_path, sizeof address.sun_path, "%s/qmp.sock", t->dir);
  t->script.listener = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ck_assert_int_eq (bind (t->script.listener, (struct sockaddr *) &address, sizeof address), 0);
  ck_assert_int_eq (listen (t->script.listener, 1), 0);
  kata_vm_plan plan = { .size = sizeof plan,
                        .id = "r",
                        .dir = t->dir,
                        .vcpus = 1,
                        .max_vcpus = 4,
                        .memory_mib = 256,
                        .max_memory_mib = 1024,
                        .memory_slots = 2,
                        .virtio_mem = virtio_mem };
  ck_assert_int_eq (kata_external_vm__new (&made, sizeof (kata_qemu_vm), &kata_qemu_kind, &plan, NULL), 0);
  t->vm = made;
  t->vm->room = kata_qemu__room (&plan);
  t->child = fork ();
  if (t->child == 0)
    for (;;)
      pause ();
  kata_backend_process *process = &t->vm->base.vmm;
  ck_assert_int_eq (kata_pidfd__identify (&process->identity, t->child, NULL), 0);
  ck_assert_int_eq (kata_pidfd__open (&process->pidfd, &process->identity, NULL), 0);
  t->thread = g_thread_new ("qmp", serve, &t->script);
}

static void
talk_end (struct talk *t)
{
  g_thread_join (t->thread);
  kill (t->child, SIGKILL);
  waitpid (t->child, NULL, 0);
  kata_qemu_vm__detach (t->vm);
  close (t->script.listener);
  for (const char *const *name = (const char *const[]){ "qmp.sock", "qmp.lock", NULL }; *name != NULL; name++) {
    g_autofree char *path = g_build_filename (t->dir, *name, NULL);
    unlink (path);
  }
  ck_assert_int_eq (rmdir (t->dir), 0);
  g_string_free (t->script.told, TRUE);
}

/* Where a deadline passes while the machine is asked again and again, either of the two waits may say so: @text is "" there.
   @vcpus, or else @mib, is asked for: the result is @code, and @text is in its words or, where it is 0, in what the machine was told. */
static void
ask (const struct step *steps, bool virtio_mem, uint32_t vcpus, uint64_t mib, int code, const char *text, uint64_t now)
{
  struct talk t;
  g_autoptr (kata_error) error = NULL;
  uint32_t cpus_now = 0;
  uint64_t mib_now = 0;
  talk_begin (&t, steps, virtio_mem);
  int64_t wait_ms = code == KATA_E_TIMEOUT ? SHORT_MS : WAIT_MS;
  const kata_backend_env env = { .size = sizeof env, .deadline_us = kata_deadline__within (INT64_MAX, wait_ms) };
  int r = vcpus != 0 ? kata_qemu__resize.vcpus (t.vm, vcpus, &cpus_now, &env, &error)
                     : kata_qemu__resize.memory (t.vm, mib, &mib_now, &env, &error);
  printf ("%s: %.200s\n", kata_error_code_name (r), kata_error_get_message (error));
  ck_assert_msg (r == code, "%d, not %d: %s", r, code, kata_error_get_message (error));
  const char *where = code == 0 ? t.script.told->str : kata_error_get_message (error);
  ck_assert_msg (strstr (where, text) != NULL, "\"%s\" is not in \"%s\"", text, where);
  ck_assert_uint_eq (vcpus != 0 ? cpus_now : mib_now, now);
  talk_end (&t);
}

/* ---- vCPUs ---- */

#define CPUS    "query-hotpluggable-cpus"
#define FREE(N) "{\"type\":\"cpu\",\"vcpus-count\":1,\"props\":{\"core-id\":" N ",\"node-id\":1}}"
#define CAME(N) "{\"type\":\"cpu\",\"props\":{\"core-id\":" N "},\"qom-path\":\"/machine/peripheral/cpu" N "\"}"
#define FIRST   "{\"type\":\"cpu\",\"props\":{\"core-id\":0},\"qom-path\":\"/machine/unattached/device[0]\"}"
#define NO      "!{\"error\":{\"class\":\"GenericError\",\"desc\":\"no way\"},\"id\":\"%s\"}"

START_TEST (vcpus_come_and_go)
{
  static const struct step comes[] = { { CPUS, "[" FREE ("2") "," FREE ("1") "," FIRST "]" },
                                       { CPUS, "[" FREE ("2") "," CAME ("1") "," FIRST "]" },
                                       { CPUS, "[" CAME ("2") "," CAME ("1") "," FIRST "]" },
                                       { "device_add", "{}" },
                                       { 0 } };
  /* Refused once, since an earlier request is under way. */
  static const struct step goes[] = { { CPUS, "[" CAME ("2") "," CAME ("1") "," FIRST "]" },
                                      { CPUS, "[" CAME ("2") "," CAME ("1") "," FIRST "]" },
                                      { CPUS, "[" FREE ("2") "," CAME ("1") "," FIRST "]" },
                                      { "device_del", NO },
                                      { "device_del", "{}" },
                                      { 0 } };
  ask (comes, false, 3, 0, 0, "{\"core-id\":2,\"node-id\":1,\"driver\":\"cpu\",\"id\":\"cpu2\"}", 3);
  ask (goes, false, 2, 0, 0, "{\"id\":\"cpu2\"}", 2);
  static const struct step stays[] = { { CPUS, "[" FREE ("1") "," FIRST "]" }, { 0 } };
  ask (stays, false, 1, 0, 0, CPUS, 1);
}
END_TEST

static char *
many (const char *entry, size_t n)
{
  GString *text = g_string_new ("[");
  for (size_t i = 0; i < n; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? "," : "", entry);
  return g_string_free (g_string_append_c (text, ']'), FALSE);
}

START_TEST (vcpus_hostile)
{
  static const struct {
    const char *cpus, *add, *text;
    int code;
  } cases[] = {
    { "{}", "{}", "no list of objects", KATA_E_PROTOCOL },
    { "null", "{}", "no list of objects", KATA_E_PROTOCOL },
    { "[1,2]", "{}", "no list of objects", KATA_E_PROTOCOL },
    { "[[]]", "{}", "no list of objects", KATA_E_PROTOCOL },
    { "[]", "{}", "no more than 0 vCPUs", KATA_E_LIMIT },
    { "[" FIRST "]", "{}", "no more than 1 vCPUs", KATA_E_LIMIT },
    { "[{},{}]", "{}", "a vCPU that could come is unusable", KATA_E_PROTOCOL },
    { "[{\"type\":7,\"props\":{}}]", "{}", "is unusable", KATA_E_PROTOCOL },
    { "[{\"type\":\"cpu\",\"props\":[]}]", "{}", "is unusable", KATA_E_PROTOCOL },
    { "[{\"type\":\"cpu\",\"props\":{\"core-id\":\"0\"}}]", "{}", "is unusable", KATA_E_PROTOCOL },
    { "[{\"type\":\"cpu\",\"props\":{\"core-id\":-1}}]", "{}", "is unusable", KATA_E_PROTOCOL },
    { "[{\"type\":\"cpu\",\"props\":{\"core-id\":1.5}}]", "{}", "is unusable", KATA_E_PROTOCOL },
    { "[{\"type\":\"cpu\",\"props\":{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"j\":1,"
      "\"k\":1,\"l\":1,\"m\":1,\"n\":1,\"o\":1,\"p\":1,\"q\":1}}]",
      "{}", "is unusable", KATA_E_PROTOCOL },
    { "[{\"type\":\"cpu\",\"props\":{},\"qom-path\":7}]", "{}", "does not show it", KATA_E_PROTOCOL },
    { "[" FREE ("1") "," FIRST "]", "{}", "it took a vCPU and does not show it", KATA_E_PROTOCOL },
    { "[" FREE ("1") "," FIRST "]", NO, "no way", KATA_E_VMM },
    { "[" FREE ("1") "," FIRST "]", "", "connection", KATA_E_VMM },
    { "[" FREE ("1") "," FIRST "]", NULL, "no answer in time", KATA_E_TIMEOUT },
    { NO, "{}", "no way", KATA_E_VMM },
    { "", "{}", "connection", KATA_E_VMM },
    { NULL, "{}", "no answer in time", KATA_E_TIMEOUT },
    { "!\xff\xfe junk", "{}", "QMP", KATA_E_PROTOCOL },
    { "!{\"return\":[],\"id\":\"%s\"", "{}", "QMP", KATA_E_PROTOCOL },
    { "!{\"id\":\"%s\"}", "{}", "QMP", KATA_E_PROTOCOL },
  };
  const struct step steps[] = { { CPUS, cases[_i].cpus }, { "device_add", cases[_i].add }, { 0 } };
  ask (steps, false, 4, 0, cases[_i].code, cases[_i].text, 0);
}
END_TEST
#define N_VCPUS_HOSTILE 24

START_TEST (vcpus_too_many)
{
  g_autofree char *list = many (FREE ("1"), 1025), *deep = g_strnfill (100000, '['), *line = g_strnfill (2 << 20, ' ');
  g_autofree char *long_line = g_strconcat ("!", line, NULL);
  const struct step crowd[] = { { CPUS, list }, { 0 } }, nested[] = { { CPUS, deep }, { 0 } },
                    endless[] = { { CPUS, long_line }, { 0 } };
  ask (crowd, false, 4, 0, KATA_E_PROTOCOL, "no list of objects", 0);
  ask (nested, false, 4, 0, KATA_E_PROTOCOL, "QMP", 0);
  ask (endless, false, 4, 0, KATA_E_PROTOCOL, "QMP", 0);
}
END_TEST

START_TEST (vcpus_stay)
{
  static const struct step deaf[] = { { CPUS, "[" CAME ("1") "," FIRST "]" }, { "device_del", "{}" }, { 0 } };
  static const struct step lost[] = { { CPUS, "[" CAME ("1") "," FIRST "]" },
                                      { CPUS, "[1]" },
                                      { "device_del",
                                        "!{\"event\":\"DEVICE_DELETED\",\"data\":7}\n{\"return\":{},\"id\":\"%s\"}" },
                                      { 0 } };
  /* Of a name that would be another command's words nothing but a name is made. */
  static const struct step quoted[] = {
    { CPUS, "[{\"type\":\"cpu\",\"props\":{},\"qom-path\":\"/machine/peripheral/a\\\"},\\\"execute\\\":\\\"quit\"}]" },
    { CPUS, "[]" },
    { "device_del", "{}" },
    { 0 }
  };
  ask (deaf, false, 1, 0, KATA_E_TIMEOUT, "", 0);
  ask (lost, false, 1, 0, KATA_E_PROTOCOL, "no list of objects", 0);
  ask (quoted, false, 0 + 1, 0, 0, CPUS, 1);
}
END_TEST

/* ---- memory ---- */

#define MEMORY    "query-memory-devices"
#define STATUS    "query-acpi-ospm-status"
#define MIB_128   "134217728"
#define DIMM(N)   "{\"type\":\"dimm\",\"data\":{\"id\":\"dimm" N "\",\"size\":" MIB_128 "}}"
#define TAKEN(N)  "{\"device\":\"dimm" N "\",\"slot\":\"0\",\"source\":1,\"status\":0}"
#define NOT_YET   "[{\"device\":\"dimm1\",\"slot\":\"0\",\"source\":0,\"status\":0}]"
#define LATER(N)  "{\"type\":\"virtio-mem\",\"data\":{\"id\":\"later\",\"size\":" N "}}"
#define HUGE_SIZE "{\"type\":\"dimm\",\"data\":{\"size\":9223372036854775807}}"

START_TEST (memory_comes)
{
  static const struct step comes[] = { { MEMORY, "[]" },
                                       { MEMORY, "[" DIMM ("1") "]" },
                                       { "object-add", "{}" },
                                       { "device_add", "{}" },
                                       { STATUS, NOT_YET },
                                       { STATUS, "[" TAKEN ("1") "]" },
                                       { 0 } };
  ask (comes, false, 0, 300, 0, "\"driver\":\"pc-dimm\",\"id\":\"dimm1\"", 384);
  /* What backs a DIMM that was refused goes again. */
  static const struct step refused[] = {
    { MEMORY, "[]" }, { "object-add", "{}" }, { "device_add", NO }, { "object-del", "{}" }, { 0 }
  };
  ask (refused, false, 0, 300, KATA_E_VMM, "no way", 0);
  static const struct step plugged[] = { { MEMORY, "[" LATER ("0") "]" },
                                         { MEMORY, "[" LATER ("1048576") "]" },
                                         { MEMORY, "[" LATER (MIB_128) "]" },
                                         { "qom-set", "{}" },
                                         { 0 } };
  ask (plugged, true, 0, 300, 0, "\"requested-size\",\"value\":" MIB_128, 384);
}
END_TEST

START_TEST (memory_hostile)
{
  static const struct {
    const char *memory, *status, *text;
    int code;
  } cases[] = {
    { "{}", "[]", "no list of objects", KATA_E_PROTOCOL },
    { "[true]", "[]", "no list of objects", KATA_E_PROTOCOL },
    { "[{\"type\":\"dimm\"}]", "[]", "has no size", KATA_E_PROTOCOL },
    { "[{\"type\":\"dimm\",\"data\":7}]", "[]", "has no size", KATA_E_PROTOCOL },
    { "[{\"type\":\"dimm\",\"data\":{\"size\":\"1\"}}]", "[]", "has no size", KATA_E_PROTOCOL },
    { "[{\"type\":\"dimm\",\"data\":{\"size\":-1}}]", "[]", "has no size", KATA_E_PROTOCOL },
    { "[" HUGE_SIZE "," HUGE_SIZE "," HUGE_SIZE "]", "[]", "has no size", KATA_E_PROTOCOL },
    { "[" DIMM ("1") "," DIMM ("2") "]", "[]", "hypervisor.qemu.memory_slots", KATA_E_LIMIT },
    { NO, "[]", "no way", KATA_E_VMM },
    { NULL, "[]", "no answer in time", KATA_E_TIMEOUT },
    { "[]", "7", "no list of objects", KATA_E_PROTOCOL },
    { "[]", "[{\"device\":\"dimm1\"}]", "slot \"dimm1\" is unusable", KATA_E_PROTOCOL },
    { "[]", "[{\"device\":\"dimm1\",\"source\":\"1\",\"status\":0}]", "is unusable", KATA_E_PROTOCOL },
    { "[]", "[{\"device\":\"dimm1\",\"source\":1,\"status\":1}]", "the guest refuses the memory (status 1",
      KATA_E_GUEST },
    { "[]", NOT_YET, "", KATA_E_TIMEOUT },
    { "[]", "", "connection", KATA_E_VMM },
  };
  const struct step steps[] = {
    { MEMORY, cases[_i].memory }, { "object-add", "{}" }, { "device_add", "{}" }, { STATUS, cases[_i].status }, { 0 }
  };
  ask (steps, false, 0, 900, cases[_i].code, cases[_i].text, 0);
}
END_TEST
#define N_MEMORY_HOSTILE 16

START_TEST (virtio_mem_hostile)
{
  static const struct step deaf[] = { { MEMORY, "[" LATER ("1048576") "]" }, { "qom-set", "{}" }, { 0 } };
  static const struct step refuses[] = { { MEMORY, "[" LATER ("0") "]" }, { "qom-set", NO }, { 0 } };
  static const struct step lies[] = {
    { MEMORY, "[" LATER ("0") "]" }, { MEMORY, "[{\"type\":\"virtio-mem\"}]" }, { "qom-set", "{}" }, { 0 }
  };
  ask (deaf, true, 0, 512, KATA_E_TIMEOUT, "", 257); /* what is there is told all the same */
  ask (refuses, true, 0, 512, KATA_E_VMM, "no way", 0);
  ask (lies, true, 0, 512, KATA_E_PROTOCOL, "has no size", 0);
}
END_TEST

/* What goes little by little is waited for; what is left in the end is told. */
START_TEST (memory_goes)
{
  static const struct step goes[] = { { MEMORY, "[" LATER ("268435456") "]" },
                                      { MEMORY, "[" LATER ("201326592") "]" },
                                      { MEMORY, "[" LATER (MIB_128) "]" },
                                      { "qom-set", "{}" },
                                      { 0 } };
  static const struct step stays[] = {
    { MEMORY, "[" LATER ("268435456") "]" }, { MEMORY, "[" LATER ("201326592") "]" }, { "qom-set", "{}" }, { 0 }
  };
  ask (goes, true, 0, 384, 0, "\"requested-size\",\"value\":" MIB_128, 384);
  ask (stays, true, 0, 384, KATA_E_TIMEOUT, "", 448);
}
END_TEST

START_TEST (tells)
{
  static const struct step steps[] = { { CPUS, "[" FREE ("1") "," CAME ("2") "," FIRST "]" },
                                       { MEMORY, "[" LATER (MIB_128) "]" },
                                       { 0 } };
  static const struct step lies[] = { { CPUS, "[" FIRST "]" }, { MEMORY, "[7]" }, { 0 } };
  for (int i = 0; i < 2; i++) {
    struct talk t;
    g_autoptr (kata_error) error = NULL;
    uint32_t vcpus = 0;
    uint64_t mib = 0;
    talk_begin (&t, i == 0 ? steps : lies, true);
    const kata_backend_env env = { .size = sizeof env, .deadline_us = kata_deadline__within (INT64_MAX, WAIT_MS) };
    ck_assert_int_eq (kata_qemu__resize.tell (t.vm, &vcpus, &mib, &env, &error), i == 0 ? 0 : KATA_E_PROTOCOL);
    ck_assert (vcpus == (i == 0 ? 2 : 0) && mib == (i == 0 ? 384 : 0));
    talk_end (&t);
  }
}
END_TEST

/* ---- disks ---- */

#define NODES "query-named-block-nodes"
#define NODE  "[{\"node-name\":\"late-disk1\"}]"

static int
take_out (const struct step *steps, const char *text)
{
  static const kata_vm_disk disk = { sizeof disk, "data", "/data", 0, 1 };
  struct talk t;
  g_autoptr (kata_error) error = NULL;
  const kata_backend_env env = { .size = sizeof env, .deadline_us = INT64_MAX };
  talk_begin (&t, steps, false);
  int r = kata_qemu__disk.remove (t.vm, &disk, &env, &error);
  const char *where = r == 0 ? t.script.told->str : kata_error_get_message (error);
  ck_assert_msg (strstr (where, text) != NULL, "\"%s\" is not in \"%s\"", text, where);
  talk_end (&t);
  return r;
}

/* A QEMU that ends is not asked again until the time is over: not once of many times, or the test runs out of its own. */
START_TEST (disk_goes)
{
  static const struct step goes[] = {
    { "qom-list", NO }, { NODES, NODE }, { "blockdev-del", NO }, { "blockdev-del", "{}" }, { 0 }
  };
  static const struct step ends[] = { { "qom-list", NO }, { NODES, "" }, { 0 } };
  static const struct step ends_later[] = { { "qom-list", NO }, { NODES, NODE }, { "blockdev-del", "" }, { 0 } };
  ck_assert_int_eq (take_out (goes, "blockdev-del"), 0);
  for (int i = 0; i < 8; i++)
    ck_assert_int_eq (take_out (i % 2 == 0 ? ends : ends_later, "closed the connection"), KATA_E_VMM);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("qemu-resize");
  TCase *tcase = tcase_create ("qemu-resize");
  tcase_set_timeout (tcase, 30);
  tcase_add_test (tcase, vcpus_come_and_go);
  tcase_add_loop_test (tcase, vcpus_hostile, 0, N_VCPUS_HOSTILE);
  tcase_add_test (tcase, vcpus_too_many);
  tcase_add_test (tcase, vcpus_stay);
  tcase_add_test (tcase, memory_comes);
  tcase_add_loop_test (tcase, memory_hostile, 0, N_MEMORY_HOSTILE);
  tcase_add_test (tcase, virtio_mem_hostile);
  tcase_add_test (tcase, memory_goes);
  tcase_add_test (tcase, tells);
  tcase_add_test (tcase, disk_goes);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_ENV);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? 0 : 1;
}
