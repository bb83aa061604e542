/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rtc: the clock of a PC (MC146818) as far as telling the time of day; it cannot be set, has no alarm and no interrupt. */
#include <time.h>

#include "vmm/dev/platform.h"
#include "vmm/layout.h"

/* Registers of the chip's data sheet; the century is where PCs keep it. */
#define REG_SECONDS 0x00
#define REG_MINUTES 0x02
#define REG_HOURS   0x04
#define REG_WEEKDAY 0x06
#define REG_DAY     0x07
#define REG_MONTH   0x08
#define REG_YEAR    0x09
#define REG_A       0x0a
#define REG_B       0x0b
#define REG_D       0x0d
#define REG_CENTURY 0x32
#define A_DIVIDER   0x26 /* 32,768 Hz, 1,024 Hz; the update bit (7) never set: every read is of one moment */
#define B_24_HOURS  0x02 /* BCD, no interrupt enabled */
#define D_VALID     0x80 /* the battery is good */
#define INDEX_MASK  0x7f /* bit 7 masks the NMI on old boards */

/*
 * A guest reads the parts of a date one after the other and looks at the seconds again to see whether it got them all of one moment. We make it
 * easier: the seconds fetch the whole date, the rest comes from what was fetched.
 */
struct rtc {
  const struct vmm_env *env;
  uint8_t index;
  struct tm now;
};

static uint8_t
bcd (int value)
{
  return (uint8_t) (value / 10 % 10 << 4 | value % 10);
}

/*
 * gmtime() would look for the host's time zone in a file, and a jailed VMM that opens one is killed. So: years run from March, which puts the leap day
 * at a year's end; a cycle of the calendar has 400 of them.
 */
static void
rtc_date (struct tm *out, int64_t days)
{
  out->tm_wday = (int) ((days + 4) % 7); /* the epoch was a Thursday */
  int64_t day = days + 719468;           /* since March 1 of the year 0 */
  int64_t cycle = day / 146097, of_cycle = day % 146097;
  int64_t year = (of_cycle - of_cycle / 1460 + of_cycle / 36524 - of_cycle / 146096) / 365;
  int64_t of_year = of_cycle - (365 * year + year / 4 - year / 100);
  int64_t month = (5 * of_year + 2) / 153; /* 0 is March; five months have 153 days */

  out->tm_mday = (int) (of_year - (153 * month + 2) / 5 + 1);
  out->tm_mon = (int) ((month + 2) % 12);
  out->tm_year = (int) (year + cycle * 400 + (month >= 10) - 1900);
}

static void
rtc_fetch (struct rtc *rtc)
{
  struct timespec ts = { 0 };

  clock_gettime (CLOCK_REALTIME, &ts);
  int64_t seconds = ts.tv_sec > 0 ? ts.tv_sec : 0; /* a host before 1970 has no clock worth telling */
  rtc_date (&rtc->now, seconds / 86400);
  rtc->now.tm_sec = (int) (seconds % 60);
  rtc->now.tm_min = (int) (seconds / 60 % 60);
  rtc->now.tm_hour = (int) (seconds / 3600 % 24);
}

static uint8_t
rtc_read (struct rtc *rtc)
{
  switch (rtc->index) {
  case REG_SECONDS:
    rtc_fetch (rtc);
    return bcd (rtc->now.tm_sec);
  case REG_MINUTES:
    return bcd (rtc->now.tm_min);
  case REG_HOURS:
    return bcd (rtc->now.tm_hour);
  case REG_WEEKDAY:
    return bcd (rtc->now.tm_wday + 1);
  case REG_DAY:
    return bcd (rtc->now.tm_mday);
  case REG_MONTH:
    return bcd (rtc->now.tm_mon + 1);
  case REG_YEAR:
    return bcd (rtc->now.tm_year % 100);
  case REG_CENTURY:
    return bcd ((rtc->now.tm_year + 1900) / 100);
  case REG_A:
    return A_DIVIDER;
  case REG_B:
    return B_24_HOURS;
  case REG_D:
    return D_VALID;
  default:
    return 0;
  }
}

/* Port 0 is the index, port 1 the register; a word is both, as on the bus of a PC. */
static void
rtc_access (void *ctx, uint64_t offset, unsigned len, uint64_t *value, bool write)
{
  struct rtc *rtc = ctx;
  uint64_t all = 0;

  for (unsigned i = 0; i < len; i++) {
    if (write && offset + i == 0)
      rtc->index = (uint8_t) (*value >> (8 * i)) & INDEX_MASK;
    else if (!write)
      all |= (uint64_t) (offset + i == 0 ? 0xff : rtc_read (rtc)) << (8 * i);
  }
  if (!write)
    *value = all;
}

static int
rtc_realize (void *self, const struct vmm_env *env, const void *config, kata_error **err)
{
  struct rtc *rtc = self;

  (void) config;
  rtc->env = env;
  rtc_fetch (rtc);
  return vmm_bus__map (env->pio, VMM_PORT_RTC, 2, rtc_access, rtc, err);
}

static void
rtc_unrealize (void *self)
{
  struct rtc *rtc = self;

  vmm_bus__unmap (rtc->env->pio, VMM_PORT_RTC);
}

const struct vmm_device_ops vmm_rtc_ops = {
  .size = sizeof (struct vmm_device_ops),
  .name = "rtc",
  .instance_size = sizeof (struct rtc),
  .realize = rtc_realize,
  .unrealize = rtc_unrealize,
};
