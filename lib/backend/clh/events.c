/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* events: from the file to whole events, each parsed by itself. The VMM that wrote them may be in a guest's hands. */
#include "backend/clh/events.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/json.h"

#define CHUNK      16384
#define UNREAD_MAX (1 << 20) /* of a flood */

static const char *
text_of (const kata_json *object, const char *name)
{
  const kata_json *value = kata_json__get (object, name);
  return value != NULL && value->type == KATA_JSON_STRING ? value->text : "";
}

static void
parse_one (const char *text, size_t len, kata_clh_event_fn fn, void *data)
{
  static const struct kata_json_limits limits = { .bytes = KATA_CLH_EVENT_MAX, .depth = 4, .values = 64 };
  g_autoptr (kata_arena) arena = kata_arena__new ();
  const kata_json *root = NULL;
  if (len > KATA_CLH_EVENT_MAX || kata_json__parse (&root, arena, text, len, &limits, KATA_E_PROTOCOL, NULL) != 0 ||
      root->type != KATA_JSON_OBJECT)
    return;
  const kata_json *properties = kata_json__get (root, "properties");
  struct kata_clh_event event = { text_of (root, "source"), text_of (root, "event"), text_of (properties, "id"),
                                  text_of (properties, "event") };
  fn (data, &event);
}

size_t
kata_clh__parse_events (const char *text, size_t len, kata_clh_event_fn fn, void *data)
{
  size_t begin = 0;
  for (;;) {
    const char *end = memmem (text + begin, len - begin, "\n\n", 2);
    if (end == NULL)
      break;
    size_t event_len = (size_t) (end - (text + begin));
    if (event_len > 0)
      parse_one (text + begin, event_len, fn, data);
    begin += event_len + 2;
  }
  /* What is longer than an event can be is none; its last byte stays, for it may be the first newline of two. */
  if (len - begin > KATA_CLH_EVENT_MAX + 2)
    begin = len - 1;
  return begin;
}

void
kata_clh__read_events (int dir_fd, int64_t *at, kata_clh_event_fn fn, void *data)
{
  kata_auto_fd int fd = openat (dir_fd, KATA_CLH_EVENTS_LOG, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  struct stat st;
  if (fd < 0 || fstat (fd, &st) != 0 || !S_ISREG (st.st_mode) || st.st_size <= *at)
    return;
  if (st.st_size - *at > UNREAD_MAX)
    *at = st.st_size - UNREAD_MAX;
  g_autofree char *text = g_malloc (CHUNK);
  while (*at < st.st_size) {
    ssize_t n = pread (fd, text, CHUNK, *at);
    size_t done = n > 0 ? kata_clh__parse_events (text, (size_t) n, fn, data) : 0;
    if (done == 0)
      return;
    *at += (int64_t) done;
  }
}
