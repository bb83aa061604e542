/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vsock-list: a doubly linked ring of things that have a link inside them; header only. */
#ifndef KATA_VMM_VIRTIO_VSOCK_LIST_H
#define KATA_VMM_VIRTIO_VSOCK_LIST_H

#include <stdbool.h>
#include <stddef.h>

/** The head of a list, or the link in one of its things; a link that is in no list points at itself. */
struct vmm_list {
  struct vmm_list *prev, *next;
};

static inline void
vmm_list__init (struct vmm_list *link)
{
  link->prev = link->next = link;
}

static inline bool
vmm_list__empty (const struct vmm_list *head)
{
  return head->next == head;
}

static inline void
vmm_list__append (struct vmm_list *head, struct vmm_list *link)
{
  link->prev = head->prev;
  link->next = head;
  head->prev->next = link;
  head->prev = link;
}

static inline void
vmm_list__remove (struct vmm_list *link)
{
  link->prev->next = link->next;
  link->next->prev = link->prev;
  vmm_list__init (link);
}

/** The thing of @type whose member @member is @link. */
#define vmm_list__entry(link, type, member) ((type *) (void *) ((char *) (link) -offsetof (type, member)))

#endif
