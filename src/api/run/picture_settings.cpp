#include "api/run/picture_settings.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <optional>

#include "api/run/version.h"
#include "base/file.h"
#include "diffusion/image/read_image.h"
#include "diffusion/infotext.h"

namespace tempera::api {
namespace {

using diffusion::Infotext;

const std::string* find_text(const diffusion::PictureText& text, std::string_view keyword) {
  const auto found = std::ranges::find(text, keyword, [](const auto& pair) { return pair.first; });
  return found == text.end() ? nullptr : &found->second;
}

std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  });
  return text;
}

using Value = std::optional<std::string>;  // none: the field asks for nothing

Value as_it_stands(const std::string& text) { return text; }
Value if_not_zero(const std::string& text) {
  return std::strtod(text.c_str(), nullptr) == 0 ? Value() : text;
}
Value if_true(const std::string& text) {
  return lower_case(text) == "true" ? Value("true") : Value();
}
// AUTOMATIC1111's names of schedules in lower case with '_', as in "SGM Uniform".
Value schedule_name(const std::string& text) {
  std::string name = lower_case(text);
  std::ranges::replace(name, ' ', '_');
  return name;
}
// The field is there where the noise is not the computing device's: CPU, or NV, which is CUDA's.
Value rng_name(const std::string& text) { return lower_case(text) == "cpu" ? "cpu" : "cuda"; }
Value upscaler_name(const std::string& text) {
  return lower_case(text).starts_with("latent") ? "latent" : "lanczos";
}
// "fill" blurs what is around into the masked part.
Value fill_name(const std::string& text) {
  if (text == "latent noise") return "noise";
  if (text == "latent nothing") return "zero";
  return text == "fill" ? "blur" : text;
}
Value if_only_masked(const std::string& text) {
  return lower_case(text) == "only masked" ? Value("true") : Value();
}
Value if_zero_snr(const std::string& text) {
  return lower_case(text).starts_with("zero") ? Value("true") : Value();
}

struct FieldFlag {
  std::string_view field, flag;
  Value (*value)(const std::string& text);
};

// AUTOMATIC1111's fields and what they are here, and the fields of our own for what it lacks.
constexpr FieldFlag kFieldFlags[] = {
    {"Steps", "steps", as_it_stands},
    {"Sampler", "sampler", as_it_stands},
    {"Schedule type", "schedule", schedule_name},
    {"CFG scale", "guidance-scale", as_it_stands},
    {"Seed", "seed", as_it_stands},
    {"Clip skip", "clip-skip", as_it_stands},
    {"ENSD", "ensd", if_not_zero},
    {"RNG", "rng", rng_name},
    {"Eta", "eta", as_it_stands},
    {"Eta DDIM", "eta", as_it_stands},
    {"Variation seed", "variation-seed", as_it_stands},
    {"Variation seed strength", "variation-strength", as_it_stands},
    {"Hires upscale", "hires", as_it_stands},
    {"Hires steps", "hires-steps", if_not_zero},
    {"Hires upscaler", "hires-upscaler", upscaler_name},
    {"Hires denoising strength", "hires-strength", as_it_stands},
    {"Mask blur", "mask-blur", as_it_stands},
    {"Masked content", "mask-fill", fill_name},
    {"Inpaint area", "only-masked", if_only_masked},
    {"Masked area padding", "only-masked-padding", as_it_stands},
    {"Tiling", "tiling", if_true},
    {"Token merging ratio", "token-merging-ratio", if_not_zero},
    {"Token merging max downsample", "token-merging-max-downsample", as_it_stands},
    {"Token merging cross attention", "token-merging-crossattn", if_true},
    {"Token merging MLP", "token-merging-mlp", if_true},
    {"DeepCache interval", "deep-cache", as_it_stands},
    {"Guidance from", "guidance-from", as_it_stands},
    {"Guidance to", "guidance-to", as_it_stands},
    {"Guidance rescale", "guidance-rescale", as_it_stands},
    {"Timestep spacing", "timestep-spacing", as_it_stands},
    {"Prediction", "prediction", as_it_stands},
    {"Noise Schedule", "rescale-betas-zero-snr", if_zero_snr},
    {"Prompt language", "prompt-language", as_it_stands},
    {"Compat", "compat", as_it_stands},
    {"Sigma churn", "s-churn", if_not_zero},
    {"Sigma tmin", "s-tmin", if_not_zero},
    {"Sigma tmax", "s-tmax", as_it_stands},
    {"Sigma noise", "s-noise", as_it_stands},
    {"Schedule min sigma", "sigma-min", if_not_zero},
    {"Schedule max sigma", "sigma-max", if_not_zero},
    {"Schedule rho", "rho", if_not_zero},
    {"Quantize timesteps", "quantize-timesteps", if_true},
    {"Always discard next-to-last sigma", "discard-next-to-last-sigma", if_true},
    {"Discard penultimate sigma", "discard-next-to-last-sigma", if_true},
    {"SGM noise multiplier", "sgm-noise-multiplier", if_true},
};

// Fields that say what a picture was made with and ask for nothing here, beside any that ends in
// "hash", "hashes" or begins with "Version"; those read elsewhere are here too.
constexpr std::string_view kSilentFields[] = {
    "Size",   "Model",   "Denoising strength", "VAE",         "App", "User", "Hashes", "Batch size",
    "Parser", "Version", "Hires sampler",      "Hires resize"};

bool is_silent(std::string_view field) {
  return std::ranges::find(kSilentFields, field) != std::end(kSilentFields) ||
         field.ends_with("hash") || field.ends_with("hashes") || field.starts_with("Batch");
}

// "512x768" as width and height; false for anything else.
bool add_size(const std::string& text, Flags& flags) {
  const size_t x = text.find('x');
  if (x == std::string::npos) return false;
  flags.emplace_back("width", text.substr(0, x));
  flags.emplace_back("height", text.substr(x + 1));
  return true;
}

// Whether "Denoising strength" is that of the second pass.
bool has_hires_strength(const Infotext& infotext) {
  return (find_field(infotext, "Hires upscale") || find_field(infotext, "Hires resize")) &&
         !find_field(infotext, "Hires denoising strength");
}

// A second pass to a size that is given by itself: the picture's times one factor, else left out.
void add_hires_size(const Infotext& infotext, PictureSettings& settings) {
  const std::string* target = find_field(infotext, "Hires resize");
  const std::string* size = find_field(infotext, "Size");
  Flags from, to;
  if (!target) return;
  if (!size || !add_size(*size, from) || !add_size(*target, to)) return;
  const auto side = [](const Flags& sides, size_t i) {
    return std::strtod(sides[i].second.get<std::string>().c_str(), nullptr);
  };
  const double across = side(to, 0) / side(from, 0), down = side(to, 1) / side(from, 1);
  if (across == down)
    settings.flags.emplace_back("hires", fmt::format("{}", across));
  else
    settings.left_out.push_back("Hires resize");
}

// Upscalers that are neither the latents' own nor Lanczos's.
bool is_other_upscaler(std::string_view field, const std::string& text) {
  const std::string name = lower_case(text);
  return field == "Hires upscaler" && !name.starts_with("latent") && name != "lanczos";
}

// Pictures of AUTOMATIC1111 and what follows its form, but not ours.
void add_compat(const Infotext& infotext, Flags& flags) {
  const std::string* version = find_field(infotext, "Version");
  if (version && version->starts_with("tempera")) return;
  flags.emplace_back("compat", "a1111");
  flags.emplace_back("prompt-language", "a1111");
  // Its noise is the computing device's unless it says otherwise.
  if (!find_field(infotext, "RNG")) flags.emplace_back("rng", "cuda");
}

PictureSettings from_infotext(const Infotext& infotext) {
  PictureSettings settings;
  Flags& flags = settings.flags;
  flags = {{"PROMPT", infotext.prompt}, {"negative-prompt", infotext.negative_prompt}};
  add_compat(infotext, flags);
  const bool is_hires = has_hires_strength(infotext);
  for (const auto& [field, text] : infotext.fields) {
    const auto* row = std::ranges::find(kFieldFlags, field, &FieldFlag::field);
    if (row != std::end(kFieldFlags)) {
      if (const Value value = row->value(text)) flags.emplace_back(row->flag, *value);
      if (is_other_upscaler(field, text))
        settings.left_out.push_back(fmt::format("Hires upscaler {} (lanczos instead)", text));
    } else if (field == "Denoising strength") {
      flags.emplace_back(is_hires ? "hires-strength" : "strength", text);
    } else if (field == "Size" ? !add_size(text, flags) : !is_silent(field)) {
      settings.left_out.push_back(field);
    }
  }
  add_hires_size(infotext, settings);
  if (const std::string* model = find_field(infotext, "Model")) settings.model = *model;
  return settings;
}

Result<PictureSettings> from_record(const std::string& text, const std::string& path) {
  const std::string where = path + ": its text tempera";
  ASSIGN_OR_RETURN(const Json record, parse_json(text, where));
  if (!record.is_object() || !record.contains("settings") || !record["settings"].is_object())
    return error(ErrorCode::data_loss, "{} has no settings", where);
  PictureSettings settings{.is_ours = true};
  ASSIGN_OR_RETURN(settings.model, get_or<std::string>(record, "model", "", where));
  for (const auto& [flag, value] : record["settings"].items())
    settings.flags.emplace_back(flag, value);
  return settings;
}

std::string format_name(std::string_view bytes) {
  if (bytes.starts_with("\x89PNG")) return "png";
  return bytes.starts_with("RIFF") ? "webp" : "jpeg";
}

}  // namespace

bool is_picture(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::array<char, 16> first{};
  file.read(first.data(), first.size());
  return diffusion::is_image({first.data(), static_cast<size_t>(file.gcount())});
}

Result<Json> describe_picture(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, read_file(path));
  ASSIGN_OR_RETURN(const diffusion::Picture picture, diffusion::decode_image(bytes, path));
  Json json = {{"kind", "picture"},
               {"path", path},
               {"format", format_name(bytes)},
               {"width", picture.image.width},
               {"height", picture.image.height},
               {"has_alpha", !picture.alpha.empty()},
               {"text", Json::object()}};
  for (const auto& [keyword, value] : picture.text) json["text"][keyword] = value;
  if (const std::string* text = diffusion::find_infotext(picture.text)) {
    const Infotext infotext = diffusion::parse_infotext(*text);
    json["prompt"] = infotext.prompt;
    json["negative"] = infotext.negative_prompt;
    json["fields"] = Json::object();
    for (const auto& [key, value] : infotext.fields) json["fields"][key] = value;
  }
  if (const std::string* record = find_text(picture.text, kRecordKeyword))
    if (auto own = parse_json(*record, path); own.ok()) json["tempera"] = *std::move(own);
  return json;
}

Flags flags_of(const diffusion::PictureRequest& request, size_t index) {
  // A picture of a stream depends on all of its batch.
  const bool is_stream = request.noise.seed_mode == diffusion::SeedMode::stream;
  if (is_stream) index = 0;
  Flags flags = {{"PROMPT", request.prompt},
                 {"negative-prompt", request.negative_prompt},
                 {"width", request.width},
                 {"height", request.height},
                 {"steps", request.sampler.steps},
                 {"sampler", request.sampler.sampler},
                 {"guidance-scale", request.guidance_scale},
                 {"seed", request.seeds.at(index)},
                 {"prompt-language", diffusion::name(request.prompts.language)},
                 {"rng", diffusion::name(request.noise.rng)}};
  // Picture `index` mixes in the noise of that many seeds on.
  const auto place = static_cast<uint64_t>(request.noise.first_picture) + index;
  if (request.noise.variation_seed)
    flags.emplace_back("variation-seed", *request.noise.variation_seed + place);
  if (is_stream) flags.emplace_back("batch-size", request.seeds.size());
  if (request.sampler.schedule)
    flags.emplace_back("schedule", diffusion::name(*request.sampler.schedule));
  if (request.sampler.spacing)
    flags.emplace_back("timestep-spacing", diffusion::name(*request.sampler.spacing));
  return flags;
}

std::string record_text(const std::string& model, const Flags& flags) {
  Json settings = Json::object();
  for (const auto& [flag, value] : flags) settings[flag] = value;
  const Json record = {{"version", kVersion}, {"model", model}, {"settings", std::move(settings)}};
  return record.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<PictureSettings> settings_of_picture(const std::string& path) {
  ASSIGN_OR_RETURN(const diffusion::Picture picture, diffusion::read_image(path));
  if (const std::string* record = find_text(picture.text, kRecordKeyword))
    return from_record(*record, path);
  const std::string* text = diffusion::find_infotext(picture.text);
  if (!text)
    return error(ErrorCode::not_found,
                 "{}: the picture holds no settings, neither ours nor AUTOMATIC1111's; many "
                 "programs and sites take them away",
                 path);
  return from_infotext(diffusion::parse_infotext(*text));
}

}  // namespace tempera::api
