/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* image: reads the first sector; the table is that of MBR, which GPT has too. */
#include "host/image.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define SECTOR     512
#define TABLE      446 /* of four entries */
#define ENTRY_TYPE 4   /* in the first: 0 = there is none */
#define ENTRY_SIZE 12  /* sectors */

static bool
has_first_partition (const uint8_t sector[SECTOR])
{
  const uint8_t *entry = sector + TABLE;
  uint32_t sectors = 0;
  for (int i = 3; i >= 0; i--)
    sectors = sectors << 8 | entry[ENTRY_SIZE + i];
  /* A boot sector of another kind has code there: of an entry the first byte is 0, or 0x80 of one that can be booted. */
  return sector[510] == 0x55 && sector[511] == 0xaa && (entry[0] & 0x7f) == 0 && entry[ENTRY_TYPE] != 0 && sectors != 0;
}

void
kata_image__look (const char *path, uint64_t *size, bool *partitioned)
{
  uint8_t sector[SECTOR];
  struct stat st;
  kata_auto_fd int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  *size = 0;
  *partitioned = false;
  if (fd < 0 || fstat (fd, &st) < 0 || (!S_ISREG (st.st_mode) && !S_ISBLK (st.st_mode)))
    return;
  off_t end = lseek (fd, 0, SEEK_END);
  if (end <= 0)
    return;
  *size = (uint64_t) end;
  *partitioned = pread (fd, sector, sizeof sector, 0) == (ssize_t) sizeof sector && has_first_partition (sector);
}
