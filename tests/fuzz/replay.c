/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The main of a fuzz target in a normal build: runs the target over each file of its corpus; it makes no new inputs. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* Hands over an exact-size copy, so that a read past its end is seen by ASan. */
static int
run_file (const char *path)
{
  struct stat st;
  FILE *file = fopen (path, "rbe");
  uint8_t *data;
  size_t got;

  if (file == NULL || fstat (fileno (file), &st) != 0) {
    fprintf (stderr, "%s: %s\n", path, strerror (errno));
    if (file != NULL)
      fclose (file);
    return 1;
  }
  data = malloc (st.st_size > 0 ? (size_t) st.st_size : 1);
  got = data != NULL ? fread (data, 1, (size_t) st.st_size, file) : 0;
  fclose (file);
  if (data == NULL || got != (size_t) st.st_size) {
    fprintf (stderr, "%s: cannot be read whole\n", path);
    free (data);
    return 1;
  }
  LLVMFuzzerTestOneInput (data, got);
  /* The same bytes cut short find more than the corpus alone does: up to 256 prefixes of each file. */
  for (size_t i = 1; i < 256 && i < got; i++) {
    size_t cut = got * i / 256;
    uint8_t *part = malloc (cut > 0 ? cut : 1);

    if (part == NULL)
      break;
    memcpy (part, data, cut);
    LLVMFuzzerTestOneInput (part, cut);
    free (part);
  }
  free (data);
  return 0;
}

static int
run_folder (const char *path)
{
  struct dirent **entries = NULL;
  int count = scandir (path, &entries, NULL, alphasort);
  int files = 0, bad = 0;

  if (count < 0) {
    fprintf (stderr, "%s: %s\n", path, strerror (errno));
    return 1;
  }
  for (int i = 0; i < count; i++) {
    char file[4096];

    if (entries[i]->d_name[0] != '.') {
      snprintf (file, sizeof file, "%s/%s", path, entries[i]->d_name);
      bad |= run_file (file);
      files++;
    }
    free (entries[i]);
  }
  free (entries);
  printf ("%s: %d inputs\n", path, files);
  if (files == 0)
    fprintf (stderr, "%s: the corpus is empty\n", path);
  return bad || files == 0;
}

int
main (int argc, char **argv)
{
  int bad = 0;

  if (argc < 2) {
    fprintf (stderr, "usage: %s CORPUS-DIRECTORY...\n", argv[0]);
    return 2;
  }
  for (int i = 1; i < argc; i++)
    bad |= run_folder (argv[i]);
  return bad;
}
