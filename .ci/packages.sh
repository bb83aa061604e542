# SPDX-License-Identifier: LGPL-2.1-or-later
# The Debian packages that libkata needs, and how to install the missing ones; sourced by quickstart and check.

build_packages="meson ninja-build gcc libc6-dev linux-libc-dev binutils pkg-config python3 git
  libglib2.0-dev libjson-glib-dev libprotobuf-c-dev protobuf-c-compiler libnl-3-dev liburing-dev check musl-tools"
guest_packages="qemu-system-x86 lz4 busybox-static ca-certificates"
test_packages="erofs-utils qemu-system-common abigail-tools acpica-tools mandoc crun e2fsprogs fio golang-go clang clang-format llvm strace zstd socat util-linux procps iproute2 kmod passt
  podman conmon netavark aardvark-dns catatonit iptables containerd containernetworking-plugins dbus-daemon
  mypy python3-setuptools python3-wheel python3-venv"
# A guest of another architecture: the emulator, and what its agent is compiled with. Without them one test is skipped.
aarch64_packages="qemu-system-arm gcc-aarch64-linux-gnu"
# Only for our own guest kernel (guest/kernel/build).
kernel_packages="make bc bison flex libelf-dev xz-utils lz4"

# Prints those of its arguments that dpkg does not have installed.
missing_packages () {
  local package
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || printf '%s ' "$package"
  done
}

as_root () {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Installs what is missing of its arguments. Says what to do where it cannot.
install_packages () {
  local missing
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    echo "this is not a Debian machine; install the equivalents of these packages yourself: $*" >&2
    return 1
  fi
  missing=$(missing_packages "$@")
  if [ -n "$missing" ]; then
    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
      echo "packages are missing and neither root nor sudo is at hand; run as root: apt-get install $missing" >&2
      return 1
    fi
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive sh -c '
      apt-get -qq -o DPkg::Lock::Timeout=300 update &&
      apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 install --no-install-recommends "$@"' sh $missing
  elif [ -z "$(ls /var/lib/apt/lists/*_Packages* 2>/dev/null)" ]; then
    # The guest image is made of packages that apt has to know.
    as_root apt-get -qq -o DPkg::Lock::Timeout=300 update
  fi
}
