#include "api/compile/quality.h"

#include <memory>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/flags.h"
#include "cli/generate/setting.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/stop.h"

namespace tempera::cli {
namespace {

// What people most want to know of.
constexpr const char* kDefaultSettings[] = {"precision=bf16",
                                            "precision=f16",
                                            "weights=int8",
                                            "token-merging-ratio=0.25",
                                            "token-merging-ratio=0.5",
                                            "token-merging-ratio=0.75",
                                            "deep-cache=2",
                                            "deep-cache=3",
                                            "guidance-to=0.8"};

struct Flags {
  std::string model, against = "f32", output = "quality.html", size;
  std::vector<std::string> settings;
  std::optional<int64_t> steps;
  int64_t pictures = -1;
  int threads = 0;
  bool json = false, quiet = false;
};

// "f32" is short for "precision=f32".
std::string reference_text(const std::string& against) {
  return against.find('=') == std::string::npos ? "precision=" + against : against;
}

Result<api::QualitySetting> quality_setting(const Flags& flags, const std::string& text,
                                            Progress& progress) {
  ASSIGN_OR_RETURN(Setting setting, parse_setting(text));
  if (!setting.picture.width && !setting.picture.height) TRY(set_size(flags.size, setting.picture));
  if (!setting.picture.steps) setting.picture.steps = flags.steps;
  if (setting.compile.threads == 0) setting.compile.threads = flags.threads;
  setting.compile.progress = [&](const api::CompileProgress& p) { return progress.compiled(p); };
  return api::QualitySetting{text, std::move(setting.compile), std::move(setting.picture)};
}

Result<std::vector<api::QualitySetting>> settings_of(const Flags& flags, Progress& progress) {
  std::vector<std::string> texts = {reference_text(flags.against)};
  if (flags.settings.empty())
    texts.insert(texts.end(), std::begin(kDefaultSettings), std::end(kDefaultSettings));
  else
    texts.insert(texts.end(), flags.settings.begin(), flags.settings.end());
  std::vector<api::QualitySetting> settings;
  for (const std::string& text : texts) {
    ASSIGN_OR_RETURN(api::QualitySetting setting, quality_setting(flags, text, progress));
    settings.push_back(std::move(setting));
  }
  return settings;
}

void print_table(const api::Quality& quality) {
  print(fmt::format("{:<44}{:>10}{:>10}{:>10}{:>10}{:>12}", "setting", "PSNR dB", "least", "SSIM",
                    "least", "sampling s"));
  for (const api::QualityRow& row : quality.rows) {
    const api::QualitySummary summary = api::summary_of(row);
    print(fmt::format("{:<44}{:>10.1f}{:>10.1f}{:>10.4f}{:>10.4f}{:>12.2f}", row.setting,
                      summary.mean_psnr, summary.least_psnr, summary.mean_ssim, summary.least_ssim,
                      row.denoise_seconds));
  }
}

Status measure(const Flags& flags) {
  install_stop_handler();
  if (flags.quiet) set_log_level(LogLevel::warning);
  TRY(check_place(flags.output));
  Progress progress(flags.quiet);
  ASSIGN_OR_RETURN(const auto settings, settings_of(flags, progress));
  ASSIGN_OR_RETURN(
      const api::Quality quality,
      api::measure_quality(flags.model, settings, flags.pictures,
                           [&](const std::string& setting, int64_t done, int64_t total) {
                             return progress.counted(setting, done, total);
                           }));
  ASSIGN_OR_RETURN(const std::string page, api::quality_page(quality));
  TRY(write_file(flags.output, page));
  progress.clear();
  if (flags.json) {
    Json json = api::to_json(quality);
    json["file"] = flags.output;
    print(json);
    return {};
  }
  print_table(quality);
  print("wrote " + flags.output);
  return {};
}

}  // namespace

void add_quality(CLI::App& program, Action& action) {
  CLI::App* app = program.add_subcommand(
      "quality", "Show what settings do to a model's pictures and to their time, as one HTML page");
  auto flags = std::make_shared<Flags>();
  app->add_option("MODEL", flags->model, "Folder of a model in diffusers layout")->required();
  app->add_option("--against", flags->against, "The reference: a precision or a setting")
      ->type_name("SETTING")
      ->capture_default_str();
  app->add_option("--setting", flags->settings,
                  "Flags of tempera generate without dashes, as in 'precision=bf16 steps=10'; may "
                  "be given again [precisions, int8 weights, and each way to leave out work]")
      ->type_name("SETTING")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app->add_option("-o,--output", flags->output, "The page")
      ->type_name("FILE")
      ->capture_default_str();
  app->add_option("--pictures", flags->pictures,
                  "Draw the first N of the model's samples.json [all]")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000));
  app->add_option("--steps", flags->steps, "Sampling steps [the samples']")->type_name("N");
  app->add_option("--size", flags->size, "Picture size in pixels, WIDTHxHEIGHT [the samples']")
      ->type_name("WxH");
  app->add_option("--threads", flags->threads, "Threads that compile and run [one a core]")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  app->add_flag("--json", flags->json, "Print the result as JSON, without the pictures");
  app->add_flag("-q,--quiet", flags->quiet, "Print no progress");
  app->footer(
      "Examples:\n"
      "  tempera quality models/tempera-emoji --against f32 -o quality.html\n"
      "  tempera quality stable-diffusion-v1-5 --pictures 2 --setting deep-cache=2 --setting "
      "'precision=bf16 deep-cache=3'");
  app->callback([flags, &action] { action = [flags] { return measure(*flags); }; });
}

}  // namespace tempera::cli
