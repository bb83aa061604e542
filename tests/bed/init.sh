#!/bin/busybox sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# PID 1 of the bed's initramfs: loads modules, makes the machine's own / the root, and hands over to the session; it runs no command itself.
export PATH=/bin
busybox mkdir -p /proc /sys /dev /host /upper /new
busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
busybox mount -t devtmpfs devtmpfs /dev
while read -r module options; do
  busybox insmod "$module" $options || echo "bed: $module: not loaded"
done </modules

die () {
  echo "bed: $*"
  busybox reboot -f
}

# The machine's / below, what is written above it in memory: nothing that a test does reaches the machine, but for shared folders.
plan9=trans=virtio,version=9p2000.L,msize=512000
busybox mount -t 9p -o ro,$plan9,cache=loose host /host || die 'no root'
busybox mount -t tmpfs -o mode=755,size=75% tmpfs /upper
busybox mkdir /upper/data /upper/work
busybox mount -t overlay -o lowerdir=/host,upperdir=/upper/data,workdir=/upper/work overlay /new || die 'no overlay'
for folder in proc sys dev; do
  busybox mount --move /$folder /new/$folder
done
busybox mount -t tmpfs -o mode=755,nosuid,nodev tmpfs /new/run
busybox mkdir -p /new/run/bed/control
busybox mount -t 9p -o $plan9,cache=none control /new/run/bed/control || die 'no control folder'
# The session's tools are these, not the machine's: each program that comes over 9p costs a tenth of a second.
busybox mkdir /new/run/bed/bin
busybox cp /bin/busybox /new/run/bed/bin
exec busybox switch_root /new /run/bed/bin/busybox sh /run/bed/control/session
