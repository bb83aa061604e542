/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* crew: one thread for each vCPU, and how they are brought out of the guest without a signal handler. */
#include "vmm/crew.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/raise.h"
#include "vmm/loop.h"

/*
 * The signal is blocked on vCPU threads but for the time inside KVM_RUN (KVM_SET_SIGNAL_MASK), which it makes return EINTR; it stays pending, is never
 * handled, and is taken away by sigtimedwait(). Sent to a thread, it disturbs no other use of its number in the process; Linux on x86 never sends it.
 */
#define KICK_SIGNAL SIGSTKFLT
/* Nothing deep runs there, and every VM pays for it. Sanitizers need more. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_SIZE (1024 * 1024)
#else
#define STACK_SIZE (128 * 1024)
#endif

struct member {
  struct vmm_crew *crew;
  struct vmm_vcpu vcpu;
  pthread_t thread;
  bool started;          /* and not joined: the signal has where to go; @gate held */
  atomic_bool asked_out; /* come out and park */
};

/*
 * Lock order: the device lock, then @gate. A vCPU parks in two steps: it counts itself under the device lock, so that pause() can wait for it there,
 * and then sleeps on @gate, which stop() may take without the device lock.
 */
struct vmm_crew {
  struct vmm_crew_config config;
  struct member *members; /* config.n */

  atomic_bool stop;
  _Atomic int64_t first_run_ns;

  pthread_mutex_t gate;
  pthread_cond_t gate_changed;
  bool open;
  unsigned pauses;  /* so far; changed under both locks */
  unsigned n_ready; /* at the gate, confined or not */
  kata_error *failure;
  bool failed;

  pthread_cond_t rest; /* with the device lock: n_parked or n_over has changed */
  bool paused;
  unsigned n_started, n_parked, n_over;
};

int
vmm_crew__new (struct vmm_crew **out, const struct vmm_crew_config *config, kata_error **err)
{
  struct vmm_crew *crew = calloc (1, sizeof *crew);
  struct member *members = calloc (config->n, sizeof *members);
  if (crew == NULL || members == NULL) {
    free (crew);
    free (members);
    return kata_error__set (err, KATA_E_NO_MEMORY, NULL, "vcpu: no memory");
  }
  crew->config = *config;
  crew->members = members;
  pthread_mutex_init (&crew->gate, NULL);
  pthread_cond_init (&crew->gate_changed, NULL);
  pthread_cond_init (&crew->rest, NULL);
  int result = 0;
  for (unsigned i = 0; i < config->n; i++) {
    members[i].crew = crew;
    members[i].vcpu = (struct vmm_vcpu){ .index = i, .kvm.fd = -1, .world = &crew->config.world };
  }
  for (unsigned i = 0; i < config->n && result == 0; i++) {
    result = vmm_kvm_vcpu__open (&members[i].vcpu.kvm, config->kvm, i, err);
    if (result == 0)
      result = vmm_kvm_vcpu__set_kick_signal (&members[i].vcpu.kvm, KICK_SIGNAL, err);
  }
  if (result < 0)
    vmm_crew__free (crew);
  else
    *out = crew;
  return result;
}

void
vmm_crew__free (struct vmm_crew *crew)
{
  if (crew == NULL)
    return;
  for (unsigned i = 0; i < crew->config.n; i++)
    vmm_kvm_vcpu__close (&crew->members[i].vcpu.kvm);
  pthread_cond_destroy (&crew->rest);
  pthread_cond_destroy (&crew->gate_changed);
  pthread_mutex_destroy (&crew->gate);
  kata_error_unref (crew->failure);
  free (crew->members);
  free (crew);
}

struct vmm_vcpu *
vmm_crew__vcpu (struct vmm_crew *crew, unsigned index)
{
  return &crew->members[index].vcpu;
}

int64_t
vmm_crew__first_run (const struct vmm_crew *crew)
{
  return atomic_load (&crew->first_run_ns);
}

/* ---- on a vCPU's thread ---- */

/* Takes away all kicks that have come. */
static void
consume_kicks (void)
{
  sigset_t kicks;
  sigemptyset (&kicks);
  sigaddset (&kicks, KICK_SIGNAL);
  while (sigtimedwait (&kicks, NULL, &(struct timespec){ 0 }) > 0)
    continue;
}

static void
park (struct member *member)
{
  struct vmm_crew *crew = member->crew;
  pthread_mutex_lock (crew->config.world.lock);
  unsigned pause = crew->pauses;
  crew->n_parked++;
  pthread_cond_broadcast (&crew->rest);
  pthread_mutex_unlock (crew->config.world.lock);

  /* When the next pause begins before this thread saw the end of this one, it must come back and be counted again. */
  pthread_mutex_lock (&crew->gate);
  while (atomic_load (&member->asked_out) && crew->pauses == pause && !atomic_load (&crew->stop))
    pthread_cond_wait (&crew->gate_changed, &crew->gate);
  pthread_mutex_unlock (&crew->gate);

  /* Its signals were sent before pause() began to wait: none comes later. Who kicks now has set its wish before, and the wish is looked at next. */
  __atomic_store_n (&member->vcpu.kvm.run->immediate_exit, 0, __ATOMIC_SEQ_CST);
  consume_kicks ();
  vmm_kvm_vcpu__tell_paused (&member->vcpu.kvm);
}

/* Confined, then at the gate until it opens. False when the machine will not run. */
static bool
wait_for_gate (struct member *member)
{
  struct vmm_crew *crew = member->crew;
  kata_error *error = NULL;
  int result =
      crew->config.confine != NULL ? crew->config.confine (crew->config.confine_ctx, VMM_THREAD_VCPU, &error) : 0;
  pthread_mutex_lock (&crew->gate);
  crew->n_ready++;
  if (result < 0 && !crew->failed) {
    crew->failed = true;
    crew->failure = error;
    error = NULL;
  }
  pthread_cond_broadcast (&crew->gate_changed);
  while (!crew->open && !atomic_load (&crew->stop))
    pthread_cond_wait (&crew->gate_changed, &crew->gate);
  pthread_mutex_unlock (&crew->gate);
  kata_error_unref (error);
  return !atomic_load (&crew->stop);
}

static void *
member_main (void *data)
{
  struct member *member = data;
  struct vmm_crew *crew = member->crew;
  struct vmm_exit exit = { 0 };
  char name[16];
  snprintf (name, sizeof name, "vmm-vcpu%u", member->vcpu.index);
  pthread_setname_np (pthread_self (), name);
  bool running = wait_for_gate (member);
  if (running && member->vcpu.index == 0)
    atomic_store (&crew->first_run_ns, vmm_loop__now ());
  while (running && !atomic_load (&crew->stop)) {
    if (atomic_load (&member->asked_out))
      park (member);
    else
      running = vmm_vcpu__step (&member->vcpu, &exit);
  }
  pthread_mutex_lock (crew->config.world.lock);
  if (exit.reason != VMM_EXIT_RUNNING)
    crew->config.ended (crew->config.ended_ctx, &exit);
  crew->n_over++;
  pthread_cond_broadcast (&crew->rest);
  pthread_mutex_unlock (crew->config.world.lock);
  return NULL;
}

/* ---- on the others ---- */

/* The flag is for a vCPU on its way in, the signal for one inside. @gate held. */
static void
kick (struct member *member)
{
  if (!member->started)
    return;
  __atomic_store_n (&member->vcpu.kvm.run->immediate_exit, 1, __ATOMIC_SEQ_CST);
  pthread_kill (member->thread, KICK_SIGNAL);
}

static int
make_thread (struct member *member, const pthread_attr_t *attr)
{
  struct vmm_crew *crew = member->crew;
  pthread_mutex_lock (&crew->gate);
  int errnum = pthread_create (&member->thread, attr, member_main, member);
  member->started = errnum == 0;
  pthread_mutex_unlock (&crew->gate);
  return errnum;
}

int
vmm_crew__start (struct vmm_crew *crew, kata_error **err)
{
  pthread_attr_t attr;
  sigset_t all, before;
  int errnum = 0;
  pthread_attr_init (&attr);
  pthread_attr_setstacksize (&attr, STACK_SIZE);
  /* Threads inherit the mask: no handler of the caller's process ever runs on a vCPU. */
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  unsigned made = 0;
  while (made < crew->config.n && (errnum = make_thread (&crew->members[made], &attr)) == 0)
    made++;
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  pthread_attr_destroy (&attr);

  pthread_mutex_lock (crew->config.world.lock);
  crew->n_started = made;
  pthread_mutex_unlock (crew->config.world.lock);
  pthread_mutex_lock (&crew->gate);
  while (crew->n_ready < made)
    pthread_cond_wait (&crew->gate_changed, &crew->gate);
  kata_error *failure = crew->failure;
  bool failed = crew->failed;
  crew->failure = NULL;
  pthread_mutex_unlock (&crew->gate);
  if (errnum != 0) {
    kata_error_unref (failure);
    return kata_error__errno (err, KATA_E_VMM, "default_vcpus", errnum, "vcpu: no thread for vCPU %u", made);
  }
  if (failed && failure == NULL)
    return kata_error__set (err, KATA_E_VMM, NULL, "vcpu: a thread could not confine itself");
  return failed ? kata_error__propagate (err, failure) : 0;
}

void
vmm_crew__go (struct vmm_crew *crew)
{
  pthread_mutex_lock (&crew->gate);
  crew->open = true;
  pthread_cond_broadcast (&crew->gate_changed);
  pthread_mutex_unlock (&crew->gate);
}

void
vmm_crew__pause (struct vmm_crew *crew)
{
  if (crew->paused)
    return;
  crew->paused = true;
  pthread_mutex_lock (&crew->gate);
  crew->pauses++;
  for (unsigned i = 0; i < crew->config.n; i++) {
    atomic_store (&crew->members[i].asked_out, true);
    kick (&crew->members[i]);
  }
  pthread_mutex_unlock (&crew->gate);
  while (crew->paused && crew->n_parked + crew->n_over < crew->n_started)
    pthread_cond_wait (&crew->rest, crew->config.world.lock);
}

void
vmm_crew__resume (struct vmm_crew *crew)
{
  if (!crew->paused)
    return;
  crew->paused = false;
  crew->n_parked = 0;
  pthread_mutex_lock (&crew->gate);
  for (unsigned i = 0; i < crew->config.n; i++)
    atomic_store (&crew->members[i].asked_out, false);
  pthread_cond_broadcast (&crew->gate_changed);
  pthread_mutex_unlock (&crew->gate);
}

void
vmm_crew__ask_stop (struct vmm_crew *crew)
{
  atomic_store (&crew->stop, true);
}

void
vmm_crew__stop (struct vmm_crew *crew)
{
  atomic_store (&crew->stop, true);
  pthread_mutex_lock (&crew->gate);
  for (unsigned i = 0; i < crew->config.n; i++)
    kick (&crew->members[i]);
  pthread_cond_broadcast (&crew->gate_changed);
  pthread_mutex_unlock (&crew->gate);
}

void
vmm_crew__join (struct vmm_crew *crew)
{
  for (unsigned i = 0; i < crew->config.n; i++) {
    pthread_mutex_lock (&crew->gate);
    bool started = crew->members[i].started;
    crew->members[i].started = false;
    pthread_mutex_unlock (&crew->gate);
    if (started)
      pthread_join (crew->members[i].thread, NULL);
  }
}
