/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* loop: ten sandboxes in one epoll loop, as a server with a loop of its own would have them: loop ROOTFS [COUNT]. One thread, no polling. */
#include <kata/kata.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define PODS_MAX 64

struct pod {
  int number, watched;
  kata_sandbox *sandbox;
  kata_container *container;
};

/* Starts a pod whose only container says something, and ends with the pod's number. */
static int
pod_start (struct pod *pod, kata_runtime *runtime, const char *rootfs, int loop, kata_error **err)
{
  kata_container_options options = KATA_CONTAINER_OPTIONS_INIT;
  struct epoll_event want = { 0 };
  char line[64];
  const char *args[] = { "sh", "-c", line, NULL };
  int rc;
  snprintf (line, sizeof line, "echo hello from pod %d; exit %d", pod->number, pod->number);
  options.rootfs = rootfs;
  options.args = args;
  if ((rc = kata_sandbox_create (&pod->sandbox, runtime, NULL, err)) < 0 ||
      (rc = kata_sandbox_start (pod->sandbox, KATA_TIMEOUT_DEFAULT, err)) < 0 ||
      (rc = kata_container_create (&pod->container, pod->sandbox, &options, KATA_TIMEOUT_DEFAULT, err)) < 0)
    return rc;
  /* Watched before it can end, so that its end is not missed. */
  want.events = EPOLLIN;
  want.data.ptr = pod;
  pod->watched = kata_sandbox_get_event_fd (pod->sandbox);
  if (pod->watched < 0 || epoll_ctl (loop, EPOLL_CTL_ADD, pod->watched, &want) < 0)
    return KATA_E_IO;
  return kata_container_start (pod->container, KATA_TIMEOUT_DEFAULT, err);
}

/* What the container said, once it has ended: nothing has to be waited for. */
static void
pod_report (struct pod *pod, int status)
{
  kata_process *process = NULL;
  char buffer[256];
  size_t n = 0;
  if (kata_container_get_process (&process, pod->container, NULL) == 0 &&
      kata_process_read (process, KATA_STDOUT, buffer, sizeof buffer, &n, KATA_TIMEOUT_DEFAULT, NULL) == 0)
    printf ("pod %d ended with %d and said: %.*s", pod->number, status, (int) n, buffer);
  kata_process_unref (process);
}

static void
pod_end (struct pod *pod, int loop)
{
  if (pod->watched > 0)
    epoll_ctl (loop, EPOLL_CTL_DEL, pod->watched, NULL);
  pod->watched = 0;
  if (pod->sandbox)
    kata_sandbox_delete (pod->sandbox, KATA_DELETE_FORCE, NULL);
  kata_container_unrefp (&pod->container);
  kata_sandbox_unrefp (&pod->sandbox);
}

/* Takes all events that wait. Returns 1 when the pod is over, else 0. */
static int
pod_events (struct pod *pod, int *good)
{
  kata_event event = KATA_EVENT_INIT;
  while (kata_sandbox_next_event (pod->sandbox, &event, 0, NULL) == 1) {
    if (event.type == KATA_EVENT_CONTAINER_EXIT) {
      pod_report (pod, event.exit_status);
      *good += event.exit_status == pod->number;
      return 1;
    }
    if (event.type == KATA_EVENT_SANDBOX_STATE && event.state == KATA_STATE_STOPPED)
      return fprintf (stderr, "pod %d: its machine ended\n", pod->number), 1;
  }
  return 0;
}

/* Until no pod is left; how many ended as they should. */
static int
run (struct pod *pods, int count, int loop)
{
  int left = 0, good = 0;
  for (int i = 0; i < count; i++)
    left += pods[i].watched > 0;
  while (left > 0) {
    struct epoll_event ready[16];
    int n = epoll_wait (loop, ready, 16, -1);
    for (int i = 0; i < n; i++) {
      struct pod *pod = ready[i].data.ptr;
      if (pod_events (pod, &good)) {
        pod_end (pod, loop);
        left--;
      }
    }
  }
  return good;
}

int
main (int argc, char **argv)
{
  static struct pod pods[PODS_MAX];
  kata_runtime *runtime = NULL;
  kata_error *err = NULL;
  kata_runtime_options settings = KATA_RUNTIME_OPTIONS_INIT;
  int count = argc > 2 ? atoi (argv[2]) : 10, loop = epoll_create1 (EPOLL_CLOEXEC), good = 0, rc;

  if (argc < 2 || count < 1 || count > PODS_MAX)
    return fprintf (stderr, "usage: %s ROOTFS [COUNT]\n", argv[0]), 2;
  settings.config_path = getenv ("EXAMPLE_CONFIG"); /* NULL = the search path, and so on */
  settings.state_dir = getenv ("EXAMPLE_STATE_DIR");
  settings.hypervisor = getenv ("EXAMPLE_HYPERVISOR");
  rc = kata_runtime_new (&runtime, &settings, &err);
  for (int i = 0; rc == 0 && i < count; i++) {
    pods[i].number = i;
    rc = pod_start (&pods[i], runtime, argv[1], loop, &err);
  }
  if (rc == 0)
    good = run (pods, count, loop);
  else
    fprintf (stderr, "loop: %s\n", kata_error_get_message (err));
  for (int i = 0; i < count; i++)
    pod_end (&pods[i], loop);
  kata_error_unref (err);
  kata_runtime_unref (runtime);
  close (loop);
  return good == count ? 0 : 1;
}
