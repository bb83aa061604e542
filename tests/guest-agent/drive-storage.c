/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* drive-storage: the steps about storages and files. */
#include "drive.h"

#include <string.h>
#include <sys/stat.h>

static void
run_on_storage (struct test *test, Grpc__Storage *storage, const char *rootfs, const char *script, char *out,
                size_t size)
{
  struct client *c = &test->client;
  struct client_container container = { "stored", rootfs, script, 0, 0, 1, &storage, 1 };
  EXPECT (c, client_create (c, &container) == 0);
  EXPECT (c, client_start (c, "stored") == 0);
  EXPECT (c, client_read_all (c, "stored", "", 0, out, size) >= 0);
  EXPECT (c, client_wait (c, "stored", "", 60000) == 0);
  EXPECT (c, client_remove (c, "stored") == 0);
}

void
step_share (struct test *test)
{
  Grpc__Storage storage = GRPC__STORAGE__INIT;
  char out[256] = "";
  storage.driver = (char *) "virtio-fs";
  storage.source = (char *) "kataShared";
  storage.fstype = (char *) "virtiofs";
  storage.mount_point = (char *) "/run/kata-containers/shared/containers/";
  run_on_storage (test, &storage, "/run/kata-containers/shared/containers/rootfs",
                  "cat /hello; echo from the guest > /answer", out, sizeof out);
  EXPECT (&test->client, strcmp (out, "from the host\n") == 0);
}

void
step_disk (struct test *test)
{
  Grpc__Storage storage = GRPC__STORAGE__INIT;
  char out[256] = "";
  storage.driver = (char *) "blk";
  storage.source = (char *) "1e";
  storage.fstype = (char *) "ext4";
  storage.mount_point = (char *) "/run/kata-containers/disk";
  run_on_storage (test, &storage, "/run/kata-containers/disk", "cat /hello", out, sizeof out);
  EXPECT (&test->client, strcmp (out, "from the host\n") == 0);
  storage.source = (char *) "1f/1f";
  struct client_container container = { "nodisk", "/run/kata-containers/disk", "true", 0, 0, 1, NULL, 1 };
  Grpc__Storage *storages[] = { &storage };
  container.storages = storages;
  EXPECT (&test->client, client_create (&test->client, &container) == TTRPC_NOT_FOUND);
  storage.source = (char *) "1d";
  EXPECT (&test->client, client_create (&test->client, &container) == TTRPC_NOT_FOUND);
  EXPECT (&test->client, strstr (test->client.message, "or is empty") != NULL);
}

void
step_overlay (struct test *test)
{
  struct client *c = &test->client;
  Grpc__Storage storage = GRPC__STORAGE__INIT;
  char out[256] = "";
  char lower[300];
  char *options[] = { lower, (char *) "upperdir=/run/kata-containers/ov/upper",
                      (char *) "workdir=/run/kata-containers/ov/work" };
  char *directories[] = {
    (char *) "io.katacontainers.volume.overlayfs.create_directory=/run/kata-containers/ov/upper",
    (char *) "io.katacontainers.volume.overlayfs.create_directory=/run/kata-containers/ov/work",
  };
  snprintf (lower, sizeof lower, "lowerdir=%s", test->rootfs);
  storage.driver = (char *) "overlayfs";
  storage.mount_point = (char *) "/run/kata-containers/stored/rootfs";
  storage.n_options = 3;
  storage.options = options;
  storage.n_driver_options = 2;
  storage.driver_options = directories;
  run_on_storage (test, &storage, storage.mount_point, "echo new > /file; cat /file", out, sizeof out);
  EXPECT (c, strcmp (out, "new\n") == 0);
  storage.driver = (char *) "no-such-driver";
  struct client_container container = { "bad", test->rootfs, "true", 0, 0, 1, NULL, 1 };
  Grpc__Storage *storages[] = { &storage };
  container.storages = storages;
  EXPECT (c, client_create (c, &container) == TTRPC_UNIMPLEMENTED);
  static const char *const places[] = { "/etc", "/run/kata-containers/../../etc", "run/kata-containers/x",
                                        "/run/kata-containers/", "" };
  storage.driver = (char *) "overlayfs";
  for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
    storage.mount_point = (char *) places[i];
    EXPECT (c, client_create (c, &container) == TTRPC_INVALID_ARGUMENT);
  }
}

void
step_copy (struct test *test)
{
  struct client *c = &test->client;
  char text[64];
  EXPECT (c, client_copy (c, "/run/kata-containers/shared/containers/a/b/file", "content", S_IFREG | 0644) == 0);
  EXPECT (c, client_copy (c, "/run/kata-containers/shared/containers/a/link", "/etc", S_IFLNK | 0777) == 0);
  EXPECT (c, client_copy (c, "/run/kata-containers/shared/containers/a/link/x", "evil", S_IFREG | 0644) != 0);
  EXPECT (c, client_copy (c, "/run/kata-containers/shared/containers/../x", "evil", S_IFREG | 0644) ==
                 TTRPC_INVALID_ARGUMENT);
  EXPECT (c, client_copy (c, "/run/x", "evil", S_IFREG | 0644) == TTRPC_INVALID_ARGUMENT);
  EXPECT (c,
          client_copy (c, "/run/kata-containers/shared/containers/n", "x", S_IFBLK | 0644) == TTRPC_INVALID_ARGUMENT);
  EXPECT (c, client_copy (c, "/run/kata-containers/shared/containers/a/b/file", "changed", S_IFREG | 0644) == 0);
  (void) text;
}
