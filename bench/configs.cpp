// Measures every config of the spaces of ten workloads and prints how far the first, which is used
// without tuning, is from the best. Usage: configs [--threads N] [--limit CONFIGS] [NAME PART]
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
  size_t limit = 1000;
  std::string part;
  bool all = false;
};

struct Measured {
  kernel::Config config;
  double seconds;
};

Result<std::vector<Measured>> measure(const Workload& workload, const Target& target,
                                      const Options& options) {
  std::vector<Measured> results;
  size_t count = 1;
  for (size_t i = 0; i < count && i < options.limit; ++i) {
    kernel::Config config;
    const auto choose = [&](const graph::Group& group, const Target& t) -> Result<lower::Choice> {
      ASSIGN_OR_RETURN(lower::Choice choice, lower::default_choice(group, t));
      const bool is_anchor = group.anchor >= 0;
      if (!is_anchor) return choice;
      const std::vector<kernel::Config> space = choice.schedule->space(group, t);
      count = space.size();
      config = choice.config = space[i];
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
  target.cores = options.threads;
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
  app.add_option("--limit", options.limit, "at most so many configs a workload");
  app.add_flag("--all", options.all, "print every config");
  app.add_option("part", options.part, "only workloads whose name holds this");
  CLI11_PARSE(app, argc, argv);
  const tempera::Status status = tempera::bench::run(options);
  if (!status.ok()) fmt::print(stderr, "configs: {}\n", status.error().message);
  return status.ok() ? 0 : tempera::exit_code(status.error().code);
}
