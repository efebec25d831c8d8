#include "api/compile/inspect.h"

#include "api/compile/backends.h"
#include "api/compile/inspect_request.h"
#include "api/compile/lower_component.h"
#include "api/compile/weight_growth.h"
#include "api/run/artifact_source.h"
#include "frontend/checkpoint/describe.h"
#include "kernel/print.h"
#include "runtime/artifact.h"

namespace tempera::api {
namespace {

// "8 registers, 16x16x32"
std::string matrices_text(const MatrixTiles& tiles) {
  if (!tiles) return "none";
  return fmt::format("{} registers, {}x{}x{}", tiles.registers, tiles.rows, tiles.columns,
                     tiles.depth);
}

Json dtypes_json(const frontend::PartDescription& part) {
  Json rows = Json::array();
  for (const frontend::DTypeCount& count : part.dtypes)
    rows.push_back(
        {{"dtype", name(count.dtype)}, {"tensors", count.tensors}, {"bytes", count.bytes}});
  return rows;
}

Json tensors_json(const frontend::PartDescription& part) {
  Json rows = Json::array();
  for (const auto& [tensor_name, tensor] : part.tensors)
    rows.push_back({{"name", tensor_name},
                    {"dtype", name(tensor.dtype)},
                    {"shape", tensor.shape},
                    {"bytes", size_in_bytes(tensor)}});
  return rows;
}

Json part_json(const frontend::PartDescription& part, bool tensors) {
  Json json = {{"name", part.name},
               {"class", part.class_name},
               {"file", part.file},
               {"bytes", part.file_bytes},
               {"parameters", part.parameters},
               {"tensor_count", part.tensors.size()},
               {"dtypes", dtypes_json(part)}};
  if (tensors) json["tensors"] = tensors_json(part);
  return json;
}

Result<Json> describe_checkpoint(const std::string& path, bool tensors, const ModelFiles& files) {
  ASSIGN_OR_RETURN(
      const frontend::Description description,
      frontend::describe(
          path, {.config = files.config, .vae = files.vae, .prefers_ema = files.prefers_ema}));
  Json json = {{"kind", "checkpoint"},
               {"path", description.path},
               {"family", description.family},
               {"pipeline", description.pipeline_class}};
  json["components"] = Json::array();
  for (const frontend::PartDescription& part : description.parts)
    json["components"].push_back(part_json(part, tensors || description.family == "unknown"));
  return json;
}

Result<Json> describe_artifact(const std::string& path) {
  ASSIGN_OR_RETURN(const runtime::Artifact artifact, runtime::open_artifact(path));
  Json plans = Json::array();
  for (const runtime::ArtifactPlan& plan : artifact.plans) {
    Json options = Json::object();
    for (const auto& [key, value] : plan.options) options[key] = value;
    plans.push_back({{"component", plan.component},
                     {"width", plan.width},
                     {"height", plan.height},
                     {"batch_size", plan.batch_size},
                     {"options", std::move(options)}});
  }
  Json others = Json::array();
  for (const runtime::ArtifactCode& code : artifact.others)
    others.push_back({{"cpu", code.target.cpu},
                      {"triple", code.target.triple},
                      {"features", code.target.features}});
  return Json{{"kind", "artifact"},
              {"path", path},
              {"model", artifact.model},
              {"tempera_version", artifact.tempera_version},
              {"cpu", artifact.target.cpu},
              {"triple", artifact.target.triple},
              {"features", artifact.target.features},
              {"weights", runtime::weights_folder(artifact)},
              {"plans", std::move(plans)},
              {"others", std::move(others)}};
}

// A part folder alone, such as a VAE's, names no latent size.
constexpr int64_t kDefaultLatent = 64;

}  // namespace

Result<ComponentRequest> request_of(const frontend::Checkpoint& checkpoint,
                                    const InspectSettings& settings) {
  ASSIGN_OR_RETURN(const ModelInfo info, read_model_info(checkpoint, {settings.component, "unet"}));
  ComponentRequest request{.component = settings.component, .batch = settings.batch_size};
  const bool is_text = settings.component == "text_encoder";
  if (is_text || settings.component == "unet") request.tokens = text_length(checkpoint, info);
  if (is_text) return request;
  const int64_t scale = settings.component == "vae_encoder" ? 1 : info.vae_scale;
  const auto side = [&](int64_t pixels, int64_t latent) {
    if (pixels > 0) return pixels / scale;
    return (latent > 0 ? latent : kDefaultLatent) * info.vae_scale / scale;
  };
  request.height = side(settings.height, info.sample_height);
  request.width = side(settings.width, info.sample_width);
  if (settings.guided && settings.component == "unet") {
    request.repeat = 2;
    request.batch *= request.repeat;
  }
  return request;
}

Result<Json> describe_path(const std::string& path, bool tensors, const ModelFiles& files) {
  return is_artifact(path) ? describe_artifact(path) : describe_checkpoint(path, tensors, files);
}

Result<std::string> inspect_component(const std::string& model, const InspectSettings& settings,
                                      CompileOptions options) {
  ASSIGN_OR_RETURN(const frontend::Checkpoint checkpoint, open_checkpoint(model, options.files));
  ASSIGN_OR_RETURN(const ComponentRequest request, request_of(checkpoint, settings));
  ASSIGN_OR_RETURN(const Compiler compiler, make_compiler(std::move(options)));
  ASSIGN_OR_RETURN(RequestedGraph requested, build_requested(checkpoint, request));
  const graph::PassOptions passes{.precision = compiler.precision,
                                  .dump_after = settings.kernels ? "" : settings.dump_after,
                                  .time = compiler.options.time_passes};
  ASSIGN_OR_RETURN(graph::Fused fused, run_graph_passes(requested, passes));
  if (!settings.kernels) return std::move(fused.dump);
  ASSIGN_OR_RETURN(
      const lower::Lowered lowered,
      lower_component(fused, settings.component, compiler.target,
                      weight_growth(checkpoint, *frontend::component_from_name(settings.component),
                                    compiler.target, compiler.precision)));
  std::string text;
  for (const lower::LoweredKernel& kernel : lowered.kernels)
    text += kernel::to_string(kernel.kernel) + "\n";
  return text;
}

Result<Json> describe_target(const std::string& cpu) {
  ASSIGN_OR_RETURN(const Target target, backend_table().front().target(cpu));
  ASSIGN_OR_RETURN(const runtime::ArtifactTarget needed,
                   backend_of(target).artifact_target(target));
  return Json{{"backend", target.backend},
              {"cpu", target.cpu},
              {"triple", target.triple},
              {"features", needed.features},
              {"vector_bytes", target.vector_bytes},
              {"vector_registers", target.vector_registers},
              {"bf16_matrices", matrices_text(target.bf16_matrices)},
              {"l1_bytes", target.l1_bytes},
              {"l2_bytes", target.l2_bytes},
              {"l3_bytes", target.l3_bytes},
              {"cores", target.cores},
              {"key", key(target)}};
}

}  // namespace tempera::api
