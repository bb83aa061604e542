/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* id: checks names before they become file names, and makes random ones. */
#include "base/id.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <sys/random.h>

#include "base/error.h"

static bool
is_alnum (char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

int
kata_id__check (const char *what, const char *id, kata_error **err)
{
  if (id == NULL || id[0] == '\0')
    return kata_error__set (err, KATA_E_INVALID, what, "%s: is empty; give 1 to %d characters", what, KATA_ID_MAX);
  size_t len = strnlen (id, KATA_ID_MAX + 1);
  if (len > KATA_ID_MAX)
    return kata_error__set (err, KATA_E_INVALID, what, "%s: is longer than %d bytes", what, KATA_ID_MAX);
  if (!is_alnum (id[0]))
    return kata_error__set (err, KATA_E_INVALID, what, "%s: \"%s\" must start with a letter or digit", what, id);
  for (size_t i = 1; i < len; i++)
    if (!is_alnum (id[i]) && strchr ("_.-", id[i]) == NULL)
      return kata_error__set (err, KATA_E_INVALID, what,
                              "%s: \"%s\" has a character at byte %zu that is none of A-Z a-z 0-9 _ . -", what, id, i);
  return 0;
}

int
kata_id__check_disk (const char *what, const char *id, kata_error **err)
{
  size_t len = id != NULL ? strnlen (id, KATA_DISK_ID_MAX + 1) : 0;
  if (len == 0 || len > KATA_DISK_ID_MAX)
    return kata_error__set (err, KATA_E_INVALID, what, "%s: a disk's id has 1 to %d characters", what,
                            KATA_DISK_ID_MAX);
  for (size_t i = 0; i < len; i++)
    if (!((id[i] >= 'a' && id[i] <= 'z') || (id[i] >= '0' && id[i] <= '9') || id[i] == '-'))
      return kata_error__set (err, KATA_E_INVALID, what,
                              "%s: \"%s\" has a character at byte %zu that is none of a-z 0-9 -", what, id, i);
  return 0;
}

int
kata_id__random (char id[KATA_ID_RANDOM_LEN + 1], kata_error **err)
{
  unsigned char bytes[KATA_ID_RANDOM_LEN / 2];
  ssize_t n;

  do
    n = getrandom (bytes, sizeof bytes, 0);
  while (n < 0 && errno == EINTR);
  if (n != (ssize_t) sizeof bytes)
    return kata_error__errno (err, KATA_E_HOST, "id", n < 0 ? errno : EIO, "id: the kernel gives no random bytes");
  for (size_t i = 0; i < sizeof bytes; i++) {
    static const char digits[] = "0123456789abcdef";
    id[2 * i] = digits[bytes[i] >> 4];
    id[2 * i + 1] = digits[bytes[i] & 15];
  }
  id[KATA_ID_RANDOM_LEN] = '\0';
  return 0;
}
