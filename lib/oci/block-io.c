/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* block-io: reads runtime-spec config-linux.md#block-io. */
#include "oci/read.h"

static void
read_weights (struct kata_json_reader *r, const kata_json *array, struct kata_oci_block_io *out)
{
  if (array == NULL)
    return;
  out->weight_devices = kata_arena__new0 (r->arena, struct kata_oci_weight_device, array->n);
  KATA_FOREACH (item, array) {
    struct kata_oci_weight_device *device = &out->weight_devices[out->n_weight_devices++];
    if (!kata_json__is (r, item, KATA_JSON_OBJECT))
      return;
    device->major = kata_json__get_i64 (r, item, "major");
    device->minor = kata_json__get_i64 (r, item, "minor");
    device->weight = kata_oci__get_u64 (r, item, "weight", UINT16_MAX);
    device->leaf_weight = kata_oci__get_u64 (r, item, "leafWeight", UINT16_MAX);
  }
}

static void
read_throttles (struct kata_json_reader *r, const kata_json *value, const char *name,
                struct kata_oci_throttle_list *out)
{
  const kata_json *array = kata_json__get_array (r, value, name);
  if (array == NULL)
    return;
  out->items = kata_arena__new0 (r->arena, struct kata_oci_throttle_device, array->n);
  KATA_FOREACH (item, array) {
    struct kata_oci_throttle_device *device = &out->items[out->n++];
    if (!kata_json__is (r, item, KATA_JSON_OBJECT))
      return;
    device->major = kata_json__get_i64 (r, item, "major");
    device->minor = kata_json__get_i64 (r, item, "minor");
    device->rate = kata_json__get_u64 (r, item, "rate");
  }
}

void
kata_oci__read_block_io (struct kata_json_reader *r, const kata_json *value, struct kata_oci_block_io *out)
{
  if (value == NULL)
    return;
  out->have = true;
  out->weight = kata_oci__get_u64 (r, value, "weight", UINT16_MAX);
  out->leaf_weight = kata_oci__get_u64 (r, value, "leafWeight", UINT16_MAX);
  read_weights (r, kata_json__get_array (r, value, "weightDevice"), out);
  read_throttles (r, value, "throttleReadBpsDevice", &out->read_bps);
  read_throttles (r, value, "throttleWriteBpsDevice", &out->write_bps);
  read_throttles (r, value, "throttleReadIOPSDevice", &out->read_iops);
  read_throttles (r, value, "throttleWriteIOPSDevice", &out->write_iops);
}
