#pragma once

#include <string>

#include "api/run/generate.h"
#include "api/run/run_component.h"
#include "base/status.h"

namespace tempera::api {

// All tensors of a safetensors file.
Result<NamedValues> read_tensors(const std::string& path);
// The file appears only when it is complete.
Status write_tensors(const std::string& path, const NamedValues& tensors);

// The tensor `latents` of a file, or the only one there; any float dtype becomes f32.
Result<Tensor> read_latents(const std::string& path);
// `latents`, and the steps' as `latents.0`, `latents.1`, ...
Status write_latents(const std::string& path, const Generated& generated);

// All pictures in rows of so many, as a PNG.
Status write_sheet(const std::string& path, const Generated& generated, int64_t columns);

// A PNG with the picture's settings as its text `parameters`.
Status write_picture(const std::string& path, const GeneratedPicture& picture);

}  // namespace tempera::api
