/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* broken: makes the directory, the scripts and the plan, and looks that nothing is left of them. */
#include "broken.h"

#include <check.h>
#include <string.h>
#include <sys/stat.h>

#include <glib/gstdio.h>

#include "base/error.h"

#define VAIN_MS  700
#define FAILS_MS 30000

char *
broken_script (const struct broken *b, const char *name, const char *text)
{
  char *path = g_build_filename (b->tools, name, NULL);
  g_autofree char *whole = g_strconcat ("#!/bin/sh\n", text, "\n", NULL);
  ck_assert (g_file_set_contents (path, whole, -1, NULL));
  ck_assert_int_eq (chmod (path, 0755), 0);
  return path;
}

void
broken_open (struct broken *b, const char *backend, const char *text)
{
  memset (b, 0, sizeof *b);
  b->dir = g_dir_make_tmp ("kata-broken-XXXXXX", NULL);
  b->tools = g_dir_make_tmp ("kata-tools-XXXXXX", NULL);
  ck_assert_int_eq (chmod (b->tools, 0755), 0); /* who runs the program may be another user */
  b->program = broken_script (b, "program", text);
  b->kernel = broken_script (b, "kernel", "");
  b->journal = test_journal_new ();
  ck_assert_int_eq (kata_registry__new (&b->registry, NULL), 0);
  ck_assert_int_eq (kata_registry__find (&b->backend, b->registry, backend, NULL), 0);
  b->plan = (kata_vm_plan){ .size = sizeof b->plan,
                            .id = "broken",
                            .dir = b->dir,
                            .hypervisor_path = b->program,
                            .vcpus = 1,
                            .memory_mib = 128,
                            .kernel = b->kernel,
                            .initrd = b->kernel,
                            .cmdline = "",
                            .share_dir = b->tools };
  b->env = (kata_backend_env){
    .size = sizeof b->env, .deadline_us = INT64_MAX, .journal = b->journal, .record = test_journal_record
  };
}

void
broken_close (struct broken *b)
{
  ck_assert_uint_eq (test_journal_alive (b->journal), 0);
  ck_assert_int_eq (test_journal_replay (b->journal, b->dir), 0);
  GDir *dir = g_dir_open (b->tools, 0, NULL);
  for (const char *name; (name = g_dir_read_name (dir)) != NULL;) {
    g_autofree char *path = g_build_filename (b->tools, name, NULL);
    g_unlink (path);
  }
  g_dir_close (dir);
  ck_assert_int_eq (g_rmdir (b->tools), 0);
  kata_registry__free (b->registry);
  g_free (b->dir);
  g_free (b->tools);
  g_free (b->program);
  g_free (b->kernel);
}

void
broken_launch (struct broken *b, int code, const char *text)
{
  kata_vm *vm = NULL;
  g_autoptr (kata_error) error = NULL;
  int64_t begun = kata_deadline__now ();
  b->env.deadline_us = kata_deadline__within (INT64_MAX, code == KATA_E_TIMEOUT ? VAIN_MS : FAILS_MS);
  int got = kata_vm__launch (&vm, b->backend, &b->plan, &b->env, &error);
  ck_assert_ptr_null (vm);
  ck_assert_msg (got == code && strstr (kata_error_get_message (error), text) != NULL, "%d: %s", got,
                 kata_error_get_message (error));
  /* The programs that hang do so for a minute. */
  ck_assert_int_lt (kata_deadline__now () - begun, FAILS_MS * 1000);
}
