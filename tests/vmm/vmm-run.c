/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vmm-run: runs one machine of lib/vmm from the command line, for tests: no helper process, no jail. vmm-run --help has the options. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/raise.h"
#include "jailed.h"
#include "vmm/machine.h"

static const char usage[] =
    "vmm-run --kernel FILE [options]\n"
    "  --initrd FILE  --cmdline TEXT  --cpus N  --mem MIB  --huge  --prealloc  --transport mmio|pci\n"
    "  --serial FILE        what the guest says there; default: standard output\n"
    "  --disk FILE[,ro][,queues=N][,threads][,id=ID][,bps=N][,iops=N]\n"
    "  --tap NAME[,pairs=N][,mac=XX:XX:XX:XX:XX:XX]\n"
    "  --vsock PATH[,cid=N]  listens at PATH\n"
    "  --fs TAG,SOCKET      connects to virtiofsd\n"
    "  --pmem FILE[,ro]  --rng  --balloon MIB  --console FILE[,INPUT]\n"
    "  --timeout SECONDS    stop after (default 120)\n"
    "  --pause MS,MS        after the first, for as long as the second, over and over\n"
    "  --press MS           press the power button then; --stop MS: stop then; --set-balloon MS,MIB\n"
    "  --steer              take words from standard input: \"balloon MIB\" or \"press\", and a newline\n"
    "  --log                show what devices have to say\n"
    "  --jail PROGRAM       run it in kata-vmm, jailed; --waive LAYERS  --user UID  --control PATH (kept)\n"
    "Exit status: 0 power-off, 10 + enum vmm_exit_reason otherwise, 1 the machine could not be made.\n";

struct run {
  struct vmm_machine_config config;
  struct vmm_machine *machine;
  atomic_bool over;
  bool steer;
  const char *vsock_path;
  struct jailed jailed;
  long timeout_ms, pause_after, pause_for, press_at, stop_at, balloon_at, balloon_mib;
};

static void __attribute__ ((noreturn, format (printf, 1, 2))) die (const char *format, ...)
{
  va_list args;
  va_start (args, format);
  fprintf (stderr, "vmm-run: ");
  vfprintf (stderr, format, args);
  fprintf (stderr, "\n");
  va_end (args);
  exit (1);
}

static int
open_file (const char *path, int flags)
{
  int fd = open (path, flags | O_CLOEXEC, 0644);
  if (fd < 0)
    die ("%s: %s", path, strerror (errno));
  return fd;
}

static long
number (const char *text)
{
  char *end;
  long value = strtol (text, &end, 0);
  if (end == text || *end != '\0' || value < 0)
    die ("not a number: %s", text);
  return value;
}

/* "a,b" to a; the rest, or NULL, into @rest. */
static char *
first_word (char *text, char **rest)
{
  char *comma = strchr (text, ',');
  if (comma != NULL)
    *comma++ = '\0';
  *rest = comma;
  return text;
}

static const char *
value_of (const char *word, const char *key)
{
  size_t len = strlen (key);
  return strncmp (word, key, len) == 0 && word[len] == '=' ? word + len + 1 : NULL;
}

static void
add_disk (struct run *run, char *text)
{
  struct vmm_machine_config *config = &run->config;
  if (config->n_disks == VMM_DISKS_MAX)
    die ("too many disks");
  struct vmm_blk_config *disk = &config->disks[config->n_disks++];
  disk->queues = 1;
  char *rest;
  const char *path = first_word (text, &rest), *value;
  while (rest != NULL) {
    const char *word = first_word (rest, &rest);
    if (strcmp (word, "ro") == 0)
      disk->readonly = true;
    else if (strcmp (word, "threads") == 0)
      disk->threads = true;
    else if ((value = value_of (word, "queues")) != NULL)
      disk->queues = (unsigned) number (value);
    else if ((value = value_of (word, "id")) != NULL)
      snprintf (disk->id, sizeof disk->id, "%s", value);
    else if ((value = value_of (word, "bps")) != NULL)
      disk->limit.bytes = disk->limit.bytes_burst = (uint64_t) number (value);
    else if ((value = value_of (word, "iops")) != NULL)
      disk->limit.ops = disk->limit.ops_burst = (uint64_t) number (value);
    else
      die ("unknown word for a disk: %s", word);
  }
  disk->fd = open_file (path, disk->readonly ? O_RDONLY : O_RDWR);
}

static int
open_tap (const char *name, bool many)
{
  int fd = open_file ("/dev/net/tun", O_RDWR | O_NONBLOCK);
  struct ifreq request = { .ifr_flags = (short) (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (many ? IFF_MULTI_QUEUE : 0)) };
  snprintf (request.ifr_name, sizeof request.ifr_name, "%s", name);
  if (ioctl (fd, TUNSETIFF, &request) < 0)
    die ("tap %s: %s", name, strerror (errno));
  return fd;
}

static void
add_tap (struct run *run, char *text)
{
  struct vmm_machine_config *config = &run->config;
  if (config->n_nets == VMM_NETS_MAX)
    die ("too many networks");
  struct vmm_net_config *net = &config->nets[config->n_nets++];
  *net = (struct vmm_net_config){ .pairs = 1, .mac = { 0x02, 0, 0, 0, 0, (uint8_t) config->n_nets } };
  char *rest;
  const char *name = first_word (text, &rest), *value;
  while (rest != NULL) {
    const char *word = first_word (rest, &rest);
    uint8_t *m = net->mac;
    if ((value = value_of (word, "pairs")) != NULL)
      net->pairs = (unsigned) number (value);
    else if ((value = value_of (word, "mac")) == NULL ||
             sscanf (value, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", m, m + 1, m + 2, m + 3, m + 4, m + 5) != 6)
      die ("unknown word for a tap: %s", word);
  }
  if (net->pairs < 1 || net->pairs > VMM_NET_PAIRS_MAX)
    die ("pairs: 1 to %d", VMM_NET_PAIRS_MAX);
  for (unsigned i = 0; i < net->pairs; i++)
    net->tap_fds[i] = open_tap (name, net->pairs > 1);
}

static void
set_address (struct sockaddr_un *address, const char *path)
{
  *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
  if (strlen (path) >= sizeof address->sun_path)
    die ("%s: path too long", path);
  strcpy (address->sun_path, path);
}

static void
set_vsock (struct run *run, char *text)
{
  char *rest;
  struct sockaddr_un address;
  run->config.has_vsock = true;
  run->config.vsock.cid = 3;
  run->vsock_path = first_word (text, &rest);
  if (rest != NULL && value_of (rest, "cid") != NULL)
    run->config.vsock.cid = (uint32_t) number (value_of (rest, "cid"));
  set_address (&address, run->vsock_path);
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  unlink (run->vsock_path);
  if (fd < 0 || bind (fd, (struct sockaddr *) &address, sizeof address) < 0 || listen (fd, 128) < 0)
    die ("%s: %s", run->vsock_path, strerror (errno));
  run->config.vsock.listen_fd = fd;
}

static void
add_fs (struct run *run, char *text)
{
  struct vmm_machine_config *config = &run->config;
  if (config->n_fs == VMM_FS_MAX)
    die ("too many shares");
  struct vmm_fs_config *fs = &config->fs[config->n_fs++];
  struct sockaddr_un address;
  char *path;
  snprintf (fs->tag, sizeof fs->tag, "%s", first_word (text, &path));
  if (path == NULL)
    die ("--fs TAG,SOCKET");
  set_address (&address, path);
  fs->socket_fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fs->socket_fd < 0 || connect (fs->socket_fd, (struct sockaddr *) &address, sizeof address) < 0)
    die ("%s: %s", path, strerror (errno));
}

static void
add_pmem (struct run *run, char *text)
{
  struct vmm_machine_config *config = &run->config;
  if (config->n_pmem == VMM_PMEM_MAX)
    die ("too many pmem files");
  struct vmm_pmem_config *pmem = &config->pmem[config->n_pmem++];
  char *rest;
  const char *path = first_word (text, &rest);
  pmem->readonly = rest != NULL && strcmp (rest, "ro") == 0;
  pmem->fd = open_file (path, pmem->readonly ? O_RDONLY : O_RDWR);
}

static void
set_console (struct run *run, char *text)
{
  char *in;
  const char *out = first_word (text, &in);
  run->config.has_console = true;
  run->config.console.out_fd = open_file (out, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK);
  run->config.console.in_fd = in != NULL ? open_file (in, O_RDONLY | O_NONBLOCK) : -1;
}

static void
say (void *ctx, const char *device, const char *message)
{
  fprintf (stderr, "%s: %s\n", device, message);
}

static void
two_numbers (char *text, long *first, long *second)
{
  char *rest;
  *first = number (first_word (text, &rest));
  if (rest == NULL)
    die ("two numbers are needed");
  *second = number (rest);
}

enum {
  O_KERNEL = 256,
  O_INITRD,
  O_CMDLINE,
  O_CPUS,
  O_MEM,
  O_HUGE,
  O_PREALLOC,
  O_TRANSPORT,
  O_SERIAL,
  O_DISK,
  O_TAP,
  O_VSOCK,
  O_FS,
  O_PMEM,
  O_RNG,
  O_BALLOON,
  O_CONSOLE,
  O_TIMEOUT,
  O_PAUSE,
  O_PRESS,
  O_STOP,
  O_SET_BALLOON,
  O_STEER,
  O_LOG,
  O_JAIL,
  O_WAIVE,
  O_USER,
  O_CONTROL,
  O_HELP
};

static const struct option options[] = {
  { "kernel", 1, NULL, O_KERNEL },
  { "initrd", 1, NULL, O_INITRD },
  { "cmdline", 1, NULL, O_CMDLINE },
  { "cpus", 1, NULL, O_CPUS },
  { "mem", 1, NULL, O_MEM },
  { "huge", 0, NULL, O_HUGE },
  { "prealloc", 0, NULL, O_PREALLOC },
  { "transport", 1, NULL, O_TRANSPORT },
  { "serial", 1, NULL, O_SERIAL },
  { "disk", 1, NULL, O_DISK },
  { "tap", 1, NULL, O_TAP },
  { "vsock", 1, NULL, O_VSOCK },
  { "fs", 1, NULL, O_FS },
  { "pmem", 1, NULL, O_PMEM },
  { "rng", 0, NULL, O_RNG },
  { "balloon", 1, NULL, O_BALLOON },
  { "console", 1, NULL, O_CONSOLE },
  { "timeout", 1, NULL, O_TIMEOUT },
  { "pause", 1, NULL, O_PAUSE },
  { "press", 1, NULL, O_PRESS },
  { "stop", 1, NULL, O_STOP },
  { "set-balloon", 1, NULL, O_SET_BALLOON },
  { "steer", 0, NULL, O_STEER },
  { "log", 0, NULL, O_LOG },
  { "jail", 1, NULL, O_JAIL },
  { "waive", 1, NULL, O_WAIVE },
  { "user", 1, NULL, O_USER },
  { "control", 1, NULL, O_CONTROL },
  { "help", 0, NULL, O_HELP },
  { 0 },
};

static void
set_machine_option (struct run *run, int option, char *value)
{
  struct vmm_machine_config *config = &run->config;
  switch (option) {
  case O_KERNEL:
    config->kernel_fd = open_file (value, O_RDONLY);
    break;
  case O_INITRD:
    config->initrd_fd = open_file (value, O_RDONLY);
    break;
  case O_CMDLINE:
    config->cmdline = value;
    break;
  case O_CPUS:
    config->vcpus = (unsigned) number (value);
    break;
  case O_MEM:
    config->memory = (uint64_t) number (value) << 20;
    break;
  case O_HUGE:
    config->memory_flags |= VMM_MEMORY_HUGE;
    break;
  case O_PREALLOC:
    config->memory_flags |= VMM_MEMORY_PREALLOC;
    break;
  case O_TRANSPORT:
    config->transport = strcmp (value, "pci") == 0 ? VMM_TRANSPORT_PCI : VMM_TRANSPORT_MMIO;
    break;
  case O_SERIAL:
    config->serial_fd = open_file (value, O_WRONLY | O_CREAT | O_TRUNC);
    break;
  case O_LOG:
    config->log = say;
    break;
  case O_STEER:
    run->steer = true;
    break;
  default:
    fputs (usage, option == O_HELP ? stdout : stderr);
    exit (option == O_HELP ? 0 : 1);
  }
}

static void
set_option (struct run *run, int option, char *value)
{
  struct vmm_machine_config *config = &run->config;
  switch (option) {
  case O_DISK:
    add_disk (run, value);
    break;
  case O_TAP:
    add_tap (run, value);
    break;
  case O_VSOCK:
    set_vsock (run, value);
    break;
  case O_FS:
    add_fs (run, value);
    break;
  case O_PMEM:
    add_pmem (run, value);
    break;
  case O_RNG:
    config->rng = true;
    break;
  case O_BALLOON:
    config->has_balloon = true;
    config->balloon.pages = (uint64_t) number (value) << 8;
    break;
  case O_CONSOLE:
    set_console (run, value);
    break;
  case O_TIMEOUT:
    run->timeout_ms = number (value) * 1000;
    break;
  case O_PAUSE:
    two_numbers (value, &run->pause_after, &run->pause_for);
    break;
  case O_PRESS:
    run->press_at = number (value);
    break;
  case O_STOP:
    run->stop_at = number (value);
    break;
  case O_SET_BALLOON:
    two_numbers (value, &run->balloon_at, &run->balloon_mib);
    break;
  case O_JAIL:
    run->jailed.program = value;
    break;
  case O_WAIVE:
    run->jailed.waive = value;
    break;
  case O_USER:
    run->jailed.user = (unsigned) number (value);
    break;
  case O_CONTROL:
    run->jailed.control = value;
    break;
  default:
    set_machine_option (run, option, value);
  }
}

/* ---- what happens while it runs ---- */

static long
now_ms (void)
{
  return (long) (vmm_loop__now () / 1000000);
}

static void
nap (long ms)
{
  nanosleep (&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

static void
toggle_pause (struct run *run, bool pause)
{
  kata_error *error = NULL;
  vmm_machine__lock (run->machine);
  int result = pause ? vmm_machine__pause (run->machine, &error) : vmm_machine__resume (run->machine, &error);
  vmm_machine__unlock (run->machine);
  if (result < 0 && result != KATA_E_STATE)
    fprintf (stderr, "vmm-run: %s\n", kata_error_get_message (error));
  kata_error_unref (error);
}

static void
set_balloon (struct run *run, long mib)
{
  vmm_machine__lock (run->machine);
  (void) vmm_machine__balloon (run->machine, (uint64_t) mib << 8, NULL);
  vmm_machine__unlock (run->machine);
}

static void
press (struct run *run)
{
  vmm_machine__lock (run->machine);
  vmm_machine__press_power (run->machine);
  vmm_machine__unlock (run->machine);
}

/* One line, when one is there. */
static void
obey (struct run *run)
{
  struct pollfd event = { .fd = STDIN_FILENO, .events = POLLIN };
  char line[64];
  long mib;
  if (poll (&event, 1, 0) <= 0)
    return;
  ssize_t n = read (STDIN_FILENO, line, sizeof line - 1);
  run->steer = n > 0;
  line[n > 0 ? n : 0] = '\0';
  if (sscanf (line, "balloon %ld", &mib) == 1 && mib >= 0)
    set_balloon (run, mib);
  else if (strncmp (line, "press", 5) == 0)
    press (run);
}

static void *
director (void *data)
{
  struct run *run = data;
  long start = now_ms (), next_pause = run->pause_after;
  while (!run->over) {
    nap (run->pause_after > 0 ? 1 : 20); /* each wakes the processor, which a guest on it pays for with an exit */
    long t = now_ms () - start;
    if (t > run->timeout_ms || (run->stop_at > 0 && t > run->stop_at)) {
      vmm_machine__stop (run->machine);
      return NULL;
    }
    if (run->press_at > 0 && t > run->press_at) {
      run->press_at = 0;
      press (run);
    }
    if (run->balloon_at > 0 && t > run->balloon_at) {
      run->balloon_at = 0;
      set_balloon (run, run->balloon_mib);
    }
    if (run->steer)
      obey (run);
    if (run->pause_after > 0 && t > next_pause) {
      toggle_pause (run, true);
      nap (run->pause_for);
      toggle_pause (run, false);
      next_pause = now_ms () - start + run->pause_after;
    }
  }
  return NULL;
}

static void
report (struct run *run, const struct vmm_exit *exit, long made_ms, long ran_ms)
{
  struct vmm_stats stats;
  vmm_machine__lock (run->machine);
  vmm_machine__stats (run->machine, &stats);
  vmm_machine__unlock (run->machine);
  fprintf (stderr,
           "vmm-run: reason %d: %s; made in %ld ms, ran %ld ms, exits %llu (mmio %llu, pio %llu), balloon %llu pages\n",
           (int) exit->reason, exit->text, made_ms, ran_ms, (unsigned long long) stats.exits,
           (unsigned long long) stats.exits_mmio, (unsigned long long) stats.exits_pio,
           (unsigned long long) stats.balloon_pages);
}

int
main (int argc, char **argv)
{
  struct run run = { .timeout_ms = 120000,
                     .config = { .size = sizeof run.config,
                                 .kvm_fd = -1,
                                 .vcpus = 1,
                                 .memory = UINT64_C (256) << 20,
                                 .kernel_fd = -1,
                                 .initrd_fd = -1,
                                 .cmdline = "console=ttyS0 panic=-1 quiet",
                                 .serial_fd = 1 } };
  for (int option; (option = getopt_long (argc, argv, "", options, NULL)) >= 0;)
    set_option (&run, option, optarg);
  run.config.kvm_fd = open_file ("/dev/kvm", O_RDWR);
  if (run.jailed.program != NULL) {
    const struct jailed_times times = { run.timeout_ms, run.pause_after, run.pause_for, run.press_at, run.stop_at };
    int status = run_jailed (&run.jailed, &run.config, &times);
    if (run.vsock_path != NULL)
      unlink (run.vsock_path);
    return status;
  }
  kata_error *error = NULL;
  struct vmm_exit exit;
  pthread_t thread;
  long start = now_ms ();
  if (vmm_machine__new (&run.machine, &run.config, &error) < 0)
    die ("%s", kata_error_get_message (error));
  long made = now_ms ();
  if (pthread_create (&thread, NULL, director, &run) != 0)
    die ("no thread");
  if (vmm_machine__run (run.machine, &exit, &error) < 0)
    fprintf (stderr, "vmm-run: %s\n", kata_error_get_message (error));
  run.over = true;
  pthread_join (thread, NULL);
  report (&run, &exit, made - start, now_ms () - made);
  vmm_machine__free (run.machine);
  kata_error_unref (error);
  if (run.vsock_path != NULL)
    unlink (run.vsock_path);
  return exit.reason == VMM_EXIT_POWEROFF ? 0 : 10 + (int) exit.reason;
}
