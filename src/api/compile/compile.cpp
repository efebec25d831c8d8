#include "api/compile/compile.h"

#include <chrono>
#include <memory>
#include <thread>

#include "api/compile/adapters.h"
#include "api/compile/backends.h"
#include "api/compile/build_id.h"
#include "api/compile/lower_component.h"
#include "api/compile/peak.h"
#include "api/compile/weight_growth.h"
#include "api/run/artifact_source.h"
#include "api/run/devices.h"
#include "base/log.h"
#include "base/text.h"
#include "graph/text.h"
#include "runtime/plan_json.h"

namespace tempera::api {
namespace {

// Logs how long phases take, if asked.
class Phases {
 public:
  explicit Phases(bool enabled) : enabled_(enabled) {}
  void end(std::string_view phase) {
    const auto now = std::chrono::steady_clock::now();
    const std::chrono::duration<double, std::milli> spent = now - since_;
    if (enabled_) log(LogLevel::info, "{}: {:.1f} ms", phase, spent.count());
    since_ = now;
  }

 private:
  bool enabled_;
  std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
};

// Of a component that the frontend knows.
int64_t growth_of(const Compiler& compiler, const frontend::Checkpoint& checkpoint,
                  const std::string& component) {
  if (!compiler.options.grow_weights) return 0;
  return weight_growth(checkpoint, *frontend::component_from_name(component), compiler.target,
                       compiler.precision);
}

// All that plan and code depend on.
std::string cache_key(const Compiler& compiler, const RequestedGraph& requested,
                      const ComponentRequest& request, int64_t growth_bytes) {
  const PrecisionNames names = names_of(compiler.precision);
  std::string text = fmt::format("{}\n{}\n{} {}\n{}\n", build_id(), key(compiler.target),
                                 names.precision, names.weights, request.component);
  text += fmt::format("{} bytes more\n", growth_bytes);
  for (const auto& [name, index] : requested.outputs) text += fmt::format("{} {}\n", name, index);
  return text + graph::print(whole_graph(requested), {.origins = false});
}

// What people see of a cached component.
std::string label_of(const Compiler& compiler, const ComponentRequest& request) {
  const PrecisionNames names = names_of(compiler.precision);
  std::string label = request.component;
  if (!request.layer.empty()) label += " layer " + request.layer;
  if (request.height > 0) label += fmt::format(" {}x{}", request.width, request.height);
  if (request.tokens > 0) label += fmt::format(" {} tokens", request.tokens);
  return fmt::format("{} batch {}, {}, weights {}", label, request.batch, names.precision,
                     names.weights);
}

// A cached component: the length of the JSON text and a line break, the JSON, the code.
std::string encode(const CompiledComponent& component) {
  Json outputs = Json::array();
  for (const auto& [name, index] : component.outputs) outputs.push_back({name, index});
  const std::string json =
      Json{{"outputs", std::move(outputs)}, {"plan", runtime::to_json(component.plan)}}.dump();
  return fmt::format("{}\n{}{}", json.size(), json, component.code);
}

// Entries are whole and written by this build: a fault of their form is our bug.
Result<CompiledComponent> decode(std::string_view entry) {
  const size_t line = entry.find('\n');
  CHECK(line != std::string_view::npos, "a cached component without a length");
  const size_t length = std::stoull(std::string(entry.substr(0, line)));
  ASSIGN_OR_RETURN(const Json json, parse_json(entry.substr(line + 1, length), "cached plan"));
  CompiledComponent component{.code = std::string(entry.substr(line + 1 + length))};
  ASSIGN_OR_RETURN(component.plan, runtime::plan_from_json(json.at("plan"), "cached plan"));
  for (const Json& output : json.at("outputs"))
    component.outputs.emplace_back(output.at(0).get<std::string>(), output.at(1).get<int>());
  component.was_cached = true;
  return component;
}

Result<ComponentObjects> compile_requested(const Compiler& compiler, RequestedGraph& requested,
                                           const std::string& component, int64_t growth_bytes,
                                           Phases& phases) {
  ASSIGN_OR_RETURN(const graph::Fused fused,
                   run_graph_passes(requested, {.precision = compiler.precision,
                                                .dump_after = {},
                                                .time = compiler.options.time_passes}));
  phases.end("graph passes");
  ASSIGN_OR_RETURN(lower::Lowered lowered,
                   lower_component(fused, component, compiler.target, growth_bytes));
  phases.end("lower");
  const BackendRow& backend = backend_of(compiler.target);
  for (size_t i = 0; i < lowered.kernels.size(); ++i)
    lowered.plan.kernels[i].scratch_bytes = backend.scratch_bytes(lowered.kernels[i].kernel);
  ComponentObjects result;
  ASSIGN_OR_RETURN(result.objects,
                   compile_kernels(lowered, compiler.target, compiler.cache,
                                   compiler.options.threads, compiler.options.progress));
  phases.end("code generation");
  result.plan = std::move(lowered.plan);
  result.kernels = std::move(lowered.kernels);
  result.outputs = requested.outputs;
  return result;
}

Result<RequestedGraph> build(const Compiler& compiler, const frontend::Checkpoint& checkpoint,
                             const ComponentRequest& request) {
  ASSIGN_OR_RETURN(RequestedGraph requested, build_requested(checkpoint, request));
  if (!request.layer.empty()) store_outputs(requested, compiler.precision);
  return requested;
}

// What --precision auto means on this machine.
Result<DType> measured_arithmetic(const Compiler& compiler) {
  if (compiler.options.cpu != "native")
    return error(ErrorCode::invalid_argument,
                 "--precision auto measures this processor; with --cpu {} pass f32, bf16 or f16",
                 compiler.options.cpu);
  ASSIGN_OR_RETURN(const Peaks peaks, measure_peaks(compiler.target, compiler.cache));
  return fastest_arithmetic(peaks);
}

Result<graph::Precision> chosen_precision(const Compiler& compiler) {
  const PrecisionNames names{compiler.options.precision, compiler.options.weights};
  TRY(check_names(names));
  DType arithmetic = DType::f32;
  if (names.precision == "auto") {
    ASSIGN_OR_RETURN(arithmetic, measured_arithmetic(compiler));
    log(LogLevel::info, "precision {}", name(arithmetic));
  }
  return precision_from_names(names, arithmetic);
}

}  // namespace

Result<Compiler> make_compiler(CompileOptions options) {
  const BackendRow& backend = backend_table().front();
  Compiler compiler;
  ASSIGN_OR_RETURN(compiler.target, backend.target(options.cpu));
  if (options.threads <= 0)
    options.threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  compiler.cache = DiskCache(options.cache_folder.value_or(default_cache_folder()));
  ASSIGN_OR_RETURN(compiler.cache_limit, default_cache_limit());
  if (options.cache_bytes) compiler.cache_limit = *options.cache_bytes;
  compiler.options = std::move(options);
  ASSIGN_OR_RETURN(compiler.precision, chosen_precision(compiler));
  return compiler;
}

Result<ComponentObjects> compile_objects(const Compiler& compiler,
                                         const frontend::Checkpoint& checkpoint,
                                         const ComponentRequest& request) {
  Phases phases(compiler.options.time_passes);
  ASSIGN_OR_RETURN(RequestedGraph requested, build(compiler, checkpoint, request));
  phases.end("build");
  return compile_requested(compiler, requested, request.component,
                           growth_of(compiler, checkpoint, request.component), phases);
}

Result<CompiledComponent> compile_component(const Compiler& compiler,
                                            const frontend::Checkpoint& checkpoint,
                                            const ComponentRequest& request) {
  Phases phases(compiler.options.time_passes);
  ASSIGN_OR_RETURN(RequestedGraph requested, build(compiler, checkpoint, request));
  const int64_t growth_bytes = growth_of(compiler, checkpoint, request.component);
  const std::string key = cache_key(compiler, requested, request, growth_bytes);
  phases.end("build");
  if (const auto cached = compiler.cache.find("components", key)) return decode(*cached);
  ASSIGN_OR_RETURN(ComponentObjects objects,
                   compile_requested(compiler, requested, request.component, growth_bytes, phases));
  std::vector<std::string> bytes;
  for (KernelObject& object : objects.objects) bytes.push_back(std::move(object.bytes));
  CompiledComponent component{.plan = std::move(objects.plan)};
  ASSIGN_OR_RETURN(component.code, backend_of(compiler.target).link(bytes, compiler.target));
  component.outputs = std::move(objects.outputs);
  compiler.cache.store("components", key, encode(component), label_of(compiler, request));
  compiler.cache.trim(compiler.cache_limit);
  phases.end("link");
  return component;
}

Result<frontend::Checkpoint> open_checkpoint(const std::string& model, const ModelFiles& files) {
  return frontend::open_checkpoint(
      model, {.config = files.config, .vae = files.vae, .prefers_ema = files.prefers_ema});
}

Result<ModelSource> open_model(const std::string& model, CompileOptions options,
                               const std::vector<std::string>& components) {
  if (is_artifact(model)) {
    TRY(check_names({options.precision, options.weights}));
    CompileOptions without = options;
    without.loras.clear();
    ASSIGN_OR_RETURN(ModelSource source, open_artifact_model(model, without, components));
    return with_loras(std::move(source), options.loras);
  }
  ASSIGN_OR_RETURN(frontend::Checkpoint opened, open_checkpoint(model, options.files));
  opened.taesd_file = options.taesd;
  const auto checkpoint = std::make_shared<const frontend::Checkpoint>(std::move(opened));
  ASSIGN_OR_RETURN(Compiler made, make_compiler(std::move(options)));
  const auto compiler = std::make_shared<const Compiler>(std::move(made));
  ASSIGN_OR_RETURN(const runtime::ArtifactTarget needed,
                   backend_of(compiler->target).artifact_target(compiler->target));
  TRY(check_runs_here(needed));
  ModelSource source;
  ASSIGN_OR_RETURN(source.info, read_model_info(*checkpoint, components));
  source.compile = [checkpoint, compiler](const ComponentRequest& request) {
    return compile_component(*compiler, *checkpoint, request);
  };
  source.weights = [checkpoint](const std::string& part) -> Result<NamedTensors> {
    ASSIGN_OR_RETURN(const auto weights,
                     frontend::open_weights(*checkpoint, *frontend::part_from_name(part)));
    return weights->tensors();
  };
  ASSIGN_OR_RETURN(source, with_taesd(std::move(source), compiler->options.taesd));
  return with_loras(std::move(source), compiler->options.loras);
}

}  // namespace tempera::api
