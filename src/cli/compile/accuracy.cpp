#include "api/compile/accuracy.h"

#include <memory>

#include "base/log.h"
#include "cli/command.h"
#include "cli/flags.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/stop.h"

namespace tempera::cli {
namespace {

struct Flags {
  std::string model, size;
  api::AccuracySettings settings;
  bool check = false, json = false, quiet = false;
  CompileFlags compile;
};

void print_component(const api::ComponentAccuracy& component) {
  print(fmt::format("{:<64}{:>10}{:>12}", component.component, "error %", "rms"));
  for (const api::LayerError& layer : component.layers)
    print(fmt::format("  {:<62}{:>10.4f}{:>12.4g}", layer.layer, 100 * layer.error, layer.rms));
}

void print_pictures(const api::Accuracy& accuracy) {
  if (accuracy.pictures.empty()) return;
  print(fmt::format("{:<64}{:>10}{:>12}", "picture", "PSNR dB", "seed"));
  for (const api::PictureAccuracy& picture : accuracy.pictures)
    print(fmt::format("  {:<62}{:>10.1f}{:>12}", picture.sample.prompt, picture.psnr,
                      picture.sample.seed));
}

void print_summary(const api::Accuracy& accuracy) {
  print(fmt::format("precision {}, weights {}, against f32", accuracy.setting.precision,
                    accuracy.setting.weights));
  for (const api::ComponentAccuracy& component : accuracy.components) {
    const api::LayerError& worst = api::worst_layer(component);
    print(fmt::format("{:<14} worst {:.4f} % at {}, median {:.4f} % of {} layers",
                      component.component, 100 * worst.error, worst.layer,
                      100 * api::median_error(component), component.layers.size()));
  }
  if (!accuracy.pictures.empty())
    print(fmt::format("{:<14} least {:.1f} dB of {}", "pictures", api::least_psnr(accuracy),
                      accuracy.pictures.size()));
}

void report(const Flags& flags, const api::Accuracy& accuracy) {
  if (flags.json) {
    print(api::to_json(accuracy));
    return;
  }
  for (const api::ComponentAccuracy& component : accuracy.components) print_component(component);
  print_pictures(accuracy);
  print_summary(accuracy);
}

Status measure(Flags& flags) {
  install_stop_handler();
  if (flags.quiet) set_log_level(LogLevel::warning);
  TRY(set_size(flags.size, flags.settings.picture));
  Progress progress(flags.quiet);
  api::CompileOptions options = flags.compile.options();
  options.progress = [&](const api::CompileProgress& p) { return progress.compiled(p); };
  ASSIGN_OR_RETURN(const api::Accuracy accuracy,
                   api::measure_accuracy(flags.model, options, flags.settings,
                                         [&](const std::string& part, int64_t done, int64_t total) {
                                           return progress.counted(part, done, total);
                                         }));
  progress.clear();
  report(flags, accuracy);
  return flags.check ? api::check_bounds(accuracy) : Status();
}

}  // namespace

void add_accuracy(CLI::App& program, Action& action) {
  CLI::App* app = program.add_subcommand(
      "accuracy", "Compare a setting of the compiler with f32, layer by layer and in pictures");
  auto flags = std::make_shared<Flags>();
  app->add_option("MODEL", flags->model, "Folder of a model in diffusers layout")->required();
  app->add_option("--component", flags->settings.components,
                  "Compare the layers of text_encoder, unet, vae_decoder or vae_encoder only; may "
                  "be given again")
      ->type_name("NAME")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app->add_option("--pictures", flags->settings.pictures,
                  "Draw the first N of the model's samples.json [all]")
      ->type_name("N")
      ->check(CLI::Range(0, 1'000'000));
  app->add_option("--steps", flags->settings.picture.steps, "Sampling steps [the samples']")
      ->type_name("N");
  app->add_option("--size", flags->size, "Picture size in pixels, WIDTHxHEIGHT [the samples']")
      ->type_name("WxH");
  flags->compile.add(*app);
  app->add_flag(
      "--check", flags->check,
      "Fail if a layer is off by more than 1 % or a picture is below 30 dB (int8 weights: "
      "2 %, 28 dB)");
  app->add_flag("--json", flags->json, "Print the result as JSON");
  app->add_flag("-q,--quiet", flags->quiet, "Print no progress");
  app->footer(
      "A layer's error is rms(x - reference) / rms(reference), where the layer was computed alone "
      "from\nthe f32 values of what it reads, so that errors do not add up. Pictures are whole "
      "runs.\n"
      "Examples:\n"
      "  tempera accuracy models/tempera-emoji --precision bf16\n"
      "  tempera accuracy stable-diffusion-v1-5 --precision bf16 --component unet --pictures 1");
  app->callback([flags, &action] { action = [flags] { return measure(*flags); }; });
}

}  // namespace tempera::cli
