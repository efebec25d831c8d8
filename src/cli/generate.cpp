#include "cli/generate.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <memory>
#include <sstream>

#include "api/run/batches.h"
#include "api/run/files.h"
#include "api/run/fit_memory.h"
#include "api/run/picture_views.h"
#include "api/run/wildcards.h"
#include "base/file.h"
#include "base/log.h"
#include "base/suggest.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/flags.h"
#include "cli/flags_adapters.h"
#include "cli/flags_compat.h"
#include "cli/flags_hires.h"
#include "cli/flags_init_image.h"
#include "cli/flags_noise.h"
#include "cli/flags_output.h"
#include "cli/flags_prompt.h"
#include "cli/flags_sampler.h"
#include "cli/grid.h"
#include "cli/like.h"
#include "cli/output.h"
#include "cli/picture_names.h"
#include "cli/progress.h"
#include "cli/prompts_file.h"
#include "cli/stop.h"

namespace tempera::cli {
namespace {

struct GenerateFlags {
  CLI::App* app = nullptr;  // that these were added to
  std::string prompt, prompt_file, seed, like, save_latents, initial_latents;
  std::string max_memory;
  bool save_steps = false, dry_run = false, json = false, quiet = false;
  ModelFlag model;
  api::OpenModel open;
  CompileFlags compile;
  SavingFlags saving;
  AdapterFlags adapters;
  InitImageFlags init_image;
  HiresFlags hires;
  GridFlags grid;
  PromptFlags prompts;
  NoiseFlags noise;
  SamplerFlags sampler;
  CompatFlags compat;
  OutputFlags output;
  api::GenerateSettings settings;
};

void add_picture_flags(CLI::App& app, GenerateFlags& flags) {
  api::GenerateSettings& s = flags.settings;
  app.add_option("PROMPT", flags.prompt, "What to see in the picture");
  app.add_option("--prompt-file", flags.prompt_file, "Read the prompt from a file; - is stdin")
      ->type_name("FILE");
  flags.prompts.add(app);
  app.add_option("-n,--negative-prompt", s.negative_prompt, "What not to see")->type_name("TEXT");
  app.add_option("--steps", s.steps, "Sampling steps [20]")->type_name("N");
  app.add_option("--sampler", s.sampler, "See tempera samplers [dpm++2m]")->type_name("NAME");
  app.add_option(
         "--schedule", s.schedule,
         "discrete, karras, exponential, beta or sgm_uniform; see tempera samplers --compat a1111 "
         "for others [the sampler's own]")
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
  flags.sampler.add(app);
  flags.adapters.add(app);
  flags.compile.add(app);
  flags.saving.add_token_merging(app);
  flags.saving.add_deep_cache(app);
  flags.saving.add_guidance(app);
  flags.init_image.add(app);
  flags.hires.add(app);
  flags.noise.add(app);
  flags.compat.add(app);
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

// Sets what a cell of a grid sets.
Status parse_cell(const std::vector<std::string>& cell, GenerateFlags& flags) {
  CLI::App app;
  add_setting_flags(app, flags);
  try {
    app.parse(std::vector<std::string>(cell.rbegin(), cell.rend()));
  } catch (const CLI::ParseError& failure) {
    return setting_error(fmt::format("{}", fmt::join(cell, " ")), app, failure);
  }
  return {};
}

void add_output_flags(CLI::App& app, GenerateFlags& flags) {
  flags.grid.add(app);
  flags.prompts.add_file(app);
  flags.output.add(app);
  app.add_option("--save-latents", flags.save_latents,
                 "Write the final latents, before the division by scaling_factor")
      ->type_name("FILE");
  app.add_flag("--save-steps", flags.save_steps, "Write the latents after each step there too");
  app.add_option("--initial-latents", flags.initial_latents,
                 "Read the noise to start from, f32 [batch, 4, height / 8, width / 8]")
      ->type_name("FILE");
  app.add_option("--like", flags.like,
                 "Take all settings that are not given from this picture: one of ours is made "
                 "again, of others what they say in AUTOMATIC1111's form is taken over")
      ->type_name("PICTURE");
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
  if (!flags.prompts.file.empty()) {
    if (prompt_given || !flags.prompt_file.empty() || flags.grid.is_given())
      return error(ErrorCode::invalid_argument,
                   "--prompts-file goes with no other prompt and with no grid");
    return {};
  }
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

// All but the prompt: what a cell of a grid may set.
Status complete_settings(GenerateFlags& flags) {
  TRY(flags.output.apply());
  if (!flags.seed.empty()) {
    ASSIGN_OR_RETURN(flags.settings.seeds, parse_seeds(flags.seed));
  }
  if (flags.save_steps && flags.save_latents.empty())
    return error(ErrorCode::invalid_argument, "--save-steps needs --save-latents FILE");
  if (flags.save_steps && (flags.grid.batch_count > 1 || flags.grid.is_given()))
    return error(ErrorCode::invalid_argument,
                 "--save-steps is of one batch, without --batch-count and --grid-x");
  flags.settings.batch_count = flags.grid.batch_count;
  flags.settings.keep_steps = flags.save_steps;
  flags.settings.saving = flags.saving.saving;
  TRY(flags.adapters.apply(flags.settings));
  TRY(flags.init_image.apply(flags.settings));
  TRY(flags.hires.apply(flags.settings));
  TRY(flags.prompts.apply(flags.settings));
  TRY(flags.noise.apply(flags.settings));
  TRY(flags.sampler.apply(flags.settings));
  TRY(flags.compat.apply(flags.settings));
  if (!flags.initial_latents.empty()) {
    ASSIGN_OR_RETURN(flags.settings.initial_latents, api::read_latents(flags.initial_latents));
  }
  return {};
}

// One batch of pictures, and the files that they go to.
struct Job {
  diffusion::PictureRequest request;
  std::vector<std::string> names;
  std::vector<std::string> cell = {};  // what its cell of a grid sets
};

// Names of all jobs at once, so that no two are equal.
Status name_pictures(const GenerateFlags& flags, std::vector<Job>& jobs) {
  std::vector<PictureNumbers> pictures;
  for (const Job& job : jobs)
    for (const uint64_t seed : job.request.seeds)
      pictures.push_back(
          {seed, static_cast<int64_t>(pictures.size()), job.request.width, job.request.height});
  const bool by_index = !flags.prompts.file.empty();  // seeds may be others when it goes on later
  ASSIGN_OR_RETURN(
      const std::vector<std::string> names,
      picture_names(flags.output.pattern, pictures, by_index ? kIndexPattern : kDefaultPattern));
  auto name = names.begin();
  for (Job& job : jobs) {
    job.names.assign(name, name + std::ssize(job.request.seeds));
    name += std::ssize(job.request.seeds);
  }
  return {};
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

Status write_pictures(const GenerateFlags& flags, const api::Generated& generated,
                      const std::string& model, const Job& job) {
  api::PictureFileOptions file = flags.output.file;
  for (size_t i = 0; i < job.names.size(); ++i) {
    file.record = api::record_text(model, picture_flags(*flags.app, job.request, job.cell, i));
    TRY(api::write_picture(job.names[i], generated.pictures[i], file));
  }
  return {};
}

void tell_seed(Progress& progress, uint64_t seed) {
  progress.clear();
  log(LogLevel::info, "seed {}", seed);
}

// A model that is open, and how its pictures stay within --max-memory.
struct Opened {
  std::unique_ptr<api::Session> session;
  std::vector<api::LoraSetting> loras;  // that it was opened with
  bool grows_weights = true;
  api::MemoryMeans means;
};

Result<std::unique_ptr<api::Session>> open_session(const GenerateFlags& flags, const Opened& opened,
                                                   Progress& progress) {
  ASSIGN_OR_RETURN(const std::string model, flags.model.path());
  api::CompileOptions options = flags.compile.options();
  options.grow_weights = opened.grows_weights;
  options.loras = opened.loras;
  options.taesd = flags.adapters.taesd;
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
  opened.grows_weights = false;
  ASSIGN_OR_RETURN(opened.session, open_session(flags, opened, progress));
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

// What a grid's cells have in common where nothing is said: the first's seeds.
Result<std::vector<Job>> grid_jobs(const GenerateFlags& flags, const api::ModelInfo& info) {
  ASSIGN_OR_RETURN(const Axis x, parse_axis(flags.grid.x, "--grid-x"));
  ASSIGN_OR_RETURN(const Axis y, parse_axis(flags.grid.y, "--grid-y"));
  TRY(check_axis(x, "--grid-x"));
  TRY(check_axis(y, "--grid-y"));
  std::vector<Job> jobs;
  for (const std::vector<std::string>& cell : cells_of(x, y)) {
    GenerateFlags own = flags;
    if (!jobs.empty()) own.settings.seeds = jobs.front().request.seeds;
    TRY(parse_cell(cell, own));
    TRY(complete_settings(own));
    ASSIGN_OR_RETURN(diffusion::PictureRequest request, api::resolve(own.settings, info));
    jobs.push_back({std::move(request), {}, cell});
  }
  return jobs;
}

// A line's seeds follow those of the line before, unless there is a list of them.
Result<std::vector<Job>> line_jobs(const GenerateFlags& flags, const api::ModelInfo& info) {
  ASSIGN_OR_RETURN(const std::vector<std::string> prompts, read_prompts_file(flags.prompts.file));
  api::GenerateSettings settings = flags.settings;
  std::vector<Job> jobs;
  for (const std::string& prompt : prompts) {
    settings.prompt = prompt;
    ASSIGN_OR_RETURN(const diffusion::PictureRequest request, api::resolve(settings, info));
    if (settings.seeds.size() <= 1) settings.seeds = {request.seeds.front() + request.seeds.size()};
    for (diffusion::PictureRequest& part : api::split(request, flags.grid.batch_count))
      jobs.push_back({std::move(part), {}});
  }
  return jobs;
}

Status expand_wildcards(const std::string& folder, std::vector<Job>& jobs) {
  if (folder.empty()) return {};
  std::vector<Job> expanded;
  for (const Job& job : jobs) {
    ASSIGN_OR_RETURN(auto requests, api::with_wildcards(job.request, folder));
    for (diffusion::PictureRequest& request : requests)
      expanded.push_back({std::move(request), {}});
  }
  jobs = std::move(expanded);
  return {};
}

// What a run before this one has made.
void drop_finished(std::vector<Job>& jobs) {
  const auto exists = [](const std::string& name) {
    std::error_code ignored;
    return std::filesystem::is_regular_file(name, ignored);
  };
  const size_t dropped =
      std::erase_if(jobs, [&](const Job& job) { return std::ranges::all_of(job.names, exists); });
  if (dropped > 0) log(LogLevel::info, "{} prompts have their pictures already", dropped);
}

Result<std::vector<Job>> jobs_of(const GenerateFlags& flags, const api::ModelInfo& info) {
  std::vector<Job> jobs;
  if (flags.grid.is_given()) {
    if (flags.grid.batch_count > 1)
      return error(ErrorCode::invalid_argument, "both --batch-count and --grid-x; give one");
    if (!flags.save_latents.empty())
      return error(ErrorCode::invalid_argument,
                   "--save-latents is of one setting, without --grid-x");
    ASSIGN_OR_RETURN(jobs, grid_jobs(flags, info));
  } else if (!flags.prompts.file.empty()) {
    ASSIGN_OR_RETURN(jobs, line_jobs(flags, info));
  } else {
    ASSIGN_OR_RETURN(const diffusion::PictureRequest request, api::resolve(flags.settings, info));
    for (diffusion::PictureRequest& part : api::split(request, flags.grid.batch_count))
      jobs.push_back({std::move(part), {}});
  }
  TRY(expand_wildcards(flags.prompts.wildcard_dir, jobs));
  TRY(name_pictures(flags, jobs));
  if (!flags.prompts.file.empty()) drop_finished(jobs);
  return jobs;
}

// That takes most memory.
const diffusion::PictureRequest& largest(const std::vector<Job>& jobs) {
  const auto size = [](const Job& job) {
    const double side = job.request.hires.scale;
    return static_cast<double>(job.request.width * job.request.height) * side * side *
           static_cast<double>(job.request.seeds.size());
  };
  return std::ranges::max_element(jobs, {}, size)->request;
}

Status write_sheet(const GenerateFlags& flags, const std::vector<Job>& jobs,
                   const api::Generated& generated) {
  const bool is_asked = flags.output.grid && generated.pictures.size() > 1;
  if (!flags.grid.is_given() && !is_asked) return {};
  ASSIGN_OR_RETURN(const Axis x, parse_axis(flags.grid.x, "--grid-x"));
  const int64_t columns = flags.grid.is_given()
                              ? std::ssize(x.values) * std::ssize(jobs.front().names)
                              : api::sheet_columns(generated.pictures.size());
  const std::string name = sheet_name(jobs.front().names.front());
  TRY(api::write_sheet(name, generated, columns, flags.output.file.quality));
  if (!flags.json) print("wrote " + name);
  return {};
}

Status draw(const GenerateFlags& flags, const Opened& opened, const Job& job, Progress& progress,
            api::Generated& all) {
  const diffusion::PictureRequest& request = job.request;
  Status preview_status;
  const auto report = [&](const api::GenerateProgress& p) {
    const bool begins = p.stage == api::GenerateStage::encode && p.done == 0;
    const bool is_first = all.pictures.empty();
    if (begins && is_first && flags.seed.empty()) tell_seed(progress, request.seeds[0]);
    if (preview_status.ok()) preview_status = write_preview(flags.output, request, p, job.names[0]);
    return progress.generated(p) && preview_status.ok();
  };
  auto made = api::generate(*opened.session, request, report, opened.means);
  TRY(preview_status);
  ASSIGN_OR_RETURN(api::Generated generated, std::move(made));
  progress.clear();
  TRY(write_pictures(flags, generated, opened.session->info().name, job));
  show_pictures(flags.output, generated, flags.json);
  log_times(generated, request);
  if (!flags.json)
    for (const std::string& name : job.names) print("wrote " + name);
  if (!flags.prompts.file.empty() &&
      !flags.output.grid)  // of any number of pictures: files hold them now
    for (api::GeneratedPicture& picture : generated.pictures) picture.image.pixels = {};
  api::append(std::move(generated), all);
  return {};
}

// The prompts of a file, of wildcards or of a grid may each name their own LoRAs.
Status open_for(const GenerateFlags& flags, const diffusion::PictureRequest& request,
                Progress& progress, Opened& opened) {
  ASSIGN_OR_RETURN(auto loras,
                   flags.adapters.lora_settings(request.prompt, request.prompts.language));
  if (opened.session != nullptr && loras == opened.loras) return {};
  opened.loras = std::move(loras);
  opened.session.reset();
  ASSIGN_OR_RETURN(opened.session, open_session(flags, opened, progress));
  return {};
}

Status draw_all(const GenerateFlags& flags, Opened& opened, const std::vector<Job>& jobs,
                Progress& progress) {
  api::Generated all;
  for (const Job& job : jobs) {
    TRY(open_for(flags, job.request, progress, opened));
    TRY(draw(flags, opened, job, progress, all));
  }
  if (!flags.save_latents.empty() && !jobs.empty())
    TRY(api::write_latents(flags.save_latents, all));
  TRY(write_sheet(flags, jobs, all));
  if (flags.json && jobs.empty())
    print(Json{{"pictures", Json::array()}});
  else if (flags.json)
    print(result_json(flags, jobs, opened.session->info(), all));
  return {};
}

// A picture of another model is another picture.
void tell_model(const std::string& picture_model, const api::ModelInfo& info) {
  if (picture_model.empty() || picture_model == info.name) return;
  log(LogLevel::warning, "the picture was made with the model {}, this is {}; -m names another",
      quote(picture_model), quote(info.name));
}

Status generate(GenerateFlags& flags) {
  install_stop_handler();
  if (flags.quiet) set_log_level(LogLevel::warning);
  std::string picture_model;
  if (!flags.like.empty()) TRY(set_like(flags.like, *flags.app, picture_model));
  TRY(read_prompt(flags, flags.app->count("PROMPT") > 0));
  TRY(complete_settings(flags));
  TRY(check_place(flags.save_latents));
  Progress progress(flags.quiet);
  Opened opened;
  const api::GenerateSettings& settings = flags.settings;
  ASSIGN_OR_RETURN(opened.loras,
                   flags.adapters.lora_settings(settings.prompt, settings.prompts.language));
  ASSIGN_OR_RETURN(opened.session, open_session(flags, opened, progress));
  tell_model(picture_model, opened.session->info());
  ASSIGN_OR_RETURN(const std::vector<Job> jobs, jobs_of(flags, opened.session->info()));
  if (jobs.empty()) return draw_all(flags, opened, jobs, progress);
  TRY(keep_within(flags, largest(jobs), progress, opened));
  if (flags.dry_run) return predict(flags, opened, largest(jobs), progress);
  return draw_all(flags, opened, jobs, progress);
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
  TRY(flags.prompts.apply(flags.settings));
  TRY(flags.noise.apply(flags.settings));
  TRY(flags.sampler.apply(flags.settings));
  TRY(flags.compat.apply(flags.settings));
  return Setting{flags.compile.options(), flags.settings};
}

void add_generate(CLI::App& program, Action& action, const api::OpenModel& open) {
  CLI::App* app = program.add_subcommand("generate", "Make pictures from a prompt");
  auto flags = std::make_shared<GenerateFlags>();
  flags->open = open;
  flags->app = app;
  add_setting_flags(*app, *flags);
  flags->model.add(*app);
  add_output_flags(*app, *flags);
  app->footer(
      "Examples:\n"
      "  tempera generate \"a red heart\"\n"
      "  tempera generate \"a cat\" -m stable-diffusion-v1-5 -n \"blurry\" --seed 5,9 -o "
      "cat-{seed}.png\n"
      "  tempera generate \"a cat\" -m stable-diffusion-v1-5 --width 768 --dry-run\n"
      "  tempera generate --like cat-5.png --seed 6 -o again.jpg\n"
      "  tempera generate \"a cat\" -m stable-diffusion-v1-5 --deep-cache 2 --guidance-to 0.8");
  app->callback([flags, &action] { action = [flags] { return generate(*flags); }; });
}

}  // namespace tempera::cli
