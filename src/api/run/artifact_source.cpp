#include "api/run/artifact_source.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "api/run/devices.h"
#include "base/file.h"
#include "runtime/artifact.h"
#include "tensor_file/part_names.h"
#include "tensor_file/taesd_names.h"
#include "tensor_file/tensor_file.h"

namespace tempera::api {
namespace {

namespace fs = std::filesystem;

// The plan's pixels, which its entry is filed under.
std::pair<int64_t, int64_t> pixels(const ComponentRequest& request, int64_t vae_scale) {
  const int64_t scale = request.component == "vae_encoder" ? 1 : vae_scale;
  return {request.height * scale, request.width * scale};
}

Status check_tokens(const runtime::Artifact& artifact, const runtime::Plan& plan,
                    const ComponentRequest& request) {
  for (const runtime::PlanTensor& input : plan.inputs)
    if ((input.name == "input_ids" || input.name == "encoder_hidden_states") &&
        input.shape[1] != request.tokens)
      return error(
          ErrorCode::unsupported,
          "{}: compiled for prompts of {} tokens, this one takes {}; make it shorter, pass "
          "--prompt-language plain, or take the model itself",
          artifact.folder, input.shape[1], request.tokens);
  return {};
}

Result<CompiledComponent> read_component(const runtime::Artifact& artifact, int64_t vae_scale,
                                         const ComponentRequest& request) {
  if (!request.keep.empty() || !request.layer.empty())
    return error(ErrorCode::unsupported,
                 "{}: an artifact holds no intermediate layers; take the model itself",
                 artifact.folder);
  const auto [height, width] = pixels(request, vae_scale);
  ASSIGN_OR_RETURN(const runtime::ArtifactPlan* entry,
                   runtime::find_plan(artifact, request.component, height, width, request.batch,
                                      options_of(request)));
  CompiledComponent component;
  ASSIGN_OR_RETURN(component.plan, runtime::read_plan(artifact, *entry));
  TRY(check_tokens(artifact, component.plan, request));
  component.code_path = runtime::path_in(artifact, artifact.code_file);
  ASSIGN_OR_RETURN(component.code, read_file(component.code_path));
  component.was_cached = true;
  name_outputs(component);
  return component;
}

// Weights files are named relative to the folder that holds the model.
void place_weights(const runtime::Artifact& artifact, ModelInfo& info) {
  const fs::path folder = runtime::weights_folder(artifact);
  for (auto& [part, file] : info.weights) file = (folder / file).lexically_normal().string();
}

Result<NamedTensors> read_weights(const ModelInfo& info, const std::string& part) {
  const std::string& path = info.weights.at(part);
  ASSIGN_OR_RETURN(const TensorFile file, TensorFile::open(path));
  ASSIGN_OR_RETURN(NamedTensors tensors,
                   tensors_of_part(part, file.tensors(), path, {.prefers_ema = info.prefers_ema}));
  const auto taesd = info.weights.find("taesd");
  if (part != "vae" || taesd == info.weights.end()) return tensors;
  ASSIGN_OR_RETURN(const NamedTensors decoder, open_taesd(taesd->second));
  tensors.insert(tensors.end(), decoder.begin(), decoder.end());
  return tensors;
}

auto packed_sources(const runtime::Artifact& artifact) {
  decltype(ModelSource::packed) sources;
  for (const auto& [part, file] : artifact.packed)
    sources[part] = [path = runtime::path_in(artifact, file)] {
      return runtime::read_packed_weights(path);
    };
  return sources;
}

Status check_options(const runtime::Artifact& artifact, const runtime::PlanOptions& asked) {
  for (const auto& [key, wanted] : asked)
    for (const runtime::ArtifactPlan& plan : artifact.plans)
      for (const auto& [name, value] : plan.options)
        if (name == key && !wanted.empty() && value != wanted)
          return error(ErrorCode::invalid_argument,
                       "{}: compiled with --{} {}, not {}; leave --{} out, or compile the model "
                       "again with it",
                       artifact.folder, key, value, wanted, key);
  return {};
}

// Of code for several processors the last listed that runs here.
Status choose_code(runtime::Artifact& artifact) {
  for (size_t i = artifact.others.size(); i-- > 0;) {
    if (!check_runs_here(artifact.others[i].target).ok()) continue;
    runtime::use_code(artifact, i);
    return {};
  }
  return check_runs_here(artifact.target);
}

}  // namespace

bool is_artifact(const std::string& folder) {
  std::error_code ignored;
  return fs::exists(folder + "/" + std::string(runtime::kArtifactFile), ignored);
}

Result<ModelSource> open_artifact_source(const std::string& folder,
                                         const runtime::PlanOptions& asked) {
  ASSIGN_OR_RETURN(runtime::Artifact opened, runtime::open_artifact(folder));
  TRY(choose_code(opened));
  const auto artifact = std::make_shared<const runtime::Artifact>(std::move(opened));
  TRY(check_options(*artifact, asked));
  const std::string file = runtime::path_in(*artifact, kModelFile);
  ASSIGN_OR_RETURN(const Json json, read_json_file(file));
  ModelSource source;
  ASSIGN_OR_RETURN(source.info, model_info_from_json(json, folder, file));
  place_weights(*artifact, source.info);
  source.compile = [artifact, scale = source.info.vae_scale](const ComponentRequest& request) {
    return read_component(*artifact, scale, request);
  };
  source.weights = [info = source.info](const std::string& part) {
    return read_weights(info, part);
  };
  source.packed = packed_sources(*artifact);
  return source;
}

// auto contradicts no artifact: whoever compiled it chose.
runtime::PlanOptions asked_of_artifact(const CompileOptions& options) {
  return {{"precision", options.precision == "auto" ? "" : options.precision},
          {"weights", options.weights}};
}

Result<ModelSource> open_artifact_model(const std::string& model, const CompileOptions& options,
                                        const std::vector<std::string>&) {
  if (!is_artifact(model))
    return error(ErrorCode::unsupported,
                 "{} is no artifact, and this program has no compiler; make one with tempera "
                 "compile {} -o DIR",
                 model, model);
  if (options.files != ModelFiles{})
    return error(ErrorCode::invalid_argument,
                 "{} is an artifact: --config, --vae, --ema and --no-ema say what a model is "
                 "compiled from; compile it again with them",
                 model);
  if (!options.taesd.empty())
    return error(ErrorCode::invalid_argument,
                 "{} is an artifact: which decoder it has is said when it is compiled; compile it "
                 "again with --taesd {}",
                 model, options.taesd);
  if (!options.loras.empty())
    return error(ErrorCode::unsupported,
                 "{}: tempera-run merges no LoRA files; tempera generate -m {} does",
                 options.loras.front().path, model);
  return open_artifact_source(model, asked_of_artifact(options));
}

}  // namespace tempera::api
