/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mmio-regs: the registers of a virtio-mmio device (virtio 1.2, 4.2.2), each 32 bits wide and little-endian; no code. */
#ifndef KATA_VMM_VIRTIO_MMIO_REGS_H
#define KATA_VMM_VIRTIO_MMIO_REGS_H

#define VMM_MMIO_MAGIC               0x000u /* R: "virt" */
#define VMM_MMIO_VERSION             0x004u /* R: 2 */
#define VMM_MMIO_DEVICE_ID           0x008u /* R */
#define VMM_MMIO_VENDOR_ID           0x00cu /* R */
#define VMM_MMIO_DEVICE_FEATURES     0x010u /* R */
#define VMM_MMIO_DEVICE_FEATURES_SEL 0x014u /* W */
#define VMM_MMIO_DRIVER_FEATURES     0x020u /* W */
#define VMM_MMIO_DRIVER_FEATURES_SEL 0x024u /* W */
#define VMM_MMIO_QUEUE_SEL           0x030u /* W */
#define VMM_MMIO_QUEUE_NUM_MAX       0x034u /* R */
#define VMM_MMIO_QUEUE_NUM           0x038u /* W */
#define VMM_MMIO_QUEUE_READY         0x044u /* RW */
#define VMM_MMIO_QUEUE_NOTIFY        0x050u /* W */
#define VMM_MMIO_INTERRUPT_STATUS    0x060u /* R */
#define VMM_MMIO_INTERRUPT_ACK       0x064u /* W */
#define VMM_MMIO_STATUS              0x070u /* RW */
#define VMM_MMIO_QUEUE_DESC_LOW      0x080u /* W, and so on to 0x0a4 */
#define VMM_MMIO_QUEUE_DESC_HIGH     0x084u
#define VMM_MMIO_QUEUE_DRIVER_LOW    0x090u
#define VMM_MMIO_QUEUE_DRIVER_HIGH   0x094u
#define VMM_MMIO_QUEUE_DEVICE_LOW    0x0a0u
#define VMM_MMIO_QUEUE_DEVICE_HIGH   0x0a4u
#define VMM_MMIO_SHM_SEL             0x0acu /* W */
#define VMM_MMIO_SHM_LEN_LOW         0x0b0u /* R, and so on to 0x0bc: all ones, there is no such region */
#define VMM_MMIO_SHM_BASE_HIGH       0x0bcu
#define VMM_MMIO_QUEUE_RESET         0x0c0u /* RW, with a feature that is not offered */
#define VMM_MMIO_CONFIG_GENERATION   0x0fcu /* R */
#define VMM_MMIO_CONFIG              0x100u /* RW, any width */

#define VMM_MMIO_MAGIC_VALUE   0x74726976u
#define VMM_MMIO_VERSION_VALUE 2u
#define VMM_MMIO_VENDOR_VALUE  0x6174616bu /* "kata" */

#define VMM_MMIO_INTERRUPT_QUEUE  1u
#define VMM_MMIO_INTERRUPT_CONFIG 2u

#endif
