#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "base/status.h"
#include "frontend/checkpoint/activation.h"

namespace tempera::frontend {

// transformers' CLIPTextConfig; the defaults are that class's.
struct ClipTextConfig {
  int64_t vocab_size = 49408;
  int64_t hidden_size = 512;
  int64_t intermediate_size = 2048;
  int64_t num_hidden_layers = 12;
  int64_t num_attention_heads = 8;
  int64_t max_position_embeddings = 77;
  Activation hidden_act = Activation::quick_gelu;
  double layer_norm_eps = 1e-5;
  int64_t bos_token_id = 49406;
  int64_t eos_token_id = 49407;
  int64_t pad_token_id = 1;
};

// `file` names the config in errors: data_loss for fields of the wrong kind or that contradict each
// other, unsupported for what this program does not have.
Result<ClipTextConfig> parse_clip_text_config(const Json& json, const std::string& file);

}  // namespace tempera::frontend
