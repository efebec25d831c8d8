#include "cli/generate/opened_model.h"

#include "api/run/artifact_source.h"
#include "base/log.h"

namespace tempera::cli {
namespace {

Result<std::unique_ptr<api::Session>> open_session(const GenerateFlags& flags,
                                                   const OpenedModel& opened, Progress& progress) {
  ASSIGN_OR_RETURN(const std::string model, flags.model.path());
  api::CompileOptions options = flags.compile.options();
  options.grow_weights = opened.grows_weights;
  options.loras = opened.loras;
  options.taesd = flags.adapters.taesd;
  options.progress = [&](const api::CompileProgress& p) { return progress.compiled(p); };
  ASSIGN_OR_RETURN(api::ModelSource source, flags.open(model, std::move(options), {}));
  return api::Session::open(std::move(source), "cpu", flags.compile.threads);
}

}  // namespace

Status open_for(const GenerateFlags& flags, const std::string& prompt,
                diffusion::PromptLanguage language, Progress& progress, OpenedModel& opened) {
  ASSIGN_OR_RETURN(auto loras, flags.adapters.lora_settings(prompt, language));
  if (opened.session != nullptr && loras == opened.loras) return {};
  opened.loras = std::move(loras);
  opened.session.reset();
  ASSIGN_OR_RETURN(opened.session, open_session(flags, opened, progress));
  return {};
}

Status keep_within(const GenerateFlags& flags, const diffusion::PictureRequest& request,
                   Progress& progress, OpenedModel& opened) {
  if (flags.max_memory.empty()) return {};
  ASSIGN_OR_RETURN(const int64_t limit, api::parse_bytes(flags.max_memory));
  ASSIGN_OR_RETURN(const auto prediction, api::predict_memory(*opened.session, request));
  if (prediction.peak <= limit) return {};
  ASSIGN_OR_RETURN(const std::string model, flags.model.path());
  if (!api::is_artifact(model)) {
    opened.grows_weights = false;
    ASSIGN_OR_RETURN(opened.session, open_session(flags, opened, progress));
  }
  ASSIGN_OR_RETURN(opened.means, api::fit_memory(*opened.session, request, limit));
  std::string means = api::describe(opened.means, opened.session->info().vae_scale);
  if (!opened.grows_weights)
    means = fmt::format("weights no larger than they need{}{}", means.empty() ? "" : ", ", means);
  progress.clear();
  log(LogLevel::info, "for --max-memory {}: {}", flags.max_memory, means);
  return {};
}

}  // namespace tempera::cli
