#include "frontend/checkpoint/model_index.h"

#include <array>
#include <utility>

#include "base/text.h"

namespace tempera::frontend {
namespace {

using Refusal = std::pair<std::string_view, std::string_view>;

// Part of a pipeline's class name, and the feature it stands for; the first that matches counts.
constexpr std::array<Refusal, 18> kPipelines = {{
    {"StableDiffusionXL", "SDXL"},
    {"StableDiffusion3", "Stable Diffusion 3"},
    {"ControlNet", "ControlNet"},
    {"InstructPix2Pix", "InstructPix2Pix"},
    {"Depth2Img", "a depth-conditioned model"},
    {"Upscale", "an upscaler"},
    {"Adapter", "an adapter"},
    {"GLIGEN", "GLIGEN"},
    {"UnCLIP", "unCLIP"},
    {"ImageVariation", "image variation"},
    {"AnimateDiff", "AnimateDiff"},
    {"Video", "video"},
    {"Flux", "FLUX"},
    {"AltDiffusion", "AltDiffusion"},
    {"Kandinsky", "Kandinsky"},
    {"PixArt", "PixArt"},
    {"StableCascade", "Stable Cascade"},
    {"Wuerstchen", "Wuerstchen"},
}};

constexpr std::array<Refusal, 8> kComponents = {{
    {"text_encoder_2", "a second text encoder (SDXL and later)"},
    {"text_encoder_3", "a third text encoder (SD3)"},
    {"controlnet", "ControlNet"},
    {"transformer", "a diffusion transformer (SD3, FLUX)"},
    {"prior", "a prior"},
    {"motion_adapter", "a motion adapter"},
    {"adapter", "a T2I adapter"},
    {"vqvae", "a VQ-VAE"},
}};

Status check_pipeline(const std::string& pipeline, const std::string& file) {
  for (const auto& [part, feature] : kPipelines)
    if (pipeline.find(part) != std::string::npos)
      return error(ErrorCode::unsupported, "{}: this is a {}: {} is not supported yet", file,
                   quote(pipeline), feature);
  if (pipeline.empty() || pipeline.starts_with("StableDiffusion") ||
      pipeline.starts_with("LatentConsistencyModel"))
    return {};
  return error(
      ErrorCode::unsupported,
      "{}: pipelines of class {} are not supported, only StableDiffusionPipeline and its kind",
      file, quote(pipeline));
}

Status check_components(const ModelIndex& index, const std::string& file) {
  for (const auto& [component, feature] : kComponents)
    if (const auto found = index.classes.find(std::string(component)); found != index.classes.end())
      return error(ErrorCode::unsupported, "{}: component '{}' is {}: {} is not supported yet",
                   file, component, quote(found->second), feature);
  return {};
}

// A component is written as [library, class], both null where it is absent.
bool is_component(const Json& value) {
  return value.is_array() && value.size() == 2 && value[1].is_string();
}

}  // namespace

Result<ModelIndex> parse_model_index(const Json& json, const std::string& file) {
  ModelIndex index;
  ASSIGN_OR_RETURN(index.pipeline_class, get_or<std::string>(json, "_class_name", "", file));
  for (const auto& [key, value] : json.items())
    if (is_component(value)) index.classes.emplace(key, value[1].get<std::string>());
  TRY(check_pipeline(index.pipeline_class, file));
  TRY(check_components(index, file));
  return index;
}

}  // namespace tempera::frontend
