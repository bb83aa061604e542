/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* peer: the first process of a guest that tests sockets: it answers commands over vsock and TCP, and is nothing else. Static, against musl. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PORT  1000
#define CHUNK 65536

static char *last; /* what the last "abort" met; shared with the children */

static int64_t
now_ms (void)
{
  struct timespec t;
  clock_gettime (CLOCK_MONOTONIC, &t);
  return (int64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* zlib's adler32, so that the host can use the one it has. */
static uint32_t
adler (uint32_t sum, const unsigned char *at, size_t len)
{
  uint32_t a = sum & 0xffff, b = sum >> 16;

  while (len > 0) {
    size_t n = len < 5552 ? len : 5552;
    len -= n;
    for (; n >= 8; n -= 8, at += 8) {
      b += a += at[0];
      b += a += at[1];
      b += a += at[2];
      b += a += at[3];
      b += a += at[4];
      b += a += at[5];
      b += a += at[6];
      b += a += at[7];
    }
    while (n-- > 0)
      b += a += *at++;
    a %= 65521;
    b %= 65521;
  }
  return b << 16 | a;
}

static int
send_all (int fd, const void *from, size_t len)
{
  const char *at = from;

  while (len > 0) {
    ssize_t n = send (fd, at, len, MSG_NOSIGNAL);
    if (n < 0)
      return -1;
    at += n;
    len -= (size_t) n;
  }
  return 0;
}

static void __attribute__ ((format (printf, 2, 3))) answer (int fd, const char *format, ...)
{
  char text[256];
  va_list args;
  va_start (args, format);
  vsnprintf (text, sizeof text, format, args);
  va_end (args);
  if (send_all (fd, text, strlen (text)) < 0)
    printf ("peer: answer: %s\n", strerror (errno));
}

static int
vsock_listen (unsigned port)
{
  struct sockaddr_vm address = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = port };
  int fd = socket (AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (fd >= 0 && (bind (fd, (struct sockaddr *) &address, sizeof address) < 0 || listen (fd, 128) < 0)) {
    close (fd);
    return -1;
  }
  return fd;
}

static int
vsock_dial (unsigned port)
{
  struct sockaddr_vm address = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST, .svm_port = port };
  int fd = socket (AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (fd >= 0 && connect (fd, (struct sockaddr *) &address, sizeof address) < 0) {
    int saved = errno;
    close (fd);
    errno = saved;
    return -1;
  }
  return fd;
}

static int
tcp_listen (unsigned port)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons ((uint16_t) port) };
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

  if (fd < 0)
    return -1;
  setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind (fd, (struct sockaddr *) &address, sizeof address) < 0 || listen (fd, 128) < 0) {
    close (fd);
    return -1;
  }
  return fd;
}

/* ---- commands ---- */

static void
do_sink (int fd)
{
  static unsigned char bytes[4 * CHUNK];
  unsigned long long total = 0;
  uint32_t sum = 1;
  ssize_t n;

  while ((n = recv (fd, bytes, sizeof bytes, 0)) > 0) {
    sum = adler (sum, bytes, (size_t) n);
    total += (unsigned long long) n;
  }
  answer (fd, "%llu %08x\n", total, sum);
}

static void
do_source (int fd, unsigned long long len)
{
  static unsigned char bytes[CHUNK + 4096];
  uint32_t sum = 1;
  uint64_t x = 88172645463325252u;
  char end;

  for (size_t i = 0; i < sizeof bytes; i += 8) {
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    memcpy (bytes + i, &x, 8);
  }
  /* Never twice the same at the same place: each turn begins elsewhere in the pattern. */
  for (unsigned turn = 0; len > 0; turn++) {
    size_t n = len < CHUNK ? (size_t) len : CHUNK;
    const unsigned char *at = bytes + turn % 4093;

    sum = adler (sum, at, n);
    if (send_all (fd, at, n) < 0) {
      printf ("peer: source: %s\n", strerror (errno));
      return;
    }
    len -= n;
  }
  answer (fd, "%08x", sum);
  shutdown (fd, SHUT_WR);
  if (recv (fd, &end, 1, 0) > 0)
    printf ("peer: source: something came back\n");
}

static void
do_echo (int fd)
{
  static char bytes[CHUNK];
  ssize_t n;

  while ((n = recv (fd, bytes, sizeof bytes, 0)) > 0)
    if (send_all (fd, bytes, (size_t) n) < 0)
      return;
  shutdown (fd, SHUT_WR);
}

/* One byte there and back over each of @count connections that the host opens. */
static void
do_serve (int fd, unsigned port, unsigned count)
{
  int listener = vsock_listen (port);
  unsigned bad = 0;

  if (listener < 0) {
    answer (fd, "listen: %s\n", strerror (errno));
    return;
  }
  answer (fd, "ready\n");
  for (unsigned i = 0; i < count; i++) {
    int one = accept (listener, NULL, NULL);
    char byte;
    if (one < 0 || recv (one, &byte, 1, 0) != 1 || send_all (one, &byte, 1) < 0)
      bad++;
    close (one);
  }
  answer (fd, "done %u bad %u\n", count, bad);
}

static void
do_dial (int fd, unsigned port, unsigned count)
{
  int64_t begin = now_ms ();
  unsigned bad = 0;

  for (unsigned i = 0; i < count; i++) {
    char byte = (char) i, back = (char) ~i;
    int one = vsock_dial (port);
    if (one < 0 || send_all (one, &byte, 1) < 0 || recv (one, &back, 1, 0) != 1 || byte != back) {
      if (bad++ == 0)
        printf ("peer: dial %u: %s\n", i, strerror (errno));
    }
    close (one);
  }
  answer (fd, "done %u bad %u ms %lld\n", count, bad, (long long) (now_ms () - begin));
}

static void
do_refused (int fd, unsigned port)
{
  int one = vsock_dial (port);
  answer (fd, "%s\n", one >= 0 ? "connected" : errno == ECONNRESET ? "reset" : strerror (errno));
  close (one);
}

/* Send until the other side will not have it; the word for why is asked for by another connection. */
static void
do_abort (int fd)
{
  static char bytes[CHUNK];
  struct timeval limit = { .tv_sec = 20 };

  setsockopt (fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  strcpy (last, "sending");
  while (send_all (fd, bytes, sizeof bytes) == 0)
    ;
  strcpy (last, errno == EPIPE ? "pipe" : errno == ECONNRESET ? "reset" : strerror (errno));
}

/* Read until the end, without sending: what the end looks like. */
static void
do_drain (int fd)
{
  static char bytes[CHUNK];
  unsigned long long total = 0;
  ssize_t n;

  strcpy (last, "reading");
  while ((n = recv (fd, bytes, sizeof bytes, 0)) > 0)
    total += (unsigned long long) n;
  snprintf (last, 200, "%s %llu", n == 0 ? "end" : strerror (errno), total);
}

static void
do_queues (int fd)
{
  unsigned n = 0;
  char path[64];

  while (snprintf (path, sizeof path, "/sys/class/net/eth0/queues/rx-%u", n) > 0 && access (path, F_OK) == 0)
    n++;
  answer (fd, "%u\n", n);
}

/* TCP segments sent again since the guest began. */
static void
do_retransmitted (int fd)
{
  unsigned long long v[14] = { 0 };
  char line[512];
  FILE *file = fopen ("/proc/net/snmp", "re");

  while (file && fgets (line, sizeof line, file))
    if (sscanf (line, "Tcp: %llu %llu %lld %llu %llu %llu %llu %llu %llu %llu %llu %llu", v, v + 1, (long long *) v + 2,
                v + 3, v + 4, v + 5, v + 6, v + 7, v + 8, v + 9, v + 10, v + 11) == 12)
      break;
  if (file)
    fclose (file);
  answer (fd, "%llu\n", v[11]);
}

/* Runs the program named by the rest of the line; what it says goes to the host, and "exit STATUS" at the end. */
static void
do_exec (int fd, char *words)
{
  char *argv[32];
  unsigned n = 0;
  int status = -1;

  for (char *rest = NULL, *word = strtok_r (words, " ", &rest); word && n < 31; word = strtok_r (NULL, " ", &rest))
    argv[n++] = word;
  argv[n] = NULL;
  signal (SIGCHLD, SIG_DFL);
  pid_t pid = n ? fork () : -1;
  if (pid == 0) {
    dup2 (fd, 1);
    dup2 (fd, 2);
    execv (argv[0], argv);
    _exit (127);
  }
  if (pid > 0)
    waitpid (pid, &status, 0);
  answer (fd, "exit %d\n", WIFEXITED (status) ? WEXITSTATUS (status) : 200);
}

static void
obey (int fd, char *line)
{
  unsigned long long a = 0, b = 0;
  char word[16] = "";

  if (sscanf (line, "%15s %llu %llu", word, &a, &b) < 1)
    return;
  if (strcmp (word, "ping") == 0)
    answer (fd, "pong\n");
  else if (strcmp (word, "sink") == 0)
    do_sink (fd);
  else if (strcmp (word, "source") == 0)
    do_source (fd, a);
  else if (strcmp (word, "echo") == 0)
    do_echo (fd);
  else if (strcmp (word, "serve") == 0)
    do_serve (fd, (unsigned) a, (unsigned) b);
  else if (strcmp (word, "dial") == 0)
    do_dial (fd, (unsigned) a, (unsigned) b);
  else if (strcmp (word, "refused") == 0)
    do_refused (fd, (unsigned) a);
  else if (strcmp (word, "abort") == 0)
    do_abort (fd);
  else if (strcmp (word, "drain") == 0)
    do_drain (fd);
  else if (strcmp (word, "last") == 0)
    answer (fd, "%s\n", last);
  else if (strcmp (word, "queues") == 0)
    do_queues (fd);
  else if (strcmp (word, "retransmitted") == 0)
    do_retransmitted (fd);
  else if (strcmp (word, "exec") == 0)
    do_exec (fd, line + 5);
  else if (strcmp (word, "off") == 0)
    reboot (RB_POWER_OFF);
}

static void
serve_one (int fd)
{
  char line[512];
  size_t n = 0;

  while (n < sizeof line - 1 && recv (fd, line + n, 1, 0) == 1 && line[n] != '\n')
    n++;
  line[n] = 0;
  obey (fd, line);
}

/* ---- the guest ---- */

static void
load_list (const char *list)
{
  FILE *file = fopen (list, "re");
  char path[256];

  while (file && fgets (path, sizeof path, file)) {
    path[strcspn (path, "\n")] = 0;
    int fd = open (path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || (syscall (SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST))
      printf ("peer: %s: %s\n", path, strerror (errno));
    close (fd);
  }
  if (file)
    fclose (file);
}

static void
link_up (const char *name, const char *ip)
{
  struct ifreq request = { 0 };
  struct sockaddr_in *address = (struct sockaddr_in *) &request.ifr_addr;
  int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  snprintf (request.ifr_name, sizeof request.ifr_name, "%s", name);
  address->sin_family = AF_INET;
  address->sin_addr.s_addr = inet_addr (ip);
  if (ioctl (fd, SIOCSIFADDR, &request) < 0)
    printf ("peer: %s: %s\n", name, strerror (errno));
  address->sin_addr.s_addr = inet_addr ("255.255.255.0");
  ioctl (fd, SIOCSIFNETMASK, &request);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  ioctl (fd, SIOCSIFFLAGS, &request);
  close (fd);
}

static void
serve (void)
{
  struct pollfd listeners[2] = { { .fd = vsock_listen (PORT), .events = POLLIN },
                                 { .fd = tcp_listen (PORT), .events = POLLIN } };

  printf ("peer: ready\n");
  while (poll (listeners, 2, -1) > 0 || errno == EINTR)
    for (unsigned i = 0; i < 2; i++)
      if (listeners[i].fd >= 0 && listeners[i].revents) {
        int fd = accept (listeners[i].fd, NULL, NULL);
        if (fd < 0)
          continue;
        if (fork () == 0) {
          serve_one (fd);
          close (fd);
          _exit (0);
        }
        close (fd);
      }
}

int
main (void)
{
  mkdir ("/proc", 0755);
  mkdir ("/sys", 0755);
  mount ("proc", "/proc", "proc", 0, NULL);
  mount ("sysfs", "/sys", "sysfs", 0, NULL);
  mount ("dev", "/dev", "devtmpfs", 0, NULL);
  setvbuf (stdout, NULL, _IOLBF, 0);
  last = mmap (NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  signal (SIGCHLD, SIG_IGN);
  load_list ("/modules/order");
  link_up ("lo", "127.0.0.1");
  link_up ("eth0", "10.7.0.2");
  serve ();
  printf ("peer: the end: %s\n", strerror (errno));
  reboot (RB_POWER_OFF);
  return 1;
}
