/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* report: counts verdicts and says them, one line for each case and device, and one for each fault. */
#include "report.h"

static struct {
  unsigned number, nrst, reject, ignored, bad;
  const char *what;
  uint64_t since, last_word;
} now;

void
report_begin (unsigned number, const char *what)
{
  now.number = number;
  now.what = what;
  now.nrst = now.reject = now.ignored = now.bad = 0;
  now.since = now_us ();
}

static void
bad (const char *misdeed, const char *why)
{
  now.bad++;
  say ("BAD %u %s %s: %s\n", now.number, now.what, misdeed, why);
}

/* The host holds it against its own threads when the guest does not get on. */
void
report_alive (void)
{
  if (now_us () - now.last_word < 200000)
    return;
  say (".");
  now.last_word = now_us ();
}

void
report (const char *misdeed, unsigned how, unsigned allowed)
{
  if (how == MAY_NRST)
    now.nrst++;
  else if (how == MAY_REJECT)
    now.reject++;
  else
    now.ignored++;
  report_alive ();
  if ((how & allowed) == 0)
    bad (misdeed, how == MAY_NRST ? "it wants a reset" : how == MAY_REJECT ? "it was answered" : "nothing happened");
}

void
report_check (const char *misdeed, bool good, unsigned how)
{
  if (good)
    report (misdeed, how, how);
  else
    bad (misdeed, "was not refused");
}

void
report_wrong (const char *misdeed, const char *wrong)
{
  if (*wrong != '\0')
    bad (misdeed, wrong);
}

void
report_end (void)
{
  say ("R %u %s NRST=%u REJECT=%u IGNORED=%u BAD=%u ms=%lu\n", now.number, now.what, now.nrst, now.reject, now.ignored,
       now.bad, (now_us () - now.since) / 1000);
}
