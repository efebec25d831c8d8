#include "api/run/generate.h"

#include <algorithm>
#include <chrono>

#include "api/run/batches.h"
#include "diffusion/conditioning.h"
#include "diffusion/preview.h"
#include "diffusion/start.h"
#include "diffusion/tiled_decode.h"

namespace tempera::api {
namespace {

using diffusion::PictureRequest;
using runtime::Executor;
using runtime::Stage;

struct Requests {
  std::map<int64_t, ComponentRequest> text_encoder;      // by clip skip
  std::optional<ComponentRequest> vae_encoder;           // for init images
  std::map<diffusion::CallKind, ComponentRequest> unet;  // for each kind of call that there is
  ComponentRequest vae_decoder;

  std::vector<const ComponentRequest*> all() const {
    std::vector<const ComponentRequest*> list;
    for (const auto& [clip_skip, plan] : text_encoder) list.push_back(&plan);
    if (vae_encoder) list.push_back(&*vae_encoder);
    for (const auto& [kind, plan] : unet) list.push_back(&plan);
    list.push_back(&vae_decoder);
    return list;
  }
};

UnetPart part_of(diffusion::CallKind kind, const PictureRequest& request) {
  if (kind.shallow) return UnetPart::shallow;
  return request.saving.deep_cache > 1 ? UnetPart::all_with_deep : UnetPart::all;
}

// `calls`: of the UNet. The text encoder takes any number of rows, so many at once.
Requests requests_of(const PictureRequest& request, const ModelInfo& info,
                     const diffusion::PromptPlan& prompts, size_t calls, const MemoryMeans& means) {
  const auto pictures = static_cast<int64_t>(request.seeds.size());
  const int64_t at_once = prompts.has_negative ? 2 : 1;
  const int64_t height = request.height / info.vae_scale, width = request.width / info.vae_scale;
  Requests requests{.vae_decoder = {.component = "vae_decoder",
                                    .height = height,
                                    .width = width,
                                    .tiling = request.tiling && means.decode_tile == 0}};
  for (const diffusion::PromptRow& row : prompts.contexts.front())
    requests.text_encoder[row[0].clip_skip] = {.component = "text_encoder",
                                               .batch = at_once,
                                               .tokens = info.text_tokens,
                                               .clip_skip = row[0].clip_skip};
  if (means.decode_tile > 0) {
    const int64_t margin = request.tiling ? 2 * diffusion::kWrapMargin : 0;
    requests.vae_decoder.height = std::min(height + margin, means.decode_tile);
    requests.vae_decoder.width = std::min(width + margin, means.decode_tile);
  }
  if (!request.init.images.empty() || info.unet_channels != info.latent_channels)
    requests.vae_encoder = {.component = "vae_encoder",
                            .height = request.height,
                            .width = request.width,
                            .tiling = request.tiling};
  for (const diffusion::CallKind kind :
       diffusion::call_kinds(request, static_cast<int64_t>(calls))) {
    const int64_t rows = std::ssize(prompts.part_weights) + (kind.guided ? 1 : 0);
    requests.unet[kind] = {.component = "unet",
                           .batch = rows * pictures,
                           .height = height,
                           .width = width,
                           .tokens = prompts.chunks * info.text_tokens,
                           .repeat = rows,
                           .token_merging = request.saving.token_merging,
                           .part = part_of(kind, request),
                           .tiling = request.tiling};
  }
  return requests;
}

Error stopped() { return error(ErrorCode::cancelled, "stopped before the picture was done"); }

// Notes how long each stage takes, and passes progress on.
class Watch {
 public:
  Watch(const GenerateProgressFunction& progress, std::map<GenerateStage, double>& seconds)
      : progress_(progress), seconds_(seconds) {}

  bool report(GenerateStage stage, int64_t done, int64_t total, std::string detail = {}) {
    return report({.stage = stage, .done = done, .total = total, .detail = std::move(detail)});
  }
  bool report(const GenerateProgress& event) {
    const auto now = std::chrono::steady_clock::now();
    if (running_) seconds_[*running_] += std::chrono::duration<double>(now - since_).count();
    since_ = now;
    running_ = event.stage;
    last_ = event;
    last_.preview = {};
    return !progress_ || progress_(event);
  }
  // Reports the last event again, without a preview: whether to go on, in the middle of it.
  bool keep_going() const { return !progress_ || progress_(last_); }

 private:
  const GenerateProgressFunction& progress_;
  std::map<GenerateStage, double>& seconds_;
  std::optional<GenerateStage> running_;
  std::chrono::steady_clock::time_point since_;
  GenerateProgress last_;
};

// Setup asks the watch while both live.
class WatchedSetup {
 public:
  WatchedSetup(Session& session, const Watch& watch) : session_(session) {
    session_.set_keep_going([&watch] { return watch.keep_going(); });
  }
  WatchedSetup(const WatchedSetup&) = delete;
  WatchedSetup& operator=(const WatchedSetup&) = delete;
  ~WatchedSetup() { session_.set_keep_going({}); }

 private:
  Session& session_;
};

// All plans before the first weight is read: what cannot be compiled is said early.
Status compile_all(Session& session, const Requests& requests, Watch& watch) {
  const std::vector<const ComponentRequest*> all = requests.all();
  const auto total = static_cast<int64_t>(all.size());
  for (int64_t done = 0; done < total; ++done) {
    if (!watch.report(GenerateStage::compile, done, total, all[done]->component)) return stopped();
    const auto compiled = session.compiled(*all[done]);
    if (!compiled.ok()) return compiled.error();
  }
  if (!watch.report(GenerateStage::compile, total, total)) return stopped();
  return {};
}

Status set_input(Executor& executor, std::string_view name, std::span<const std::byte> bytes) {
  ASSIGN_OR_RETURN(const int index, executor.input(name));
  return executor.set_input(index, bytes);
}

// So many rows as the plan takes, from `first` on; what is missing at the end repeats the last row.
Tensor some_rows(const Tensor& ids, int64_t first, int64_t count) {
  const int64_t rows = ids.shape[0];
  Tensor some(ids.dtype, {count, ids.shape[1]});
  const size_t size = ids.data.size() / static_cast<size_t>(rows);
  for (int64_t i = 0; i < count; ++i) {
    const auto row = static_cast<size_t>(std::min(first + i, rows - 1));
    std::copy_n(ids.data.begin() + static_cast<std::ptrdiff_t>(row * size), size,
                some.data.begin() + static_cast<std::ptrdiff_t>(static_cast<size_t>(i) * size));
  }
  return some;
}

// The text encoder is used once: its memory goes before the UNet comes.
Result<Tensor> encode(Session& session, const ComponentRequest& request,
                      const PictureRequest& picture, const Tensor& ids) {
  ASSIGN_OR_RETURN(Executor * executor, session.executor(request));
  ASSIGN_OR_RETURN(const Tensor added,
                   diffusion::embedding_rows(picture.embeddings, session.info().context_width));
  TRY(set_input(*executor, "added_embeddings", added.data));
  ASSIGN_OR_RETURN(const int index, executor->output("last_hidden_state"));
  const runtime::PlanTensor& output = executor->plan().outputs[index];
  Shape shape = output.shape;
  shape[0] = ids.shape[0];
  Tensor hidden(output.dtype, shape);
  std::span<std::byte> rest(hidden.data);
  for (int64_t first = 0; first < ids.shape[0]; first += request.batch) {
    TRY(set_input(*executor, "input_ids", some_rows(ids, first, request.batch).data));
    TRY(executor->run(Stage::prompt));
    ASSIGN_OR_RETURN(const auto bytes, executor->output_bytes(index));
    const auto wanted = bytes.first(std::min(bytes.size(), rest.size()));
    std::ranges::copy(wanted, rest.begin());
    rest = rest.subspan(wanted.size());
  }
  session.release("text_encoder");
  return hidden;
}

// One plan of the UNet, whose names were looked up before the first step.
struct DenoiserPlan {
  Executor* executor = nullptr;
  int sample = 0, timestep = 0, output = 0, deep = 0;  // deep: output or input, by the part
  std::vector<float> timesteps;                        // [pictures], all equal

  // `context` is that of the model batch: the plan's rows are its last ones.
  Status bind(Session& session, const ComponentRequest& request, const Tensor& context) {
    ASSIGN_OR_RETURN(executor, session.executor(request));
    ASSIGN_OR_RETURN(sample, executor->input("sample"));
    ASSIGN_OR_RETURN(timestep, executor->input("timestep"));
    ASSIGN_OR_RETURN(output, executor->output("sample"));
    if (request.part == UnetPart::all_with_deep) {
      ASSIGN_OR_RETURN(deep, executor->output("deep"));
    } else if (request.part == UnetPart::shallow) {
      ASSIGN_OR_RETURN(deep, executor->input("deep"));
    }
    timesteps.resize(static_cast<size_t>(request.batch / request.repeat));
    const size_t row = context.data.size() / static_cast<size_t>(context.shape[0]);
    return set_input(
        *executor, "encoder_hidden_states",
        std::span<const std::byte>(context.data).last(static_cast<size_t>(request.batch) * row));
  }
  Status step(const diffusion::ModelCall& call, std::span<float> result) {
    std::ranges::fill(timesteps, call.timestep);
    TRY(executor->set_input(sample, std::as_bytes(call.sample)));
    TRY(executor->set_input(timestep, std::as_bytes(std::span<const float>(timesteps))));
    TRY(executor->run(Stage::step));
    ASSIGN_OR_RETURN(const auto bytes, executor->output_bytes(output));
    std::ranges::copy(bytes, std::as_writable_bytes(result).begin());
    return {};
  }
};

class Denoiser {
 public:
  bool is_bound() const { return !plans_.empty(); }
  Status bind(Session& session, const Requests& requests, const Tensor& context) {
    for (const auto& [kind, request] : requests.unet)
      TRY(plans_[kind].bind(session, request, context));
    return {};
  }
  // Hands the deep feature of a whole call on to the plan of the shallow ones.
  Status step(const diffusion::ModelCall& call, std::span<float> result) {
    DenoiserPlan& plan = plans_.at(call.kind);
    TRY(plan.step(call, result));
    const auto shallow = plans_.find({call.kind.guided, true});
    if (call.kind.shallow || shallow == plans_.end()) return {};
    ASSIGN_OR_RETURN(const auto deep, plan.executor->output_bytes(plan.deep));
    return shallow->second.executor->set_input(shallow->second.deep, deep);
  }

 private:
  std::map<diffusion::CallKind, DenoiserPlan> plans_;
};

// Runs a component of one input and one output.
Status apply(Session& session, const ComponentRequest& request, std::string_view input,
             std::span<const float> from, std::string_view output, std::span<float> to) {
  ASSIGN_OR_RETURN(Executor * executor, session.executor(request));
  TRY(set_input(*executor, input, std::as_bytes(from)));
  TRY(executor->run(Stage::step));
  ASSIGN_OR_RETURN(const int index, executor->output(output));
  ASSIGN_OR_RETURN(const auto bytes, executor->output_bytes(index));
  CHECK(bytes.size() == to.size_bytes(), "{} of {} bytes for {}", output, bytes.size(),
        to.size_bytes());
  std::ranges::copy(bytes, std::as_writable_bytes(to).begin());
  return {};
}

// Frees the UNet and decodes in tiles, if the means say so.
Status decode_by(const MemoryMeans& means, Session& session, const Requests& requests,
                 const PictureRequest& request, std::span<const float> latent,
                 std::span<float> planes) {
  if (means.frees_unet) session.release("unet");
  const auto decode_one = [&](std::span<const float> from, std::span<float> to) {
    return apply(session, requests.vae_decoder, "latent", from, "image", to);
  };
  if (means.decode_tile == 0) return decode_one(latent, planes);
  const ModelInfo& info = session.info();
  const diffusion::LatentGeometry geometry{.channels = info.latent_channels,
                                           .height = request.height / info.vae_scale,
                                           .width = request.width / info.vae_scale,
                                           .scale = info.vae_scale};
  const auto decode_all =
      request.tiling ? diffusion::decode_wrapped_tiles : diffusion::decode_tiles;
  return decode_all(geometry, means.decode_tile, latent, decode_one, planes);
}

diffusion::Components components_of(Session& session, const Requests& requests,
                                    const PictureRequest& request, const MemoryMeans& means,
                                    Denoiser& denoiser, Watch& watch) {
  return {.encode =
              [&](const Tensor& ids, int64_t clip_skip) {
                return encode(session, requests.text_encoder.at(clip_skip), request, ids);
              },
          .bind_context = [&](const Tensor& context) -> Status {
            session.release("vae_encoder");
            if (!denoiser.is_bound() && !watch.report(GenerateStage::load, 0, 1, "unet"))
              return stopped();
            return denoiser.bind(session, requests, context);
          },
          .denoise = [&](const diffusion::ModelCall& call,
                         std::span<float> output) { return denoiser.step(call, output); },
          .encode_image = [&](std::span<const float> planes, std::span<float> moments) -> Status {
            if (!watch.report(GenerateStage::load, 0, 1, "vae_encoder")) return stopped();
            return apply(session, *requests.vae_encoder, "image", planes, "moments", moments);
          },
          .decode =
              [&](std::span<const float> latent, std::span<float> planes) {
                return decode_by(means, session, requests, request, latent, planes);
              }};
}

GenerateStage stage_of(diffusion::Stage stage) {
  if (stage == diffusion::Stage::encode) return GenerateStage::encode;
  return stage == diffusion::Stage::denoise ? GenerateStage::denoise : GenerateStage::decode;
}

// With the words of the request's embeddings.
Result<diffusion::Tokenizer> load_tokenizer(const ModelInfo& info, const PictureRequest& request) {
  ASSIGN_OR_RETURN(diffusion::Tokenizer tokenizer,
                   diffusion::load_tokenizer(info.tokenizer_folder));
  diffusion::add_embeddings(request.embeddings, info.vocabulary, tokenizer);
  return tokenizer;
}

Result<diffusion::ModelSettings> model_settings(const ModelInfo& info,
                                                const PictureRequest& request,
                                                const diffusion::Tokenizer& tokenizer) {
  int64_t vocabulary = info.vocabulary;
  for (const diffusion::Embedding& embedding : request.embeddings)
    vocabulary += embedding.vectors.shape[0];
  diffusion::ModelSettings model{.tokenizer = &tokenizer,
                                 .vocabulary = vocabulary,
                                 .text_tokens = info.text_tokens,
                                 .latent_channels = info.latent_channels,
                                 .unet_channels = info.unet_channels,
                                 .vae_scale = info.vae_scale,
                                 .scaling_factor = info.scaling_factor};
  ASSIGN_OR_RETURN(model.scheduler, diffusion::read_scheduler_config(info.scheduler_config));
  return model;
}

// The pictures of latents that a sampler holds.
Result<std::vector<diffusion::Image>> preview_pictures(Session& session, const Requests& requests,
                                                       const PictureRequest& request,
                                                       const MemoryMeans& means,
                                                       std::span<const float> latents,
                                                       PreviewKind kind) {
  const ModelInfo& info = session.info();
  if (kind == PreviewKind::vae && means.frees_unet)
    return error(ErrorCode::unsupported,
                 "a preview by the VAE takes memory beside the UNet; raise --max-memory or pass "
                 "--preview linear");
  const diffusion::LatentColors& colors = info.defaults.latent_colors
                                              ? *info.defaults.latent_colors
                                              : diffusion::stable_diffusion_colors();
  const size_t count = latents.size() / request.seeds.size();
  std::vector<float> scaled(count), planes(static_cast<size_t>(3 * request.width * request.height));
  std::vector<diffusion::Image> images;
  for (size_t i = 0; i < request.seeds.size(); ++i) {
    const auto latent = latents.subspan(i * count, count);
    if (kind == PreviewKind::linear) {
      images.push_back(diffusion::latent_image(latent, request.width / info.vae_scale,
                                               request.height / info.vae_scale, colors));
      continue;
    }
    const auto factor = static_cast<float>(info.scaling_factor);
    std::ranges::transform(latent, scaled.begin(), [factor](float x) { return x / factor; });
    TRY(decode_by(means, session, requests, request, scaled, planes));
    images.push_back(diffusion::image_from_planes(planes, request.width, request.height));
  }
  return images;
}

Generated collect(const PictureRequest& request, diffusion::Pictures pictures,
                  const ModelInfo& info) {
  Generated result;
  for (size_t i = 0; i < pictures.images.size(); ++i)
    result.pictures.push_back({std::move(pictures.images[i]), request.seeds[i],
                               parameters_text(request, pictures.plan, info, request.seeds[i])});
  result.latents = std::move(pictures.latents);
  result.step_latents = std::move(pictures.step_latents);
  return result;
}

// A process that finds its plans in the cache never holds what the compiler takes: of one that
// compiled, only what it held before counts, and the code that it made.
struct Compiled {
  int64_t resident_before;
  int64_t code = 0;
  bool was_cached = true;

  Result<const runtime::Plan*> plan(Session& session, const ComponentRequest& request) {
    ASSIGN_OR_RETURN(const CompiledComponent* compiled, session.compiled(request));
    was_cached &= compiled->was_cached;
    code += static_cast<int64_t>(compiled->code.size());
    return &compiled->plan;
  }
  int64_t resident() const { return was_cached ? resident_bytes() : resident_before + code; }
};

Result<Generated> generate_pass(Session& session, const PictureRequest& request,
                                const GenerateProgressFunction& progress,
                                const MemoryMeans& means) {
  const ModelInfo& info = session.info();
  ASSIGN_OR_RETURN(const diffusion::Tokenizer tokenizer, load_tokenizer(info, request));
  ASSIGN_OR_RETURN(const diffusion::ModelSettings model, model_settings(info, request, tokenizer));
  ASSIGN_OR_RETURN(const diffusion::SamplerPlan plan,
                   diffusion::make_plan(request, model.scheduler));
  std::map<GenerateStage, double> seconds;
  Watch watch(progress, seconds);
  const WatchedSetup watched(session, watch);
  ASSIGN_OR_RETURN(const diffusion::PromptPlan prompts, diffusion::plan_prompts(request, model));
  const Requests requests = requests_of(request, info, prompts, plan.timesteps.size(), means);
  TRY(compile_all(session, requests, watch));
  Denoiser denoiser;
  ASSIGN_OR_RETURN(
      diffusion::Pictures pictures,
      diffusion::make_pictures(
          request, model, components_of(session, requests, request, means, denoiser, watch),
          [&](const diffusion::Progress& p) {
            GenerateProgress event{stage_of(p.stage), p.done, p.total};
            if (!p.original.empty())
              event.preview = [&](PreviewKind kind) {
                return preview_pictures(session, requests, request, means, p.original, kind);
              };
            return watch.report(event);
          }));
  Generated result = collect(request, std::move(pictures), info);
  result.seconds = std::move(seconds);
  return result;
}

// What the second pass begins as.
void set_enlarged(const PictureRequest& request, const ModelInfo& info, Generated first,
                  PictureRequest& second) {
  const diffusion::Size size = {second.width, second.height};
  if (request.hires.upscaler == diffusion::Upscaler::lanczos) {
    for (const GeneratedPicture& picture : first.pictures)
      second.init.images.push_back(diffusion::resize(picture.image, size));
    return;
  }
  const int64_t scale = info.vae_scale;
  second.init.latents = diffusion::upscale_latents(first.latents.as<float>(),
                                                   {request.width / scale, request.height / scale},
                                                   {size.width / scale, size.height / scale});
}

Result<Generated> generate_at_once(Session& session, const PictureRequest& request,
                                   const GenerateProgressFunction& progress,
                                   const MemoryMeans& means) {
  if (!is_given(request.hires)) return generate_pass(session, request, progress, means);
  const ModelInfo& info = session.info();
  ASSIGN_OR_RETURN(Generated first,
                   generate_pass(session, diffusion::first_pass(request), progress, means));
  const int64_t scale = info.vae_scale;
  for (const char* component : {"unet", "vae_decoder"})
    session.release_size(
        {.component = component, .height = request.height / scale, .width = request.width / scale});
  PictureRequest second = diffusion::second_pass(request, scale);
  const std::map<GenerateStage, double> seconds = first.seconds;
  set_enlarged(request, info, std::move(first), second);
  ASSIGN_OR_RETURN(Generated result, generate_pass(session, second, progress, means));
  for (const auto& [stage, spent] : seconds) result.seconds[stage] += spent;
  ASSIGN_OR_RETURN(const diffusion::SchedulerConfig scheduler,
                   diffusion::read_scheduler_config(info.scheduler_config));
  ASSIGN_OR_RETURN(const diffusion::SamplerPlan plan, diffusion::make_plan(request, scheduler));
  for (GeneratedPicture& picture : result.pictures)
    picture.parameters = parameters_text(request, plan, info, picture.seed);
  return result;
}

}  // namespace

std::string_view name(GenerateStage stage) {
  constexpr std::string_view kNames[] = {"compile", "encode", "load", "denoise", "decode"};
  return kNames[static_cast<size_t>(stage)];
}

Result<Generated> generate(Session& session, const PictureRequest& request,
                           const GenerateProgressFunction& progress, const MemoryMeans& means) {
  const auto all = static_cast<int64_t>(request.seeds.size());
  if (means.pictures == 0 || means.pictures >= all)
    return generate_at_once(session, request, progress, means);
  Generated result;
  for (int64_t first = 0; first < all; first += means.pictures) {
    const PictureRequest part = pictures_of(request, first, std::min(means.pictures, all - first));
    ASSIGN_OR_RETURN(Generated generated, generate_at_once(session, part, progress, means));
    append(std::move(generated), result);
  }
  return result;
}

// The larger of what the two passes take: the first's executors go before the second.
Result<MemoryPrediction> predict_two_passes(Session& session, const PictureRequest& request,
                                            const MemoryMeans& means) {
  const int64_t scale = session.info().vae_scale;
  ASSIGN_OR_RETURN(const MemoryPrediction first,
                   predict_memory(session, diffusion::first_pass(request), means));
  PictureRequest second = diffusion::second_pass(request, scale);
  second.init.latents = {0};  // whatever they are
  if (request.hires.upscaler == diffusion::Upscaler::lanczos) second.init.images.resize(1);
  ASSIGN_OR_RETURN(MemoryPrediction prediction, predict_memory(session, second, means));
  prediction.peak = std::max(first.peak, prediction.peak);
  return prediction;
}

Result<MemoryPrediction> predict_memory(Session& session, const PictureRequest& request,
                                        const MemoryMeans& means) {
  if (is_given(request.hires)) return predict_two_passes(session, request, means);
  if (means.pictures > 0 && means.pictures < static_cast<int64_t>(request.seeds.size()))
    return predict_memory(session, pictures_of(request, 0, means.pictures),
                          {means.frees_unet, means.decode_tile, 0});
  const ModelInfo& info = session.info();
  ASSIGN_OR_RETURN(const diffusion::Tokenizer tokenizer, load_tokenizer(info, request));
  ASSIGN_OR_RETURN(const diffusion::ModelSettings model, model_settings(info, request, tokenizer));
  ASSIGN_OR_RETURN(const diffusion::SamplerPlan sampler,
                   diffusion::make_plan(request, model.scheduler));
  ASSIGN_OR_RETURN(const diffusion::PromptPlan prompts, diffusion::plan_prompts(request, model));
  const Requests requests = requests_of(request, info, prompts, sampler.timesteps.size(), means);
  Compiled compiled{resident_bytes()};
  const int threads = session.device().thread_count();
  MemoryPrediction prediction;
  ASSIGN_OR_RETURN(const auto* text_encoder,
                   compiled.plan(session, requests.text_encoder.begin()->second));
  prediction.components.push_back(memory_of(*text_encoder, threads));
  if (requests.vae_encoder) {
    ASSIGN_OR_RETURN(const auto* vae_encoder, compiled.plan(session, *requests.vae_encoder));
    prediction.components.push_back(memory_of(*vae_encoder, threads));
  }
  std::vector<const runtime::Plan*> unet;
  for (const auto& [kind, wanted] : requests.unet) {
    ASSIGN_OR_RETURN(const auto* plan, compiled.plan(session, wanted));
    unet.push_back(plan);
  }
  prediction.components.push_back(memory_of(unet, threads));
  ASSIGN_OR_RETURN(const auto* vae_decoder, compiled.plan(session, requests.vae_decoder));
  prediction.components.push_back(memory_of(*vae_decoder, threads));
  prediction.peak = predict_peak(prediction.components, compiled.resident(), means.frees_unet);
  return prediction;
}

}  // namespace tempera::api
