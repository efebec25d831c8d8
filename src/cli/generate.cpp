#include "cli/generate.h"

#include <memory>
#include <sstream>

#include "api/run/files.h"
#include "api/run/fit_memory.h"
#include "base/file.h"
#include "base/log.h"
#include "base/suggest.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/flags.h"
#include "cli/flags_hires.h"
#include "cli/flags_init_image.h"
#include "cli/output.h"
#include "cli/picture_names.h"
#include "cli/progress.h"
#include "cli/stop.h"

namespace tempera::cli {
namespace {

struct GenerateFlags {
  std::string prompt, prompt_file, seed, pattern, save_latents, initial_latents;
  std::string prompt_language = "plain";
  std::string max_memory;
  bool save_steps = false, dry_run = false, json = false, quiet = false;
  ModelFlag model;
  api::OpenModel open;
  CompileFlags compile;
  SavingFlags saving;
  InitImageFlags init_image;
  HiresFlags hires;
  api::GenerateSettings settings;
};

void add_picture_flags(CLI::App& app, GenerateFlags& flags) {
  api::GenerateSettings& s = flags.settings;
  app.add_option("PROMPT", flags.prompt, "What to see in the picture");
  app.add_option("--prompt-file", flags.prompt_file, "Read the prompt from a file; - is stdin")
      ->type_name("FILE");
  app.add_option("--prompt-language", flags.prompt_language, "How prompts are read")
      ->type_name("NAME")
      ->capture_default_str();
  app.add_option("-n,--negative-prompt", s.negative_prompt, "What not to see")->type_name("TEXT");
  app.add_option("--steps", s.steps, "Sampling steps [20]")->type_name("N");
  app.add_option("--sampler", s.sampler, "See tempera samplers [dpm++2m]")->type_name("NAME");
  app.add_option("--schedule", s.schedule,
                 "discrete, karras, exponential, beta or sgm_uniform [the sampler's own]")
      ->type_name("NAME");
  app.add_option("--timestep-spacing", s.timestep_spacing,
                 "leading, trailing or linspace [the model's]")
      ->type_name("NAME");
  app.add_option("--guidance-scale", s.guidance_scale,
                 "How strongly to follow the prompt; 1 does not run the negative prompt [7.5]")
      ->type_name("X");
  app.add_option("--seed", flags.seed,
                 "A number, or one for each picture as in 5,9; picture i of a batch uses seed + i "
                 "[random]")
      ->type_name("N[,N...]");
  app.add_option("--width", s.width, "Pixels, a multiple of 8 [the model's]")->type_name("N");
  app.add_option("--height", s.height, "Pixels, a multiple of 8 [the model's]")->type_name("N");
  app.add_flag("--tiling", s.tiling, "Make pictures whose opposite sides meet");
  app.add_option("--batch-size", s.batch_size, "Pictures at once [1]")->type_name("N");
}

// What a setting may say, beside prompts and seeds.
void add_setting_flags(CLI::App& app, GenerateFlags& flags) {
  add_picture_flags(app, flags);
  flags.compile.add(app);
  flags.saving.add_token_merging(app);
  flags.saving.add_deep_cache(app);
  flags.saving.add_guidance(app);
  flags.init_image.add(app);
  flags.hires.add(app);
}

// CLI11 takes arguments last first.
std::vector<std::string> setting_arguments(const std::string& text) {
  std::vector<std::string> arguments;
  std::istringstream words(text);
  for (std::string word; words >> word;) arguments.insert(arguments.begin(), "--" + word);
  return arguments;
}

Error setting_error(const std::string& text, const CLI::App& app, const CLI::ParseError& failure) {
  if (dynamic_cast<const CLI::ExtrasError*>(&failure) == nullptr)
    return error(ErrorCode::invalid_argument, "the setting {}: {}", quote(text), failure.what());
  const std::vector<std::string> rest = app.remaining();
  const std::string flag = rest.empty() ? "" : rest.front().substr(0, rest.front().find('='));
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return error(ErrorCode::invalid_argument, "the setting {}: generate has no flag {}{}",
               quote(text), quote(flag), suggestion(flag, names));
}

void add_output_flags(CLI::App& app, GenerateFlags& flags) {
  app.add_option("-o,--output", flags.pattern,
                 std::string("Name of the PNG, with {seed}, {index}, {width}, {height} [") +
                     kDefaultPattern + " in the current folder]")
      ->type_name("FILE");
  app.add_option("--save-latents", flags.save_latents,
                 "Write the final latents, before the division by scaling_factor")
      ->type_name("FILE");
  app.add_flag("--save-steps", flags.save_steps, "Write the latents after each step there too");
  app.add_option("--initial-latents", flags.initial_latents,
                 "Read the noise to start from, f32 [batch, 4, height / 8, width / 8]")
      ->type_name("FILE");
  app.add_option("--max-memory", flags.max_memory,
                 "Stay within this much memory, as in 2GiB: no larger weights for speed, the UNet "
                 "freed before decoding, decoding in tiles, fewer pictures at once, or refuse")
      ->type_name("SIZE");
  app.add_flag("--dry-run", flags.dry_run,
               "Compile, print the memory that it would take, and read no weights");
  app.add_flag("--json", flags.json, "Print the result as JSON");
  app.add_flag("-q,--quiet", flags.quiet, "Print no progress");
}

Status read_prompt(GenerateFlags& flags, bool prompt_given) {
  if (flags.prompt_language != "plain")
    return error(ErrorCode::unsupported, "prompt language '{}' is not supported yet; pass plain",
                 flags.prompt_language);
  if (flags.prompt_file.empty()) {
    flags.settings.prompt = flags.prompt;
    if (prompt_given) return {};
    return error(ErrorCode::invalid_argument,
                 "no prompt; say what to see, as in tempera generate \"a red heart\"");
  }
  if (prompt_given)
    return error(ErrorCode::invalid_argument, "both a prompt and --prompt-file; give one");
  const std::string path = flags.prompt_file == "-" ? "/dev/stdin" : flags.prompt_file;
  ASSIGN_OR_RETURN(std::string text, read_file(path, 1 << 20));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  if (text.find_first_not_of(" \t\r\n") == std::string::npos)
    return error(ErrorCode::invalid_argument, "{}: the prompt file is empty", flags.prompt_file);
  flags.settings.prompt = std::move(text);
  return {};
}

Status complete_settings(GenerateFlags& flags, bool prompt_given) {
  TRY(read_prompt(flags, prompt_given));
  if (!flags.seed.empty()) {
    ASSIGN_OR_RETURN(flags.settings.seeds, parse_seeds(flags.seed));
  }
  if (flags.save_steps && flags.save_latents.empty())
    return error(ErrorCode::invalid_argument, "--save-steps needs --save-latents FILE");
  flags.settings.keep_steps = flags.save_steps;
  flags.settings.saving = flags.saving.saving;
  TRY(flags.init_image.apply(flags.settings));
  TRY(flags.hires.apply(flags.settings));
  if (!flags.initial_latents.empty()) {
    ASSIGN_OR_RETURN(flags.settings.initial_latents, api::read_latents(flags.initial_latents));
  }
  return {};
}

Result<std::vector<std::string>> names_of(const GenerateFlags& flags,
                                          const diffusion::PictureRequest& request) {
  std::vector<PictureNumbers> pictures;
  for (const uint64_t seed : request.seeds)
    pictures.push_back(
        {seed, static_cast<int64_t>(pictures.size()), request.width, request.height});
  return picture_names(flags.pattern, pictures);
}

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

Json result_json(const GenerateFlags& flags, const diffusion::PictureRequest& request,
                 const api::ModelInfo& info, const api::Generated& generated,
                 const std::vector<std::string>& names) {
  Json pictures = Json::array();
  for (size_t i = 0; i < names.size(); ++i)
    pictures.push_back({{"file", names[i]},
                        {"seed", generated.pictures[i].seed},
                        {"width", request.width},
                        {"height", request.height},
                        {"parameters", generated.pictures[i].parameters}});
  Json seconds = Json::object();
  for (const auto& [stage, spent] : generated.seconds) seconds[api::name(stage)] = spent;
  Json json = {{"pictures", std::move(pictures)}, {"settings", settings_json(request, info)}};
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

Status write_results(const GenerateFlags& flags, const api::Generated& generated,
                     const std::vector<std::string>& names) {
  if (!flags.save_latents.empty()) TRY(api::write_latents(flags.save_latents, generated));
  for (size_t i = 0; i < names.size(); ++i)
    TRY(api::write_picture(names[i], generated.pictures[i]));
  return {};
}

void tell_seed(Progress& progress, uint64_t seed) {
  progress.clear();
  log(LogLevel::info, "seed {}", seed);
}

// A model that is open, and how its pictures stay within --max-memory.
struct Opened {
  std::unique_ptr<api::Session> session;
  api::MemoryMeans means;
};

Result<std::unique_ptr<api::Session>> open_session(const GenerateFlags& flags, bool grow_weights,
                                                   Progress& progress) {
  ASSIGN_OR_RETURN(const std::string model, flags.model.path());
  api::CompileOptions options = flags.compile.options();
  options.grow_weights = grow_weights;
  options.progress = [&](const api::CompileProgress& p) { return progress.compiled(p); };
  ASSIGN_OR_RETURN(api::ModelSource source, flags.open(model, std::move(options), {}));
  return api::Session::open(std::move(source), "cpu", flags.compile.threads);
}

// Means that cost time come after the memory that weights take for speed.
Status keep_within(const GenerateFlags& flags, const diffusion::PictureRequest& request,
                   Progress& progress, Opened& opened) {
  if (flags.max_memory.empty()) return {};
  ASSIGN_OR_RETURN(const int64_t limit, api::parse_bytes(flags.max_memory));
  ASSIGN_OR_RETURN(const auto prediction, api::predict_memory(*opened.session, request));
  if (prediction.peak <= limit) return {};
  ASSIGN_OR_RETURN(opened.session, open_session(flags, false, progress));
  ASSIGN_OR_RETURN(opened.means, api::fit_memory(*opened.session, request, limit));
  const std::string means = api::describe(opened.means, opened.session->info().vae_scale);
  progress.clear();
  log(LogLevel::info, "for --max-memory {}: weights no larger than they need{}{}", flags.max_memory,
      means.empty() ? "" : ", ", means);
  return {};
}

Status predict(const GenerateFlags& flags, const Opened& opened,
               const diffusion::PictureRequest& request, Progress& progress) {
  ASSIGN_OR_RETURN(const auto prediction,
                   api::predict_memory(*opened.session, request, opened.means));
  progress.clear();
  print_prediction(prediction, flags.json);
  return {};
}

Status draw(const GenerateFlags& flags, const Opened& opened,
            const diffusion::PictureRequest& request, const std::vector<std::string>& names,
            Progress& progress) {
  const auto report = [&](const api::GenerateProgress& p) {
    const bool begins = p.stage == api::GenerateStage::encode && p.done == 0;
    if (begins && flags.seed.empty()) tell_seed(progress, request.seeds[0]);
    return progress.generated(p);
  };
  ASSIGN_OR_RETURN(const api::Generated generated,
                   api::generate(*opened.session, request, report, opened.means));
  progress.clear();
  TRY(write_results(flags, generated, names));
  log_times(generated, request);
  if (flags.json) {
    print(result_json(flags, request, opened.session->info(), generated, names));
  } else {
    for (const std::string& name : names) print("wrote " + name);
  }
  return {};
}

Status generate(GenerateFlags& flags, bool prompt_given) {
  install_stop_handler();
  if (flags.quiet) set_log_level(LogLevel::warning);
  TRY(complete_settings(flags, prompt_given));
  TRY(check_place(flags.save_latents));
  Progress progress(flags.quiet);
  Opened opened;
  ASSIGN_OR_RETURN(opened.session, open_session(flags, true, progress));
  ASSIGN_OR_RETURN(const diffusion::PictureRequest request,
                   api::resolve(flags.settings, opened.session->info()));
  ASSIGN_OR_RETURN(const std::vector<std::string> names, names_of(flags, request));
  TRY(keep_within(flags, request, progress, opened));
  if (flags.dry_run) return predict(flags, opened, request, progress);
  return draw(flags, opened, request, names, progress);
}

}  // namespace

Result<Setting> parse_setting(const std::string& text) {
  CLI::App app;
  GenerateFlags flags;
  add_setting_flags(app, flags);
  try {
    app.parse(setting_arguments(text));
  } catch (const CLI::ParseError& failure) {
    return setting_error(text, app, failure);
  }
  if (!flags.seed.empty() || !flags.prompt_file.empty() || flags.settings.batch_size)
    return error(ErrorCode::invalid_argument,
                 "the setting {}: prompts and seeds are those of the samples", quote(text));
  flags.settings.saving = flags.saving.saving;
  return Setting{flags.compile.options(), flags.settings};
}

void add_generate(CLI::App& program, Action& action, const api::OpenModel& open) {
  CLI::App* app = program.add_subcommand("generate", "Make pictures from a prompt");
  auto flags = std::make_shared<GenerateFlags>();
  flags->open = open;
  add_setting_flags(*app, *flags);
  flags->model.add(*app);
  add_output_flags(*app, *flags);
  app->footer(
      "Examples:\n"
      "  tempera generate \"a red heart\"\n"
      "  tempera generate \"a cat\" -m stable-diffusion-v1-5 -n \"blurry\" --seed 5,9 -o "
      "cat-{seed}.png\n"
      "  tempera generate \"a cat\" -m stable-diffusion-v1-5 --width 768 --dry-run\n"
      "  tempera generate \"a cat\" -m stable-diffusion-v1-5 --deep-cache 2 --guidance-to 0.8");
  app->callback([app, flags, &action] {
    action = [app, flags] { return generate(*flags, app->count("PROMPT") > 0); };
  });
}

}  // namespace tempera::cli
