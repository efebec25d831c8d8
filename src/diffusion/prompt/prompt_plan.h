#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "diffusion/prompt/prompt_chunks.h"
#include "diffusion/prompt/prompt_settings.h"

namespace tempera::diffusion {

// A prompt as chunks.
using PromptRow = std::vector<PromptChunk>;

// What the text encoder is to read, and what the UNet sees of it when.
struct PromptPlan {
  bool has_negative = false;
  // Rows of each context: the negative prompt's first, if there is one, then one for each part of
  // the prompt.
  std::vector<std::vector<PromptRow>> contexts;
  std::vector<size_t> of_step;  // the context of each step of the prompts' schedules
  // Chunks whose hidden states have one mean before and after weighting: those at one place in the
  // texts that a scheduled prompt is at its changes, as AUTOMATIC1111 encodes them in one batch.
  std::vector<std::vector<PromptChunk>> mean_groups;
  std::vector<double> part_weights;  // of the prompt's parts: one unless AND joins several
  // Chunks of each of these parts: a shorter one goes on with its last hidden state, as in
  // AUTOMATIC1111, which joins them in one tensor.
  int64_t part_chunks = 1;
  // Chunks of every context: the negative prompt and the parts are repeated whole up to it, which a
  // softmax over them does not change.
  int64_t chunks = 1;

  int64_t rows() const {
    return static_cast<int64_t>(part_weights.size()) + (has_negative ? 1 : 0);
  }
};

// `negative`: null where no call is guided.
struct PromptTexts {
  std::string_view prompt;
  const std::string* negative = nullptr;
};

// `length`: the text encoder's. Rows of one text at different steps have as many chunks as the
// longest of them, the rest empty ones, as in AUTOMATIC1111.
// unsupported: prompts whose lengths only meet at more than 128 chunks.
Result<PromptPlan> make_prompt_plan(const PromptTexts& texts, const PromptSettings& settings,
                                    const Tokenizer& tokenizer, int64_t length, int64_t steps);

}  // namespace tempera::diffusion
