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

void add(Fields& fields, std::string_view name, std::string value) {
  fields.emplace_back(name, std::move(value));
}
void add(Fields& fields, std::string_view name, double value) {
  add(fields, name, fmt::format("{}", value));
}
void add_if(Fields& fields, bool condition, std::string_view name) {
  if (condition) add(fields, name, "True");
}

void add_hires(const PictureRequest& request, Fields& fields) {
  const diffusion::HiresInput& hires = request.hires;
  if (!is_given(hires)) return;
  add(fields, is_given(request.init) ? "Hires denoising strength" : "Denoising strength",
      hires.strength);
  add(fields, "Hires upscale", hires.scale);
  if (hires.steps > 0) add(fields, "Hires steps", std::to_string(hires.steps));
  add(fields, "Hires upscaler",
      hires.upscaler == diffusion::Upscaler::latent ? "Latent" : "Lanczos");
}

std::string_view title(diffusion::MaskFill fill) {
  if (fill == diffusion::MaskFill::noise) return "latent noise";
  if (fill == diffusion::MaskFill::zero) return "latent nothing";
  return fill == diffusion::MaskFill::blur ? "fill" : "original";
}

void add_init(const PictureRequest& request, Fields& fields) {
  if (diffusion::is_given(request.init)) add(fields, "Denoising strength", request.init.strength);
  const diffusion::MaskInput& mask = request.mask;
  if (mask.repaint.empty()) return;
  if (mask.blur > 0) add(fields, "Mask blur", mask.blur);
  if (mask.fill != diffusion::MaskFill::original)
    add(fields, "Masked content", std::string(title(mask.fill)));
  if (!mask.padding) return;
  add(fields, "Inpaint area", "Only masked");
  add(fields, "Masked area padding", std::to_string(*mask.padding));
}

// RNG is always there: without it AUTOMATIC1111 takes the noise for the computing device's.
void add_noise(const diffusion::NoiseSettings& noise, size_t index, Fields& fields) {
  add(fields, "RNG", noise.rng == diffusion::Rng::cuda ? "NV" : "CPU");
  if (noise.seed_delta != 0) add(fields, "ENSD", std::to_string(noise.seed_delta));
  if (!diffusion::has_variation(noise)) return;
  const auto place = static_cast<uint64_t>(noise.first_picture) + index;
  add(fields, "Variation seed", std::to_string(*noise.variation_seed + place));
  add(fields, "Variation seed strength", noise.variation_strength);
}

void add_k_options(const diffusion::KOptions& k, Fields& fields) {
  const diffusion::KOptions usual;
  if (k.s_churn != usual.s_churn) add(fields, "Sigma churn", k.s_churn);
  if (k.s_tmin != usual.s_tmin) add(fields, "Sigma tmin", k.s_tmin);
  if (k.s_tmax != usual.s_tmax) add(fields, "Sigma tmax", k.s_tmax);
  if (k.s_noise != usual.s_noise) add(fields, "Sigma noise", k.s_noise);
  if (k.sigma_min) add(fields, "Schedule min sigma", *k.sigma_min);
  if (k.sigma_max) add(fields, "Schedule max sigma", *k.sigma_max);
  if (k.rho) add(fields, "Schedule rho", *k.rho);
  add_if(fields, k.discard_penultimate, "Discard penultimate sigma");
  add_if(fields, k.sgm_noise_multiplier, "SGM noise multiplier");
  add_if(fields, k.quantize, "Quantize timesteps");
}

// What AUTOMATIC1111 has no field for, or none by which its own default differs, is under our
// flags' names.
void add_sampling(const PictureRequest& request, Fields& fields) {
  const diffusion::SamplerOptions& sampler = request.sampler;
  if (sampler.eta) add(fields, "Eta", *sampler.eta);
  if (sampler.spacing)
    add(fields, "Timestep spacing", std::string(diffusion::name(*sampler.spacing)));
  if (sampler.prediction) add(fields, "Prediction", std::string(name(*sampler.prediction)));
  if (sampler.rescale_betas_zero_snr) add(fields, "Noise Schedule", "Zero Terminal SNR");
  if (request.guidance_rescale != 0) add(fields, "Guidance rescale", request.guidance_rescale);
  if (request.prompts.language == diffusion::PromptLanguage::plain)
    add(fields, "Prompt language", "plain");
  if (sampler.compat == diffusion::Compat::a1111) add(fields, "Compat", "a1111");
  add_k_options(sampler.k, fields);
}

// AUTOMATIC1111 has the schedule beside the sampler since 1.9, behind its name before.
void add_sampler(const diffusion::SamplerPlan& plan, bool is_a1111, Fields& fields) {
  add(fields, "Sampler", is_a1111 ? std::string(plan.sampler->title) : diffusion::title(plan));
  if (is_a1111) add(fields, "Schedule type", std::string(diffusion::title(plan.schedule)));
}

}  // namespace

std::string parameters_text(const PictureRequest& request, const diffusion::SamplerPlan& plan,
                            const ModelInfo& info, size_t index) {
  Fields fields = {{"Steps", std::to_string(plan.steps)}};
  add_sampler(plan, request.sampler.compat == diffusion::Compat::a1111, fields);
  add(fields, "CFG scale", request.guidance_scale);
  add(fields, "Seed", std::to_string(request.seeds.at(index)));
  add(fields, "Size", fmt::format("{}x{}", request.width, request.height));
  add(fields, "Model", info.name);
  if (request.prompts.clip_skip > 1)
    add(fields, "Clip skip", std::to_string(request.prompts.clip_skip));
  add_if(fields, request.tiling, "Tiling");
  add_init(request, fields);
  add_hires(request, fields);
  add_saving(request.saving, fields);
  add_noise(request.noise, index, fields);
  add_sampling(request, fields);
  add(fields, "Version", fmt::format("tempera {}", kVersion));
  return diffusion::format_infotext({.prompt = request.prompt,
                                     .negative_prompt = request.negative_prompt,
                                     .fields = std::move(fields)});
}

}  // namespace tempera::api
