/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* process: execute, signal and wait for the processes of a container; their streams are in stream.c. */
#include "agent/call.h"

#include "base/error.h"

static char *
exec_or_init (const char *exec_id)
{
  return (char *) (exec_id != NULL ? exec_id : "");
}

int
kata_agent__exec (kata_agent *agent, const char *container_id, const char *exec_id, const Grpc__Process *process,
                  int64_t timeout_ms, kata_error **err)
{
  Grpc__ExecProcessRequest request = GRPC__EXEC_PROCESS_REQUEST__INIT;
  const struct kata_agent_call call = {
    .method = "ExecProcess", .about = container_id, .request = &request.base, .timeout_ms = timeout_ms
  };
  request.container_id = (char *) container_id;
  request.exec_id = exec_or_init (exec_id);
  request.process = (Grpc__Process *) process;
  return kata_agent__call (agent, &call, err);
}

int
kata_agent__signal (kata_agent *agent, const char *container_id, const char *exec_id, int signum, int64_t timeout_ms,
                    kata_error **err)
{
  Grpc__SignalProcessRequest request = GRPC__SIGNAL_PROCESS_REQUEST__INIT;
  const struct kata_agent_call call = {
    .method = "SignalProcess", .about = container_id, .request = &request.base, .timeout_ms = timeout_ms
  };
  if (signum < 0 || signum > 64)
    return kata_error__set (err, KATA_E_INVALID, container_id, "signal %d: no such signal; 1 to 64 are", signum);
  request.container_id = (char *) container_id;
  request.exec_id = exec_or_init (exec_id);
  request.has_signal = 1;
  request.signal = (uint32_t) signum;
  return kata_agent__call (agent, &call, err);
}

static int
status_check (const Grpc__WaitProcessResponse *reply, const char *container_id, kata_error **err)
{
  if (reply->status < 0 || reply->status > 255)
    return kata_agent__nonsense (err, "WaitProcess", container_id, "exit status %d, where 0 to 255 is possible",
                                 (int) reply->status);
  return 0;
}

int
kata_agent__wait (kata_agent *agent, const char *container_id, const char *exec_id, int *status, int64_t timeout_ms,
                  kata_error **err)
{
  Grpc__WaitProcessRequest request = GRPC__WAIT_PROCESS_REQUEST__INIT;
  Grpc__WaitProcessResponse *reply;
  const struct kata_agent_call call = {
    .method = "WaitProcess",
    .about = container_id,
    .request = &request.base,
    .timeout_ms = timeout_ms,
    .default_ms = KATA_AGENT_TIMEOUT_NONE,
  };
  request.container_id = (char *) container_id;
  request.exec_id = exec_or_init (exec_id);
  int r = kata_agent__call_reply (agent, &call, &grpc__wait_process_response__descriptor, &reply, err);
  if (r < 0)
    return r;
  r = status_check (reply, container_id, err);
  if (r == 0)
    *status = reply->status;
  kata_agent__message_free (reply);
  return r;
}

struct exit_wait {
  kata_agent_wait_fn done;
  void *user;
  char *container_id;
};

static void
exit_wait_free (void *data)
{
  struct exit_wait *wait = data;
  g_free (wait->container_id);
  g_free (wait);
}

static void
exit_wait_done (void *data, void *message, const kata_error *error)
{
  const struct exit_wait *wait = data;
  const Grpc__WaitProcessResponse *reply = message;
  kata_error *nonsense = NULL;

  if (error == NULL && status_check (reply, wait->container_id, &nonsense) < 0)
    error = nonsense;
  wait->done (wait->user, error == NULL ? reply->status : -1, error);
  kata_error_unref (nonsense);
}

int
kata_agent__wait_start (kata_agent *agent, kata_agent_pending **out, const char *container_id, const char *exec_id,
                        kata_agent_wait_fn done, void *user, kata_error **err)
{
  Grpc__WaitProcessRequest request = GRPC__WAIT_PROCESS_REQUEST__INIT;
  const struct kata_agent_call call = {
    .method = "WaitProcess", .about = container_id, .request = &request.base, .timeout_ms = KATA_TIMEOUT_NONE
  };
  struct exit_wait *wait = g_new0 (struct exit_wait, 1);
  *wait = (struct exit_wait){ done, user, g_strdup (container_id) };
  request.container_id = (char *) container_id;
  request.exec_id = exec_or_init (exec_id);
  return kata_agent__call_start (agent, out, &call, &grpc__wait_process_response__descriptor, exit_wait_done, wait,
                                 exit_wait_free, err);
}
