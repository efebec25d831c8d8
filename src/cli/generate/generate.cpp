#include <memory>

#include "api/run/batches.h"
#include "api/run/files.h"
#include "api/run/picture_views.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/generate/generate_flags.h"
#include "cli/generate/jobs.h"
#include "cli/generate/like.h"
#include "cli/generate/opened_model.h"
#include "cli/generate/report.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/stop.h"

namespace tempera::cli {
namespace {

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

Status predict(const GenerateFlags& flags, const OpenedModel& opened,
               const diffusion::PictureRequest& request, Progress& progress) {
  ASSIGN_OR_RETURN(const auto prediction,
                   api::predict_memory(*opened.session, request, opened.means));
  progress.clear();
  print_prediction(prediction, flags.json);
  return {};
}

Status write_sheet(const GenerateFlags& flags, const std::vector<Job>& jobs,
                   const api::Generated& generated) {
  const bool is_asked = flags.output.grid && generated.pictures.size() > 1;
  if (!flags.grid.is_given() && !is_asked) return {};
  ASSIGN_OR_RETURN(const Axis x, parse_axis(flags.grid.x, "--grid-x"));
  ASSIGN_OR_RETURN(const Axis y, parse_axis(flags.grid.y, "--grid-y"));
  const int64_t columns = flags.grid.is_given()
                              ? std::ssize(x.values) * std::ssize(jobs.front().names)
                              : api::sheet_columns(generated.pictures.size());
  const std::string name = sheet_name(jobs.front().names.front());
  TRY(api::write_sheet(name, generated, columns, {labels_of(x), labels_of(y)},
                       flags.output.file.quality));
  if (!flags.json) print("wrote " + name);
  return {};
}

Status draw(const GenerateFlags& flags, const OpenedModel& opened, const Job& job,
            Progress& progress, api::Generated& all) {
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

Status draw_all(const GenerateFlags& flags, OpenedModel& opened, const std::vector<Job>& jobs,
                Progress& progress) {
  api::Generated all;
  for (const Job& job : jobs) {
    TRY(open_for(flags, job.request.prompt, job.request.prompts.language, progress, opened));
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
  TRY(read_prompt(flags));
  TRY(apply_flags(flags));
  TRY(check_place(flags.save_latents));
  Progress progress(flags.quiet);
  OpenedModel opened;
  const api::GenerateSettings& settings = flags.settings;
  TRY(open_for(flags, settings.prompt, settings.prompts.language, progress, opened));
  tell_model(picture_model, opened.session->info());
  ASSIGN_OR_RETURN(const std::vector<Job> jobs, jobs_of(flags, opened.session->info()));
  if (jobs.empty()) return draw_all(flags, opened, jobs, progress);
  TRY(keep_within(flags, largest(jobs), progress, opened));
  if (flags.dry_run) return predict(flags, opened, largest(jobs), progress);
  return draw_all(flags, opened, jobs, progress);
}

}  // namespace

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
