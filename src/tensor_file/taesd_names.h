#pragma once

#include <string>

#include "base/status.h"
#include "tensor_file/stored_tensor.h"

namespace tempera {

// The decoder in a file of TAESD's, a small autoencoder in the place of the VAE's: tensors
// "taesd.layers.0.weight" and so on, numbered as diffusers' AutoencoderTiny numbers them. Files
// name them decoder.layers.0.weight (diffusers), or 1.weight or decoder.1.weight (the original's,
// which counts the clamp in front). unsupported: none of these is in the file.
Result<NamedTensors> open_taesd(const std::string& path);

}  // namespace tempera
