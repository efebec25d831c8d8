#include "frontend/adapters/lora_names.h"

#include <algorithm>
#include <array>
#include <utility>

#include "frontend/adapters/ldm_unet_path.h"

namespace tempera::frontend {
namespace {

struct Suffix {
  std::string_view text, role;
};

// A suffix that ends in another stands before it.
constexpr std::array<Suffix, 38> kSuffixes = {{
    {".lora_up.weight", "lora_up"},
    {".lora_down.weight", "lora_down"},
    {".lora_mid.weight", "lora_mid"},
    {".lora_B.weight", "lora_up"},
    {".lora_A.weight", "lora_down"},
    {".lora_B.default.weight", "lora_up"},
    {".lora_A.default.weight", "lora_down"},
    {".lora_B.default_0.weight", "lora_up"},
    {".lora_A.default_0.weight", "lora_down"},
    {".lora.up.weight", "lora_up"},
    {".lora.down.weight", "lora_down"},
    {".lora_linear_layer.up.weight", "lora_up"},
    {".lora_linear_layer.down.weight", "lora_down"},
    {"_lora.up.weight", "lora_up"},
    {"_lora.down.weight", "lora_down"},
    {"_lora.alpha", "alpha"},
    {".lora.alpha", "alpha"},
    {".alpha", "alpha"},
    {".dora_scale", "dora_scale"},
    {".lora_magnitude_vector.default.weight", "magnitude"},
    {".lora_magnitude_vector.weight", "magnitude"},
    {".lora_magnitude_vector", "magnitude"},
    {".hada_w1_a", "hada_w1_a"},
    {".hada_w1_b", "hada_w1_b"},
    {".hada_w2_a", "hada_w2_a"},
    {".hada_w2_b", "hada_w2_b"},
    {".hada_t1", "hada_t1"},
    {".hada_t2", "hada_t2"},
    {".lokr_w1", "lokr_w1"},
    {".lokr_w1_a", "lokr_w1_a"},
    {".lokr_w1_b", "lokr_w1_b"},
    {".lokr_w2", "lokr_w2"},
    {".lokr_w2_a", "lokr_w2_a"},
    {".lokr_w2_b", "lokr_w2_b"},
    {".lokr_t2", "lokr_t2"},
    {".diff_b", "diff_b"},
    {".diff", "diff"},
    {".w_norm", "diff"},
}};
constexpr Suffix kNormBias = {".b_norm", "diff_b"};

struct Prefix {
  std::string_view text;
  Part part;
};

constexpr std::array<Prefix, 11> kPrefixes = {{
    {"lora_unet_", Part::unet},
    {"lora_te_", Part::text_encoder},
    {"lora_te1_", Part::text_encoder},
    {"unet.", Part::unet},
    {"diffusion_model.", Part::unet},
    {"model.diffusion_model.", Part::unet},
    {"text_encoder.", Part::text_encoder},
    {"text_model.", Part::text_encoder},
    {"down_blocks.", Part::unet},
    {"mid_block.", Part::unet},
    {"up_blocks.", Part::unet},
}};

void remove_prefix(std::string_view& text, std::string_view prefix) {
  if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
}

void replace(std::string& text, std::string_view from, std::string_view to) {
  if (const size_t at = text.find(from); at != std::string::npos) text.replace(at, from.size(), to);
}

// The attention's layers go by other names where diffusers trained its attention processors.
void rename_processor_layer(std::string& module, Part part) {
  replace(module, ".processor.", ".");
  const auto end = [&](std::string_view from, std::string_view to) {
    if (module.ends_with(from)) module.replace(module.size() - from.size(), from.size(), to);
  };
  if (part == Part::unet) return end(".to_out", ".to_out.0");
  end(".to_q", ".q_proj");
  end(".to_k", ".k_proj");
  end(".to_v", ".v_proj");
  end(".to_out", ".out_proj");
}

std::string underscored(std::string_view path) {
  remove_prefix(path, "text_model.");
  std::string result(path);
  std::ranges::replace(result, '.', '_');
  return result;
}

// Empty for the projections of queries, keys and values, which OpenCLIP fuses.
std::string open_clip_path(std::string module) {
  constexpr std::string_view kLayers = "encoder.layers.";
  if (!module.starts_with(kLayers) || module.ends_with("k_proj") || module.ends_with("v_proj") ||
      module.ends_with("q_proj"))
    return {};
  module.replace(0, kLayers.size(), "transformer.resblocks.");
  replace(module, "self_attn.", "attn.");
  replace(module, "mlp.fc1", "mlp.c_fc");
  replace(module, "mlp.fc2", "mlp.c_proj");
  replace(module, "layer_norm", "ln_");
  return module;
}

const Suffix* find_suffix(std::string_view name) {
  for (const Suffix& suffix : kSuffixes)
    if (name.ends_with(suffix.text)) return &suffix;
  return name.ends_with(kNormBias.text) ? &kNormBias : nullptr;
}

// Block names are part of the path.
bool is_block(std::string_view prefix) {
  return prefix.ends_with("blocks.") || prefix.ends_with("block.");
}

}  // namespace

std::optional<LoraName> parse_lora_name(std::string_view name) {
  remove_prefix(name, "base_model.model.");
  const Suffix* suffix = find_suffix(name);
  const auto begins = [&](const Prefix& prefix) { return name.starts_with(prefix.text); };
  const auto* const prefix = std::ranges::find_if(kPrefixes, begins);
  if (suffix == nullptr || prefix == kPrefixes.end()) return std::nullopt;
  name.remove_suffix(suffix->text.size());
  if (!is_block(prefix->text)) remove_prefix(name, prefix->text);
  remove_prefix(name, "text_model_");
  std::string module(name);
  if (suffix->text.starts_with('_')) rename_processor_layer(module, prefix->part);
  return LoraName{prefix->part, underscored(module), suffix->role};
}

std::map<std::string, std::string, std::less<>> lora_module_names(
    Part part, const std::vector<std::string>& modules) {
  std::map<std::string, std::string, std::less<>> names;
  const UnetBlocks blocks = part == Part::unet ? unet_blocks(modules) : UnetBlocks{};
  for (const std::string& module : modules) {
    names.emplace(underscored(module), module);
    if (part == Part::text_encoder) {
      if (const std::string path = open_clip_path(module); !path.empty()) {
        names.emplace(underscored(path), module);
        names.emplace("model_" + underscored(path), module);
      }
    }
    if (part != Part::unet) continue;
    if (const std::string path = ldm_unet_path(module, blocks); !path.empty())
      names.emplace(underscored(path), module);
  }
  return names;
}

}  // namespace tempera::frontend
