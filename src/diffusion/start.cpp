#include "diffusion/start.h"

#include <algorithm>

#include "diffusion/img2img.h"
#include "diffusion/inpaint.h"
#include "diffusion/samplers/add_noise.h"
#include "diffusion/samplers/k_diffusion/k_plan.h"
#include "diffusion/samplers/sigma_space.h"

namespace tempera::diffusion {
namespace {

struct Starting {
  const PictureRequest& request;
  const ModelSettings& model;
  const Components& components;
  const SamplerPlan& plan;
  NoiseSource& noise;
  size_t pictures, latent;  // elements of a picture's latents

  bool has_condition() const { return model.unet_channels != model.latent_channels; }
  bool has_mask() const { return !request.mask.repaint.empty(); }
  bool is_a1111() const { return request.sampler.compat == Compat::a1111; }
  // Inpainting with all its steps begins as noise alone.
  bool is_noise_alone() const {
    return !is_given(request.init) || (has_mask() && request.init.strength >= 1.0 && !is_a1111());
  }
};

// Unit noise -> samples of the latents of the images, one for all or one a picture, of which only
// what is kept is seen if `is_masked`. No image: middle grey.
Status sample_images(const Starting& s, bool is_masked, std::span<float> noise) {
  const std::vector<Image>& images = s.request.init.images;
  const size_t count = std::max<size_t>(images.size(), 1);
  std::vector<float> planes(static_cast<size_t>(3 * s.request.width * s.request.height));
  for (size_t i = 0; i < count; ++i) {
    if (!images.empty()) planes = planes_of(images[i]);
    if (is_masked) erase_repainted(s.request.mask, planes);
    ASSIGN_OR_RETURN(const Posterior posterior,
                     Posterior::encode(s.components.encode_image, planes, s.latent));
    for (size_t picture = i; picture < s.pictures; picture += count)
      posterior.sample(s.model.scaling_factor, noise.subspan(picture * s.latent, s.latent));
  }
  return {};
}

// One image that all pictures begin with is sampled once. AUTOMATIC1111 does not take these from a
// picture's noise; there the latents are the mean.
void draw_for_images(const Starting& s, std::span<float> noise) {
  if (s.is_a1111())
    std::ranges::fill(noise, 0.0f);
  else if (s.request.init.images.size() > 1)
    s.noise.draw(noise);
  else
    s.noise.draw_shared(noise);
}

Status sample_init(const Starting& s, std::vector<float>& clean) {
  if (!s.request.init.latents.empty()) {
    clean = s.request.init.latents;
    return {};
  }
  clean.resize(s.pictures * s.latent);
  draw_for_images(s, clean);
  return sample_images(s, false, clean);
}

// Mask and masked latents, picture by picture.
std::vector<float> join_condition(const Starting& s, std::span<const float> mask,
                                  std::span<const float> masked) {
  std::vector<float> condition;
  for (size_t picture = 0; picture < s.pictures; ++picture) {
    condition.insert(condition.end(), mask.begin(), mask.end());
    const auto part = masked.subspan(picture * s.latent, s.latent);
    condition.insert(condition.end(), part.begin(), part.end());
  }
  return condition;
}

// Drawn even where only the mask is needed: later noise is then diffusers'.
Status add_condition(const Starting& s, Start& start) {
  std::vector<float> masked(s.pictures * s.latent);
  draw_for_images(s, masked);
  if (!s.has_condition()) return {};
  TRY(sample_images(s, true, masked));
  start.condition = join_condition(s, start.mask, masked);
  return {};
}

void fill_mask(const Starting& s, const Start& start, std::span<float> latents) {
  const MaskFill fill = s.request.mask.fill;
  if (fill != MaskFill::noise && fill != MaskFill::zero) return;
  for (size_t i = 0; i < latents.size(); ++i)
    if (start.mask[i % start.mask.size()] != 0.0f)
      latents[i] = fill == MaskFill::noise ? start.noise[i] : 0.0f;
}

}  // namespace

Result<SamplerPlan> make_plan(const PictureRequest& request, const SchedulerConfig& config) {
  if (is_given(request.init) && request.sampler.compat == Compat::a1111)
    return k_diffusion::make_img2img_plan(request.sampler, config, request.init.strength,
                                          request.init.exact_steps);
  ASSIGN_OR_RETURN(SamplerPlan plan, make_sampler_plan(request.sampler, config));
  if (!is_given(request.init)) return plan;
  return cut(std::move(plan), request.init.strength);
}

Result<Start> start(const PictureRequest& request, const ModelSettings& model,
                    const Components& components, const SamplerPlan& plan, NoiseSource& noise,
                    std::span<float> latents) {
  const size_t pictures = request.seeds.size();
  const Starting s{request, model, components, plan, noise, pictures, latents.size() / pictures};
  Start start;
  if (s.has_mask() || s.has_condition())
    start.mask = latent_mask(request.mask, request.width, request.height, model.vae_scale);
  if (!s.is_noise_alone() || (s.has_mask() && !s.has_condition())) TRY(sample_init(s, start.clean));
  start.noise = request.initial_latents;
  if (start.noise.empty()) {
    start.noise.resize(latents.size());
    noise.draw_start(start.noise);
  }
  if (s.is_noise_alone()) {
    std::ranges::transform(start.noise, latents.begin(),
                           [&](float x) { return x * plan.init_noise_sigma; });
  } else {
    std::ranges::copy(start.clean, latents.begin());
    if (s.has_mask()) fill_mask(s, start, latents);
    add_noise(plan, 0, latents, start.noise, latents);
  }
  if (!start.mask.empty()) TRY(add_condition(s, start));
  return start;
}

void keep_in_output(const Start& start, const SamplerPlan& plan, size_t call,
                    std::span<const float> latents, std::span<float> output) {
  if (plan.linear_steps.empty() || start.mask.empty() || !start.condition.empty()) return;
  const Prediction kind = plan.config.prediction;
  const auto sigma = static_cast<float>(plan.linear_steps[call].sigma);
  for (size_t i = 0; i < output.size(); ++i)
    if (start.mask[i % start.mask.size()] == 0.0f)
      output[i] = output_of(kind, sigma, latents[i], start.clean[i]);
}

void put_back(Start& start, const SamplerPlan& plan, size_t next_call, std::span<float> latents) {
  if (start.mask.empty() || !start.condition.empty()) return;
  if (!plan.linear_steps.empty() && next_call < plan.timesteps.size()) return;
  if (next_call == plan.timesteps.size()) return blend(start.mask, start.clean, latents);
  start.kept.resize(start.clean.size());
  add_noise(plan, next_call, start.clean, start.noise, start.kept);
  blend(start.mask, start.kept, latents);
}

}  // namespace tempera::diffusion
