#include "api/run/generate.h"

#include <algorithm>
#include <chrono>

#include "api/run/version.h"
#include "diffusion/infotext.h"

namespace tempera::api {
namespace {

using diffusion::TextToImage;
using runtime::Executor;
using runtime::Stage;

struct Requests {
  ComponentRequest text_encoder, unet, vae_decoder;
};

Requests requests_of(const TextToImage& request, const ModelInfo& info) {
  const int64_t rows = diffusion::model_batch(request) / static_cast<int64_t>(request.seeds.size());
  const int64_t height = request.height / info.vae_scale, width = request.width / info.vae_scale;
  return {.text_encoder = {.component = "text_encoder", .batch = rows, .tokens = info.text_tokens},
          .unet = {.component = "unet",
                   .batch = diffusion::model_batch(request),
                   .height = height,
                   .width = width,
                   .tokens = info.text_tokens,
                   .repeat = rows},
          .vae_decoder = {.component = "vae_decoder", .height = height, .width = width}};
}

Error stopped() { return error(ErrorCode::cancelled, "stopped before the picture was done"); }

// Notes how long each stage takes, and passes progress on.
class Watch {
 public:
  Watch(const GenerateProgressFunction& progress, std::map<GenerateStage, double>& seconds)
      : progress_(progress), seconds_(seconds) {}

  bool report(GenerateStage stage, int64_t done, int64_t total, std::string detail = {}) {
    const auto now = std::chrono::steady_clock::now();
    if (running_) seconds_[*running_] += std::chrono::duration<double>(now - since_).count();
    since_ = now;
    running_ = stage;
    last_ = {stage, done, total, std::move(detail)};
    return keep_going();
  }
  // Reports the last event again: whether to go on, in the middle of it.
  bool keep_going() const { return !progress_ || progress_(last_); }

 private:
  const GenerateProgressFunction& progress_;
  std::map<GenerateStage, double>& seconds_;
  std::optional<GenerateStage> running_;
  std::chrono::steady_clock::time_point since_;
  GenerateProgress last_;
};

// All plans before the first weight is read: what cannot be compiled is said early.
Status compile_all(Session& session, const Requests& requests, Watch& watch) {
  int64_t done = 0;
  for (const ComponentRequest* request :
       {&requests.text_encoder, &requests.unet, &requests.vae_decoder}) {
    if (!watch.report(GenerateStage::compile, done++, 3, request->component)) return stopped();
    const auto compiled = session.compiled(*request);
    if (!compiled.ok()) return compiled.error();
  }
  if (!watch.report(GenerateStage::compile, 3, 3)) return stopped();
  return {};
}

Status set_input(Executor& executor, std::string_view name, std::span<const std::byte> bytes) {
  ASSIGN_OR_RETURN(const int index, executor.input(name));
  return executor.set_input(index, bytes);
}

// The text encoder is used once: its memory goes before the UNet comes.
Result<Tensor> encode(Session& session, const ComponentRequest& request, const Tensor& ids) {
  ASSIGN_OR_RETURN(Executor * executor, session.executor(request));
  TRY(set_input(*executor, "input_ids", ids.data));
  TRY(executor->run(Stage::prompt));
  ASSIGN_OR_RETURN(const int index, executor->output("last_hidden_state"));
  const runtime::PlanTensor& output = executor->plan().outputs[index];
  ASSIGN_OR_RETURN(const auto bytes, executor->output_bytes(index));
  Tensor hidden(output.dtype, output.shape);
  std::ranges::copy(bytes, hidden.data.begin());
  session.release("text_encoder");
  return hidden;
}

// A component whose names were looked up before the first step.
struct Denoiser {
  Executor* executor = nullptr;
  int sample = 0, timestep = 0, output = 0;
  std::vector<float> timesteps;  // [pictures], all equal

  Status bind(Session& session, const ComponentRequest& request, const Tensor& context) {
    ASSIGN_OR_RETURN(executor, session.executor(request));
    ASSIGN_OR_RETURN(sample, executor->input("sample"));
    ASSIGN_OR_RETURN(timestep, executor->input("timestep"));
    ASSIGN_OR_RETURN(output, executor->output("sample"));
    timesteps.resize(static_cast<size_t>(request.batch / request.repeat));
    return set_input(*executor, "encoder_hidden_states", context.data);
  }
  Status step(std::span<const float> latents, float t, std::span<float> result) {
    std::ranges::fill(timesteps, t);
    TRY(executor->set_input(sample, std::as_bytes(latents)));
    TRY(executor->set_input(timestep, std::as_bytes(std::span<const float>(timesteps))));
    TRY(executor->run(Stage::step));
    ASSIGN_OR_RETURN(const auto bytes, executor->output_bytes(output));
    std::ranges::copy(bytes, std::as_writable_bytes(result).begin());
    return {};
  }
};

Status decode(Session& session, const ComponentRequest& request, std::span<const float> latent,
              std::span<float> planes) {
  ASSIGN_OR_RETURN(Executor * executor, session.executor(request));
  TRY(set_input(*executor, "latent", std::as_bytes(latent)));
  TRY(executor->run(Stage::step));
  ASSIGN_OR_RETURN(const int index, executor->output("image"));
  ASSIGN_OR_RETURN(const auto bytes, executor->output_bytes(index));
  CHECK(bytes.size() == planes.size_bytes(), "a picture of {} bytes for {}", bytes.size(),
        planes.size_bytes());
  std::ranges::copy(bytes, std::as_writable_bytes(planes).begin());
  return {};
}

diffusion::Components components_of(Session& session, const Requests& requests, Denoiser& denoiser,
                                    Watch& watch) {
  return {
      .encode = [&](const Tensor& ids) { return encode(session, requests.text_encoder, ids); },
      .bind_context = [&](const Tensor& context) -> Status {
        if (!watch.report(GenerateStage::load, 0, 1, "unet")) return stopped();
        return denoiser.bind(session, requests.unet, context);
      },
      .denoise = [&](std::span<const float> sample, float timestep,
                     std::span<float> output) { return denoiser.step(sample, timestep, output); },
      .decode =
          [&](std::span<const float> latent, std::span<float> planes) {
            return decode(session, requests.vae_decoder, latent, planes);
          }};
}

GenerateStage stage_of(diffusion::Stage stage) {
  if (stage == diffusion::Stage::encode) return GenerateStage::encode;
  return stage == diffusion::Stage::denoise ? GenerateStage::denoise : GenerateStage::decode;
}

Result<diffusion::ModelSettings> model_settings(const ModelInfo& info,
                                                const diffusion::Tokenizer& tokenizer) {
  diffusion::ModelSettings model{.tokenizer = &tokenizer,
                                 .text_tokens = info.text_tokens,
                                 .latent_channels = info.latent_channels,
                                 .vae_scale = info.vae_scale,
                                 .scaling_factor = info.scaling_factor};
  ASSIGN_OR_RETURN(model.scheduler, diffusion::read_scheduler_config(info.scheduler_config));
  return model;
}

Generated collect(const TextToImage& request, diffusion::Pictures pictures, const ModelInfo& info) {
  Generated result;
  for (size_t i = 0; i < pictures.images.size(); ++i)
    result.pictures.push_back({std::move(pictures.images[i]), request.seeds[i],
                               parameters_text(request, pictures.plan, info, request.seeds[i])});
  result.latents = std::move(pictures.latents);
  result.step_latents = std::move(pictures.step_latents);
  return result;
}

}  // namespace

std::string_view name(GenerateStage stage) {
  constexpr std::string_view kNames[] = {"compile", "encode", "load", "denoise", "decode"};
  return kNames[static_cast<size_t>(stage)];
}

Result<Generated> generate(Session& session, const TextToImage& request,
                           const GenerateProgressFunction& progress) {
  const ModelInfo& info = session.info();
  ASSIGN_OR_RETURN(const diffusion::Tokenizer tokenizer,
                   diffusion::load_tokenizer(info.tokenizer_folder));
  ASSIGN_OR_RETURN(const diffusion::ModelSettings model, model_settings(info, tokenizer));
  ASSIGN_OR_RETURN(const diffusion::SamplerPlan plan,
                   diffusion::make_sampler_plan(request.sampler, model.scheduler));
  std::map<GenerateStage, double> seconds;
  Watch watch(progress, seconds);
  session.set_keep_going([&watch] { return watch.keep_going(); });
  const Requests requests = requests_of(request, info);
  TRY(compile_all(session, requests, watch));
  Denoiser denoiser;
  ASSIGN_OR_RETURN(
      diffusion::Pictures pictures,
      diffusion::text_to_image(request, model, components_of(session, requests, denoiser, watch),
                               [&](const diffusion::Progress& p) {
                                 return watch.report(stage_of(p.stage), p.done, p.total);
                               }));
  Generated result = collect(request, std::move(pictures), info);
  result.seconds = std::move(seconds);
  return result;
}

// A process that finds its plans in the cache never holds what the compiler takes: of one that
// compiled, only what it held before counts, and the code that it made.
Result<MemoryPrediction> predict_memory(Session& session, const TextToImage& request) {
  const Requests requests = requests_of(request, session.info());
  MemoryPrediction prediction;
  int64_t resident = resident_bytes(), code = 0;
  bool was_cached = true;
  for (const ComponentRequest* wanted :
       {&requests.text_encoder, &requests.unet, &requests.vae_decoder}) {
    ASSIGN_OR_RETURN(const CompiledComponent* compiled, session.compiled(*wanted));
    prediction.components.push_back(memory_of(compiled->plan, session.device().thread_count()));
    was_cached &= compiled->was_cached;
    code += static_cast<int64_t>(compiled->code.size());
  }
  const auto& parts = prediction.components;
  resident = was_cached ? resident_bytes() : resident + code;
  prediction.peak = predict_peak(parts[0], parts[1], parts[2], resident);
  return prediction;
}

std::string parameters_text(const TextToImage& request, const diffusion::SamplerPlan& plan,
                            const ModelInfo& info, uint64_t seed) {
  return diffusion::format_infotext(
      {.prompt = request.prompt,
       .negative_prompt = request.negative_prompt,
       .fields = {{"Steps", std::to_string(plan.steps)},
                  {"Sampler", diffusion::title(plan)},
                  {"CFG scale", fmt::format("{}", request.guidance_scale)},
                  {"Seed", std::to_string(seed)},
                  {"Size", fmt::format("{}x{}", request.width, request.height)},
                  {"Model", info.name},
                  {"Version", fmt::format("tempera {}", kVersion)}}});
}

}  // namespace tempera::api
