#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "api/run/drive_sampler.h"
#include "api/run/sampler_table.h"
#include "cli/command.h"
#include "cli/flags.h"
#include "cli/output.h"

namespace tempera::cli {
namespace {

struct Flags {
  api::SamplerQuestion question;
  ModelFlag model;
  std::string inputs, output;
  api::ModelFiles files;
  api::OpenModel open;
  bool json = false;
};

Status list(const std::string& compat, bool json) {
  Json rows = Json::array();
  ASSIGN_OR_RETURN(const auto samplers, api::sampler_descriptions(compat));
  for (const api::SamplerDescription& s : samplers) {
    if (!json)
      print(fmt::format("{:<12}{:<14}{:<34}{:<12}{}\n{:12}{}", s.name, s.title, s.diffusers_class,
                        s.default_schedule, fmt::join(s.aliases, " "), "",
                        fmt::join(s.schedules, " ")));
    rows.push_back({{"name", s.name},
                    {"title", s.title},
                    {"diffusers_class", s.diffusers_class},
                    {"aliases", s.aliases},
                    {"schedules", s.schedules},
                    {"karras", std::ranges::find(s.schedules, "karras") != s.schedules.end()},
                    {"default_schedule", s.default_schedule}});
  }
  if (json) print(Json{{"samplers", std::move(rows)}});
  return {};
}

// A model's folder, its scheduler's, or the scheduler_config.json itself.
std::string scheduler_config(const std::string& path) {
  std::error_code ignored;
  for (const char* inner : {"/scheduler/scheduler_config.json", "/scheduler_config.json"})
    if (std::filesystem::exists(path + inner, ignored)) return path + inner;
  return std::filesystem::is_directory(path, ignored) ? path + "/scheduler/scheduler_config.json"
                                                      : path;
}

Status samplers(const Flags& flags) {
  if (flags.question.sampler.empty()) return list(flags.question.compat, flags.json);
  ASSIGN_OR_RETURN(const std::string model, flags.model.path());
  ASSIGN_OR_RETURN(const TextSources sources, text_sources(model, flags.open, flags.files));
  const std::string config = scheduler_config(sources.scheduler);
  if (!flags.inputs.empty())
    return api::drive_sampler(flags.question, config, flags.inputs, flags.output);
  ASSIGN_OR_RETURN(const api::SamplerTable table, api::sampler_table(flags.question, config));
  if (flags.json) {
    print(Json{{"timesteps", table.timesteps}, {"sigmas", table.sigmas}}.dump());
  } else {
    print(fmt::format("timesteps {}", fmt::join(table.timesteps, " ")));
    print(fmt::format("sigmas {}", fmt::join(table.sigmas, " ")));
  }
  return {};
}

}  // namespace

void add_samplers(CLI::App& program, Action& action, const api::OpenModel& open) {
  CLI::App* app =
      program.add_subcommand("samplers", "List the samplers, or print one's timesteps and sigmas");
  auto flags = std::make_shared<Flags>();
  flags->open = open;
  api::SamplerQuestion& question = flags->question;
  app->add_option("NAME", question.sampler, "A sampler, by any of its names");
  app->add_option("--steps", question.steps, "Sampling steps")
      ->type_name("N")
      ->capture_default_str();
  app->add_option("--schedule", question.schedule,
                  "discrete, karras, exponential, beta or sgm_uniform [the sampler's own]")
      ->type_name("NAME");
  app->add_option("--timestep-spacing", question.timestep_spacing,
                  "leading, trailing or linspace [the model's]")
      ->type_name("NAME");
  app->add_option("--prediction", question.prediction, "epsilon, v or sample [the model's]")
      ->type_name("NAME");
  app->add_flag("--rescale-betas-zero-snr", question.rescale_betas_zero_snr,
                "Noise levels that end in no signal at all");
  app->add_option("--compat", question.compat,
                  "diffusers, or a1111: AUTOMATIC1111's samplers and schedules")
      ->type_name("NAME")
      ->capture_default_str();
  app->add_option("--eta", question.eta, "Of ddim and tcd, 0 to 1 [0 and 0.3]")->type_name("X");
  app->add_option("--strength", question.strength, "The last part of the steps, as in img2img")
      ->type_name("X");
  CLI::Option* drive = app->add_option("--drive", flags->inputs,
                                       "Run the sampler on this file's noise, without a model")
                           ->type_name("FILE");
  CLI::Option* output =
      app->add_option("-o,--output", flags->output, "Where --drive writes its samples")
          ->type_name("FILE");
  drive->needs(output);
  output->needs(drive);
  flags->model.add(*app);
  app->add_option("--config", flags->files.config, "Take the scheduler from this diffusers folder")
      ->type_name("DIR");
  app->add_flag("--json", flags->json, "Print {\"timesteps\": [...], \"sigmas\": [...]}");
  app->footer("Example:\n  tempera samplers dpm++2m --steps 20 --schedule karras --json");
  app->callback([flags, &action] { action = [flags] { return samplers(*flags); }; });
}

}  // namespace tempera::cli
