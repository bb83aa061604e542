/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-wait: `katactl wait`: until a container has ended; prints its exit status. */
#include <stdio.h>
#include <string.h>

#include "options.h"
#include "output.h"
#include "record.h"
#include "resolve.h"
#include "supervise.h"

/* From the record that a supervisor writes; -1 when there is none. */
static int
recorded (ctl *ctl, const char *id, int64_t timeout_ms, int *timed_out)
{
  record_status status;
  *timed_out = record_wait_supervisor (ctl, id, timeout_ms) < 0;
  record_read (ctl, id, &status);
  int result = status.finished ? status.exit_status : -1;
  record_status_clear (&status);
  return result;
}

static int
print (ctl *ctl, const char *id, int status)
{
  if (!ctl->json) {
    printf ("%d\n", status);
    return CTL_OK;
  }
  JsonBuilder *builder = json_builder_new ();
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "id");
  json_builder_add_string_value (builder, id);
  json_builder_set_member_name (builder, "exit_status");
  json_builder_add_int_value (builder, status);
  json_builder_end_object (builder);
  return output_json_builder (builder);
}

static int
wait_for (ctl *ctl, const char *word, int64_t timeout_ms)
{
  CTL_AUTO (sandbox) sandbox = NULL;
  CTL_AUTO (container) container = NULL;
  CTL_AUTO (process) process = NULL;
  CTL_AUTO (error) err = NULL;
  int status = -1, timed_out = 0;
  g_autofree char *id = resolve_id (ctl, word);
  if (!id)
    return CTL_FAILED;
  if (!strchr (word, '/')) {
    supervise_ensure (ctl, id);
    status = recorded (ctl, id, timeout_ms, &timed_out);
  }
  if (timed_out)
    return output_fail (ctl, CTL_TIMED_OUT, "\"%s\" still runs", id);
  if (status >= 0)
    return print (ctl, id, status);
  int rc = resolve_container (ctl, word, &sandbox, &container);
  if (rc != 0)
    return rc;
  rc = kata_container_get_process (&process, container, &err);
  if (rc == 0)
    rc = kata_process_wait (process, &status, timeout_ms, &err);
  if (rc == KATA_E_TIMEOUT)
    return output_fail (ctl, CTL_TIMED_OUT, "\"%s\" still runs", id);
  return rc < 0 ? output_error (ctl, NULL, err) : print (ctl, id, status);
}

int
cmd_wait (ctl *ctl, int argc, char **argv)
{
  int64_t timeout_ms = KATA_TIMEOUT_NONE;
  int worst = CTL_OK;
  const option_row rows[] = {
    { 0, "timeout", OPTION_DURATION, &timeout_ms, "DURATION", "give up after so long; exit code 124" },
    { 0, NULL, 0, NULL, NULL, NULL },
  };
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  int rc = options_parse_arguments (ctl, rows, arguments, argc, argv, 1, 1000);
  if (rc >= 0)
    return rc;
  for (guint i = 0; i < arguments->len; i++) {
    rc = wait_for (ctl, arguments->pdata[i], timeout_ms);
    worst = rc ? rc : worst;
  }
  return worst;
}
