#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "diffusion/pipeline.h"
#include "runtime/device.h"
#include "runtime/plan.h"

namespace tempera::api {

// Which part of a UNet a plan computes: of a step that keeps or reuses the deep feature, see
// frontend/models/unet.h.
enum class UnetPart : uint8_t { all, all_with_deep, shallow };

// Which part of a VAE's component a plan computes: for tiles, see frontend/models/vae.h.
enum class VaePart : uint8_t { all, global, local };

// One component of a model at one size. Extents are those of the component's inputs: elements of
// the latent for unet and vae_decoder, pixels for vae_encoder; 0 where the component has none.
struct ComponentRequest {
  std::string component;  // "text_encoder", "unet", "vae_decoder", "vae_encoder"
  int64_t batch = 1;
  int64_t height = 0, width = 0;
  int64_t tokens = 0;  // text_encoder, unet
  // The unet's sample and timestep come with batch / repeat rows, which stand for all rows of the
  // text one after another: the two halves of a guided step see the same latents.
  int64_t repeat = 1;
  std::vector<std::string> keep;          // globs of layers that become outputs too
  int64_t clip_skip = 1;                  // text_encoder: its last layer, counted from the end
  diffusion::TokenMerging token_merging;  // of a unet, as is the part
  UnetPart part = UnetPart::all;
  VaePart vae_part = VaePart::all;  // of vae_*
  bool tiling = false;              // of unet and vae_*: pictures whose opposite sides meet
  // The module path of a layer to compute alone: from the component's inputs and from the values of
  // the layers that it reads, which become inputs by their module paths. Empty: the component.
  std::string layer;
  auto operator<=>(const ComponentRequest&) const = default;
};

// A layer that can be computed alone.
struct Layer {
  std::string name;                // module path
  std::vector<std::string> reads;  // layers and inputs of the component
};

// A plan and its code, ready to be loaded. Depends on no weight's values.
struct CompiledComponent {
  runtime::Plan plan;
  std::string code_path;  // a file with the same bytes as `code`, or empty
  std::string code;
  // What each output is asked for by, in the order it is given out in, with its index in
  // plan.outputs: several layers may be one value.
  std::vector<std::pair<std::string, int>> outputs;
  bool was_cached = false;
  runtime::ModuleCode module_code() const {
    return {code_path, std::as_bytes(std::span<const char>(code))};
  }
};

// What tells plans of one size apart in an artifact; empty values where nothing is asked for.
std::vector<std::pair<std::string, std::string>> options_of(const ComponentRequest& request);

// Adds the plan's own outputs under their names, for a plan without kept layers.
void name_outputs(CompiledComponent& component);

// Whether `text` fits a pattern in which `*` stands for any run of characters, dots included, and
// `?` for any one.
bool glob_matches(std::string_view pattern, std::string_view text);

}  // namespace tempera::api
