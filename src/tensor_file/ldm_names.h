#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "tensor_file/stored_tensor.h"

namespace tempera {

// From the names of the original Stable Diffusion code (LDM; OpenCLIP's for the text encoder of SD
// 2.x) to those of diffusers and transformers. Tensors that these models do not have there
// (logit_scale, text_projection, a discriminator) are left out. Names and shapes alone decide.

// `stored` without the prefix "model.diffusion_model.". unsupported if its blocks do not follow
// each other as SD's do.
Result<NamedTensors> unet_from_ldm(const NamedTensors& stored);
// `stored` without the prefix "first_stage_model.".
NamedTensors vae_from_ldm(const NamedTensors& stored);
// `stored` without the prefix "cond_stage_model.model.". The fused projections of queries, keys and
// values become three views of their rows.
NamedTensors text_encoder_from_open_clip(const NamedTensors& stored);

// Rows [begin, end) of a tensor, and a tensor in another shape of as many elements: views.
StoredTensor rows_of(const StoredTensor& tensor, int64_t begin, int64_t end);
StoredTensor reshaped(StoredTensor tensor, Shape shape);

}  // namespace tempera
