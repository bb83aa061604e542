/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* broken: a sandbox's directory, a plan and a program that is none: what the tests of adapters with bad programs share. */
#ifndef KATA_TEST_BACKEND_BROKEN_H
#define KATA_TEST_BACKEND_BROKEN_H

#include "backend/call.h"
#include "journal.h"

struct broken {
  char *dir, *tools, *program, *kernel;
  struct test_journal *journal;
  kata_registry *registry;
  const kata_backend_entry *backend;
  kata_vm_plan plan;
  kata_backend_env env;
};

/** An executable shell script among the tools; g_free() the path. */
char *broken_script (const struct broken *b, const char *name, const char *text);
/** @text: the script that stands for the program. The plan's kernel and initrd are files that are neither. */
void broken_open (struct broken *b, const char *backend, const char *text);
/** Checks that no process of ours is alive and that the journal undoes the rest. */
void broken_close (struct broken *b);
/**
 * Launching gives @code, @text in the message. What is waited for in vain, KATA_E_TIMEOUT, has 700 ms; what fails by itself has 30 s: a shell or
 * Python starts slowly on a busy machine.
 */
void broken_launch (struct broken *b, int code, const char *text);

#endif
