#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "api/run/generate.h"
#include "base/status.h"
#include "diffusion/image/image.h"

namespace tempera::api {

// A picture to compare settings by.
struct Sample {
  std::string prompt;
  uint64_t seed = 0;
};
struct Samples {
  GenerateSettings settings;  // of all; what is open is the model's
  std::vector<Sample> pictures;
};

// The samples.json of the model's folder, or a few prompts of our own where there is none:
//   {"sampler", "steps", "guidance_scale", "width", "height", "pictures": [{"prompt", "seed"}]}
// All but `pictures` may be left out; a sampler's name ends at a bracket. data_loss for another
// form.
Result<Samples> read_samples(const std::string& model);

// What is said in `settings`, then what the samples say.
GenerateSettings settings_of(const Samples& samples, const Sample& sample,
                             const GenerateSettings& settings = {});

// A sample drawn with some setting.
struct DrawnSample {
  diffusion::Image image;
  Tensor latents;
  std::vector<Tensor> step_latents;                // with keep_steps
  double denoise_seconds = 0, decode_seconds = 0;  // without compiling and loading the UNet
};
Result<DrawnSample> draw_sample(Session& session, const GenerateSettings& settings,
                                const GenerateProgressFunction& progress = {});

}  // namespace tempera::api
