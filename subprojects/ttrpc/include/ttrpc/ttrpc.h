/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ttrpc: unary remote procedure calls over a byte stream, client and server; knows protobuf's envelope, no message of anybody's. */
#ifndef TTRPC_H
#define TTRPC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Frames larger than this are refused by both sides (the limit of the Go and Rust implementations). */
#define TTRPC_MAX_PAYLOAD (4u << 20)

/** Status codes are google.rpc.Code. */
enum ttrpc_code {
  TTRPC_OK = 0,
  TTRPC_CANCELLED = 1,
  TTRPC_UNKNOWN = 2,
  TTRPC_INVALID_ARGUMENT = 3,
  TTRPC_DEADLINE_EXCEEDED = 4,
  TTRPC_NOT_FOUND = 5,
  TTRPC_ALREADY_EXISTS = 6,
  TTRPC_PERMISSION_DENIED = 7,
  TTRPC_RESOURCE_EXHAUSTED = 8,
  TTRPC_FAILED_PRECONDITION = 9,
  TTRPC_ABORTED = 10,
  TTRPC_OUT_OF_RANGE = 11,
  TTRPC_UNIMPLEMENTED = 12,
  TTRPC_INTERNAL = 13,
  TTRPC_UNAVAILABLE = 14,
};

/**
 * struct ttrpc_io:
 * A byte stream. Both libraries block in it: one thread reads, writers are serialised by the library.
 * @read:     as read(2): > 0 bytes, 0 at the end, -1 with errno
 * @write:    as write(2); short writes are allowed
 * @shutdown: wakes a blocked @read and @write for good (they then return 0 or -1); callable from any thread, more than once
 * @close:    frees @ctx; the library calls it exactly once, after its threads have left @read and @write
 */
struct ttrpc_io {
  void *ctx;
  int64_t (*read) (void *ctx, void *buf, size_t len);
  int64_t (*write) (void *ctx, const void *buf, size_t len);
  void (*shutdown) (void *ctx);
  void (*close) (void *ctx);
};

/** A stream over a connected socket; takes ownership of @fd. Returns 0 or -errno. */
int ttrpc_io_from_fd (struct ttrpc_io *io, int fd);

/** A reply: @code and @message as the peer or the library set them, @payload the response message. Release with ttrpc_reply_clear(). */
struct ttrpc_reply {
  int32_t code;     /* enum ttrpc_code, or what else the peer sent */
  char *message;    /* NUL-terminated UTF-8, at most 64 KiB kept; NULL when code is 0 */
  uint8_t *payload; /* NULL when empty */
  size_t payload_len;
  int local; /* non-zero: made by this library (time-out, lost connection), not sent by the peer */
};
void ttrpc_reply_clear (struct ttrpc_reply *reply);

/* ---- client: many calls in flight on one connection, from any thread ---- */
typedef struct ttrpc_client ttrpc_client;
typedef struct ttrpc_call ttrpc_call;

/** Takes ownership of @io (also on failure) and starts a thread that reads and one that writes. Returns 0 or -errno. */
int ttrpc_client_new (ttrpc_client **out, const struct ttrpc_io *io);
/** Closes the connection; every call in flight ends with TTRPC_UNAVAILABLE; waits for callbacks that are running. Call handles
 *  stay valid until they are given back. NULL-safe. */
void ttrpc_client_free (ttrpc_client *client);
/** Non-zero once the connection is lost; @why (nullable) receives a text that lives as long as the client, or NULL. */
int ttrpc_client_is_closed (ttrpc_client *client, const char **why);

/**
 * One call, blocking. @timeout_ms < 0 = none; it travels in the request too. Always fills @reply (also on failure). The time-out
 * holds even when the peer does not read. A request that makes a frame larger than 4 MiB ends with TTRPC_RESOURCE_EXHAUSTED.
 * Returns 0 when reply->code is 0, else -1.
 */
int ttrpc_client_call (ttrpc_client *client, const char *service, const char *method, const void *request,
                       size_t request_len, int64_t timeout_ms, struct ttrpc_reply *reply);

/**
 * Starts a call and returns at once. @done runs exactly once, on the reader thread or a thread of the library's, with no
 * lock held, perhaps before this function has returned; it may start further calls, must not make blocking ones (their replies
 * may need the same thread) and must not free the client. @reply is only valid inside @done.
 * On success the caller owns @out (nullable: nobody will cancel it). Returns 0 or -errno (then @done never runs).
 */
typedef void (*ttrpc_done_fn) (void *user, const struct ttrpc_reply *reply);
int ttrpc_client_start (ttrpc_client *client, ttrpc_call **out, const char *service, const char *method,
                        const void *request, size_t request_len, int64_t timeout_ms, ttrpc_done_fn done, void *user);
/** Ends the call with TTRPC_CANCELLED unless it has ended; @done has run or will run. ttrpc has no frame that tells the peer, so
 *  its method goes on; what it answers is dropped. */
void ttrpc_call_cancel (ttrpc_call *call);
/** Gives the handle back; does not cancel. NULL-safe. */
void ttrpc_call_unref (ttrpc_call *call);

/* ---- server: each request runs on a worker thread ---- */
typedef struct ttrpc_server ttrpc_server;
typedef struct ttrpc_request ttrpc_request;

/**
 * Runs one request on a worker thread and returns a code with, on success, a malloc'ed @payload (or one in ttrpc_request_room()), on
 * failure (optionally) a malloc'ed @message; the library frees both.
 */
typedef int32_t (*ttrpc_method_fn) (void *user, ttrpc_request *request, const uint8_t *data, size_t len,
                                    uint8_t **payload, size_t *payload_len, char **message);
struct ttrpc_method {
  const char *service;
  const char *method;
  ttrpc_method_fn fn;
};
struct ttrpc_server_options {
  size_t size;
  const struct ttrpc_method *methods; /* ends with {0}; must outlive the server; unknown ones answer UNIMPLEMENTED */
  void *user;
  uint32_t max_in_flight; /* per server; more answer RESOURCE_EXHAUSTED; 0 = 256 */
  size_t stack_size;      /* of a worker; 0 = 128 KiB */
  size_t max_bytes; /* of payloads held by requests in flight, per server; more answer RESOURCE_EXHAUSTED; 0 = 32 MiB */
};
/** Returns 0 or -errno. */
int ttrpc_server_new (ttrpc_server **out, const struct ttrpc_server_options *options);
/** Serves one connection on the calling thread until it ends; takes ownership of @io. Several may be served at once. On return the
 *  connection's requests are cancelled and finished: a method that blocks must watch ttrpc_request_cancel_fd(). */
void ttrpc_server_serve (ttrpc_server *server, const struct ttrpc_io *io);
/** Ends all connections; ttrpc_server_serve() then returns. */
void ttrpc_server_shutdown (ttrpc_server *server);
/** After every ttrpc_server_serve() has returned. NULL-safe. */
void ttrpc_server_free (ttrpc_server *server);

/** In a method: a descriptor to poll, readable once the connection is lost or the request's time is over. Borrowed; not to be read
 *  from. -1 with errno when the process has no descriptor left. */
int ttrpc_request_cancel_fd (ttrpc_request *request);
int ttrpc_request_is_cancelled (ttrpc_request *request);
/** In a method, at most once: @len bytes to answer with, without copies. A @payload that lies in them is written from there; they stay
 *  the library's. NULL without memory. */
uint8_t *ttrpc_request_room (ttrpc_request *request, size_t len);
/** In a method, at most once: @fn is called with @written 1 when the answer is written, 0 when it cannot be; then the method's room is still there. Written
 *  is not received. */
typedef void (*ttrpc_answered_fn) (void *user, int written);
void ttrpc_request_on_answer (ttrpc_request *request, ttrpc_answered_fn fn, void *user);
#define TTRPC_FIELD_HEAD 6 /* bytes at most: tag and length */
/** Writes the head of the bytes field @number (1 to 15) right before its contents, where TTRPC_FIELD_HEAD bytes are free: a message of one field without
 *  a copy. @len < 4 GiB. Returns where it begins. */
uint8_t *ttrpc_prepend_field (unsigned number, uint8_t *contents, size_t len);
/** Milliseconds left of the caller's time-out, or -1 for none. */
int64_t ttrpc_request_time_left_ms (ttrpc_request *request);

/* ---- frame: the 10-byte header, pure; for tests and the fuzz target ---- */
#define TTRPC_HEADER_LEN 10
enum ttrpc_type { TTRPC_TYPE_REQUEST = 1, TTRPC_TYPE_RESPONSE = 2, TTRPC_TYPE_DATA = 3 };
struct ttrpc_header {
  uint32_t len;
  uint32_t stream;
  uint8_t type;
  uint8_t flags;
};
void ttrpc_header_decode (struct ttrpc_header *out, const uint8_t bytes[TTRPC_HEADER_LEN]);
void ttrpc_header_encode (uint8_t bytes[TTRPC_HEADER_LEN], const struct ttrpc_header *header);

#ifdef __cplusplus
}
#endif
#endif
