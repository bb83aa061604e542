/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* drive-process: the steps about processes and their stdio. */
#include "drive.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

void
step_run (struct test *test)
{
  struct client *c = &test->client;
  char out[256], err[256];
  struct client_container container = { "c1", test->rootfs, "echo out; hostname; echo err >&2; exit 7", 0, 0, 1 };
  double start = now ();
  EXPECT (c, client_create (c, &container) == 0);
  EXPECT (c, client_create (c, &container) == TTRPC_ALREADY_EXISTS);
  EXPECT (c, client_start (c, "c1") == 0);
  EXPECT (c, client_read_all (c, "c1", "", 0, out, sizeof out) > 0);
  printf ("create to end of output: %.2f s\n", now () - start);
  EXPECT (c, client_read_all (c, "c1", "", 1, err, sizeof err) == 4);
  EXPECT (c, strncmp (out, "out\n", 4) == 0);
  EXPECT (c, strcmp (err, "err\n") == 0);
  EXPECT (c, client_wait (c, "c1", "", 60000) == 7);
  EXPECT (c, client_wait (c, "c1", "", 60000) == 7);
  EXPECT (c, client_remove (c, "c1") == 0);
  EXPECT (c, client_remove (c, "c1") == TTRPC_INTERNAL);
}

void
step_exec (struct test *test)
{
  struct client *c = &test->client;
  char text[256];
  struct client_container container = { "c2", test->rootfs, "sleep 100000", 0, 0, 1 };
  EXPECT (c, client_create (c, &container) == 0);
  EXPECT (c, client_exec (c, "c2", "early", "true", 0) == TTRPC_FAILED_PRECONDITION);
  EXPECT (c, client_start (c, "c2") == 0);
  EXPECT (c, client_exec (c, "c2", "e1", "cat; exit 3", 0) == 0);
  EXPECT (c, client_exec (c, "c2", "e1", "true", 0) == TTRPC_ALREADY_EXISTS);
  EXPECT (c, client_write (c, "c2", "e1", "hello\n", 6) == 0);
  EXPECT (c, client_read (c, "c2", "e1", 0, text, sizeof text, 30000) == 6);
  EXPECT (c, client_write (c, "c2", "e1", "", 0) == 0);
  EXPECT (c, client_read_all (c, "c2", "e1", 0, text, sizeof text) == 0);
  EXPECT (c, client_wait (c, "c2", "e1", 60000) == 3);
  EXPECT (c, client_read_all (c, "c2", "e1", 1, text, sizeof text) == 0);
  /* Waited and drained: forgotten, but for what an answer that was lost would have told. */
  EXPECT (c, client_wait (c, "c2", "e1", 60000) == 3);
  EXPECT (c, client_read_all (c, "c2", "e1", 0, text, sizeof text) == 0);
  EXPECT (c, client_write (c, "c2", "e1", "x", 1) == TTRPC_NOT_FOUND);
  EXPECT (c, client_exec (c, "c2", "e1", "exit 4", 0) == 0);
  EXPECT (c, client_wait (c, "c2", "e1", 60000) == 4);
  EXPECT (c, client_exec (c, "c2", "e2", "no-such-program-at-all", 0) == 0);
  EXPECT (c, client_wait (c, "c2", "e2", 60000) == 127);
}

void
step_bulk (struct test *test)
{
  struct client *c = &test->client;
  char text[64];
  double start = now ();
  EXPECT (c, client_exec (c, "c2", "bulk", "dd if=/dev/zero bs=1M count=50 2>/dev/null", 0) == 0);
  long n = client_read_all (c, "c2", "bulk", 0, text, sizeof text);
  EXPECT (c, n == 50 << 20);
  printf ("50 MiB of output: %.2f s\n", now () - start);
  EXPECT (c, client_wait (c, "c2", "bulk", 60000) == 0);
  /* A grandchild that keeps the pipe open must not keep the reader. */
  start = now ();
  EXPECT (c, client_exec (c, "c2", "daemon", "sleep 1000 & echo started", 0) == 0);
  EXPECT (c, client_read_all (c, "c2", "daemon", 0, text, sizeof text) == 8);
  EXPECT (c, now () - start < 5);
}

void
step_cancel (struct test *test)
{
  struct client *c = &test->client;
  struct client other;
  char text[64] = "";
  EXPECT (c, client_exec (c, "c2", "slow", "read x; echo got $x; read y", 0) == 0);
  EXPECT (c, client_read (c, "c2", "slow", 0, text, sizeof text, 300) == -1);
  usleep (500000); /* the agent's clock for that call started a little later than ours */
  EXPECT (c, client_write (c, "c2", "slow", "a\n", 2) == 0);
  EXPECT (c, client_read (c, "c2", "slow", 0, text, sizeof text, 30000) == 6);
  EXPECT (c, strncmp (text, "got a\n", 6) == 0);
  if (strncmp (test->address, "unix:", 5) == 0) {
    EXPECT (c, client_connect (&other, test->address, 1000) == 0);
    EXPECT (c, client_wait (&other, "c2", "slow", 300) == -1);
    client_close (&other);
  }
  EXPECT (c, client_signal (c, "c2", "slow", 9) == 0);
  EXPECT (c, client_wait (c, "c2", "slow", 60000) == 137);
}

void
step_terminal (struct test *test)
{
  struct client *c = &test->client;
  char text[512] = "";
  EXPECT (c, client_exec (c, "c2", "tty", "read x; stty size; read y; echo \"<$y>\"; cat; exit 5", 1) == 0);
  EXPECT (c, client_resize (c, "c2", "tty", 33, 77) == 0);
  EXPECT (c, client_write (c, "c2", "tty", "go\nagain\n", 9) == 0);
  EXPECT (c, client_write (c, "c2", "tty", "", 0) == 0); /* the end-of-file character */
  EXPECT (c, client_read_all (c, "c2", "tty", 0, text, sizeof text) > 0);
  EXPECT (c, strstr (text, "33 77") != NULL);
  EXPECT (c, strstr (text, "<again>") != NULL);
  EXPECT (c, client_wait (c, "c2", "tty", 60000) == 5);
  EXPECT (c, client_resize (c, "c2", "", 1, 1) == TTRPC_UNAVAILABLE);
}

/* Runs a container whose root is a storage; returns its output. */

/* Also shows that the kernel gets the module it asks for. */

struct worker {
  struct test *test;
  int number, bad;
};

static void *
worker_run (void *data)
{
  struct worker *worker = data;
  struct client client = { .ttrpc = worker->test->client.ttrpc };
  char id[32], script[64], out[64], want[64];
  for (int i = 0; i < 4; i++) {
    snprintf (id, sizeof id, "w%d-%d", worker->number, i);
    snprintf (script, sizeof script, "echo %s; exit %d", id, worker->number + i);
    snprintf (want, sizeof want, "%s\n", id);
    if (client_exec (&client, "c2", id, script, 0) || client_read_all (&client, "c2", id, 0, out, sizeof out) < 0 ||
        strcmp (out, want) || client_wait (&client, "c2", id, 60000) != worker->number + i) {
      printf ("worker %s: %d \"%s\" output \"%s\"\n", id, client.code, client.message, out);
      worker->bad = 1;
    }
  }
  return NULL;
}

void
step_parallel (struct test *test)
{
  struct worker workers[6];
  pthread_t threads[6];
  char out[128];
  struct client *c = &test->client;
  for (int i = 0; i < 6; i++) {
    workers[i] = (struct worker){ test, i, 0 };
    pthread_create (&threads[i], NULL, worker_run, &workers[i]);
  }
  for (int i = 0; i < 6; i++) {
    pthread_join (threads[i], NULL);
    EXPECT (c, !workers[i].bad);
  }
  /* Nothing of the agent's is open in a container: 0, 1, 2 and the directory itself. */
  EXPECT (c, client_exec (c, "c2", "files", "exec ls /proc/self/fd", 0) == 0);
  EXPECT (c, client_read_all (c, "c2", "files", 0, out, sizeof out) == 8);
  EXPECT (c, strcmp (out, "0\n1\n2\n3\n") == 0);
  EXPECT (c, client_exec (c, "c2", "missing", "true", 0) == 0);
}

/* A host process dies in the middle of a read: its data goes to the next one. */

void
step_reconnect (struct test *test)
{
  struct client *c = &test->client;
  char out[64];
  if (strncmp (test->address, "serial:", 7) != 0)
    return;
  EXPECT (c, client_exec (c, "c2", "kept", "echo before; sleep 1; echo after; sleep 1", 0) == 0);
  client_close (c);
  EXPECT (c, client_connect (c, test->address, 10000) == 0);
  EXPECT (c, client_read_all (c, "c2", "kept", 0, out, sizeof out) == 13);
  EXPECT (c, client_wait (c, "c2", "kept", 60000) == 0);
}
