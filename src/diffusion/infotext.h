#pragma once

#include <string>
#include <utility>
#include <vector>

#include "diffusion/pipeline.h"

namespace tempera::diffusion {

// The settings of a picture, as AUTOMATIC1111 writes them into the PNG's text "parameters".
struct Infotext {
  std::string prompt;
  std::string negative_prompt;
  std::vector<std::pair<std::string, std::string>> fields;  // "Steps" -> "20", in order
};

inline constexpr const char* kInfotextKeyword = "parameters";

// The prompt, a line "Negative prompt: ..." unless it is empty, and a line "Steps: 20, Seed: 1,
// ..." in which a value with a comma, a colon or a line break is a JSON string.
std::string format_infotext(const Infotext& infotext);

// What AUTOMATIC1111 would write about picture `index` of a run: steps, sampler, scale, seed, size,
// model and version.
Infotext describe_picture(const PictureRequest& request, const SamplerPlan& plan, size_t index,
                          const std::string& model, const std::string& version);

}  // namespace tempera::diffusion
