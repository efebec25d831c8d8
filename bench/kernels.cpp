// Every distinct matrix-like workload of a model's components, each alone: GFLOP/s executed and
// effective (of the original operation), per cent of this machine's measured peak from the
// executed, and its share of the time of all. Usage: kernels MODEL [--component NAME]...
// [--precision NAME] [--weights NAME]
// [--threads N] [--cores N] [--filter TEXT] [--json]
#include <fmt/format.h>
#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <random>

#include "api/compile/backends.h"
#include "api/compile/compile.h"
#include "api/compile/peak.h"
#include "api/run/devices.h"
#include "base/json.h"
#include "tensor_file/convert.h"

namespace tempera::bench {
namespace {

using runtime::Binding;
using runtime::PlanLaunch;

struct Options {
  std::string model, filter, precision = "f32", weights;
  std::vector<std::string> components = {"unet", "vae_decoder", "text_encoder"};
  int64_t size = 512;
  int threads = 1;
  int64_t cores = 0;     // that configs are ranked for; 0: this machine's
  double seconds = 0.3;  // of runs of one workload
  bool json = false;
};

// The launches of one contraction or attention, and how often the component has them.
struct Workload {
  std::string component;
  std::vector<const PlanLaunch*> launches;
  int64_t count = 0;
  double seconds = 0;
  const PlanLaunch& last() const { return *launches.back(); }
};

// A component's plan with code that is loaded, and its workloads.
struct Loaded {
  api::ComponentObjects compiled;
  std::string code;
  std::unique_ptr<runtime::Module> module;
  std::vector<Workload> workloads;
};

double clock_seconds(clockid_t clock) {
  timespec t{};
  ::clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

bool is_matrix_like(const PlanLaunch& launch) {
  return launch.kind == "contraction" || launch.kind == "attention";
}

// A group's launches stand together; its operations stand at the last.
std::vector<Workload> workloads_of(const runtime::Plan& plan) {
  std::vector<Workload> result;
  std::map<std::vector<int32_t>, size_t> index;  // by kernels
  for (size_t stage = 1; stage < runtime::kStageCount; ++stage) {
    Workload open{.component = plan.component};
    for (const PlanLaunch& launch : plan.launches[stage]) {
      if (!is_matrix_like(launch)) continue;
      open.launches.push_back(&launch);
      if (launch.flops == 0) continue;
      std::vector<int32_t> kernels;
      for (const PlanLaunch* one : open.launches) kernels.push_back(one->kernel);
      const auto [at, is_new] = index.emplace(kernels, result.size());
      if (is_new) result.push_back(open);
      ++result[at->second].count;
      open.launches.clear();
    }
  }
  return result;
}

Result<std::unique_ptr<Loaded>> load(const api::Compiler& compiler,
                                     const frontend::Checkpoint& checkpoint,
                                     const api::ComponentRequest& request,
                                     runtime::Device& device) {
  auto loaded = std::make_unique<Loaded>();
  ASSIGN_OR_RETURN(loaded->compiled, api::compile_objects(compiler, checkpoint, request));
  std::vector<std::string> objects;
  for (api::KernelObject& object : loaded->compiled.objects)
    objects.push_back(std::move(object.bytes));
  ASSIGN_OR_RETURN(loaded->code, api::backend_of(compiler.target).link(objects, compiler.target));
  ASSIGN_OR_RETURN(loaded->module,
                   device.load_module({"", std::as_bytes(std::span<const char>(loaded->code))}));
  loaded->workloads = workloads_of(loaded->compiled.plan);
  return loaded;
}

// Numbers that are neither 0 nor denormal, where the dtype is a float.
void fill(const kernel::Type& type, std::span<std::byte> bytes) {
  std::ranges::fill(bytes, std::byte{0});
  if (!is_float(type.dtype)) return;
  std::vector<float> values(bytes.size() / static_cast<size_t>(size_in_bytes(type.dtype)));
  std::minstd_rand random(1);
  for (float& x : values) x = static_cast<float>(random() % 1000 + 1) * 1e-3F - 0.5F;
  convert(DType::f32, std::as_bytes(std::span(values)), type.dtype, bytes);
}

// A buffer for each place that the launches are bound to.
class Buffers {
 public:
  explicit Buffers(runtime::Device& device) : device_(device) {}

  Status add(const PlanLaunch& launch, const kernel::Kernel& kernel) {
    for (size_t p = 0; p < launch.bindings.size(); ++p) {
      const kernel::Buffer& parameter = kernel.parameters[p];
      const int64_t bytes =
          parameter->size * parameter->type.lanes * size_in_bytes(parameter->type.dtype);
      auto& buffer = buffers_[place(launch.bindings[p])];
      if (buffer != nullptr && buffer->size() >= bytes) continue;
      ASSIGN_OR_RETURN(buffer, device_.allocate(bytes));
      fill(parameter->type, buffer->host_view());
    }
    return {};
  }
  runtime::Launch bind(const PlanLaunch& launch, const runtime::PlanKernel& kernel) const {
    runtime::Launch bound{&kernel, {}};
    for (const Binding& binding : launch.bindings)
      bound.buffers.push_back({buffers_.at(place(binding)).get()});
    return bound;
  }

 private:
  using Place = std::tuple<runtime::Region, int32_t, int64_t>;
  static Place place(const Binding& b) { return {b.region, b.index, b.offset}; }

  runtime::Device& device_;
  std::map<Place, std::unique_ptr<runtime::Buffer>> buffers_;
};

// The shortest run. One thread's is processor time, so that other programs do not count.
Status measure(runtime::Device& device, const Loaded& loaded, Workload& workload, double budget) {
  const runtime::Plan& plan = loaded.compiled.plan;
  Buffers buffers(device);
  for (const PlanLaunch* launch : workload.launches)
    TRY(buffers.add(*launch, loaded.compiled.kernels[launch->kernel].kernel));
  std::vector<runtime::Launch> launches;
  for (const PlanLaunch* launch : workload.launches)
    launches.push_back(buffers.bind(*launch, plan.kernels[launch->kernel]));
  ASSIGN_OR_RETURN(const auto list, device.prepare(*loaded.module, launches));
  const clockid_t clock = device.thread_count() == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
  workload.seconds = 1e30;
  double spent = 0;
  for (int run = 0; run < 3 || (spent < budget && run < 1000); ++run) {
    const double begin = clock_seconds(clock);
    TRY(device.submit(*list));
    TRY(device.wait());
    const double seconds = clock_seconds(clock) - begin;
    spent += seconds;
    workload.seconds = std::min(workload.seconds, seconds);
  }
  return {};
}

api::ComponentRequest request_of(const std::string& component, const Options& options,
                                 const api::ModelInfo& info) {
  const bool is_guided = component == "unet" || component == "text_encoder";
  api::ComponentRequest request{.component = component, .batch = is_guided ? 2 : 1};
  if (is_guided) request.tokens = info.text_tokens;
  const int64_t scale = component == "vae_encoder" ? 1 : info.vae_scale;
  if (component != "text_encoder") request.height = request.width = options.size / scale;
  return request;
}

struct Sums {
  double seconds = 0, least_seconds = 0, executed = 0, effective = 0;
};

Json row_json(const Workload& w, double peak, double share) {
  const PlanLaunch& launch = w.last();
  return {{"component", w.component},
          {"workload", launch.workload},
          {"schedule", launch.schedule},
          {"arithmetic", name(launch.arithmetic)},
          {"count", w.count},
          {"seconds", w.seconds},
          {"share", share},
          {"gflops", launch.executed_flops / w.seconds * 1e-9},
          {"effective_gflops", launch.flops / w.seconds * 1e-9},
          {"of_peak", launch.executed_flops / w.seconds * 1e-9 / peak}};
}

void print_row(const Json& row) {
  fmt::print("{:9.3f} {:5} {:6.1f}% {:8.1f} {:9.1f} {:6.1f}%  {:<5} {:<42} {}\n",
             row["seconds"].get<double>() * 1e3, row["count"].get<int64_t>(),
             row["share"].get<double>() * 100, row["gflops"].get<double>(),
             row["effective_gflops"].get<double>(), row["of_peak"].get<double>() * 100,
             row["arithmetic"].get<std::string>(), row["workload"].get<std::string>(),
             row["schedule"].get<std::string>());
}

Sums sums_of(const std::vector<Workload>& workloads, const api::Peaks& peaks) {
  Sums sums;
  for (const Workload& w : workloads) {
    const auto count = static_cast<double>(w.count);
    sums.seconds += count * w.seconds;
    sums.executed += count * w.last().executed_flops;
    sums.effective += count * w.last().flops;
    sums.least_seconds +=
        count * w.last().executed_flops / peaks.gflops(w.last().arithmetic) * 1e-9;
  }
  return sums;
}

void report(std::vector<Workload> workloads, const api::Peaks& peaks, const Options& options) {
  std::ranges::sort(workloads, std::greater(),
                    [](const Workload& w) { return w.seconds * static_cast<double>(w.count); });
  const Sums sums = sums_of(workloads, peaks);
  Json rows = Json::array();
  for (const Workload& w : workloads)
    rows.push_back(row_json(w, peaks.gflops(w.last().arithmetic),
                            w.seconds * static_cast<double>(w.count) / sums.seconds));
  if (options.json) {
    const Json json = {{"threads", options.threads},
                       {"precision", options.precision},
                       {"peaks",
                        {{"f32_fma", peaks.f32_fma},
                         {"bf16_dot", peaks.bf16_dot},
                         {"bf16_matrix", peaks.bf16_matrix},
                         {"f16_fma", peaks.f16_fma}}},
                       {"of_peak", sums.least_seconds / sums.seconds},
                       {"seconds", sums.seconds},
                       {"workloads", std::move(rows)}};
    fmt::print("{}\n", json.dump(2));
    return;
  }
  fmt::print("{:>9} {:>5} {:>7} {:>8} {:>9} {:>7}  {:<5} {:<42} {}\n", "ms", "count", "share",
             "GFLOP/s", "effective", "% peak", "in", "workload", "schedule");
  for (const Json& row : rows) print_row(row);
  fmt::print(
      "{} workloads, {:.3f} s in all on {} threads: {:.1f} GFLOP/s executed, {:.1f} effective, "
      "{:.1f} % of peak by work (f32 {:.0f}, bf16 {:.0f} GFLOP/s)\n",
      workloads.size(), sums.seconds, options.threads, sums.executed / sums.seconds * 1e-9,
      sums.effective / sums.seconds * 1e-9, 100 * sums.least_seconds / sums.seconds, peaks.f32_fma,
      peaks.bf16());
}

Status run(const Options& options) {
  ASSIGN_OR_RETURN(const frontend::Checkpoint checkpoint, frontend::open_checkpoint(options.model));
  ASSIGN_OR_RETURN(const api::ModelInfo info, api::read_model_info(checkpoint));
  ASSIGN_OR_RETURN(api::Compiler compiler,
                   api::make_compiler({.precision = options.precision,
                                       .weights = options.weights,
                                       .progress = [](const api::CompileProgress& p) {
                                         fmt::print(stderr, "\rcompile {}: {}/{} ", p.component,
                                                    p.done, p.total);
                                         return true;
                                       }}));
  if (options.cores > 0) compiler.target.cores = options.cores;
  ASSIGN_OR_RETURN(const api::DeviceRow* row, api::find_device(compiler.target.backend));
  ASSIGN_OR_RETURN(const auto device, row->create(options.threads));
  std::vector<std::unique_ptr<Loaded>> components;  // what the workloads point into
  std::vector<Workload> measured;
  for (const std::string& component : options.components) {
    ASSIGN_OR_RETURN(components.emplace_back(),
                     load(compiler, checkpoint, request_of(component, options, info), *device));
    for (Workload& workload : components.back()->workloads) {
      if (workload.last().workload.find(options.filter) == std::string::npos) continue;
      fmt::print(stderr, "\r{:<78}", workload.last().workload);
      TRY(measure(*device, *components.back(), workload, options.seconds));
      measured.push_back(workload);
    }
  }
  fmt::print(stderr, "\r{:<78}\r", "");
  ASSIGN_OR_RETURN(const api::Peaks peaks,
                   api::measure_peaks(compiler.target, api::DiskCache(""), options.threads));
  if (measured.empty())
    return error(ErrorCode::not_found, "no workload holds '{}'", options.filter);
  report(std::move(measured), peaks, options);
  return {};
}

}  // namespace
}  // namespace tempera::bench

int main(int argc, char** argv) {
  tempera::bench::Options options;
  CLI::App app{"Every distinct matrix-like workload of a model, each alone"};
  app.add_option("MODEL", options.model, "Folder of a model in diffusers layout")
      ->envname("MODEL")
      ->required();
  app.add_option("--component", options.components, "May be given again")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option("--precision", options.precision)->capture_default_str();
  app.add_option("--weights", options.weights);
  app.add_option("--size", options.size, "Pixels along each side")->capture_default_str();
  app.add_option("--threads", options.threads)->capture_default_str();
  app.add_option("--cores", options.cores, "That configs are ranked for; else this machine's");
  app.add_option("--seconds", options.seconds, "Of runs of one workload")->capture_default_str();
  app.add_option("--filter", options.filter, "Only workloads whose text holds this");
  app.add_flag("--json", options.json);
  CLI11_PARSE(app, argc, argv);
  const tempera::Status status = tempera::bench::run(options);
  if (!status.ok()) fmt::print(stderr, "kernels: {}\n", status.error().message);
  return status.ok() ? 0 : tempera::exit_code(status.error().code);
}
