/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* results: adds verdicts up and prints them. */
#include "results.h"

#include <stdio.h>
#include <string.h>

static const char *const titles[CASES_MAX] = {
  [1] = "chains that run in a circle",
  [2] = "chains too long, indexes outside",
  [3] = "indirect tables where they must not be",
  [4] = "indirect tables of wrong length and place",
  [5] = "addresses and sums that wrap",
  [6] = "buffers at the edges of RAM",
  [7] = "buffers on rings, registers, APICs",
  [8] = "empty and missing parts of requests",
  [9] = "available index jumps, goes back, wraps",
  [10] = "the same head twice in flight",
  [11] = "a second CPU rewrites what is being read",
  [12] = "ring addresses that cannot be",
  [13] = "queue sizes that cannot be",
  [14] = "queue registers written too late",
  [15] = "status: all values, all orders",
  [16] = "features that were not offered, or too late",
  [17] = "all registers, all widths",
  [18] = "queues that do not exist",
  [19] = "notify storm, endless ring",
  [20] = "reset with requests in flight",
  [21] = "disk requests",
  [22] = "network frames",
  [23] = "vsock packets",
  [24] = "vsock, from the host's side",
  [25] = "balloon, entropy, console, serial without bound",
  [26] = "board: ends of the machine, ports, power",
  [27] = "kernel images",
  [28] = "the disk's file changes under it",
};

static const char *const transports[] = { "mmio", "pci" };

void
results_add (struct results *results, const struct result *result)
{
  for (size_t i = 0; i < results->n; i++) {
    struct result *r = &results->all[i];
    if (r->number != result->number || r->transport != result->transport || strcmp (r->what, result->what) != 0)
      continue;
    r->nrst += result->nrst;
    r->reject += result->reject;
    r->ignored += result->ignored;
    r->ended += result->ended;
    r->bad += result->bad;
    return;
  }
  if (results->n < RESULTS_MAX)
    results->all[results->n++] = *result;
}

bool
results_line (struct results *results, int transport, const char *line)
{
  struct result r = { .transport = transport };
  int at = 0;
  if (sscanf (line, "R %u %n", &r.number, &at) != 1 || at == 0)
    return false;
  const char *counts = strstr (line, " NRST=");
  if (counts == NULL || r.number >= CASES_MAX ||
      sscanf (counts, " NRST=%u REJECT=%u IGNORED=%u BAD=%u", &r.nrst, &r.reject, &r.ignored, &r.bad) != 4)
    return false;
  snprintf (r.what, sizeof r.what, "%.*s", (int) (counts - (line + at)), line + at);
  results_add (results, &r);
  return true;
}

void
results_host (struct results *results, unsigned number, int transport, const char *what, const char *verdict,
              const char *fault)
{
  struct result r = { .number = number, .transport = transport, .bad = *fault != '\0' };
  snprintf (r.what, sizeof r.what, "%s", what);
  if (*fault != '\0')
    printf ("# BAD %u %s %s: %s\n", number, transports[transport], what, fault);
  else if (strcmp (verdict, "EXIT") == 0)
    r.ended = 1;
  else
    r.reject = 1;
  results_add (results, &r);
}

static struct result
sum (const struct results *results, unsigned number, int transport, char *whats, size_t size)
{
  struct result total = { .number = number, .transport = transport };
  size_t len = 0;
  whats[0] = '\0';
  for (size_t i = 0; i < results->n; i++) {
    const struct result *r = &results->all[i];
    if (r->number != number || r->transport != transport)
      continue;
    total.nrst += r->nrst;
    total.reject += r->reject;
    total.ignored += r->ignored;
    total.ended += r->ended;
    total.bad += r->bad;
    int n = snprintf (whats + len, size - len, "%s%s", len > 0 ? ", " : "", r->what);
    if (n > 0 && len + (size_t) n < size)
      len += (size_t) n;
  }
  return total;
}

static bool
is_there (const struct result *r)
{
  return r->nrst + r->reject + r->ignored + r->ended + r->bad > 0;
}

unsigned
results_tap (const struct results *results)
{
  char whats[512];
  unsigned n = 0, bad = 0;
  for (unsigned number = 1; number < CASES_MAX; number++)
    for (int transport = 0; transport < 2; transport++) {
      struct result r = sum (results, number, transport, whats, sizeof whats);
      if (!is_there (&r))
        continue;
      bad += r.bad > 0;
      printf ("%sok %u - case %u %s: %s # NRST %u REJECT %u IGNORED %u EXIT %u BAD %u\n", r.bad > 0 ? "not " : "", ++n,
              number, transports[transport], titles[number], r.nrst, r.reject, r.ignored, r.ended, r.bad);
    }
  printf ("1..%u\n", n);
  return bad;
}

static void
cell (const struct result *r)
{
  const struct {
    const char *name;
    unsigned n;
  } words[] = {
    { "NRST", r->nrst }, { "REJECT", r->reject }, { "ignored", r->ignored }, { "EXIT", r->ended }, { "BAD", r->bad }
  };
  bool any = false;
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
    if (words[i].n > 0) {
      printf ("%s%s %u", any ? ", " : " ", words[i].name, words[i].n);
      any = true;
    }
  printf (any ? " |" : " - |");
}

void
results_table (const struct results *results)
{
  char whats[512];
  printf ("| case | what | mmio | pci | on |\n|---|---|---|---|---|\n");
  for (unsigned number = 1; number < CASES_MAX; number++) {
    struct result pci = sum (results, number, 1, whats, sizeof whats);
    char of_pci[sizeof whats];
    memcpy (of_pci, whats, sizeof whats);
    struct result mmio = sum (results, number, 0, whats, sizeof whats);
    if (!is_there (&mmio) && !is_there (&pci))
      continue;
    printf ("| %u | %s |", number, titles[number]);
    cell (&mmio);
    cell (&pci);
    printf (" %s |\n", is_there (&mmio) ? whats : of_pci);
  }
}
