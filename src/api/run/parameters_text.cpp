#include "api/run/generate.h"
#include "api/run/version.h"
#include "diffusion/infotext.h"

namespace tempera::api {
namespace {

using diffusion::PictureRequest;
using Fields = std::vector<std::pair<std::string, std::string>>;

// The settings of `saving` that are not the usual ones, as an infotext's fields.
void add_saving(const diffusion::WorkSaving& saving, Fields& fields) {
  const diffusion::TokenMerging& merging = saving.token_merging;
  if (merging.ratio > 0) {
    fields.emplace_back("Token merging ratio", fmt::format("{}", merging.ratio));
    if (merging.max_downsample > 1)
      fields.emplace_back("Token merging max downsample", std::to_string(merging.max_downsample));
    if (merging.cross_attention) fields.emplace_back("Token merging cross attention", "True");
    if (merging.mlp) fields.emplace_back("Token merging MLP", "True");
  }
  if (saving.deep_cache > 1)
    fields.emplace_back("DeepCache interval", std::to_string(saving.deep_cache));
  if (saving.guidance_from > 0)
    fields.emplace_back("Guidance from", fmt::format("{}", saving.guidance_from));
  if (saving.guidance_to < 1)
    fields.emplace_back("Guidance to", fmt::format("{}", saving.guidance_to));
}

void add_hires(const PictureRequest& request, Fields& fields) {
  const diffusion::HiresInput& hires = request.hires;
  if (!is_given(hires)) return;
  if (!is_given(request.init))
    fields.emplace_back("Denoising strength", fmt::format("{}", hires.strength));
  fields.emplace_back("Hires upscale", fmt::format("{}", hires.scale));
  if (hires.steps > 0) fields.emplace_back("Hires steps", std::to_string(hires.steps));
  fields.emplace_back("Hires upscaler",
                      hires.upscaler == diffusion::Upscaler::latent ? "Latent" : "Lanczos");
}

void add_init(const PictureRequest& request, Fields& fields) {
  if (diffusion::is_given(request.init))
    fields.emplace_back("Denoising strength", fmt::format("{}", request.init.strength));
  const diffusion::MaskInput& mask = request.mask;
  if (mask.repaint.empty()) return;
  if (mask.blur > 0) fields.emplace_back("Mask blur", fmt::format("{}", mask.blur));
  if (mask.fill != diffusion::MaskFill::original)
    fields.emplace_back("Masked content", std::string(name(mask.fill)));
  if (!mask.padding) return;
  fields.emplace_back("Inpaint area", "Only masked");
  fields.emplace_back("Masked area padding", std::to_string(*mask.padding));
}

// By AUTOMATIC1111's names; the CPU's generator is ours unless a field says otherwise.
void add_noise(const diffusion::NoiseSettings& noise, Fields& fields) {
  if (noise.rng == diffusion::Rng::cuda) fields.emplace_back("RNG", "NV");
  if (noise.seed_delta != 0) fields.emplace_back("ENSD", std::to_string(noise.seed_delta));
  if (!diffusion::has_variation(noise)) return;
  fields.emplace_back("Variation seed", std::to_string(*noise.variation_seed));
  fields.emplace_back("Variation seed strength", fmt::format("{}", noise.variation_strength));
}

}  // namespace

std::string parameters_text(const PictureRequest& request, const diffusion::SamplerPlan& plan,
                            const ModelInfo& info, uint64_t seed) {
  Fields fields = {{"Steps", std::to_string(plan.steps)},
                   {"Sampler", diffusion::title(plan)},
                   {"CFG scale", fmt::format("{}", request.guidance_scale)},
                   {"Seed", std::to_string(seed)},
                   {"Size", fmt::format("{}x{}", request.width, request.height)},
                   {"Model", info.name}};
  if (request.prompts.clip_skip > 1)
    fields.emplace_back("Clip skip", std::to_string(request.prompts.clip_skip));
  if (request.tiling) fields.emplace_back("Tiling", "True");
  add_init(request, fields);
  add_hires(request, fields);
  add_saving(request.saving, fields);
  add_noise(request.noise, fields);
  fields.emplace_back("Version", fmt::format("tempera {}", kVersion));
  return diffusion::format_infotext({.prompt = request.prompt,
                                     .negative_prompt = request.negative_prompt,
                                     .fields = std::move(fields)});
}

}  // namespace tempera::api
