#pragma once

#include <vector>

#include "base/status.h"
#include "base/tensor.h"
#include "diffusion/components.h"
#include "diffusion/progress.h"
#include "diffusion/request.h"

namespace tempera::diffusion {

// What the prompts say to the UNet. Rows of a context go by prompt, then picture: the negative
// prompt's row of every picture first, if there is one.
struct Conditioning {
  std::vector<Tensor> contexts;  // f32 [model batch, tokens, width]
  std::vector<size_t> of_call;   // the context of each model call
};

// The prompts' ids, i32 [rows, tokens]: the negative prompt's row first, if guidance needs it.
Tensor prompt_ids(const PictureRequest& request, const ModelSettings& model);

// data_loss when the tokenizer gives ids that the text encoder does not have.
Result<Conditioning> encode_prompts(const PictureRequest& request, const ModelSettings& model,
                                    const Components& components, size_t calls,
                                    const ProgressFunction& progress);

}  // namespace tempera::diffusion
