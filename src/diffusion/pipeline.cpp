#include "diffusion/pipeline.h"

#include <algorithm>
#include <cmath>

#include "diffusion/latents.h"

namespace tempera::diffusion {
namespace {

Status report(const ProgressFunction& progress, Stage stage, int64_t done, int64_t total) {
  if (!progress || progress({stage, done, total})) return {};
  return error(ErrorCode::cancelled, "stopped before the picture was done");
}

constexpr double kMostMerged = 0.75;   // all tokens but one of each cell of four
constexpr int64_t kMostReused = 1000;  // calls that take one deep feature

bool is_guided(const TextToImage& request) { return request.guidance_scale > 1.0; }

Shape latent_shape(const TextToImage& request, const ModelSettings& model) {
  return {static_cast<int64_t>(request.seeds.size()), model.latent_channels,
          request.height / model.vae_scale, request.width / model.vae_scale};
}

Status check_request(const TextToImage& request, const ModelSettings& model) {
  if (request.width < model.vae_scale || request.height < model.vae_scale ||
      request.width % model.vae_scale != 0 || request.height % model.vae_scale != 0)
    return error(ErrorCode::invalid_argument, "the size {}x{} is not a multiple of {}",
                 request.width, request.height, model.vae_scale);
  if (!std::isfinite(request.guidance_scale))
    return error(ErrorCode::invalid_argument, "the guidance scale {} is not a finite number",
                 request.guidance_scale);
  TRY(check_saving(request));
  if (request.seeds.empty())
    return error(ErrorCode::invalid_argument, "a batch of 0 pictures; give at least one seed");
  const Shape shape = latent_shape(request, model);
  const auto given = static_cast<int64_t>(request.initial_latents.size());
  if (given != 0 && given != element_count(shape))
    return error(ErrorCode::invalid_argument, "the initial latents hold {} values, {} needs {}",
                 given, to_string(shape), element_count(shape));
  return {};
}

Status check_ids(const Tensor& ids, const ModelSettings& model) {
  const int64_t largest = std::ranges::max(ids.as<int32_t>());
  if (model.vocabulary == 0 || largest < model.vocabulary) return {};
  return error(
      ErrorCode::data_loss,
      "the tokenizer gives the id {}, but the text encoder has only {} tokens; are both of "
      "one model?",
      largest, model.vocabulary);
}

// Each prompt's row once a picture: [rows, tokens, width] -> [model batch, tokens, width].
Tensor repeat_rows(const Tensor& encoded, int64_t pictures) {
  Shape shape = encoded.shape;
  const int64_t rows = shape[0];
  shape[0] = rows * pictures;
  Tensor context(DType::f32, shape);
  const auto from = encoded.as<float>();
  const size_t row_size = from.size() / static_cast<size_t>(rows);
  auto to = context.as<float>().begin();
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t picture = 0; picture < pictures; ++picture)
      to = std::ranges::copy(from.subspan(row * row_size, row_size), to).out;
  return context;
}

Status bind_prompts(const TextToImage& request, const ModelSettings& model,
                    const Components& components, const ProgressFunction& progress) {
  const Tensor ids = prompt_ids(request, model);
  TRY(check_ids(ids, model));
  TRY(report(progress, Stage::encode, 0, ids.shape[0]));
  ASSIGN_OR_RETURN(const Tensor encoded, components.encode(ids));
  CHECK(
      encoded.dtype == DType::f32 && encoded.shape.size() == 3 && encoded.shape[0] == ids.shape[0],
      "the text encoder gave {} for {}", to_string(encoded.shape), to_string(ids.shape));
  TRY(components.bind_context(repeat_rows(encoded, static_cast<int64_t>(request.seeds.size()))));
  return report(progress, Stage::encode, ids.shape[0], ids.shape[0]);
}

// The buffers of the sampling loop, all made before the first step.
struct Buffers {
  std::vector<float> input;   // [pictures, 4, h, w]
  std::vector<float> output;  // [model batch, 4, h, w]
  std::vector<float> noise;   // [pictures, 4, h, w], if the sampler draws any
  SamplerState state;
};

Buffers make_buffers(const TextToImage& request, const SamplerPlan& plan, size_t latents) {
  return {std::vector<float>(latents),
          std::vector<float>(is_guided(request) ? 2 * latents : latents),
          std::vector<float>(plan.draws_noise ? latents : 0), make_sampler_state(plan, latents)};
}

// Leaves negative + scale * (prompt - negative) in the first half of the output, and returns it.
std::span<const float> guide(const TextToImage& request, std::span<float> output) {
  const auto scale = static_cast<float>(request.guidance_scale);
  std::span<float> negative = output.first(output.size() / 2);
  const std::span<const float> prompt = output.last(output.size() / 2);
  for (size_t i = 0; i < negative.size(); ++i) negative[i] += scale * (prompt[i] - negative[i]);
  return negative;
}

struct Loop {
  const TextToImage& request;
  const Components& components;
  const SamplerPlan& plan;
  std::vector<TorchCpuGenerator>& generators;
  Buffers& buffers;
  std::vector<CallKind> kinds;  // of each call
};

Status step(const Loop& loop, size_t call, std::span<float> latents) {
  Buffers& buffers = loop.buffers;
  const CallKind kind = loop.kinds[call];
  const size_t rows = kind.guided ? 2 * latents.size() : latents.size();
  const std::span<float> result = std::span(buffers.output).first(rows);
  scale_input(loop.plan, call, latents, buffers.input);
  TRY(loop.components.denoise({buffers.input, loop.plan.timesteps[call], kind}, result));
  const std::span<const float> output = kind.guided ? guide(loop.request, result) : result;
  if (loop.plan.draws_noise) draw_noise(loop.generators, buffers.noise);
  sampler_step(loop.plan, {call, output, buffers.noise}, buffers.state, latents);
  return {};
}

Status denoise(const Loop& loop, const ProgressFunction& progress, Pictures& pictures) {
  const std::span<float> latents = pictures.latents.as<float>();
  const auto calls = static_cast<int64_t>(loop.plan.timesteps.size());
  TRY(report(progress, Stage::denoise, 0, calls));
  for (int64_t call = 0; call < calls; ++call) {
    TRY(step(loop, static_cast<size_t>(call), latents));
    if (loop.request.keep_steps) pictures.step_latents.push_back(pictures.latents);
    TRY(report(progress, Stage::denoise, call + 1, calls));
  }
  return {};
}

void set_initial_latents(const TextToImage& request, const SamplerPlan& plan,
                         std::vector<TorchCpuGenerator>& generators, std::span<float> latents) {
  if (request.initial_latents.empty())
    draw_noise(generators, latents);
  else
    std::ranges::copy(request.initial_latents, latents.begin());
  for (float& latent : latents) latent *= plan.init_noise_sigma;
}

Status decode(const TextToImage& request, const ModelSettings& model, const Components& components,
              const ProgressFunction& progress, Pictures& pictures) {
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
    pictures.images.push_back(image_from_planes(planes, request.width, request.height));
    TRY(report(progress, Stage::decode, picture + 1, count));
  }
  return {};
}

}  // namespace

Status check(const TokenMerging& merging) {
  if (!(merging.ratio >= 0 && merging.ratio <= kMostMerged))
    return error(ErrorCode::invalid_argument, "--token-merging-ratio {} is not within 0 to {}",
                 merging.ratio, kMostMerged);
  const int64_t downsample = merging.max_downsample;
  if (downsample != 1 && downsample != 2 && downsample != 4 && downsample != 8)
    return error(ErrorCode::invalid_argument,
                 "--token-merging-max-downsample {} is not 1, 2, 4 or 8", downsample);
  if (merging.ratio == 0 && merging != TokenMerging{})
    return error(ErrorCode::invalid_argument,
                 "--token-merging-max-downsample, --token-merging-crossattn and "
                 "--token-merging-mlp need a --token-merging-ratio above 0");
  return {};
}

Status check_saving(const TextToImage& request) {
  const WorkSaving& saving = request.saving;
  TRY(check(saving.token_merging));
  if (saving.deep_cache < 1 || saving.deep_cache > kMostReused)
    return error(ErrorCode::invalid_argument, "--deep-cache {} is not within 1 to {}",
                 saving.deep_cache, kMostReused);
  const double from = saving.guidance_from, to = saving.guidance_to;
  if (!(from >= 0 && from < to && to <= 1))
    return error(ErrorCode::invalid_argument,
                 "guidance from {} to {} is no part of the steps; 0 <= from < to <= 1 is needed",
                 from, to);
  if ((from > 0 || to < 1) && !is_guided(request))
    return error(ErrorCode::invalid_argument,
                 "--guidance-from and --guidance-to need a guidance scale above 1, not {}",
                 request.guidance_scale);
  return {};
}

std::vector<CallKind> call_kinds(const TextToImage& request, int64_t calls) {
  const WorkSaving& saving = request.saving;
  const auto at = [&](double part) { return std::llround(part * static_cast<double>(calls)); };
  const int64_t begin = at(saving.guidance_from), end = at(saving.guidance_to);
  std::vector<CallKind> kinds;
  for (int64_t call = 0, reused = 0; call < calls; ++call) {
    const bool guided = is_guided(request) && call >= begin && call < end;
    const bool is_first = kinds.empty() || kinds.back().guided != guided;
    reused = is_first ? 0 : (reused + 1) % saving.deep_cache;
    kinds.push_back({guided, reused != 0});
  }
  return kinds;
}

int64_t model_batch(const TextToImage& request) {
  return static_cast<int64_t>(request.seeds.size()) * (is_guided(request) ? 2 : 1);
}

Tensor prompt_ids(const TextToImage& request, const ModelSettings& model) {
  CHECK(model.tokenizer, "a model without a tokenizer");
  const int64_t rows = is_guided(request) ? 2 : 1;
  Tensor ids(DType::i32, {rows, model.text_tokens});
  auto to = ids.as<int32_t>().begin();
  const auto add = [&](const std::string& text) {
    to = std::ranges::copy(model.tokenizer->encode_padded(text, model.text_tokens), to).out;
  };
  if (is_guided(request)) add(request.negative_prompt);
  add(request.prompt);
  return ids;
}

Result<Pictures> text_to_image(const TextToImage& request, const ModelSettings& model,
                               const Components& components, const ProgressFunction& progress) {
  TRY(check_request(request, model));
  Pictures pictures;
  ASSIGN_OR_RETURN(pictures.plan, make_sampler_plan(request.sampler, model.scheduler));
  const SamplerPlan& plan = pictures.plan;
  TRY(bind_prompts(request, model, components, progress));
  pictures.latents = Tensor(DType::f32, latent_shape(request, model));
  std::vector<TorchCpuGenerator> generators = make_generators(request.seeds);
  const std::span<float> latents = pictures.latents.as<float>();
  set_initial_latents(request, plan, generators, latents);
  Buffers buffers = make_buffers(request, plan, latents.size());
  const auto calls = static_cast<int64_t>(plan.timesteps.size());
  TRY(denoise({request, components, plan, generators, buffers, call_kinds(request, calls)},
              progress, pictures));
  TRY(decode(request, model, components, progress, pictures));
  return pictures;
}

}  // namespace tempera::diffusion
