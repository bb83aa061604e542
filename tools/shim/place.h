/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* place: which pod a container belongs to, by the annotations of its config.json. */
#ifndef SHIM_PLACE_H
#define SHIM_PLACE_H

#include <glib.h>
#include <kata/kata.h>

typedef struct place {
  char *group;               /* the pod: the id of the container that its virtual machine is made for */
  gboolean owner;            /* this container is that one */
  kata_placement *placement; /* all that the library read */
  char *config;              /* (nullable): the text of config.json, if it has hooks */
  char **annotations;        /* key, value, …, NULL: those that are Kata's settings */
} place;

/** Reads @bundle/config.json. FALSE: @error says why. */
gboolean place_read (place *out, const char *bundle, const char *id, char **error);
void place_clear (place *place);

#endif
