#include "frontend/checkpoint/clip_text_config.h"

#include <limits>

#include "base/text.h"

namespace tempera::frontend {
namespace {

void check_class(ConfigReader& config) {
  const std::string architecture = config.texts("architectures", {"CLIPTextModel"}).front();
  config.require(architecture != "CLIPTextModelWithProjection", ErrorCode::unsupported,
                 "a CLIPTextModelWithProjection is the text encoder of SDXL and later models, "
                 "which are not supported yet");
  config.require(architecture == "CLIPTextModel", ErrorCode::unsupported,
                 fmt::format("text encoders of class {} are not supported, only CLIPTextModel",
                             quote(architecture)));
  config.require_text("model_type", "clip_text_model", "a text encoder of this type");
}

int64_t read_token(ConfigReader& config, std::string_view key, int64_t fallback) {
  return config.integer(key, fallback, -1, std::numeric_limits<int32_t>::max());
}

}  // namespace

Result<ClipTextConfig> parse_clip_text_config(const Json& json, const std::string& file) {
  ConfigReader config(json, file);
  check_class(config);
  ClipTextConfig c;
  c.vocab_size = config.integer("vocab_size", c.vocab_size);
  c.hidden_size = config.integer("hidden_size", c.hidden_size);
  c.intermediate_size = config.integer("intermediate_size", c.intermediate_size);
  c.num_hidden_layers = config.integer("num_hidden_layers", c.num_hidden_layers, 1, 256);
  c.num_attention_heads = config.integer("num_attention_heads", c.num_attention_heads);
  // Begin, end and a token between them.
  c.max_position_embeddings =
      config.integer("max_position_embeddings", c.max_position_embeddings, 3);
  c.hidden_act = read_activation(config, "hidden_act", "quick_gelu");
  c.layer_norm_eps = config.number("layer_norm_eps", c.layer_norm_eps);
  c.bos_token_id = read_token(config, "bos_token_id", c.bos_token_id);
  c.eos_token_id = read_token(config, "eos_token_id", c.eos_token_id);
  c.pad_token_id = read_token(config, "pad_token_id", c.pad_token_id);
  config.require(c.hidden_size % c.num_attention_heads == 0, ErrorCode::data_loss,
                 fmt::format("hidden_size {} is not a multiple of num_attention_heads {}",
                             c.hidden_size, c.num_attention_heads));
  TRY(config.status());
  return c;
}

}  // namespace tempera::frontend
