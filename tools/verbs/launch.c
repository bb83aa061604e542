/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* launch: from the verb's process to a proxy in its own namespaces; between clone and exec only system calls. */
#include "verbs/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "verbs/proxy.h"

#define SETUP_S 10 /* the proxy needs milliseconds */

/* Beside us in the build tree, else where it is installed. */
static char *
find_proxy (void)
{
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *folder = self ? g_path_get_dirname (self) : g_strdup ("/usr/bin");
  const char *const places[] = { "kata-proxy", "../libexec/libkata/kata-proxy", NULL };
  for (int i = 0; places[i]; i++) {
    char *path = g_build_filename (folder, places[i], NULL);
    if (access (path, X_OK) == 0)
      return path;
    g_free (path);
  }
  return g_strdup (KATACTL_LIBEXECDIR "/libkata/kata-proxy");
}

struct child {
  const char *path, *rootfs;
  int netns_fd, new_network, null_fd;
  int fds[4]; /* for PROXY_CONTROL_FD and on, in their order */
};

/* In the child. The descriptors are all above the numbers that they shall have: launch_proxy() sees to it. */
static void
become_proxy (const struct child *child)
{
  char *argv[] = { (char *) "kata-proxy", (char *) child->rootfs, NULL }, *env[] = { NULL };
  if (child->netns_fd >= 0 && setns (child->netns_fd, CLONE_NEWNET) < 0)
    _exit (126);
  if (child->new_network && unshare (CLONE_NEWNET) < 0)
    _exit (126);
  for (int i = 0; i < 3; i++)
    if (dup2 (child->null_fd, i) < 0)
      _exit (126);
  for (int i = 0; i < 4; i++)
    if (dup2 (child->fds[i] >= 0 ? child->fds[i] : child->null_fd, PROXY_CONTROL_FD + i) < 0)
      _exit (126);
  if (syscall (SYS_close_range, PROXY_CONTROL_FD + 4, ~0U, 0) < 0)
    _exit (126);
  execve (child->path, argv, env);
  _exit (127);
}

/* Every id that we know means the same inside: tools that enter the namespace show the right users. */
static int
write_map (pid_t pid, const char *name)
{
  g_autofree char *ours = g_strdup_printf ("/proc/self/%s", name);
  g_autofree char *theirs = g_strdup_printf ("/proc/%d/%s", (int) pid, name);
  g_autofree char *text = NULL;
  g_autoptr (GString) map = g_string_new (NULL);
  if (!g_file_get_contents (ours, &text, NULL, NULL))
    return -1;
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line; line++) {
    unsigned long inside, outside, count;
    if (sscanf (*line, "%lu %lu %lu", &inside, &outside, &count) == 3)
      g_string_append_printf (map, "%lu %lu %lu\n", inside, inside, count);
  }
  int fd = open (theirs, O_WRONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : write (fd, map->str, map->len);
  if (fd >= 0)
    close (fd);
  return n == (ssize_t) map->len ? 0 : -1;
}

/* Answers the proxy until it is ready. 0, or -1 with errno and *what. */
static int
attend_setup (pid_t pid, int fd, const char **what)
{
  struct timeval limit = { .tv_sec = SETUP_S };
  setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  for (;;) {
    char bytes[2] = { 0 };
    ssize_t n = recv (fd, bytes, sizeof bytes, 0);
    if (n < 0 && errno == EINTR)
      continue;
    *what = "start";
    if (n <= 0) {
      errno = n == 0 ? ECHILD : errno;
      return -1;
    }
    if (bytes[0] == 'R')
      return 0;
    *what = "set up";
    if (bytes[0] == 'E') {
      errno = (unsigned char) bytes[1];
      return -1;
    }
    *what = "map the users of";
    if (bytes[0] != 'U' || write_map (pid, "uid_map") < 0 || write_map (pid, "gid_map") < 0 ||
        send (fd, "u", 1, MSG_NOSIGNAL) != 1)
      return -1;
  }
}

/* A copy of @fd above the proxy's fixed numbers, -1 for -1. */
static int
lift (int fd)
{
  return fd < 0 ? -1 : fcntl (fd, F_DUPFD_CLOEXEC, 20);
}

static int
start_child (launch *launch, struct child *child, const char **what)
{
  int control[2], setup[2];
  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) < 0)
    return -1;
  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, setup) < 0) {
    close (control[0]);
    close (control[1]);
    return -1;
  }
  child->fds[0] = lift (control[1]);
  child->fds[1] = lift (setup[1]);
  fflush (NULL);
  pid_t pid = (pid_t) syscall (SYS_clone, CLONE_NEWPID | CLONE_NEWNS | SIGCHLD, NULL, NULL, NULL, NULL);
  if (pid == 0)
    become_proxy (child);
  int saved = errno;
  close (control[1]);
  close (setup[1]);
  close (child->fds[0]);
  close (child->fds[1]);
  launch->control_fd = control[0];
  launch->pid = pid;
  errno = saved;
  int rc = pid < 0 ? -1 : attend_setup (pid, setup[0], what);
  saved = errno;
  close (setup[0]);
  if (rc < 0)
    launch_undo (launch);
  errno = saved;
  return rc;
}

int
launch_proxy (oci *oci, int exit_code, launch *launch)
{
  g_autofree char *path = find_proxy ();
  const char *what = "start";
  struct child child = {
    .path = path, .rootfs = launch->rootfs ? launch->rootfs : "", .netns_fd = -1, .new_network = launch->new_network
  };
  launch->pid = -1;
  launch->control_fd = -1;
  if (access (path, X_OK) < 0)
    return oci_fail (oci, exit_code, "\"%s\": %s; install kata-proxy beside kata-runtime", path, g_strerror (errno));
  if (launch->network_namespace) {
    int fd = open (launch->network_namespace, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    child.netns_fd = lift (fd);
    int saved = errno;
    if (fd < 0)
      return oci_fail (oci, exit_code, "network namespace \"%s\": %s", launch->network_namespace, g_strerror (saved));
    close (fd);
  }
  int null_fd = open ("/dev/null", O_RDWR | O_CLOEXEC);
  child.null_fd = lift (null_fd);
  child.fds[2] = lift (launch->rootfs_fd);
  child.fds[3] = lift (launch->tty_fd);
  int rc = start_child (launch, &child, &what), saved = errno;
  const int used[] = { null_fd, child.null_fd, child.fds[2], child.fds[3], child.netns_fd };
  for (size_t i = 0; i < G_N_ELEMENTS (used); i++)
    if (used[i] >= 0)
      close (used[i]);
  if (rc == 0)
    return 0;
  return oci_fail (oci, exit_code, "cannot %s the proxy process: %s%s", what, g_strerror (saved),
                   launch->network_namespace ? " (is the network namespace one?)" : "");
}

void
launch_undo (launch *launch)
{
  if (launch->control_fd >= 0)
    close (launch->control_fd);
  launch->control_fd = -1;
  if (launch->pid > 0) {
    kill (launch->pid, SIGKILL); /* our child, and not yet waited for: the number is still its own */
    while (waitpid (launch->pid, NULL, 0) < 0 && errno == EINTR)
      ;
  }
  launch->pid = -1;
}

int
launch_terminal (int *master, int *slave)
{
  struct termios mode;
  int number = 0, locked = 0;
  *slave = -1;
  *master = open ("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (*master < 0)
    return -1;
  if (ioctl (*master, TIOCSPTLCK, &locked) == 0 && ioctl (*master, TIOCGPTN, &number) == 0)
    *slave = ioctl (*master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  /* The guest's terminal does the editing and the echo; this one only carries bytes and a size. */
  if (*slave >= 0 && tcgetattr (*slave, &mode) == 0) {
    cfmakeraw (&mode);
    if (tcsetattr (*slave, TCSANOW, &mode) == 0)
      return 0;
  }
  int saved = errno;
  close (*master);
  if (*slave >= 0)
    close (*slave);
  *master = *slave = -1;
  errno = saved;
  return -1;
}

int
launch_send_console (const char *socket_path, int master)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  g_autofree char *folder = g_path_get_dirname (socket_path);
  g_autofree char *name = g_path_get_basename (socket_path);
  int folder_fd = open (folder, O_PATH | O_DIRECTORY | O_CLOEXEC); /* the whole path may be too long for a socket's */
  int length = g_snprintf (address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", folder_fd, name);
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  char label[] = "/dev/ptmx";
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE (sizeof (int))];
  } control = { 0 };
  struct iovec part = { .iov_base = label, .iov_len = sizeof label - 1 };
  struct msghdr message = {
    .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes
  };
  struct cmsghdr *header = CMSG_FIRSTHDR (&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN (sizeof (int));
  memcpy (CMSG_DATA (header), &master, sizeof master);
  int rc = folder_fd >= 0 && fd >= 0 && length < (int) sizeof address.sun_path &&
                   connect (fd, (struct sockaddr *) &address, sizeof address) == 0 &&
                   sendmsg (fd, &message, MSG_NOSIGNAL) == (ssize_t) part.iov_len
               ? 0
               : -1;
  int saved = length >= (int) sizeof address.sun_path ? ENAMETOOLONG : errno;
  if (fd >= 0)
    close (fd);
  if (folder_fd >= 0)
    close (folder_fd);
  errno = saved;
  return rc;
}

/* A link that somebody put at @path is replaced, not followed. */
int
launch_write_pid (const char *path, pid_t pid)
{
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *name = g_path_get_basename (path);
  g_autofree char *fresh = g_strdup_printf (".%s.%d", name, (int) getpid ());
  g_autofree char *text = g_strdup_printf ("%d", (int) pid);
  int folder_fd = open (folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  int fd = folder_fd < 0 ? -1 : openat (folder_fd, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  int rc = fd >= 0 && write (fd, text, strlen (text)) == (ssize_t) strlen (text) ? 0 : -1, saved = errno;
  if (fd >= 0)
    close (fd);
  if (rc == 0 && renameat (folder_fd, fresh, folder_fd, name) < 0) {
    rc = -1;
    saved = errno;
  }
  if (rc < 0 && fd >= 0)
    unlinkat (folder_fd, fresh, 0);
  if (folder_fd >= 0)
    close (folder_fd);
  errno = saved;
  return rc;
}
