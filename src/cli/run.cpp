#include <memory>

#include "api/run/files.h"
#include "api/run/fit_memory.h"
#include "api/run/memory.h"
#include "api/run/run_component.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/flags.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/stop.h"

namespace tempera::cli {
namespace {

struct Flags {
  std::string component, inputs, outputs, max_memory;
  std::vector<std::string> keep;
  int64_t repeat = 1;
  bool print_time = false, profile = false, json = false, quiet = false;
  api::OpenModel open;
  CompileFlags compile;
  SavingFlags saving;
};

void print_time(const Flags& flags, const api::Timing& t) {
  if (flags.json) return;
  print(fmt::format(
      "{} runs, in seconds: mean {:.6f}, median {:.6f}, max {:.6f}, min {:.6f}, std "
      "{:.6f}; peak {}",
      flags.repeat, t.mean, t.median, t.max, t.min, t.std, bytes_text(api::peak_resident_bytes())));
}

void print_result(const Flags& flags, const api::ComponentRun& result) {
  Json outputs = Json::array();
  for (const auto& [name, tensor] : result.outputs)
    outputs.push_back(
        {{"name", name}, {"dtype", tempera::name(tensor.dtype)}, {"shape", tensor.shape}});
  Json json = {{"outputs", std::move(outputs)}, {"peak_bytes", api::peak_resident_bytes()}};
  if (!flags.outputs.empty()) json["file"] = flags.outputs;
  if (flags.print_time) {
    const api::Timing t = api::timing_of(result.seconds);
    json["seconds"] = {{"runs", flags.repeat}, {"mean", t.mean}, {"median", t.median},
                       {"max", t.max},         {"min", t.min},   {"std", t.std}};
  }
  print(json);
}

// A component ready to run, with its inputs.
struct Opened {
  std::unique_ptr<api::Session> session;
  api::BoundInputs bound;
};

Result<Opened> open(const Flags& flags, const std::string& model, const std::string& component,
                    bool grows_weights, Progress& progress) {
  ASSIGN_OR_RETURN(api::NamedValues inputs, api::read_tensors(flags.inputs));
  api::CompileOptions options = flags.compile.options();
  options.grow_weights = grows_weights;
  options.progress = [&](const api::CompileProgress& p) { return progress.compiled(p); };
  ASSIGN_OR_RETURN(api::ModelSource source, flags.open(model, std::move(options), {component}));
  Opened opened;
  ASSIGN_OR_RETURN(opened.bound, api::bind_inputs(source.info, component, std::move(inputs)));
  opened.bound.request.keep = flags.keep;
  TRY(diffusion::check(flags.saving.saving.token_merging));
  if (component == "unet") opened.bound.request.token_merging = flags.saving.saving.token_merging;
  ASSIGN_OR_RETURN(opened.session,
                   api::Session::open(std::move(source), "cpu", flags.compile.threads));
  return opened;
}

// Within --max-memory, if need be without the memory that weights take for speed.
Result<Opened> open_within_limit(const Flags& flags, const std::string& model,
                                 const std::string& component, Progress& progress) {
  ASSIGN_OR_RETURN(Opened opened, open(flags, model, component, true, progress));
  if (flags.max_memory.empty()) return opened;
  ASSIGN_OR_RETURN(const int64_t limit, api::parse_bytes(flags.max_memory));
  ASSIGN_OR_RETURN(int64_t peak, api::predict_peak(*opened.session, opened.bound.request));
  if (peak <= limit) return opened;
  ASSIGN_OR_RETURN(opened, open(flags, model, component, false, progress));
  ASSIGN_OR_RETURN(peak, api::predict_peak(*opened.session, opened.bound.request));
  if (peak > limit)
    return error(ErrorCode::resource_exhausted,
                 "the {} takes {} at least, more than --max-memory {}; try --weights int8, "
                 "--precision auto or smaller inputs",
                 component, bytes_text(peak), flags.max_memory);
  progress.clear();
  log(LogLevel::info, "for --max-memory {}: weights no larger than they need", flags.max_memory);
  return opened;
}

Status run(const Flags& flags) {
  install_stop_handler();
  const auto [model, component] = split_component(flags.component);
  if (component.empty())
    return error(ErrorCode::invalid_argument, "'{}' names no component; add one, as in {}:unet",
                 flags.component, model);
  Progress progress(flags.quiet);
  ASSIGN_OR_RETURN(const Opened opened, open_within_limit(flags, model, component, progress));
  runtime::Profiler profiler;
  if (flags.profile) opened.session->set_profiler(&profiler);
  ASSIGN_OR_RETURN(
      const api::ComponentRun result,
      api::run_component(*opened.session, opened.bound, flags.print_time ? flags.repeat : 0,
                         [] { return !stop_requested(); }));
  progress.clear();
  if (!flags.outputs.empty()) TRY(api::write_tensors(flags.outputs, result.outputs));
  if (flags.profile) log(LogLevel::info, "{}", runtime::profile_table(profiler.launches()));
  if (flags.json)
    print_result(flags, result);
  else if (flags.print_time)
    print_time(flags, api::timing_of(result.seconds));
  return {};
}

}  // namespace

void add_run(CLI::App& program, Action& action, const api::OpenModel& open) {
  CLI::App* app = program.add_subcommand("run", "Run one component of a model or artifact");
  auto flags = std::make_shared<Flags>();
  flags->open = open;
  app->add_option("MODEL:COMPONENT", flags->component,
                  "A model's or artifact's folder and text_encoder, unet, vae_decoder or "
                  "vae_encoder")
      ->required();
  app->add_option("--inputs", flags->inputs, "A safetensors file with the component's inputs")
      ->type_name("FILE")
      ->required();
  app->add_option("--outputs", flags->outputs, "The safetensors file to write")->type_name("FILE");
  app->add_option("--keep", flags->keep,
                  "Also write the layers whose module path fits; * stands for anything, dots "
                  "included; may be given again")
      ->type_name("GLOB")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app->add_option("--repeat", flags->repeat, "Timed runs")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000));
  app->add_flag("--print-time", flags->print_time,
                "Print mean, median, max, min and standard deviation of the runs");
  app->add_flag("--profile", flags->profile, "Print the time of each kernel to standard error");
  flags->compile.add(*app);
  app->add_option(
         "--max-memory", flags->max_memory,
         "Stay within this much memory, as in 2GiB: no larger weights for speed, or refuse")
      ->type_name("SIZE");
  app->add_flag("--json", flags->json, "Print names and shapes of the outputs, and times, as JSON");
  app->add_flag("-q,--quiet", flags->quiet, "Print no progress");
  flags->saving.add_token_merging(*app);
  app->footer(
      "Inputs, of any float or integer dtype:\n"
      "  text_encoder  input_ids [b, tokens]\n"
      "  unet          sample [b, c, h, w], timestep [1] or [b], encoder_hidden_states [b, tokens, "
      "d],\n"
      "                or of 2 b rows, as in a step with guidance: both halves see the sample\n"
      "  vae_decoder   latent [b, 4, h, w]\n"
      "  vae_encoder   image [b, 3, h, w] in -1..1\n"
      "Example:\n"
      "  tempera run sd15:unet --inputs in.safetensors --outputs out.safetensors --keep "
      "'down_blocks.0.*'");
  app->callback([flags, &action] { action = [flags] { return run(*flags); }; });
}

}  // namespace tempera::cli
