#include <fmt/ranges.h>

#include <filesystem>
#include <memory>

#include "api/run/sampler_table.h"
#include "cli/command.h"
#include "cli/flags.h"
#include "cli/output.h"

namespace tempera::cli {
namespace {

struct Flags {
  std::string name;
  std::optional<std::string> schedule, timestep_spacing, prediction;
  bool zero_snr = false;
  int64_t steps = 20;
  ModelFlag model;
  bool json = false;
};

void list(bool json) {
  Json rows = Json::array();
  for (const api::SamplerDescription& s : api::sampler_descriptions()) {
    if (!json)
      print(fmt::format("{:<12}{:<14}{:<34}{:<12}{}\n{:12}{}", s.name, s.title, s.diffusers_class,
                        s.default_schedule, fmt::join(s.aliases, " "), "",
                        fmt::join(s.schedules, " ")));
    rows.push_back({{"name", s.name},
                    {"title", s.title},
                    {"diffusers_class", s.diffusers_class},
                    {"aliases", s.aliases},
                    {"schedules", s.schedules},
                    {"default_schedule", s.default_schedule}});
  }
  if (json) print(Json{{"samplers", std::move(rows)}});
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
  if (flags.name.empty()) {
    list(flags.json);
    return {};
  }
  ASSIGN_OR_RETURN(const std::string model, flags.model.path());
  ASSIGN_OR_RETURN(const api::SamplerTable table,
                   api::sampler_table({.sampler = flags.name,
                                       .schedule = flags.schedule,
                                       .timestep_spacing = flags.timestep_spacing,
                                       .prediction = flags.prediction,
                                       .rescale_betas_zero_snr = flags.zero_snr,
                                       .steps = flags.steps},
                                      scheduler_config(model)));
  if (flags.json) {
    print(Json{{"timesteps", table.timesteps}, {"sigmas", table.sigmas}}.dump());
  } else {
    print(fmt::format("timesteps {}", fmt::join(table.timesteps, " ")));
    print(fmt::format("sigmas {}", fmt::join(table.sigmas, " ")));
  }
  return {};
}

}  // namespace

void add_samplers(CLI::App& program, Action& action) {
  CLI::App* app =
      program.add_subcommand("samplers", "List the samplers, or print one's timesteps and sigmas");
  auto flags = std::make_shared<Flags>();
  app->add_option("NAME", flags->name, "A sampler, by any of its names");
  app->add_option("--steps", flags->steps, "Sampling steps")->type_name("N")->capture_default_str();
  app->add_option("--schedule", flags->schedule,
                  "discrete, karras, exponential, beta or sgm_uniform [the sampler's own]")
      ->type_name("NAME");
  app->add_option("--timestep-spacing", flags->timestep_spacing,
                  "leading, trailing or linspace [the model's]")
      ->type_name("NAME");
  app->add_option("--prediction", flags->prediction, "epsilon, v or sample [the model's]")
      ->type_name("NAME");
  app->add_flag("--rescale-betas-zero-snr", flags->zero_snr,
                "Noise levels that end in no signal at all");
  flags->model.add(*app);
  app->add_flag("--json", flags->json, "Print {\"timesteps\": [...], \"sigmas\": [...]}");
  app->footer("Example:\n  tempera samplers dpm++2m --steps 20 --schedule karras --json");
  app->callback([flags, &action] { action = [flags] { return samplers(*flags); }; });
}

}  // namespace tempera::cli
