#include "cli/flags.h"

#include <charconv>
#include <filesystem>

#include "api/run/find_model.h"
#include "api/run/fit_memory.h"
#include "base/text.h"

namespace tempera::cli {
namespace {

template <typename T>
bool parse_number(std::string_view text, T& value) {
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, value);
  return failure == std::errc() && stop == end && !text.empty();
}

// CLI11's form of a check: empty where the text is fine.
std::string is_amount(const std::string& text) {
  const Result<int64_t> bytes = api::parse_bytes(text);
  return bytes.ok() ? "" : bytes.error().message;
}

}  // namespace

void ModelFlag::add(CLI::App& app) {
  app.add_option("-m,--model", folder,
                 "A checkpoint in one file (.safetensors, .ckpt, .pt), a diffusers folder, or an "
                 "artifact [$TEMPERA_MODEL, else the bundled model]")
      ->type_name("PATH");
}

Result<std::string> ModelFlag::path() const {
  if (!folder.empty()) return folder;
  return api::find_default_model();
}

Result<TextSources> text_sources(const std::string& model, const api::OpenModel& open,
                                 const api::ModelFiles& files) {
  std::error_code ignored;
  if (!files.config.empty()) return TextSources{files.config, files.config};
  if (!std::filesystem::is_regular_file(model, ignored) || model.ends_with(".json"))
    return TextSources{model, model};
  // No component's weights or config are read.
  ASSIGN_OR_RETURN(const api::ModelSource source, open(model, {.files = files}, {"none"}));
  return TextSources{source.info.tokenizer_folder, source.info.scheduler_config};
}

void ModelFilesFlags::add(CLI::App& app) {
  app.add_option("--config", config,
                 "Take configs, scheduler and tokenizer from this diffusers folder, those that it "
                 "has [of a single file: inferred, and those of Stable Diffusion]")
      ->type_name("DIR");
  app.add_option("--vae", vae, "Take the VAE from this checkpoint, folder or single file")
      ->type_name("PATH");
  CLI::Option* average =
      app.add_flag("--ema", ema, "Of a single file with both: the moving average of the UNet");
  app.add_flag("--no-ema", no_ema,
               "The UNet as trained; the default for single files, of a folder its .non_ema file")
      ->excludes(average);
}

api::ModelFiles ModelFilesFlags::files() const {
  std::optional<bool> prefers_ema;
  if (ema || no_ema) prefers_ema = ema;
  return {.config = config, .vae = vae, .prefers_ema = prefers_ema};
}

void CompileFlags::add(CLI::App& app) {
  model_files.add(app);
  app.add_option("--cpu", cpu,
                 "Processor to compile for: native, x86-64-v2, x86-64-v3, x86-64-v4, a name that "
                 "LLVM knows, or aarch64:NAME")
      ->type_name("NAME")
      ->capture_default_str();
  app.add_option("--precision", precision,
                 "Images, sequences and their products in auto, f32, bf16 or f16; sums, norms, "
                 "softmax and the sampler stay f32. 16 bits halve memory traffic and change each "
                 "layer by up to 1 %; auto measures what is fastest here [f32, or the artifact's]")
      ->type_name("NAME");
  app.add_option("--weights", weights,
                 "Weights of large layers in f32, bf16, f16, or int8 with a scale for each output "
                 "and 64 inputs, which changes a layer by up to 2 % [as --precision, or the "
                 "artifact's]")
      ->type_name("NAME");
  app.add_option("--threads", threads, "Threads that compile and run [one a core]")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  app.add_option("--cache-size", cache_size,
                 "What compiled models may take on disk, as in 2GiB; see tempera cache "
                 "[$TEMPERA_CACHE_SIZE, else 4GiB]")
      ->type_name("SIZE")
      ->check(is_amount);
  app.add_flag("--time-passes", time_passes, "Print how long each pass of the compiler takes");
}

api::CompileOptions CompileFlags::options() const {
  std::optional<int64_t> cache_bytes;
  if (!cache_size.empty()) cache_bytes = api::parse_bytes(cache_size).value();
  return {.cpu = cpu,
          .precision = precision,
          .weights = weights,
          .threads = threads,
          .cache_bytes = cache_bytes,
          .time_passes = time_passes,
          .files = model_files.files()};
}

void SizeFlags::add(CLI::App& app) {
  app.add_option("--size", size, "Picture size in pixels, WIDTHxHEIGHT [the UNet config's]")
      ->type_name("WxH");
  app.add_option("--batch-size", batch_size, "Pictures at once")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(1, 512));
}

void SavingFlags::add_token_merging(CLI::App& app) {
  constexpr const char* kGroup = "Faster by leaving out work (the picture changes)";
  diffusion::TokenMerging& merging = saving.token_merging;
  app.add_option("--token-merging-ratio", merging.ratio,
                 "Part of the UNet's tokens that are merged with similar ones before "
                 "self-attention, 0 to 0.75; on the bundled model the pictures of 0.25, 0.5 and "
                 "0.75 are 34, 28 and 20 dB from those without (tempera quality) [0]")
      ->type_name("X")
      ->group(kGroup);
  app.add_option("--token-merging-max-downsample", merging.max_downsample,
                 "Merge at this reduction of the latent and below: 1, 2, 4 or 8; above 1 shapes "
                 "change, and little time is won [1]")
      ->type_name("N")
      ->group(kGroup);
  app.add_flag("--token-merging-crossattn", merging.cross_attention,
               "Merge before cross-attention too: the prompt is followed less closely")
      ->group(kGroup);
  app.add_flag("--token-merging-mlp", merging.mlp,
               "Merge before the feed-forward layers too: merged places look alike, surfaces blur")
      ->group(kGroup);
}

void SavingFlags::add_deep_cache(CLI::App& app) {
  app.add_option("--deep-cache", saving.deep_cache,
                 "Run the UNet's deep part in every N-th step and reuse its result in those "
                 "between; on the bundled model 2 and 3 are 37 and 35 dB from the whole run, with "
                 "fewer steps less [1]")
      ->type_name("N")
      ->group("Faster by leaving out work (the picture changes)");
}

void SavingFlags::add_guidance(CLI::App& app) {
  constexpr const char* kGroup = "Faster by leaving out work (the picture changes)";
  app.add_option("--guidance-from", saving.guidance_from,
                 "Leave out the negative prompt before this part of the steps, 0 to 1; the first "
                 "steps set the composition, which then follows the prompt less [0]")
      ->type_name("X")
      ->group(kGroup);
  app.add_option("--guidance-to", saving.guidance_to,
                 "Leave out the negative prompt from this part of the steps on, 0 to 1; the last "
                 "steps add detail, and 0.8 is 27 dB from the whole run on the bundled model [1]")
      ->type_name("X")
      ->group(kGroup);
}

Result<std::pair<int64_t, int64_t>> parse_size(std::string_view text) {
  std::pair<int64_t, int64_t> size = {0, 0};
  if (text.empty()) return size;
  const size_t x = text.find('x');
  if (x == std::string_view::npos || !parse_number(text.substr(0, x), size.first) ||
      !parse_number(text.substr(x + 1), size.second) || size.first < 1 || size.second < 1)
    return error(ErrorCode::invalid_argument, "the size {} is not WIDTHxHEIGHT, as in 512x512",
                 quote(text));
  return size;
}

Status set_size(std::string_view text, api::GenerateSettings& settings) {
  if (text.empty()) return {};
  ASSIGN_OR_RETURN(const auto size, parse_size(text));
  settings.width = size.first;
  settings.height = size.second;
  return {};
}

Result<std::vector<uint64_t>> parse_seeds(std::string_view text) {
  std::vector<uint64_t> seeds;
  for (const std::string_view part : split_at_commas(text)) {
    if (!parse_number(part, seeds.emplace_back()))
      return error(ErrorCode::invalid_argument,
                   "the seed {} is not a whole number from 0 to 18446744073709551615", quote(part));
  }
  return seeds;
}

std::pair<std::string, std::string> split_component(const std::string& text) {
  std::error_code ignored;
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos || std::filesystem::exists(text, ignored)) return {text, ""};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

}  // namespace tempera::cli
