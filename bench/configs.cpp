// Measures every config of the spaces of ten workloads and prints how far the first, which is used
// without tuning, is from the best. Usage: configs [--threads N] [--cores N] [--limit CONFIGS]
// [--schedule NAME] [--set "NAME=VALUE ..."] [NAME PART]
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "api/compile/peak.h"
#include "backend/cpu/codegen/host.h"
#include "bench/harness.h"
#include "bench/workloads.h"

namespace tempera::bench {
namespace {

struct Options {
  int threads = 2;
  int64_t cores = 0;  // that configs are ranked for; 0: as many as threads
  size_t limit = 1000;
  std::string schedule, set, part;
  bool all = false;
};

struct Measured {
  kernel::Config config;
  double seconds;
};

// The config with values of its own for some of its names, and for others beside them.
kernel::Config with(kernel::Config config, const kernel::Config& set) {
  for (const auto& [name, value] : set.values) {
    std::erase_if(config.values, [&name = name](const auto& v) { return v.first == name; });
    config.values.emplace_back(name, value);
  }
  return config;
}

Result<lower::Choice> choice_of(const graph::Group& group, const Target& target,
                                const std::string& schedule) {
  const lower::Schedule* row = lower::find_schedule(schedule);
  if (row && row->accepts(group, target)) return lower::Choice{row, {}};
  return lower::default_choice(group, target);
}

Result<std::vector<Measured>> measure(const Workload& workload, const Target& target,
                                      const Options& options) {
  std::vector<Measured> results;
  ASSIGN_OR_RETURN(const kernel::Config set, kernel::parse_config(options.set));
  size_t count = 1;
  for (size_t i = 0; i < count && i < options.limit; ++i) {
    kernel::Config config;
    const auto choose = [&](const graph::Group& group, const Target& t) -> Result<lower::Choice> {
      ASSIGN_OR_RETURN(lower::Choice choice, choice_of(group, t, options.schedule));
      const bool is_anchor = group.anchor >= 0;
      if (!is_anchor) return choice;
      const std::vector<kernel::Config> space = choice.schedule->space(group, t);
      count = space.size();
      config = choice.config = with(space[i], set);
      return choice;
    };
    ASSIGN_OR_RETURN(const auto runner,
                     Runner::create(workload.graph, target, choose, options.threads));
    ASSIGN_OR_RETURN(const double seconds, runner->fastest(5));
    results.push_back({config, seconds});
    if (options.all)
      fmt::print("    {:7.2f} ms {:7.1f} GFLOP/s  {}\n", seconds * 1e3,
                 workload.flops / seconds / 1e9, to_string(config));
  }
  return results;
}

Status run(const Options& options) {
  Target target = cpu::host_target();
  target.cores = options.cores > 0 ? options.cores : options.threads;
  ASSIGN_OR_RETURN(
      const api::Peaks peaks,
      api::measure_peaks(target, api::DiskCache(api::default_cache_folder()), options.threads));
  const double peak = peaks.f32_fma;
  fmt::print("peak {:.0f} GFLOP/s on {} threads\n", peak, options.threads);
  fmt::print("{:40} {:>9} {:>8} {:>8} {:>7}  best config\n", "workload", "first ms", "% peak",
             "best ms", "ratio");
  for (const Workload& workload : ten_workloads()) {
    if (workload.name.find(options.part) == std::string::npos) continue;
    ASSIGN_OR_RETURN(const auto results, measure(workload, target, options));
    const auto best =
        std::min_element(results.begin(), results.end(),
                         [](const auto& a, const auto& b) { return a.seconds < b.seconds; });
    const double first = results[0].seconds;
    fmt::print("{:40} {:9.2f} {:7.1f}% {:8.2f} {:7.2f}  {}\n", workload.name, first * 1e3,
               100 * workload.flops / first / 1e9 / peak, best->seconds * 1e3,
               first / best->seconds, to_string(best->config));
    std::fflush(stdout);
  }
  return {};
}

}  // namespace
}  // namespace tempera::bench

int main(int argc, char** argv) {
  tempera::bench::Options options;
  CLI::App app{"config [0] against the best of each space"};
  app.add_option("--threads", options.threads);
  app.add_option("--cores", options.cores, "that configs are ranked for; else the threads");
  app.add_option("--limit", options.limit, "at most so many configs a workload");
  app.add_option("--schedule", options.schedule, "where it takes the workload; else the fastest");
  app.add_option("--set", options.set, "values in place of the configs' own");
  app.add_flag("--all", options.all, "print every config");
  app.add_option("part", options.part, "only workloads whose name holds this");
  CLI11_PARSE(app, argc, argv);
  const tempera::Status status = tempera::bench::run(options);
  if (!status.ok()) fmt::print(stderr, "configs: {}\n", status.error().message);
  return status.ok() ? 0 : tempera::exit_code(status.error().code);
}
