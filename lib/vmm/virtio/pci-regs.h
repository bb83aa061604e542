/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pci-regs: virtio over PCI as the guest sees it (virtio 1.2, 4.1): capabilities, the common structure, and our places in BAR 0; no code. */
#ifndef KATA_VMM_VIRTIO_PCI_REGS_H
#define KATA_VMM_VIRTIO_PCI_REGS_H

/* 4.1.2: non-transitional. */
#define VMM_VPCI_VENDOR      0x1af4u
#define VMM_VPCI_DEVICE_BASE 0x1040u
#define VMM_VPCI_REVISION    1u

/* 4.1.4: cap_len, cfg_type, bar, id, two bytes of padding, offset, length, and for some a word more. */
#define VMM_VPCI_CAP_LEN         2u
#define VMM_VPCI_CAP_TYPE        3u
#define VMM_VPCI_CAP_BAR         4u
#define VMM_VPCI_CAP_OFFSET      8u
#define VMM_VPCI_CAP_LENGTH      12u
#define VMM_VPCI_CAP_MORE        16u /* notify_off_multiplier, or pci_cfg_data */
#define VMM_VPCI_CAP_SIZE        16u
#define VMM_VPCI_CAP_SIZE_MORE   20u
#define VMM_VPCI_TYPE_COMMON     1u
#define VMM_VPCI_TYPE_NOTIFY     2u
#define VMM_VPCI_TYPE_ISR        3u
#define VMM_VPCI_TYPE_DEVICE     4u
#define VMM_VPCI_TYPE_PCI_CONFIG 5u

/* BAR 0: a page for each, so that the doorbells are alone in theirs. */
#define VMM_VPCI_BAR_SIZE     0x8000u
#define VMM_VPCI_COMMON       0x0000u
#define VMM_VPCI_ISR          0x1000u
#define VMM_VPCI_DEVICE       0x2000u
#define VMM_VPCI_NOTIFY       0x3000u
#define VMM_VPCI_MSIX_TABLE   0x4000u
#define VMM_VPCI_MSIX_PBA     0x5000u
#define VMM_VPCI_PAGE         0x1000u
#define VMM_VPCI_COMMON_SIZE  0x38u
#define VMM_VPCI_NOTIFY_EVERY 4u /* notify_off_multiplier: a doorbell for each queue */

/* 4.1.4.3, offsets in the common structure. */
#define VMM_VPCI_DEVICE_FEATURE_SELECT 0x00u
#define VMM_VPCI_DEVICE_FEATURE        0x04u
#define VMM_VPCI_DRIVER_FEATURE_SELECT 0x08u
#define VMM_VPCI_DRIVER_FEATURE        0x0cu
#define VMM_VPCI_CONFIG_VECTOR         0x10u /* 16 bits */
#define VMM_VPCI_NUM_QUEUES            0x12u
#define VMM_VPCI_DEVICE_STATUS         0x14u /* 8 bits */
#define VMM_VPCI_CONFIG_GENERATION     0x15u
#define VMM_VPCI_QUEUE_SELECT          0x16u /* 16 bits, and so on */
#define VMM_VPCI_QUEUE_SIZE            0x18u
#define VMM_VPCI_QUEUE_VECTOR          0x1au
#define VMM_VPCI_QUEUE_ENABLE          0x1cu
#define VMM_VPCI_QUEUE_NOTIFY_OFF      0x1eu
#define VMM_VPCI_QUEUE_DESC            0x20u /* 64 bits, and so on */
#define VMM_VPCI_QUEUE_DRIVER          0x28u
#define VMM_VPCI_QUEUE_DEVICE          0x30u

#define VMM_VPCI_NO_VECTOR  0xffffu
#define VMM_VPCI_ISR_QUEUE  1u
#define VMM_VPCI_ISR_CONFIG 2u

#endif
