/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* qmp: QEMU's control protocol, the client's side: one connection, one command at a time; it knows no particular command. */
#ifndef KATA_BACKEND_QMP_H
#define KATA_BACKEND_QMP_H

#include <json-glib/json-glib.h>

#include <kata/error.h>

/** A reply or event is one line; longer or deeper ones break the connection. */
#define KATA_QMP_LINE_MAX  (1u << 20)
#define KATA_QMP_DEPTH_MAX 32
/** Events kept until they are asked for; later ones push out the oldest. */
#define KATA_QMP_EVENTS_MAX 64

typedef struct kata_qmp kata_qmp;

/**
 * Connects to the socket qmp.sock in the sandbox's directory, waits for the greeting and negotiates. QEMU serves one client at a time, so the file
 * qmp.lock is held meanwhile: keep connections short, other processes want theirs. @pidfd (-1 = none) ends the wait when QEMU ends.
 * KATA_E_TIMEOUT, KATA_E_VMM (QEMU ended), KATA_E_PROTOCOL (it is no QMP server).
 */
int kata_qmp__open (kata_qmp **out, int dir_fd, int pidfd, int64_t deadline_us, kata_error **err);

/** Negotiates on a connected socket, which becomes the client's also on failure. */
int kata_qmp__new (kata_qmp **out, int fd, int64_t deadline_us, kata_error **err);

/**
 * One command. @arguments (nullable) is a JSON object as text. @result (nullable) receives what "return" holds; json_node_unref().
 * KATA_E_VMM with QEMU's own words when it refuses.
 */
int kata_qmp__execute (kata_qmp *qmp, const char *command, const char *arguments, JsonNode **result,
                       int64_t deadline_us, kata_error **err);

/** Gives QEMU a duplicate of @fd, which later commands call @name. */
int kata_qmp__give_fd (kata_qmp *qmp, const char *name, int fd, int64_t deadline_us, kata_error **err);

/** Waits until an event called @name has come and takes it and those before it. KATA_E_TIMEOUT, KATA_E_VMM. */
int kata_qmp__wait_event (kata_qmp *qmp, const char *name, int64_t deadline_us, kata_error **err);

/** Takes the oldest event's name, or NULL; g_free(). */
char *kata_qmp__next_event (kata_qmp *qmp);

/** Closes the connection and gives up the lock. NULL is fine. */
void kata_qmp__close (kata_qmp *qmp);

/** Pure: checks one line and parses it. The node holds an object. For the client and the fuzz target. */
int kata_qmp__parse (JsonNode **out, const char *line, size_t len, kata_error **err);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (kata_qmp, kata_qmp__close)

#endif
