#include "diffusion/pipeline.h"

#include <algorithm>
#include <cmath>

#include "diffusion/conditioning.h"
#include "diffusion/guidance.h"
#include "diffusion/guidance_rescale.h"
#include "diffusion/noise_source.h"
#include "diffusion/preview.h"
#include "diffusion/start.h"

namespace tempera::diffusion {
namespace {

Shape latent_shape(const PictureRequest& request, const ModelSettings& model) {
  return {static_cast<int64_t>(request.seeds.size()), model.latent_channels,
          request.height / model.vae_scale, request.width / model.vae_scale};
}

Status check_mask(const PictureRequest& request) {
  const auto given = static_cast<int64_t>(request.mask.repaint.size());
  if (given == 0) return {};
  if (!is_given(request.init))
    return error(ErrorCode::invalid_argument, "a mask without an init image");
  if (given == request.width * request.height) return {};
  return error(ErrorCode::invalid_argument, "a mask of {} pixels for a picture of {}x{}", given,
               request.width, request.height);
}

LatentSize latent_size(const PictureRequest& request, const ModelSettings& model) {
  return {model.latent_channels, request.height / model.vae_scale, request.width / model.vae_scale};
}

Status check_request(const PictureRequest& request, const ModelSettings& model) {
  if (request.width < model.vae_scale || request.height < model.vae_scale ||
      request.width % model.vae_scale != 0 || request.height % model.vae_scale != 0)
    return error(ErrorCode::invalid_argument, "the size {}x{} is not a multiple of {}",
                 request.width, request.height, model.vae_scale);
  if (!std::isfinite(request.guidance_scale))
    return error(ErrorCode::invalid_argument, "the guidance scale {} is not a finite number",
                 request.guidance_scale);
  TRY(check(request.saving, is_guided(request)));
  TRY(check(request.noise));
  if (request.seeds.empty())
    return error(ErrorCode::invalid_argument, "a batch of 0 pictures; give at least one seed");
  const Shape shape = latent_shape(request, model);
  const auto given = static_cast<int64_t>(request.initial_latents.size());
  if (given != 0 && given != element_count(shape))
    return error(ErrorCode::invalid_argument, "the initial latents hold {} values, {} needs {}",
                 given, to_string(shape), element_count(shape));
  TRY(check(request.init, shape[0], request.width, request.height));
  return check_mask(request);
}

// The buffers of the sampling loop, all made before the first step.
struct Buffers {
  std::vector<float> scaled;      // [pictures, 4, h, w]
  std::vector<float> original;    // [pictures, 4, h, w], once it is asked for
  std::vector<float> input;       // [pictures, unet_channels, h, w], if the UNet takes more
  std::vector<float> output;      // [model batch, 4, h, w]
  std::vector<float> noise;       // a call's draws, each [pictures, 4, h, w]
  std::span<const float> guided;  // of `output`: what the last step took
  SamplerState state;
};

// `rows`: of a model call a picture, at most.
Buffers make_buffers(const SamplerPlan& plan, const Start& start, size_t latents, size_t rows) {
  size_t draws = 0;
  for (const auto& of_call : plan.draws) draws = std::max(draws, of_call.size());
  return {std::vector<float>(latents),
          {},
          std::vector<float>(start.condition.empty() ? 0 : latents + start.condition.size()),
          std::vector<float>(rows * latents),
          std::vector<float>(draws * latents),
          {},
          make_sampler_state(plan, latents)};
}

struct Loop {
  const PictureRequest& request;
  const Components& components;
  const SamplerPlan& plan;
  const Conditioning& conditioning;
  Start& start;
  NoiseSource& noise;
  Buffers& buffers;
  std::vector<CallKind> kinds;  // of each call
};

// Binds the call's context unless the call before had the same.
Status bind_context(const Loop& loop, size_t call) {
  const std::vector<size_t>& of_call = loop.conditioning.of_call;
  if (call > 0 && of_call[call] == of_call[call - 1]) return {};
  return loop.components.bind_context(loop.conditioning.contexts[of_call[call]]);
}

// What the UNet sees: the scaled sample of each picture, before what it takes beside.
std::span<const float> model_input(const Loop& loop, size_t call, std::span<const float> latents) {
  Buffers& buffers = loop.buffers;
  scale_input(loop.plan, call, latents, buffers.scaled);
  const std::vector<float>& condition = loop.start.condition;
  if (condition.empty()) return buffers.scaled;
  const size_t pictures = loop.request.seeds.size();
  const size_t sample = latents.size() / pictures, beside = condition.size() / pictures;
  auto to = buffers.input.begin();
  for (size_t picture = 0; picture < pictures; ++picture) {
    to = std::copy_n(buffers.scaled.begin() + picture * sample, sample, to);
    to = std::copy_n(condition.begin() + picture * beside, beside, to);
  }
  return buffers.input;
}

Status step(const Loop& loop, size_t call, std::span<float> latents) {
  Buffers& buffers = loop.buffers;
  const CallKind kind = loop.kinds[call];
  const std::vector<double>& weights = loop.conditioning.part_weights;
  const size_t rows = weights.size() + (kind.guided ? 1 : 0);
  const std::span<float> result = std::span(buffers.output).first(rows * latents.size());
  TRY(bind_context(loop, call));
  const auto noise = std::span(buffers.noise).first(draws_of(loop.plan, call) * latents.size());
  if (!noise.empty()) loop.noise.draw(loop.plan.draws[call], noise);
  add_churn(loop.plan, call, noise, latents);
  const std::span<const float> input = model_input(loop, call, latents);
  TRY(loop.components.denoise({input, loop.plan.timesteps[call], kind}, result));
  const std::span<const float> output =
      guide(loop.request.guidance_scale, weights, kind.guided, result);
  if (kind.guided && loop.request.guidance_rescale > 0.0)
    rescale_guidance(loop.request.guidance_rescale, loop.request.seeds.size(),
                     result.subspan(latents.size(), latents.size()), result.first(latents.size()));
  keep_in_output(loop.start, loop.plan, call, latents, result.first(latents.size()));
  buffers.guided = output;
  sampler_step(loop.plan, {call, output, noise}, buffers.state, latents);
  put_back(loop.start, loop.plan, call + 1, latents);
  return {};
}

// The finished latents, as the call takes them.
std::span<const float> original_of(const Loop& loop, size_t call) {
  Buffers& buffers = loop.buffers;
  buffers.original.resize(buffers.scaled.size());
  predict_original(loop.plan, call, buffers.scaled, buffers.guided, buffers.original);
  return buffers.original;
}

Status denoise(const Loop& loop, const ProgressFunction& progress, Pictures& pictures) {
  const std::span<float> latents = pictures.latents.as<float>();
  const auto calls = static_cast<int64_t>(loop.plan.timesteps.size());
  TRY(report(progress, Stage::denoise, 0, calls));
  for (int64_t call = 0; call < calls; ++call) {
    TRY(step(loop, static_cast<size_t>(call), latents));
    if (loop.request.keep_steps) pictures.step_latents.push_back(pictures.latents);
    const auto original = [&loop, call] { return original_of(loop, static_cast<size_t>(call)); };
    TRY(report(progress, {Stage::denoise, call + 1, calls, original}));
  }
  return {};
}

Status decode(const PictureRequest& request, const ModelSettings& model,
              const Components& components, const ProgressFunction& progress, Pictures& pictures) {
  const auto count = static_cast<int64_t>(request.seeds.size());
  const std::span<const float> latents = pictures.latents.as<float>();
  std::vector<float> latent(latents.size() / static_cast<size_t>(count));
  std::vector<float> planes(static_cast<size_t>(3 * request.width * request.height));
  const auto factor = static_cast<float>(model.scaling_factor);
  TRY(report(progress, Stage::decode, 0, count));
  for (int64_t picture = 0; picture < count; ++picture) {
    const auto from = latents.subspan(static_cast<size_t>(picture) * latent.size(), latent.size());
    std::ranges::transform(from, latent.begin(), [factor](float x) { return x / factor; });
    TRY(components.decode(latent, planes));
    pictures.images.push_back(
        composite(request.composite, image_from_planes(planes, request.width, request.height)));
    TRY(report(progress, Stage::decode, picture + 1, count));
  }
  return {};
}

}  // namespace

Result<Pictures> make_pictures(const PictureRequest& request, const ModelSettings& model,
                               const PicturePlan& picture, const Components& components,
                               const ProgressFunction& progress) {
  TRY(check_request(request, model));
  Pictures pictures;
  const SamplerPlan& plan = picture.sampler;
  const size_t calls = plan.timesteps.size();
  ASSIGN_OR_RETURN(const Conditioning conditioning,
                   encode_prompts(picture, request.seeds.size(), model, components, progress));
  pictures.latents = Tensor(DType::f32, latent_shape(request, model));
  NoiseSource noise(request.noise, request.seeds, latent_size(request, model), plan.brownian);
  const std::span<float> latents = pictures.latents.as<float>();
  ASSIGN_OR_RETURN(Start begin, start(request, model, components, plan, noise, latents));
  const size_t rows = conditioning.part_weights.size() + (is_guided(request) ? 1 : 0);
  Buffers buffers = make_buffers(plan, begin, latents.size(), rows);
  TRY(denoise({request, components, plan, conditioning, begin, noise, buffers,
               call_kinds(request, static_cast<int64_t>(calls))},
              progress, pictures));
  if (request.decodes) TRY(decode(request, model, components, progress, pictures));
  return pictures;
}

}  // namespace tempera::diffusion
