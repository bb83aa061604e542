/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Replies made on this side, and the cleaning of texts that come from or go to a peer. */
#include "envelope.h"

#include <stdlib.h>
#include <string.h>

/* Length of the valid UTF-8 sequence at @p (Unicode table 3-7: no overlong forms, no surrogates), 0 if it is none. */
static size_t
utf8_length (const unsigned char *p)
{
  unsigned char low = 0x80, high = 0xbf;
  size_t len;

  if (p[0] < 0x80)
    return 1;
  if (p[0] >= 0xc2 && p[0] <= 0xdf)
    len = 2;
  else if (p[0] >= 0xe0 && p[0] <= 0xef)
    len = 3;
  else if (p[0] >= 0xf0 && p[0] <= 0xf4)
    len = 4;
  else
    return 0;
  if (p[0] == 0xe0)
    low = 0xa0;
  else if (p[0] == 0xed)
    high = 0x9f;
  else if (p[0] == 0xf0)
    low = 0x90;
  else if (p[0] == 0xf4)
    high = 0x8f;
  if (p[1] < low || p[1] > high)
    return 0;
  /* The final NUL is no continuation byte, so this never runs over the end. */
  for (size_t i = 2; i < len; i++)
    if ((p[i] & 0xc0) != 0x80)
      return 0;
  return len;
}

char *
ttrpc__clean_text (const char *text)
{
  size_t len = strnlen (text, TTRPC__MESSAGE_MAX);
  char *out = malloc (len + 1);
  if (out == NULL)
    return NULL;
  size_t at = 0;
  while (at < len) {
    size_t n = utf8_length ((const unsigned char *) text + at);
    if (n > len - at)
      break; /* the limit falls inside a character */
    if (n == 0)
      out[at++] = '?';
    else
      for (size_t end = at + n; at < end; at++)
        out[at] = text[at];
  }
  out[at] = '\0';
  return out;
}

struct ttrpc_reply
ttrpc__local_reply (int32_t code, const char *message)
{
  struct ttrpc_reply reply = { .code = code, .local = 1 };
  reply.message = strdup (message);
  return reply;
}

void
ttrpc_reply_clear (struct ttrpc_reply *reply)
{
  if (reply == NULL)
    return;
  free (reply->message);
  free (reply->payload);
  *reply = (struct ttrpc_reply){ 0 };
}
