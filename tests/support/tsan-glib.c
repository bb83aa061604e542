/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tsan-glib: GLib's locks, conditions and reference counts made of what a thread sanitizer understands; linked into such builds of tests only. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include <glib.h>

/* The first word of a GMutex or GCond is ours: a pointer, made on first use because static ones are never initialised. */
static void *
own (gpointer *place, void *(*make) (void), void (*destroy) (void *))
{
  void *found = __atomic_load_n (place, __ATOMIC_ACQUIRE);
  if (found != NULL)
    return found;
  void *made = make ();
  if (__atomic_compare_exchange_n (place, &found, made, FALSE, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    return made;
  destroy (made);
  return found;
}

static void *
make_mutex (void)
{
  pthread_mutex_t *mutex = calloc (1, sizeof *mutex);
  pthread_mutex_init (mutex, NULL);
  return mutex;
}

static void
destroy_mutex (void *mutex)
{
  pthread_mutex_destroy (mutex);
  free (mutex);
}

static void *
make_cond (void)
{
  pthread_condattr_t attr;
  pthread_cond_t *cond = calloc (1, sizeof *cond);
  pthread_condattr_init (&attr);
  pthread_condattr_setclock (&attr, CLOCK_MONOTONIC);
  pthread_cond_init (cond, &attr);
  return cond;
}

static void
destroy_cond (void *cond)
{
  pthread_cond_destroy (cond);
  free (cond);
}

static pthread_mutex_t *
mutex_of (GMutex *mutex)
{
  return own (&mutex->p, make_mutex, destroy_mutex);
}

static pthread_cond_t *
cond_of (GCond *cond)
{
  return own (&cond->p, make_cond, destroy_cond);
}

void
g_mutex_init (GMutex *mutex)
{
  mutex->p = NULL;
}

void
g_mutex_clear (GMutex *mutex)
{
  if (mutex->p != NULL)
    destroy_mutex (mutex->p);
  mutex->p = NULL;
}

void
g_mutex_lock (GMutex *mutex)
{
  pthread_mutex_lock (mutex_of (mutex));
}

gboolean
g_mutex_trylock (GMutex *mutex)
{
  return pthread_mutex_trylock (mutex_of (mutex)) == 0;
}

void
g_mutex_unlock (GMutex *mutex)
{
  pthread_mutex_unlock (mutex_of (mutex));
}

void
g_cond_init (GCond *cond)
{
  cond->p = NULL;
}

void
g_cond_clear (GCond *cond)
{
  if (cond->p != NULL)
    destroy_cond (cond->p);
  cond->p = NULL;
}

void
g_cond_wait (GCond *cond, GMutex *mutex)
{
  pthread_cond_wait (cond_of (cond), mutex_of (mutex));
}

gboolean
g_cond_wait_until (GCond *cond, GMutex *mutex, gint64 end_us)
{
  struct timespec end = { end_us / G_USEC_PER_SEC, end_us % G_USEC_PER_SEC * 1000 };
  return pthread_cond_timedwait (cond_of (cond), mutex_of (mutex), &end) == 0;
}

void
g_cond_signal (GCond *cond)
{
  pthread_cond_signal (cond_of (cond));
}

void
g_cond_broadcast (GCond *cond)
{
  pthread_cond_broadcast (cond_of (cond));
}

/* Macros of the same names check types. */
void (g_atomic_ref_count_init) (gatomicrefcount *count)
{
  __atomic_store_n (count, 1, __ATOMIC_RELEASE);
}

void (g_atomic_ref_count_inc) (gatomicrefcount *count)
{
  __atomic_add_fetch (count, 1, __ATOMIC_ACQ_REL);
}

gboolean (g_atomic_ref_count_dec) (gatomicrefcount *count)
{
  return __atomic_sub_fetch (count, 1, __ATOMIC_ACQ_REL) == 0;
}

/* Of the sanitizer's run time. */
void __tsan_acquire (void *address);
void __tsan_release (void *address);

/* GBytes is GLib's own: the count stays there, and the sanitizer is told that who frees comes after all who let go. */
void
g_bytes_unref (GBytes *bytes)
{
  static void (*unref) (GBytes *);
  void (*known) (GBytes *) = __atomic_load_n (&unref, __ATOMIC_RELAXED);
  if (known == NULL) {
    known = (void (*) (GBytes *)) dlsym (RTLD_NEXT, "g_bytes_unref");
    __atomic_store_n (&unref, known, __ATOMIC_RELAXED);
  }
  if (bytes != NULL) {
    __tsan_release (bytes);
    __tsan_acquire (bytes);
  }
  known (bytes);
}
