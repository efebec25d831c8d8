#include "api/run/profile.h"

#include <algorithm>
#include <memory>

#include "api/compile/compile.h"
#include "api/compile/peak.h"
#include "api/run/files.h"
#include "api/run/profile_page.h"
#include "api/run/profile_trace.h"
#include "api/run/random_inputs.h"
#include "base/file.h"
#include "cli/command.h"
#include "cli/flags.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/stop.h"

namespace tempera::cli {
namespace {

using api::Profile;
using api::ProfileRow;
using runtime::Stage;

struct Flags {
  std::string model, size, inputs, trace, html;
  int64_t batch_size = 0, repeat = 0;
  size_t top = 25;
  int depth = 2;
  bool all = false, json = false, quiet = false;
  CompileFlags compile;
};

constexpr size_t kHashDigits = 6;  // of a kernel's name: enough to tell those of a table apart

std::string short_name(const std::string& symbol) {
  const size_t hash = symbol.rfind('_');
  return hash == std::string::npos ? symbol : symbol.substr(0, hash + 1 + kHashDigits);
}

std::string rates_text(const ProfileRow& row) {
  return fmt::format("{:>10.3f} {:>5.1f} {:>6} {:>8.1f} {:>9.1f} {:>7.1f} {:>7.0f}",
                     row.seconds * 1e3, row.share * 100, row.launches, row.gflops(),
                     row.effective_gflops(), row.gbytes(), row.roofline() * 100);
}

void print_heads(std::string_view last) {
  print(fmt::format("{:>10} {:>5} {:>6} {:>8} {:>9} {:>7} {:>7}  {}", "ms", "%", "count", "GFLOP/s",
                    "effective", "GB/s", "% roof", last));
}

void print_kernels(const Profile& profile, size_t top) {
  print_heads(fmt::format("{:<20} {:<42} {:<5} {}", "kernel", "workload", "in", "schedule"));
  const auto rows = api::rows_by_kernel(profile, profile.stage);
  for (size_t i = 0; i < std::min(top, rows.size()); ++i) {
    const runtime::PlanLaunch& launch = rows[i].example->launch;
    print(fmt::format("{}  {:<20} {:<42} {:<5} {}", rates_text(rows[i]), short_name(rows[i].name),
                      launch.workload, name(launch.arithmetic), launch.schedule));
  }
  if (rows.size() > top) print(fmt::format("{:>10} {} more kernels", "", rows.size() - top));
}

void print_totals(const std::vector<ProfileRow>& rows, std::string_view head) {
  print(std::string());
  print_heads(head);
  for (const ProfileRow& row : rows) print(rates_text(row) + "  " + row.name);
}

void print_stages(const Profile& profile) {
  for (int s = 0; s < runtime::kStageCount; ++s) {
    const ProfileRow total = api::total_of(profile, static_cast<Stage>(s));
    if (total.launches > 0)
      print(
          fmt::format("{:<8} {:>5} launches {:>10.1f} ms {:>9.2f} GFLOP {:>9.2f} executed "
                      "{:>8.3f} GB moved",
                      name(static_cast<Stage>(s)), total.launches, total.seconds * 1e3,
                      total.flops * 1e-9, total.executed_flops * 1e-9, total.bytes * 1e-9));
  }
}

void print_profile(const Profile& profile, const Flags& flags) {
  const api::ComponentRequest& r = profile.request;
  const api::Peaks& peaks = profile.peaks;
  std::string extents;
  if (r.height > 0) extents += fmt::format(", {}x{} in", r.width, r.height);
  if (r.tokens > 0) extents += fmt::format(", {} tokens", r.tokens);
  print(fmt::format("{} of {}: batch {}{}, {} thread{}", r.component, profile.model, r.batch,
                    extents, profile.threads, profile.threads > 1 ? "s" : ""));
  print(fmt::format("peaks: {:.0f} GFLOP/s f32, {:.0f} bf16, {:.0f} f16; {:.1f} GB/s",
                    peaks.f32_fma, peaks.bf16(), peaks.f16_fma, peaks.bytes));
  print_stages(profile);
  print(fmt::format("a {} takes {:.3f} ms, {:.3f} ms without profiling ({:+.1f} %)",
                    name(profile.stage), api::timing_of(profile.seconds).median * 1e3,
                    api::timing_of(profile.bare_seconds).median * 1e3, profile.overhead() * 100));
  print(std::string());
  print_kernels(profile, flags.top);
  print_totals(api::rows_by_kind(profile, profile.stage), "kind");
  print_totals(api::rows_by_module(profile, profile.stage, flags.depth), "module");
}

Result<std::vector<std::string>> components_of(const Flags& flags, const std::string& named,
                                               const api::ModelInfo& info) {
  if (flags.all && !named.empty())
    return error(ErrorCode::invalid_argument, "both :{} and --all; give one", named);
  if (flags.all && !flags.inputs.empty())
    return error(ErrorCode::invalid_argument, "--inputs are those of one component, not of --all");
  if (flags.all) return info.components;
  return std::vector<std::string>{named.empty() ? "unet" : named};
}

Result<api::NamedValues> inputs_of(const Flags& flags, const std::string& component,
                                   const api::ModelInfo& info) {
  if (!flags.inputs.empty()) return api::read_tensors(flags.inputs);
  ASSIGN_OR_RETURN(const auto size, parse_size(flags.size));
  return api::random_inputs(
      info, component, {.width = size.first, .height = size.second, .batch = flags.batch_size});
}

Result<Profile> profile_one(const Flags& flags, api::Session& session, const std::string& component,
                            const api::Peaks& peaks) {
  ASSIGN_OR_RETURN(api::NamedValues inputs, inputs_of(flags, component, session.info()));
  ASSIGN_OR_RETURN(const api::BoundInputs bound,
                   api::bind_inputs(session.info(), component, std::move(inputs)));
  ASSIGN_OR_RETURN(Profile profile, api::profile_component(session, bound, peaks, flags.repeat,
                                                           [] { return !stop_requested(); }));
  session.release(component);
  return profile;
}

Status write_files(const Flags& flags, const std::vector<Profile>& profiles) {
  if (!flags.trace.empty()) TRY(write_file(flags.trace, api::trace_json(profiles).dump()));
  if (flags.html.empty()) return {};
  return write_file(flags.html, api::profile_page(profiles, flags.depth));
}

void print_json(const Flags& flags, const std::vector<Profile>& profiles) {
  Json components = Json::array();
  for (const Profile& profile : profiles) components.push_back(to_json(profile, flags.depth));
  print(Json{{"model", profiles.front().model}, {"components", std::move(components)}});
}

Status profile(const Flags& flags) {
  install_stop_handler();
  TRY(check_place(flags.trace));
  TRY(check_place(flags.html));
  const auto [model, named] = split_component(flags.model);
  Progress progress(flags.quiet);
  api::CompileOptions options = flags.compile.options();
  options.progress = [&](const api::CompileProgress& p) { return progress.compiled(p); };
  ASSIGN_OR_RETURN(api::ModelSource source, api::open_model(model, std::move(options)));
  ASSIGN_OR_RETURN(const auto components, components_of(flags, named, source.info));
  ASSIGN_OR_RETURN(const auto session,
                   api::Session::open(std::move(source), "cpu", flags.compile.threads));
  ASSIGN_OR_RETURN(const api::Peaks peaks,
                   api::measure_host_peaks(session->device().thread_count()));
  std::vector<Profile> profiles;
  for (const std::string& component : components) {
    ASSIGN_OR_RETURN(profiles.emplace_back(), profile_one(flags, *session, component, peaks));
  }
  progress.clear();
  TRY(write_files(flags, profiles));
  if (flags.json) {
    print_json(flags, profiles);
    return {};
  }
  for (size_t i = 0; i < profiles.size(); ++i) {
    if (i > 0) print(std::string());
    print_profile(profiles[i], flags);
  }
  return {};
}

}  // namespace

void add_profile(CLI::App& program, Action& action) {
  CLI::App* app = program.add_subcommand(
      "profile",
      "Tell where the time goes: by kernel, by kind and by module, beside what this "
      "machine reaches at most");
  auto flags = std::make_shared<Flags>();
  app->add_option("MODEL[:COMPONENT]", flags->model,
                  "A model's or artifact's folder, and text_encoder, unet, vae_decoder or "
                  "vae_encoder [unet]")
      ->required();
  app->add_flag("--all", flags->all, "All components, one after another");
  app->add_option("--size", flags->size, "Picture size in pixels, WIDTHxHEIGHT [the model's]")
      ->type_name("WxH");
  app->add_option("--batch-size", flags->batch_size,
                  "Rows of the component's inputs [2 for unet and text_encoder, as with guidance]")
      ->type_name("N")
      ->check(CLI::Range(1, 512));
  app->add_option("--inputs", flags->inputs,
                  "A safetensors file with the component's inputs [random values]")
      ->type_name("FILE");
  app->add_option("--repeat", flags->repeat,
                  "Timed runs, of which medians are shown [at least 3, a second's worth]")
      ->type_name("N")
      ->check(CLI::Range(1, 10'000));
  app->add_option("--top", flags->top, "Kernels to list")->type_name("N")->capture_default_str();
  app->add_option("--depth", flags->depth, "Names of a module path that count for its total")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(1, 16));
  flags->compile.add(*app);
  app->add_flag("--json", flags->json, "Print the result as JSON");
  app->add_option("--trace", flags->trace,
                  "Write the last run's timeline for chrome://tracing or ui.perfetto.dev")
      ->type_name("FILE");
  app->add_option("--html", flags->html, "Write bars, roofline and timeline as one page")
      ->type_name("FILE");
  app->add_flag("-q,--quiet", flags->quiet, "Print no progress");
  app->footer(
      "GFLOP/s counts the operations that a kernel executes, effective those of the original\n"
      "operation. % roof: the time that the measured peaks allow, of the time taken; above 100 "
      "the\n"
      "data came from a cache.\n"
      "Examples:\n"
      "  tempera profile stable-diffusion-v1-5\n"
      "  tempera profile sd15-512:vae_decoder --threads 1 --html decoder.html --trace "
      "decoder.json");
  app->callback([flags, &action] { action = [flags] { return profile(*flags); }; });
}

}  // namespace tempera::cli
