# SPDX-License-Identifier: LGPL-2.1-or-later
"""engine: a containerd of the test's own: root, state, socket and an image in one directory; nothing of the machine's is touched."""
import glob
import hashlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import residue  # noqa: E402

APPLETS = ('sh cat echo true false sleep head tail wc sha256sum stty ls id env pwd touch chmod mkdir rm hostname uname kill ps yes seq tr '
           'mount grep test free tty dd httpd wget ping ip nc').split()
IMAGE = 'docker.io/library/busybox:test'
CONFIG = '''version = 2
root = "{top}/root"
state = "{top}/run"
oom_score = 0
disabled_plugins = [{disabled}]
[grpc]
  address = "{top}/c.sock"
[debug]
  level = "{level}"
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  sandbox_image = "{image}"
  enable_unprivileged_ports = false
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "{snapshotter}"
    default_runtime_name = "libkata"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.libkata]
      runtime_type = "io.containerd.libkata.v2"
      pod_annotations = ["io.katacontainers.*"]
      container_annotations = ["io.katacontainers.*"]
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.libkata.options]
        ConfigPath = "{config}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{top}/cni"
'''
# In the bed each program takes its time.
SLOW = 4 if 'KATA_BED' in os.environ else 1
OTHERS = ('aufs', 'btrfs', 'devmapper', 'zfs')


def skip(reason):
    print(f'SKIP: {reason}')
    sys.exit(77)


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            skip(f'{program} is not installed')


def add(tar, name, data=b'', mode=0o644, kind=tarfile.REGTYPE, link=''):
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.type, info.linkname = len(data), mode, kind, link
    tar.addfile(info, io.BytesIO(data))


def layer():
    busybox = shutil.which('busybox')
    if not busybox:
        skip('busybox is not installed (package busybox-static)')
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w') as tar:
        for name in ('bin', 'proc', 'sys', 'dev', 'tmp', 'etc', 'root', 'run'):
            add(tar, name, mode=0o755, kind=tarfile.DIRTYPE)
        with open(busybox, 'rb') as f:
            add(tar, 'bin/busybox', f.read(), 0o755)
        for applet in APPLETS:
            add(tar, f'bin/{applet}', kind=tarfile.SYMTYPE, link='busybox', mode=0o777)
        add(tar, 'etc/passwd', b'root:x:0:0:root:/root:/bin/sh\n')
        add(tar, 'etc/group', b'root:x:0:\n')
    return out.getvalue()


def write_image(path):
    """An OCI layout with one layer."""
    data = layer()
    digest = hashlib.sha256(data).hexdigest()
    blobs = [data]

    def blob(value):
        text = json.dumps(value).encode()
        blobs.append(text)
        return {'digest': f'sha256:{hashlib.sha256(text).hexdigest()}', 'size': len(text)}
    config = blob({'architecture': 'amd64', 'os': 'linux', 'rootfs': {'type': 'layers', 'diff_ids': [f'sha256:{digest}']},
                   'config': {'Env': ['PATH=/bin'], 'Cmd': ['sleep', '1000000'], 'WorkingDir': '/'}})
    config['mediaType'] = 'application/vnd.oci.image.config.v1+json'
    kind = 'application/vnd.oci.image.manifest.v1+json'
    manifest = blob({'schemaVersion': 2, 'mediaType': kind, 'config': config, 'layers': [
        {'mediaType': 'application/vnd.oci.image.layer.v1.tar', 'digest': f'sha256:{digest}', 'size': len(data)}]})
    manifest['mediaType'] = kind
    manifest['annotations'] = {'io.containerd.image.name': IMAGE, 'org.opencontainers.image.ref.name': 'test'}
    with tarfile.open(path, 'w') as tar:
        add(tar, 'oci-layout', b'{"imageLayoutVersion":"1.0.0"}')
        add(tar, 'index.json', json.dumps({'schemaVersion': 2, 'manifests': [manifest]}).encode())
        for data in blobs:
            add(tar, f'blobs/sha256/{hashlib.sha256(data).hexdigest()}', data)


class Engine:
    def __init__(self, shim, config, hypervisor='qemu', cri=False, level='warn', prepare=None):
        need('containerd', 'ctr')
        if os.geteuid() != 0:
            skip('containerd needs root')
        self.top = tempfile.mkdtemp(prefix='engine-')
        self.socket, self.cri = f'{self.top}/c.sock', cri
        # The namespace is in the names of cgroups, which two tests at once would share.
        self.space = 'k8s.io' if cri else f'test{os.getpid()}'
        self.state, self.process = f'{self.top}/kata', None
        folder = f'{self.top}/bin'
        os.mkdir(folder)
        os.symlink(os.path.abspath(shim), f'{folder}/containerd-shim-libkata-v2')
        self.config = self.write_patient(config)
        self.env = dict(os.environ, PATH=f'{folder}:/usr/sbin:/usr/bin:/sbin:/bin', LIBKATA_STATE_DIR=self.state, LIBKATA_CONFIG=self.config,
                        LIBKATA_HYPERVISOR=hypervisor)
        self.snapshotter = self.choose_snapshotter()
        plugins = [f'"io.containerd.snapshotter.v1.{p}"' for p in OTHERS] + ['"io.containerd.internal.v1.opt"']
        if not cri:
            plugins.append('"io.containerd.grpc.v1.cri"')
        with open(f'{self.top}/config.toml', 'w', encoding='utf-8') as f:
            f.write(CONFIG.format(top=self.top, disabled=', '.join(plugins), level=level, image=IMAGE, snapshotter=self.snapshotter,
                                  config=self.config))
        if prepare:
            prepare(self.top)
        self.start()
        write_image(f'{self.top}/image.tar')
        self.ctr('images', 'import', '--snapshotter', self.snapshotter, f'{self.top}/image.tar')

    def write_patient(self, config):
        """Many emulated machines at once start slowly; each is small, so that twenty fit anywhere."""
        with open(config, encoding='utf-8') as f:
            text = f.read()
        path = f'{self.top}/kata.toml'
        with open(path, 'w', encoding='utf-8') as f:
            f.write(re.sub(r'(?m)^\[hypervisor\.(qemu|builtin)\]$', r'\g<0>\ndefault_memory = 128', text))
            if '[agent.kata]' not in text:
                f.write('\n[agent.kata]\ndial_timeout = 900\n')
            f.write('\n[runtime]\ncreate_container_timeout = 900\n')
        return path

    def choose_snapshotter(self):
        """overlayfs where the kernel lets us, as containerd would itself."""
        folders = [f'{self.top}/o/{n}' for n in ('l', 'u', 'w', 'm')]
        for folder in folders:
            os.makedirs(folder)
        low, up, work, at = folders
        mounted = subprocess.run(['mount', '-t', 'overlay', 'o', '-o', f'lowerdir={low},upperdir={up},workdir={work}', at],
                                 capture_output=True, check=False).returncode == 0
        if mounted:
            subprocess.run(['umount', at], check=True)
        shutil.rmtree(f'{self.top}/o')
        return 'overlayfs' if mounted else 'native'

    def start(self):
        self.log = open(f'{self.top}/log', 'ab')
        self.process = subprocess.Popen(['containerd', '-c', f'{self.top}/config.toml'], env=self.env, stdout=self.log, stderr=self.log,
                                        stdin=subprocess.DEVNULL, start_new_session=True)
        until = time.monotonic() + 60 * SLOW
        while time.monotonic() < until:
            if self.ctr('version', check=False).returncode == 0:
                return
            time.sleep(0.05)
        raise AssertionError(f'containerd does not come up: {self.logged()}')

    def logged(self):
        with open(f'{self.top}/log', encoding='utf-8', errors='replace') as f:
            return f.read()[-6000:]

    def stop(self, how=signal.SIGTERM):
        if self.process:
            self.process.send_signal(how)
            self.process.wait(60 * SLOW)
            self.log.close()
            self.process = None

    def argv(self, *words):
        return ['ctr', '-a', self.socket, '-n', self.space, *map(str, words)]

    def ctr(self, *words, check=True, timeout=120 * SLOW, **more):
        more.setdefault('stdin', subprocess.DEVNULL if 'input' not in more else None)
        if more['stdin'] is None:
            del more['stdin']
        result = subprocess.run(self.argv(*words), capture_output=True, env=self.env, timeout=timeout, check=False, **more)
        if check and result.returncode != 0:
            raise AssertionError(f'ctr {words}: {result.returncode}: {result.stderr.decode()}')
        return result

    def run_words(self, name, *args, options=()):
        return ['run', '--snapshotter', self.snapshotter, '--runtime', 'io.containerd.libkata.v2', *options, IMAGE, name, *args]

    def run(self, name, *args, options=('--rm',), **more):
        return self.ctr(*self.run_words(name, *args, options=options), **more)

    def tasks(self):
        lines = self.ctr('task', 'ls').stdout.decode().split('\n')[1:]
        return {line.split()[0]: line.split()[2] for line in lines if line.split()}

    def remove(self, name):
        self.ctr('task', 'kill', '-s', 'SIGKILL', name, check=False)
        self.ctr('task', 'delete', '-f', name, check=False)
        self.ctr('container', 'delete', name, check=False)
        self.ctr('snapshot', '--snapshotter', self.snapshotter, 'rm', name, check=False)

    def left(self):
        """Processes, mounts and files of shims and machines; containerd's own are not meant."""
        own = f'process {self.process.pid}:' if self.process else None
        found = [line for line in residue.about(self.top) if not own or not line.startswith(own)]
        for folder, folders, files in os.walk(self.state):
            found += [f'{folder}/{n}' for n in folders + files if not (folder == self.state and n == '.shim')]
        tasks = f'{self.top}/run/io.containerd.runtime.v2.task'
        for space in os.listdir(tasks) if os.path.isdir(tasks) else []:
            found += [f'bundle {space}/{name}' for name in os.listdir(f'{tasks}/{space}')]
        return found

    def settled_left(self, seconds=30 * SLOW):
        until = time.monotonic() + seconds
        while self.left() and time.monotonic() < until:
            time.sleep(0.2)
        return self.left()

    def servers(self):
        return [int(p) for p in filter(str.isdigit, os.listdir('/proc')) if self.is_server(p)]

    def is_server(self, pid):
        try:
            with open(f'/proc/{pid}/cmdline', 'rb') as f:
                words = f.read().split(b'\0')
            return words[-2:] == [b'serve', b''] and f'{self.socket}'.encode() in words
        except OSError:
            return False

    def close(self):
        self.stop()
        for line in self.left():
            if line.startswith('process '):
                try:
                    os.kill(int(line.split()[1].rstrip(':')), signal.SIGKILL)
                except OSError:
                    pass
            elif line.startswith('mount '):
                subprocess.run(['umount', '-l', line[6:]], check=False)
        for folder in glob.glob(f'/sys/fs/cgroup/**/{self.space}', recursive=True) if not self.cri else []:
            try:
                os.rmdir(folder)
            except OSError:
                pass
        shutil.rmtree(self.top, ignore_errors=True)
