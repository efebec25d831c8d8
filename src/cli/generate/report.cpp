#include "cli/generate/report.h"

#include "base/log.h"
#include "cli/output.h"

namespace tempera::cli {
namespace {

Json settings_json(const diffusion::PictureRequest& request, const api::ModelInfo& info) {
  return {{"prompt", request.prompt},
          {"negative_prompt", request.negative_prompt},
          {"model", info.name},
          {"width", request.width},
          {"height", request.height},
          {"steps", request.sampler.steps},
          {"sampler", request.sampler.sampler},
          {"guidance_scale", request.guidance_scale},
          {"guidance_from", request.saving.guidance_from},
          {"guidance_to", request.saving.guidance_to},
          {"token_merging_ratio", request.saving.token_merging.ratio},
          {"deep_cache", request.saving.deep_cache}};
}

}  // namespace

Json result_json(const GenerateFlags& flags, const std::vector<Job>& jobs,
                 const api::ModelInfo& info, const api::Generated& generated) {
  Json pictures = Json::array();
  for (const Job& job : jobs)
    for (const std::string& name : job.names) {
      const api::GeneratedPicture& picture = generated.pictures[pictures.size()];
      pictures.push_back({{"file", name},
                          {"seed", picture.seed},
                          {"width", picture.image.width},
                          {"height", picture.image.height},
                          {"parameters", picture.parameters}});
    }
  Json seconds = Json::object();
  for (const auto& [stage, spent] : generated.seconds) seconds[api::name(stage)] = spent;
  Json json = {{"pictures", std::move(pictures)},
               {"settings", settings_json(jobs.front().request, info)}};
  if (!flags.save_latents.empty()) json["latents"] = flags.save_latents;
  json["seconds"] = std::move(seconds);
  json["peak_bytes"] = api::peak_resident_bytes();
  return json;
}

void print_prediction(const api::MemoryPrediction& prediction, bool json) {
  if (json) {
    Json components = Json::array();
    for (const auto& part : prediction.components) components.push_back(api::to_json(part));
    print(Json{{"components", std::move(components)}, {"peak_bytes", prediction.peak}});
    return;
  }
  print(fmt::format("{:<14}{:>12}{:>12}{:>12}{:>12}{:>12}", "component", "weights", "arena", "live",
                    "state", "loaded"));
  for (const api::ComponentMemory& part : prediction.components)
    print(fmt::format("{:<14}{:>12}{:>12}{:>12}{:>12}{:>12}", part.component,
                      bytes_text(part.weights), bytes_text(part.arena), bytes_text(part.live),
                      bytes_text(part.state), bytes_text(part.loaded())));
  print(fmt::format("peak {}", bytes_text(prediction.peak)));
}

void log_times(const api::Generated& generated, const diffusion::PictureRequest& request) {
  std::string text;
  for (const auto& [stage, spent] : generated.seconds)
    text += fmt::format("{}{} {:.2f} s", text.empty() ? "" : ", ", api::name(stage), spent);
  log(LogLevel::info, "{}; peak {}; {} steps of {:.3f} s", text,
      bytes_text(api::peak_resident_bytes()), request.sampler.steps,
      generated.seconds.at(api::GenerateStage::denoise) /
          static_cast<double>(request.sampler.steps));
}

}  // namespace tempera::cli
