#include "api/run/samples.h"

#include <filesystem>

#include "base/json.h"

namespace tempera::api {
namespace {

constexpr const char* kSamplesFile = "samples.json";

Samples built_in_samples() {
  return {.settings = {},
          .pictures = {{"a photograph of a red apple on a wooden table", 1},
                       {"a lighthouse at dawn, oil painting", 2},
                       {"portrait of an old man with a grey beard, detailed", 3},
                       {"a small house in a green valley, mountains, clear sky", 4}}};
}

template <typename T>
Status read_optional(const Json& json, std::string_view key, std::string_view where,
                     std::optional<T>& value) {
  if (!json.contains(key)) return {};
  ASSIGN_OR_RETURN(value, get<T>(json, key, where));
  return {};
}

Result<Sample> parse_sample(const Json& json, std::string_view where) {
  Sample sample;
  ASSIGN_OR_RETURN(sample.prompt, get<std::string>(json, "prompt", where));
  ASSIGN_OR_RETURN(const int64_t seed, get<int64_t>(json, "seed", where));
  if (seed < 0) return error(ErrorCode::data_loss, "{}: the seed {} is below 0", where, seed);
  sample.seed = static_cast<uint64_t>(seed);
  return sample;
}

Result<Samples> parse_samples(const Json& json, const std::string& where) {
  Samples samples;
  GenerateSettings& settings = samples.settings;
  TRY(read_optional(json, "sampler", where, settings.sampler));
  if (settings.sampler)
    settings.sampler = settings.sampler->substr(0, settings.sampler->find_first_of("(,"));
  TRY(read_optional(json, "steps", where, settings.steps));
  TRY(read_optional(json, "guidance_scale", where, settings.guidance_scale));
  TRY(read_optional(json, "width", where, settings.width));
  TRY(read_optional(json, "height", where, settings.height));
  const auto pictures = json.find("pictures");
  if (pictures == json.end() || !pictures->is_array() || pictures->empty())
    return error(ErrorCode::data_loss, "{}: there is no list of pictures", where);
  for (const Json& picture : *pictures) {
    ASSIGN_OR_RETURN(Sample sample, parse_sample(picture, where));
    samples.pictures.push_back(std::move(sample));
  }
  return samples;
}

template <typename T>
void fill(std::optional<T>& value, const std::optional<T>& fallback) {
  if (!value) value = fallback;
}

}  // namespace

Result<Samples> read_samples(const std::string& model) {
  const std::string file = model + "/" + kSamplesFile;
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return built_in_samples();
  ASSIGN_OR_RETURN(const Json json, read_json_file(file));
  if (!json.is_object()) return error(ErrorCode::data_loss, "{}: expected an object", file);
  return parse_samples(json, file);
}

GenerateSettings settings_of(const Samples& samples, const Sample& sample,
                             const GenerateSettings& settings) {
  GenerateSettings result = settings;
  result.prompt = sample.prompt;
  result.seeds = {sample.seed};
  fill(result.sampler, samples.settings.sampler);
  fill(result.steps, samples.settings.steps);
  fill(result.guidance_scale, samples.settings.guidance_scale);
  fill(result.width, samples.settings.width);
  fill(result.height, samples.settings.height);
  return result;
}

Result<DrawnSample> draw_sample(Session& session, const GenerateSettings& settings,
                                const GenerateProgressFunction& progress) {
  ASSIGN_OR_RETURN(const diffusion::PictureRequest request, resolve(settings, session.info()));
  ASSIGN_OR_RETURN(Generated generated, generate(session, request, progress));
  return DrawnSample{.image = std::move(generated.pictures.at(0).image),
                     .latents = std::move(generated.latents),
                     .step_latents = std::move(generated.step_latents),
                     .denoise_seconds = generated.seconds[GenerateStage::denoise],
                     .decode_seconds = generated.seconds[GenerateStage::decode]};
}

}  // namespace tempera::api
