#include "api/compile/accuracy.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <memory>

#include "api/compile/lower_component.h"
#include "api/run/artifact_source.h"
#include "base/text.h"
#include "diffusion/image/compare_images.h"
#include "diffusion/samplers/scheduler_config.h"

namespace tempera::api {
namespace {

CompileOptions in_f32(CompileOptions options) {
  options.precision = "f32";
  options.weights.clear();
  return options;
}

// A model open twice: in f32 and with the setting that is judged.
struct Pair {
  frontend::Checkpoint checkpoint;
  std::unique_ptr<Session> reference, setting;
  const ModelInfo& info() const { return reference->info(); }
};

Result<Pair> open_pair(const std::string& model, const CompileOptions& options) {
  if (is_artifact(model))
    return error(ErrorCode::unsupported,
                 "{} is an artifact, which holds one setting; name the model that it was compiled "
                 "from",
                 model);
  ASSIGN_OR_RETURN(ModelSource reference, open_model(model, in_f32(options)));
  ASSIGN_OR_RETURN(ModelSource setting, open_model(model, options));
  Pair pair;
  ASSIGN_OR_RETURN(pair.checkpoint, open_checkpoint(model, options.files));
  ASSIGN_OR_RETURN(pair.reference, Session::open(std::move(reference), "cpu", options.threads));
  ASSIGN_OR_RETURN(pair.setting, Session::open(std::move(setting), "cpu", options.threads));
  return pair;
}

// What components are fed with: one run of the reference, half-way and at its end.
struct Run {
  const diffusion::PictureRequest& request;
  const DrawnSample& drawn;
};

Tensor prompt_tokens(const Run& run, const diffusion::Tokenizer& tokenizer, int64_t tokens) {
  const std::vector<int32_t> ids = tokenizer.encode_padded(run.request.prompt, tokens);
  return Tensor::of<int32_t>(DType::i32, {1, tokens}, ids);
}

Result<NamedValues> text_inputs(const Pair& pair, const Run& run) {
  ASSIGN_OR_RETURN(const diffusion::Tokenizer tokenizer,
                   diffusion::load_tokenizer(pair.info().tokenizer_folder));
  return NamedValues{{"input_ids", prompt_tokens(run, tokenizer, pair.info().text_tokens)}};
}

Result<Tensor> hidden_states(const Pair& pair, const Run& run) {
  ASSIGN_OR_RETURN(NamedValues inputs, text_inputs(pair, run));
  ASSIGN_OR_RETURN(const BoundInputs bound,
                   bind_inputs(pair.info(), "text_encoder", std::move(inputs)));
  ASSIGN_OR_RETURN(ComponentRun encoded, run_component(*pair.reference, bound));
  pair.reference->release("text_encoder");
  return std::move(encoded.outputs.at(0).second);
}

// The latents after half of the calls, as the next call sees them.
Result<NamedValues> unet_inputs(const Pair& pair, const Run& run) {
  ASSIGN_OR_RETURN(const auto config,
                   diffusion::read_scheduler_config(pair.info().scheduler_config));
  ASSIGN_OR_RETURN(const diffusion::SamplerPlan plan,
                   diffusion::make_sampler_plan(run.request.sampler, config));
  const size_t done = (plan.timesteps.size() - 1) / 2;
  const size_t call = std::min(done + 1, plan.timesteps.size() - 1);
  const Tensor& latents = run.drawn.step_latents.at(done);
  Tensor sample(DType::f32, latents.shape);
  diffusion::scale_input(plan, call, latents.as<float>(), sample.as<float>());
  ASSIGN_OR_RETURN(Tensor hidden, hidden_states(pair, run));
  return NamedValues{
      {"sample", std::move(sample)},
      {"timestep", Tensor::of<float>(DType::f32, {1}, std::vector{plan.timesteps[call]})},
      {"encoder_hidden_states", std::move(hidden)}};
}

NamedValues decoder_inputs(const Pair& pair, const Run& run) {
  Tensor latent = run.drawn.latents;
  for (float& x : latent.as<float>()) x /= static_cast<float>(pair.info().scaling_factor);
  return {{"latent", std::move(latent)}};
}

NamedValues encoder_inputs(const Run& run) {
  const diffusion::Image& image = run.drawn.image;
  Tensor planes(DType::f32, {1, 3, image.height, image.width});
  const size_t pixels = image.pixels.size() / 3;
  for (size_t i = 0; i < image.pixels.size(); ++i)
    planes.as<float>()[i % 3 * pixels + i / 3] = static_cast<float>(image.pixels[i]) / 127.5F - 1;
  return {{"image", std::move(planes)}};
}

Result<NamedValues> inputs_of(const Pair& pair, const std::string& component, const Run& run) {
  if (component == "text_encoder") return text_inputs(pair, run);
  if (component == "unet") return unet_inputs(pair, run);
  return component == "vae_decoder" ? decoder_inputs(pair, run) : encoder_inputs(run);
}

Result<ComponentAccuracy> compare_component(const Pair& pair, const std::string& component,
                                            const Run& run,
                                            const AccuracyProgressFunction& progress) {
  ASSIGN_OR_RETURN(NamedValues inputs, inputs_of(pair, component, run));
  ASSIGN_OR_RETURN(const BoundInputs bound, bind_inputs(pair.info(), component, std::move(inputs)));
  ASSIGN_OR_RETURN(const std::vector<Layer> layers, layers_of(pair.checkpoint, bound.request));
  int64_t done = 0;
  const auto visit = [&](const LayerError&) {
    return !progress || progress(component, ++done, std::ssize(layers));
  };
  ComponentAccuracy result{.component = component};
  ASSIGN_OR_RETURN(result.layers,
                   compare_layers(*pair.reference, *pair.setting, bound, layers, visit));
  return result;
}

// One setting's pictures of the first `count` samples. The first keeps its steps.
Result<std::vector<DrawnSample>> draw(Session& session, const Samples& samples,
                                      const GenerateSettings& settings, int64_t count,
                                      const std::function<bool(int64_t done)>& progress) {
  std::vector<DrawnSample> drawn;
  for (int64_t i = 0; i < count; ++i) {
    GenerateSettings picture = settings_of(samples, samples.pictures[i], settings);
    picture.keep_steps = i == 0;
    ASSIGN_OR_RETURN(
        drawn.emplace_back(),
        draw_sample(session, picture, [&](const GenerateProgress&) { return progress(i); }));
  }
  for (const std::string& component : session.info().components) session.release(component);
  return drawn;
}

Status check_components(const std::vector<std::string>& asked, const ModelInfo& info) {
  for (const std::string& component : asked)
    if (std::ranges::find(info.components, component) == info.components.end())
      return error(ErrorCode::not_found, "{} has no component {}; it has {}", info.name,
                   quote(component), fmt::join(info.components, ", "));
  return {};
}

}  // namespace

AccuracyBounds bounds_of(const CompileOptions& options) {
  if (options.weights == "int8") return {.layer_error = 0.02, .picture_psnr = 28};
  return {.layer_error = 0.01, .picture_psnr = 30};
}

Result<Accuracy> measure_accuracy(const std::string& model, const CompileOptions& setting,
                                  const AccuracySettings& settings,
                                  const AccuracyProgressFunction& progress) {
  ASSIGN_OR_RETURN(const Samples samples, read_samples(model));
  ASSIGN_OR_RETURN(const Pair pair, open_pair(model, setting));
  TRY(check_components(settings.components, pair.info()));
  const auto all = std::ssize(samples.pictures);
  const int64_t count = settings.pictures < 0 ? all : std::min(settings.pictures, all);
  // Only one of the two models is in memory at a time.
  const int64_t from_reference = std::max<int64_t>(count, 1);
  const auto watch = [&](int64_t done) {
    return !progress || progress("pictures", done, from_reference + count);
  };
  ASSIGN_OR_RETURN(const std::vector<DrawnSample> references,
                   draw(*pair.reference, samples, settings.picture, from_reference, watch));
  ASSIGN_OR_RETURN(const std::vector<DrawnSample> drawn,
                   draw(*pair.setting, samples, settings.picture, count,
                        [&](int64_t done) { return watch(from_reference + done); }));
  ASSIGN_OR_RETURN(const Compiler compiler, make_compiler(setting));
  Accuracy accuracy{.setting = names_of(compiler.precision), .bounds = bounds_of(setting)};
  for (int64_t i = 0; i < count; ++i)
    accuracy.pictures.push_back(
        {samples.pictures[i], diffusion::psnr(drawn[i].image, references[i].image)});
  ASSIGN_OR_RETURN(
      const diffusion::PictureRequest request,
      resolve(settings_of(samples, samples.pictures[0], settings.picture), pair.info()));
  const Run first{request, references[0]};
  for (const std::string& component :
       settings.components.empty() ? pair.info().components : settings.components) {
    ASSIGN_OR_RETURN(ComponentAccuracy compared,
                     compare_component(pair, component, first, progress));
    accuracy.components.push_back(std::move(compared));
  }
  return accuracy;
}

}  // namespace tempera::api
