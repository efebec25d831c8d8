#pragma once

#include "base/json.h"
#include "tensor_file/stored_tensor.h"

namespace tempera::frontend {

enum class Generation : uint8_t { sd1, sd2 };

// Which generation of Stable Diffusion the tensors of a part, under canonical names, belong to: the
// second projects by matrices around the UNet's transformers and has a text encoder 1024 wide. A
// VAE fits both.
Generation unet_generation(const NamedTensors& unet);
Generation text_encoder_generation(const NamedTensors& text_encoder);

// A part's config.json as diffusers and transformers write it, from the names and shapes of its
// tensors under canonical names. What they do not tell is stock: 8 heads in the UNet of SD 1.x and
// heads of 64 channels elsewhere, 32 groups, the latent's scale 0.18215, a latent of 64x64, or
// 96x96 for the text-to-image models of SD 2.x. A tensor that is missing leaves its field out: the
// config then has its class's default, and the tensor's user says what is wrong.
Json infer_unet_config(const NamedTensors& tensors, Generation generation);
Json infer_vae_config(const NamedTensors& tensors);
Json infer_text_encoder_config(const NamedTensors& tensors, Generation generation);

}  // namespace tempera::frontend
