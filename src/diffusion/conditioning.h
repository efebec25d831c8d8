#pragma once

#include <vector>

#include "base/status.h"
#include "base/tensor.h"
#include "diffusion/components.h"
#include "diffusion/picture_plan.h"
#include "diffusion/progress.h"

namespace tempera::diffusion {

// What the prompts say to the UNet. Rows of a context go by prompt, then picture: the negative
// prompt's row of every picture first, if there is one, then each part's.
struct Conditioning {
  std::vector<Tensor> contexts;      // f32 [model batch, tokens, width], all of one shape
  std::vector<size_t> of_call;       // the context of each model call
  std::vector<double> part_weights;  // of the prompt's parts
};

// Of a batch of `pictures`. data_loss when the tokenizer gives ids that the text encoder does not
// have.
Result<Conditioning> encode_prompts(const PicturePlan& picture, size_t pictures,
                                    const ModelSettings& model, const Components& components,
                                    const ProgressFunction& progress);

}  // namespace tempera::diffusion
