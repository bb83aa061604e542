/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bundle: the one thing of a bundle's config.json that the sandbox must know before the container is made: the host name. */
#ifndef KATACTL_BUNDLE_H
#define KATACTL_BUNDLE_H

/** The "hostname" of @directory/config.json; NULL when there is none that a host could have. g_free(). The library judges the rest. */
char *bundle_hostname (const char *directory);

#endif
