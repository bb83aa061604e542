/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mem: small allocations that end the agent when they fail; sizes from the wire go through malloc and are checked. */
#ifndef AGENT_MEM_H
#define AGENT_MEM_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The largest allocation that may end the agent by failing. */
#define MEM_SMALL_MAX 65536

static inline void *
mem_zero (size_t size)
{
  void *block = size <= MEM_SMALL_MAX ? calloc (1, size ? size : 1) : NULL;
  if (!block)
    abort (); /* PID 1 ends, the kernel panics, the VM exits: nothing half-done stays behind */
  return block;
}

static inline char *
mem_text (const char *text)
{
  char *copy = strdup (text ? text : "");
  if (!copy)
    abort ();
  return copy;
}

__attribute__ ((format (printf, 1, 2))) static inline char *
mem_format (const char *format, ...)
{
  char *text = NULL;
  va_list args;
  va_start (args, format);
  if (vasprintf (&text, format, args) < 0)
    abort ();
  va_end (args);
  return text;
}

static inline void
mem_freep (void *pointer)
{
  free (*(void **) pointer);
}

static inline void
fd_closep (int *fd)
{
  if (*fd >= 0)
    close (*fd);
}

static inline int
fd_steal (int *fd)
{
  int taken = *fd;
  *fd = -1;
  return taken;
}

static inline void
fd_clear (int *fd)
{
  fd_closep (fd);
  *fd = -1;
}

/** The empty string for NULL: messages leave absent strings out. */
static inline const char *
text_of (const char *text)
{
  return text ? text : "";
}

static inline int
text_is (const char *text, const char *other)
{
  return strcmp (text_of (text), other) == 0;
}

static inline int
text_starts (const char *text, const char *prefix)
{
  return strncmp (text_of (text), prefix, strlen (prefix)) == 0;
}

#define auto_free __attribute__ ((cleanup (mem_freep)))
#define auto_fd   __attribute__ ((cleanup (fd_closep)))

#endif
