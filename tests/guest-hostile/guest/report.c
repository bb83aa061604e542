/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* report: counts verdicts and says them, one line for each case and device, and one for each fault. */
#include "report.h"

static struct {
  unsigned number, nrst, reject, ignored, bad;
  const char *what;
  uint64_t since;
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

void
report (const char *misdeed, unsigned how, unsigned allowed)
{
  if (how == MAY_NRST)
    now.nrst++;
  else if (how == MAY_REJECT)
    now.reject++;
  else
    now.ignored++;
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

void
report_alive (void)
{
  say (".");
}
