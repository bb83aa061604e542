/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* file: reading and writing small files of /proc, /sys and the cgroup tree in one call. */
#ifndef AGENT_FILE_H
#define AGENT_FILE_H

#include <stddef.h>
#include <stdint.h>

/** Reads at most @size - 1 bytes and ends them with NUL. Returns the length or -1 with errno. */
int64_t file_read (const char *path, char *buffer, size_t size);
/** Writes @text with one write(2) to an existing file. Returns 0 or -1 with errno. */
int file_write (const char *path, const char *text);
/** A decimal number, or @fallback if the file is missing or says something else ("max"). */
uint64_t file_read_number (const char *path, uint64_t fallback);
/** Creates or empties @path (no link followed) and writes all of @data. Returns 0 or -1 with errno. */
int file_create (const char *path, const void *data, size_t len);
/** Writes all of @data to @fd. Returns 0 or -1 with errno. */
int file_write_all (int fd, const void *data, size_t len);

#endif
