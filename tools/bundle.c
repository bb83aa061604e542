/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bundle: the one thing of a bundle's config.json that the sandbox must know before the container is made: the host name. */
#include "bundle.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#define CONFIG_MAX   (4 * 1024 * 1024) /* bytes looked at; the library has its own limit and says so */
#define HOSTNAME_MAX 64

/* The end of a string whose opening quote @at points to: the closing quote, or @end. */
static const char *
string_end (const char *at, const char *end)
{
  for (at++; at < end && *at != '"'; at++)
    if (*at == '\\')
      at++;
  return MIN (at, end);
}

static const char *
skip_space (const char *at, const char *end)
{
  while (at < end && strchr (" \t\r\n", *at) && *at)
    at++;
  return at;
}

/* Not a JSON reader: it walks over anything without recursion, so a hostile file costs no more than its length. */
static char *
find_member (const char *at, const char *end, const char *name)
{
  size_t length = strlen (name);
  int depth = 0;
  for (; at < end; at++) {
    if (*at == '{' || *at == '[')
      depth += depth < G_MAXINT;
    else if (*at == '}' || *at == ']')
      depth--;
    if (*at != '"')
      continue;
    const char *key = at + 1;
    at = string_end (at, end);
    if (depth != 1 || (size_t) (at - key) != length || memcmp (key, name, length) != 0)
      continue;
    const char *value = skip_space (at + 1 < end ? at + 1 : end, end);
    if (value >= end || *value != ':')
      continue;
    value = skip_space (value + 1, end);
    if (value >= end || *value != '"')
      return NULL;
    return g_strndup (value + 1, (gsize) (string_end (value, end) - value - 1));
  }
  return NULL;
}

char *
bundle_hostname (const char *directory)
{
  g_autofree char *path = g_build_filename (directory, "config.json", NULL);
  g_autofree char *text = g_malloc (CONFIG_MAX);
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  size_t length = 0;
  ssize_t n = 0;
  while (fd >= 0 && length < CONFIG_MAX && (n = read (fd, text + length, CONFIG_MAX - length)) > 0)
    length += (size_t) n;
  if (fd >= 0)
    close (fd);
  g_autofree char *name = find_member (text, text + length, "hostname");
  if (!name || !*name || strlen (name) > HOSTNAME_MAX ||
      name[strspn (name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS ".-")] != 0)
    return NULL;
  return g_steal_pointer (&name);
}
