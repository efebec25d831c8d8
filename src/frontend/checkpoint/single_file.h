#pragma once

#include <string>

#include "base/status.h"
#include "frontend/checkpoint/checkpoint.h"

namespace tempera::frontend {

// A checkpoint in one file: all parts under LDM's names, or one part under any names. Configs are
// inferred; scheduler and tokenizer are built-in ones, of SD 2.x for text to image with
// v-prediction, unless the file or what is beside it says otherwise (prediction_hint.h).
// unsupported: another family, by name; not_found: nothing of Stable Diffusion in it.
Result<Checkpoint> open_single_file(const std::string& path);

}  // namespace tempera::frontend
