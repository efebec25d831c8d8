#pragma once

#include <cstdint>
#include <string>

#include "api/run/generate.h"

namespace tempera::api {

// The means that let a picture stay within `limit` bytes and cost the least time: none, then the
// UNet freed before decoding, then decoding in tiles, ever smaller, then fewer pictures at once.
// resource_exhausted, with what it takes at least, where none do. Plans are compiled as they are
// asked about; no weight is read.
Result<MemoryMeans> fit_memory(Session& session, const diffusion::PictureRequest& request,
                               int64_t limit);

// "freeing the unet before decoding, decoding in tiles of 256x256"; empty for none.
std::string describe(const MemoryMeans& means, int64_t vae_scale);

// "2GiB", "1.5 GB", "800MB", "4294967296": bytes; invalid_argument for anything else.
Result<int64_t> parse_bytes(std::string_view text);

}  // namespace tempera::api
