#pragma once

#include <optional>
#include <string>

#include "tensor_file/tensor_file.h"

namespace tempera::frontend {

// What a file says of how it was trained, beyond its weights.
struct PredictionHint {
  std::optional<bool> predicts_v;  // false: the noise. none: nothing says
  bool has_zero_snr = false;       // the last timestep is noise alone
};

// By, in this order, the empty tensors `v_pred` and `ztsnr` that fine-tunes carry; the metadata
// modelspec.prediction_type and modelspec.architecture (https://github.com/Stability-AI/ModelSpec);
// and the line `parameterization:` of LDM's config beside the file, of its name with .yaml.
PredictionHint prediction_hint(const TensorFile& file);

}  // namespace tempera::frontend
