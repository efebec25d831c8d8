#include "runtime/plan_json.h"

#include <concepts>
#include <span>

#include "base/text.h"

namespace tempera::runtime {
namespace {

constexpr std::array<std::string_view, 7> kRegions = {"input",    "output", "weight", "packed",
                                                      "constant", "state",  "arena"};

Json to_json(const PlanTensor& tensor) {
  return {{"name", tensor.name},
          {"dtype", name(tensor.dtype)},
          {"shape", tensor.shape},
          {"stage", name(tensor.stage)}};
}

Json to_json(const PackedTensor& packed) { return {{"key", packed.key}, {"bytes", packed.bytes}}; }

Json to_json(const PlanConstant& constant) {
  return {{"dtype", name(constant.dtype)}, {"shape", constant.shape}, {"base64", constant.base64}};
}

Json to_json(const PlanKernel& kernel) {
  return {{"symbol", kernel.symbol},
          {"grid", kernel.grid},
          {"scratch_bytes", kernel.scratch_bytes},
          {"writes", kernel.writes}};
}

Json to_json(const Binding& binding) {
  return Json::array(
      {kRegions[static_cast<size_t>(binding.region)], binding.index, binding.offset});
}

Json to_json(const PlanLaunch& launch);

template <typename T>
Json list_to_json(const std::vector<T>& values) {
  Json list = Json::array();
  for (const T& value : values) list.push_back(to_json(value));
  return list;
}

Json to_json(const PlanLaunch& launch) {
  return {{"kernel", launch.kernel},
          {"bindings", list_to_json(launch.bindings)},
          {"origin", launch.origin},
          {"schedule", launch.schedule},
          {"kind", launch.kind},
          {"workload", launch.workload},
          {"arithmetic", name(launch.arithmetic)},
          {"flops", launch.flops},
          {"executed_flops", launch.executed_flops},
          {"bytes", launch.bytes}};
}

// Reads fields of one object; the first error stays, and everything after it reads as a default.
class Reader {
 public:
  Reader(const Json& json, std::string_view where) : json_(json), where_(where) {}

  const Status& status() const { return status_; }
  std::string_view where() const { return where_; }

  template <typename T>
  void read(std::string_view key, T& value) {
    auto result = get<T>(json_, key, where_);
    if (result.ok())
      value = std::move(result).value();
    else
      fail(result.error().message);
  }

  void read(std::string_view key, int32_t& value) {
    int64_t wide = 0;
    read(key, wide);
    value = static_cast<int32_t>(wide);
    if (value != wide) fail(fmt::format("{}: {} {} is out of range", where_, quote(key), wide));
  }

  void read(std::string_view key, DType& value) {
    std::string text;
    read(key, text);
    const std::optional<DType> dtype = dtype_from_name(text);
    if (dtype)
      value = *dtype;
    else
      fail(fmt::format("{}: there is no dtype {}", where_, quote(text)));
  }

  void read(std::string_view key, Stage& value) {
    std::string text;
    read(key, text);
    for (int i = 0; i < kStageCount; ++i)
      if (name(static_cast<Stage>(i)) == text) {
        value = static_cast<Stage>(i);
        return;
      }
    fail(fmt::format("{}: there is no stage {}", where_, quote(text)));
  }

  template <typename T>
    requires std::integral<T>
  void read(std::string_view key, std::vector<T>& values) {
    for (const Json& element : list(key)) {
      if (!element.is_number_integer()) return fail_type(key, "integers");
      const auto wide = element.get<int64_t>();
      values.push_back(static_cast<T>(wide));
      if (values.back() != wide)
        return fail(fmt::format("{}: {} {} is out of range", where_, quote(key), wide));
    }
  }

  template <typename T>
  void read(std::string_view key, std::vector<T>& values) {
    for (const Json& element : list(key)) {
      Reader reader(element, where_);
      reader.read_value(values.emplace_back());
      if (!reader.status().ok()) return fail(reader.status().error().message);
    }
  }

  void read_value(PlanTensor& tensor) {
    read("name", tensor.name);
    read("dtype", tensor.dtype);
    read("shape", tensor.shape);
    read("stage", tensor.stage);
  }

  void read_value(PackedTensor& packed) {
    read("key", packed.key);
    read("bytes", packed.bytes);
  }

  void read_value(PlanConstant& constant) {
    read("dtype", constant.dtype);
    read("shape", constant.shape);
    read("base64", constant.base64);
  }

  void read_value(PlanKernel& kernel) {
    read("symbol", kernel.symbol);
    read("grid", kernel.grid);
    read("scratch_bytes", kernel.scratch_bytes);
    read("writes", kernel.writes);
  }

  void read_value(PlanLaunch& launch) {
    read("kernel", launch.kernel);
    read("bindings", launch.bindings);
    read("origin", launch.origin);
    read("schedule", launch.schedule);
    read("kind", launch.kind);
    read("workload", launch.workload);
    read("arithmetic", launch.arithmetic);
    read("flops", launch.flops);
    read("executed_flops", launch.executed_flops);
    read("bytes", launch.bytes);
  }

  void read_value(Binding& binding) {
    const bool is_triple = json_.is_array() && json_.size() == 3 && json_[0].is_string() &&
                           json_[1].is_number_integer() && json_[2].is_number_integer();
    if (!is_triple) return fail_type("bindings", "[region, index, offset]");
    const auto region = std::ranges::find(kRegions, json_[0].get<std::string>());
    if (region == kRegions.end())
      return fail(
          fmt::format("{}: there is no region {}", where_, quote(json_[0].get<std::string>())));
    binding.region = static_cast<Region>(region - kRegions.begin());
    const auto index = json_[1].get<int64_t>();
    binding.index = static_cast<int32_t>(index);
    binding.offset = json_[2].get<int64_t>();
    if (binding.index != index)
      fail(fmt::format("{}: binding index {} is out of range", where_, index));
  }

  void read_value(Plan& plan) {
    read("component", plan.component);
    read("inputs", plan.inputs);
    read("outputs", plan.outputs);
    read("weights", plan.weights);
    read("packed", plan.packed);
    read("constants", plan.constants);
    read("kernels", plan.kernels);
    if (const auto launches = json_.is_object() ? json_.find("launches") : json_.end();
        launches != json_.end()) {
      Reader stages(*launches, where_);
      for (int i = 0; i < kStageCount; ++i)
        stages.read(name(static_cast<Stage>(i)), plan.launches[i]);
      if (!stages.status().ok()) fail(stages.status().error().message);
    } else {
      fail_type("launches", "launches for each stage");
    }
    read("state_bytes", plan.state_bytes);
    read("arena_bytes", plan.arena_bytes);
    read("live_bytes", plan.live_bytes);
  }

 private:
  // Whatever is wrong in a plan, its file is damaged: it was written by this program.
  void fail(std::string message) {
    if (status_.ok()) status_ = Error{ErrorCode::data_loss, std::move(message)};
  }
  void fail_type(std::string_view key, std::string_view expected) {
    fail(fmt::format("{}: {} must hold {}", where_, quote(key), expected));
  }

  const Json& list(std::string_view key) {
    static const Json empty = Json::array();
    const auto field = json_.is_object() ? json_.find(key) : json_.end();
    if (field != json_.end() && field->is_array()) return *field;
    fail_type(key, "a list");
    return empty;
  }

  const Json& json_;
  std::string_view where_;
  Status status_;
};

}  // namespace

Json to_json(const Plan& plan) {
  Json launches = Json::object();
  for (int i = 0; i < kStageCount; ++i)
    launches[name(static_cast<Stage>(i))] = list_to_json(plan.launches[i]);
  return {{"component", plan.component},           {"inputs", list_to_json(plan.inputs)},
          {"outputs", list_to_json(plan.outputs)}, {"weights", list_to_json(plan.weights)},
          {"packed", list_to_json(plan.packed)},   {"constants", list_to_json(plan.constants)},
          {"kernels", list_to_json(plan.kernels)}, {"launches", std::move(launches)},
          {"state_bytes", plan.state_bytes},       {"arena_bytes", plan.arena_bytes},
          {"live_bytes", plan.live_bytes}};
}

Result<Plan> plan_from_json(const Json& json, std::string_view where) {
  Plan plan;
  Reader reader(json, where);
  reader.read_value(plan);
  TRY(reader.status());
  TRY(check_plan(plan, where));
  return plan;
}

}  // namespace tempera::runtime
