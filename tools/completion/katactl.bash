# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion for katactl: commands, their options, ids from `katactl list -q`. A test compares the options with --help.

_katactl_options() {
  local everywhere='--config --state-dir --hypervisor --backend-library --log-level --json --help'
  local request='--rootfs --rootfs-type --bundle --name --cpus --memory --hostname --network --cgroup --vfio --annotation'
  case $1 in
  run) echo "$request --detach --interactive --tty --rm --volume --env --workdir --user --pids --read-only --timeout --trace-timing $everywhere" ;;
  exec) echo "--detach --interactive --tty --env --workdir --user --timeout $everywhere" ;;
  list) echo "--quiet $everywhere" ;;
  logs) echo "--follow --tail --timestamps $everywhere" ;;
  stats) echo "--watch --interval $everywhere" ;;
  resize) echo "--vcpus --memory $everywhere" ;;
  kill) echo "--signal --all $everywhere" ;;
  stop) echo "--timeout $everywhere" ;;
  delete) echo "--force $everywhere" ;;
  wait) echo "--timeout $everywhere" ;;
  plan | restore) echo "$request $everywhere" ;;
  hypervisor) echo "--require $everywhere" ;;
  monitor) echo "--listen --any-address $everywhere" ;;
  recover) echo "--all $everywhere" ;;
  *) echo "$everywhere" ;;
  esac
}

# What the option before the cursor wants; 1 = it is no option with a value of a known kind.
_katactl_value() {
  case $1 in
  --rootfs | --config | --backend-library) mapfile -t COMPREPLY < <(compgen -f -- "$2") ;;
  --bundle | --state-dir) mapfile -t COMPREPLY < <(compgen -d -- "$2") ;;
  --rootfs-type) mapfile -t COMPREPLY < <(compgen -W 'ext4 xfs erofs squashfs' -- "$2") ;;
  --log-level) mapfile -t COMPREPLY < <(compgen -W 'error warning info debug' -- "$2") ;;
  --hypervisor) mapfile -t COMPREPLY < <(compgen -W "$(katactl hypervisor list 2>/dev/null | cut -f 1 | tail -n +2)" -- "$2") ;;
  --signal | -s) mapfile -t COMPREPLY < <(compgen -W 'HUP INT QUIT KILL TERM USR1 USR2 STOP CONT' -- "$2") ;;
  --name | --cpus | --vcpus | --memory | -m | --hostname | --network | --cgroup | --vfio | --annotation | --volume | -v | --env | -e | --workdir | -w | --user | -u | --pids | --timeout | --tail | -n | --interval | --require | --listen)
    COMPREPLY=()
    ;;
  *) return 1 ;;
  esac
}

_katactl() {
  local commands='run exec list inspect logs stats pause resume snapshot restore refresh resize disk device kill stop delete wait plan check env hypervisor recover monitor version help'
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command='' state=() i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
    --state-dir) state=(--state-dir "${COMP_WORDS[++i]}") ;;
    --config | --hypervisor | --backend-library | --log-level) ((i++)) ;;
    -*) ;;
    *)
      command=${COMP_WORDS[i]}
      break
      ;;
    esac
  done
  case $command in ps) command=list ;; rm) command=delete ;; cleanup) command=recover ;; esac
  COMPREPLY=()
  _katactl_value "$before" "$word" && return
  if [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_katactl_options "$command")" -- "$word")
    return
  fi
  case $command in
  '' | help) mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word") ;;
  exec | inspect | logs | stats | pause | resume | snapshot | refresh | resize | kill | stop | delete | wait)
    mapfile -t COMPREPLY < <(compgen -W "$(katactl "${state[@]}" list -q 2>/dev/null)" -- "$word")
    ;;
  disk | device) mapfile -t COMPREPLY < <(compgen -W 'add remove' -- "$word") ;;
  hypervisor) mapfile -t COMPREPLY < <(compgen -W 'list choose' -- "$word") ;;
  run | restore) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
  esac
}
complete -F _katactl katactl
