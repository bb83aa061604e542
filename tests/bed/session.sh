# SPDX-License-Identifier: LGPL-2.1-or-later
# PID 1 after the bed's root is mounted: finishes the set-up and runs the commands of the control folder, each in a cgroup of its own.
# A command is a folder NNN with `script` and `limit` (seconds); it gets `started`, `out`, `err`, `timed-out` if it was, and last `status`.
control=/run/bed/control
/run/bed/bin/busybox --install -s /run/bed/bin
export PATH=/run/bed/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root

mount_all () {
  ln -sfn /proc/self/fd /dev/fd
  ln -sfn fd/0 /dev/stdin
  ln -sfn fd/1 /dev/stdout
  ln -sfn fd/2 /dev/stderr
  mkdir -p /dev/pts /dev/shm /dev/mqueue /dev/hugepages /run/lock /run/netns
  mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
  mount -t tmpfs -o mode=1777 tmpfs /dev/shm
  mount -t mqueue mqueue /dev/mqueue
  mount -t hugetlbfs hugetlbfs /dev/hugepages
  mount -t cgroup2 -o nsdelegate cgroup2 /sys/fs/cgroup
  mount -t debugfs debugfs /sys/kernel/debug
  mount -t tracefs tracefs /sys/kernel/tracing
  mount -t securityfs securityfs /sys/kernel/security
  mount -t bpf bpf /sys/fs/bpf
}

settle () {
  echo '+cpuset +cpu +io +memory +pids' >/sys/fs/cgroup/cgroup.subtree_control
  mkdir /sys/fs/cgroup/bed
  echo 1 >/proc/sys/vm/unprivileged_userfaultfd
  # Guests inside: fewer faults with large pages (theirs alone), no processor time for waits.
  echo within_size >/sys/kernel/mm/transparent_hugepage/shmem_enabled
  echo madvise >/sys/kernel/mm/transparent_hugepage/enabled
  echo 0 >/sys/module/kvm/parameters/halt_poll_ns
  hostname bed
  ip link set lo up
  ulimit -c 0
  ulimit -n 1048576
  . $control/setup
}

# Who waits outside sees by this that the machine has not stood still.
beat () {
  while :; do
    cut -d ' ' -f 1 /proc/uptime >$control/beat
    cut -d . -f 1 /proc/uptime >/run/bed/beat
    sleep 10
  done
}

# Needs no shared folder: if those alone stand still, the console says so, and where each task waits.
watch_beat () {
  while sleep 10; do
    read -r now rest </proc/uptime
    read -r last </run/bed/beat
    [ $((${now%.*} - last)) -gt 60 ] || continue
    echo "bed: alive, but the shared folders have not answered since second $last of ${now%.*}"
    echo 8 >/proc/sys/kernel/printk
    echo w >/proc/sysrq-trigger
    return
  done
}

# The limit's own process: it lives outside the command's cgroup and is ended by the wait for the command.
watch_limit () {
  sleep "$2"
  : >"$3/timed-out"
  xargs -r kill -TERM <"$1/cgroup.procs"
  sleep 3
  echo 1 >"$1/cgroup.kill"
}

run_one () {
  folder=$1 group=/sys/fs/cgroup/bed/${1##*/}
  mkdir "$group"
  cut -d ' ' -f 1 /proc/uptime >"$folder/started"
  (
    echo 0 >"$group/cgroup.procs"
    exec setsid /bin/sh "$folder/script" </dev/null >>"$folder/out" 2>>"$folder/err"
  ) &
  command=$!
  watch_limit "$group" "$(cat "$folder/limit")" "$folder" &
  watcher=$!
  wait $command
  status=$?
  kill $watcher
  # Nothing that a command leaves behind disturbs the next one.
  if grep -q 'populated 1' "$group/cgroup.events"; then
    echo 1 >"$group/cgroup.kill"
    while grep -q 'populated 1' "$group/cgroup.events"; do sleep 0.02; done
  fi
  rmdir "$group"
  cut -d ' ' -f 1 /proc/uptime >"$folder/ended"
  sync
  echo $status >"$folder/status.part"
  mv "$folder/status.part" "$folder/status"
} 2>>$control/session.log

{ mount_all; settle; } >$control/session.log 2>&1
beat 2>/dev/null &
watch_beat 2>/dev/null &
for folder in $control/[0-9]*; do
  run_one "$folder"
done
# The machine ends QEMU as soon as it has the last status; this is for the case that it does not.
sync
echo o >/proc/sysrq-trigger
sleep 60
