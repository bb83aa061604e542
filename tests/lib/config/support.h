/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* support: what the tests of the configuration share: parsing a text, and looking into warnings and errors. */
#ifndef TEST_CONFIG_SUPPORT_H
#define TEST_CONFIG_SUPPORT_H

#include <string.h>

#include <check.h>

#include "config/annotations.h"
#include "config/keys.h"
#include "config/load.h"

/* Parses @text as "x.toml"; it must be fine. */
static inline kata_config *
parse (const char *text, GPtrArray *warnings)
{
  kata_config *config = NULL;
  g_autoptr (kata_error) err = NULL;
  int r = kata_config__parse (&config, "x.toml", text, strlen (text), warnings, &err);
  ck_assert_msg (r == 0, "%.500s\nrefused: %s", text, kata_error_get_message (err));
  return config;
}

/* Parses @text as "x.toml"; it must fail with @code and a message that contains @part. */
static inline void
refused (const char *text, int code, const char *part)
{
  kata_config *config = NULL;
  g_autoptr (kata_error) err = NULL;
  int r = kata_config__parse (&config, "x.toml", text, strlen (text), NULL, &err);
  ck_assert_msg (r == code, "%.500s\ngave %d: %s", text, r, kata_error_get_message (err));
  ck_assert_ptr_null (config);
  ck_assert_msg (strstr (kata_error_get_message (err), part) != NULL, "\"%s\" is not in: %s", part,
                 kata_error_get_message (err));
}

static inline GPtrArray *
new_warnings (void)
{
  return g_ptr_array_new_with_free_func (g_free);
}

static inline gboolean
warned (GPtrArray *warnings, const char *part)
{
  for (guint i = 0; i < warnings->len; i++)
    if (strstr (warnings->pdata[i], part) != NULL)
      return TRUE;
  return FALSE;
}

#endif
