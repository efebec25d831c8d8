#include "lower/lower.h"

#include <fmt/ranges.h>

#include <map>

#include "base/hash.h"
#include "graph/made_by.h"
#include "kernel/interpret.h"
#include "kernel/passes/pipeline.h"
#include "kernel/print.h"
#include "lower/place_values.h"
#include "lower/schedules/contraction_geometry.h"
#include "lower/work.h"
#include "runtime/base64.h"

namespace tempera::lower {

using graph::Graph;
using graph::Group;
using graph::Rate;
using graph::ValueId;
using runtime::Binding;
using runtime::PlanLaunch;
using runtime::Region;

namespace {

// A group's program after the kernel passes; equal groups share one.
struct Built {
  Choice choice;
  Program program;
  std::vector<std::string> setup_text, main_text;  // of each kernel: its identity
};

struct Lowering {
  const Graph& graph;
  std::vector<Group> groups;
  const Target& target;
  const LowerOptions& options;
  Lowered result = {};

  std::map<std::string, std::unique_ptr<Built>> built;  // by workload key and choice
  std::vector<const Built*> of_group;
  std::vector<Binding> places;  // by value, of those that come from outside
  std::vector<bool> fixed;
  std::map<std::string, int32_t> kernel_index;  // by text
  std::map<std::string, int32_t> packed_index;  // by key

  Status build_groups();
  Result<std::vector<Choice>> choose() const;
  void choose_parts(const std::vector<Choice>& choices);
  Result<std::unique_ptr<Built>> build(const Group& group, const Choice& choice);
  void place_boundary();
  void place_constants();
  std::string setup_key(size_t g) const;
  void place_packed_outputs();
  void place_setup_temporaries(Placement& placement);
  int32_t packed(const std::string& key, int64_t bytes);
  int32_t kernel(const Launch& launch, const std::string& text, bool may_alias);
  std::string identity(const Binding& binding) const;
  void add_launches(size_t g, const Placement& placement);
  PlanLaunch plan_launch(size_t g, const Launch& launch, const std::string& text, bool may_alias);
};

// Runs the kernel passes over each launch's kernel, in place; returns their texts.
Result<std::vector<std::string>> run_kernel_passes(std::vector<Launch>& launches) {
  std::vector<std::string> texts;
  for (Launch& launch : launches) {
    ASSIGN_OR_RETURN(launch.kernel, kernel::run_passes(launch.kernel));
    texts.push_back(kernel::to_string(launch.kernel));
  }
  return texts;
}

Result<std::unique_ptr<Built>> Lowering::build(const Group& group, const Choice& choice) {
  ASSIGN_OR_RETURN(Program program, choice.schedule->build(group, target, choice.config));
  auto b = std::make_unique<Built>(Built{choice, std::move(program), {}, {}});
  ASSIGN_OR_RETURN(b->setup_text, run_kernel_passes(b->program.setup));
  ASSIGN_OR_RETURN(b->main_text, run_kernel_passes(b->program.main));
  return b;
}

Result<std::vector<Choice>> Lowering::choose() const {
  if (!options.choose) return choose_within(groups, target, options.growth_bytes);
  std::map<std::string, Choice> of_workload;
  std::vector<Choice> choices;
  for (const Group& group : groups) {
    const std::string key = graph::workload_key(group);
    auto known = of_workload.find(key);
    if (known == of_workload.end()) {
      ASSIGN_OR_RETURN(Choice choice, options.choose(group, target));
      known = of_workload.emplace(key, std::move(choice)).first;
    }
    choices.push_back(known->second);
  }
  return choices;
}

// Channels' moments stay in the parts that their maker makes, if their readers, which all join them
// again, find few.
constexpr int64_t kMostParts = 64;

void Lowering::choose_parts(const std::vector<Choice>& choices) {
  std::map<ValueId, int64_t> parts;
  for (size_t g = 0; g < groups.size(); ++g) {
    Group& group = groups[g];
    for (size_t i = 0; i < group.inputs.size(); ++i)
      if (const auto at = parts.find(group.inputs[i]); at != parts.end())
        group.parts[group.body.inputs()[i]] = at->second;
    for (size_t o = 0; o < group.outputs.size(); ++o) {
      const ValueId value = group.body.outputs()[o].value;
      if (made_by(group.body, value, graph::Op::channel_moments) == nullptr) continue;
      CHECK(choices[g].schedule->moment_parts, "channel_moments made by {}",
            choices[g].schedule->name);
      const int64_t made = choices[g].schedule->moment_parts(group, target, choices[g].config);
      if (made == 1 || made > kMostParts || fixed[group.outputs[o]]) continue;
      group.parts[value] = parts[group.outputs[o]] = made;
    }
  }
}

Status Lowering::build_groups() {
  ASSIGN_OR_RETURN(const std::vector<Choice> choices, choose());
  choose_parts(choices);
  for (size_t g = 0; g < groups.size(); ++g) {
    const Choice& choice = choices[g];
    std::unique_ptr<Built>& slot =
        built[fmt::format("{} {}\n{}", choice.schedule->name, kernel::to_string(choice.config),
                          graph::workload_key(groups[g]))];
    if (!slot) {
      ASSIGN_OR_RETURN(slot, build(groups[g], choice));
    }
    of_group.push_back(slot.get());
  }
  return {};
}

// Inputs, weights and outputs: their places are given.
void Lowering::place_boundary() {
  places.resize(graph.values().size());
  fixed.resize(graph.values().size(), false);
  runtime::Plan& plan = result.plan;
  const auto fix = [&](ValueId value, Region region, size_t index) {
    places[value] = {region, static_cast<int32_t>(index), 0};
    fixed[value] = true;
  };
  for (const ValueId id : graph.inputs()) {
    const graph::Value& value = graph.value(id);
    auto& list = value.rate == Rate::load ? plan.weights : plan.inputs;
    fix(id, value.rate == Rate::load ? Region::weight : Region::input, list.size());
    list.push_back({value.name, value.dtype, value.shape, stage_of(value.rate)});
  }
  for (const graph::NamedValue& output : graph.outputs()) {
    const graph::Value& value = graph.value(output.value);
    CHECK(!fixed[output.value], "output '{}' is an input or another output; copy it first",
          output.name);
    fix(output.value, Region::output, plan.outputs.size());
    plan.outputs.push_back({output.name, value.dtype, value.shape, stage_of(value.rate)});
  }
}

// Literals that a group reads from memory.
void Lowering::place_constants() {
  for (const Group& group : groups) {
    for (const ValueId id : group.inputs) {
      const graph::NodeId producer = graph.value(id).producer;
      if (fixed[id] || producer < 0 || graph.node(producer).op != graph::Op::literal) continue;
      const Tensor& tensor = *graph.node(producer).literal;
      places[id] = {Region::constant, static_cast<int32_t>(result.plan.constants.size()), 0};
      fixed[id] = true;
      result.plan.constants.push_back(
          {tensor.dtype, tensor.shape, runtime::base64_encode(tensor.data)});
    }
  }
}

int32_t Lowering::packed(const std::string& key, int64_t bytes) {
  const auto [at, is_new] =
      packed_index.emplace(key, static_cast<int32_t>(result.plan.packed.size()));
  if (is_new) result.plan.packed.push_back({key, bytes});
  return at->second;
}

// What a setup launch reads, by name: the part of a packed tensor's key that is not its code.
std::string Lowering::identity(const Binding& binding) const {
  const auto index = static_cast<size_t>(binding.index);
  if (binding.region == Region::weight) return result.plan.weights[index].name;
  if (binding.region == Region::packed) return result.plan.packed[index].key;
  CHECK(binding.region == Region::constant, "a setup launch reads a value of a later stage");
  return hash128_hex(result.plan.constants[index].base64);
}

// What a group over weights only computes.
std::string Lowering::setup_key(size_t g) const {
  std::string key = fmt::format("{}", fmt::join(of_group[g]->main_text, "\n"));
  for (const ValueId input : groups[g].inputs) key += "\n" + identity(places[input]);
  return key;
}

// Results of groups over weights only are packed tensors; those that no later stage reads go when
// setup has used them.
void Lowering::place_packed_outputs() {
  for (size_t g = 0; g < groups.size(); ++g) {
    const Group& group = groups[g];
    if (stage_of(group.rate) != runtime::Stage::setup) continue;
    const std::string key = setup_key(g);
    for (size_t o = 0; o < group.outputs.size(); ++o) {
      const ValueId id = group.outputs[o];
      if (fixed[id]) continue;
      const graph::Value& value = graph.value(id);
      places[id] = {Region::packed,
                    packed(hash128_hex(fmt::format("{}\noutput {}", key, o)),
                           element_count(value.shape) * size_in_bytes(value.dtype)),
                    0};
      fixed[id] = true;
    }
  }
}

// So are their temporaries.
void Lowering::place_setup_temporaries(Placement& placement) {
  for (size_t g = 0; g < groups.size(); ++g) {
    if (stage_of(groups[g].rate) != runtime::Stage::setup) continue;
    for (const int64_t bytes : of_group[g]->program.temporary_bytes) {
      std::vector<Binding>& temporaries = placement.temporaries[g];
      const std::string key = fmt::format("{}\ntemporary {}", setup_key(g), temporaries.size());
      temporaries.push_back({Region::packed, packed(hash128_hex(key), bytes), 0});
    }
  }
}

int32_t Lowering::kernel(const Launch& launch, const std::string& text, bool may_alias) {
  const auto [at, is_new] = kernel_index.emplace(text, static_cast<int32_t>(result.kernels.size()));
  if (is_new) {
    const std::string symbol = fmt::format("{}_{}", launch.kernel.name, hash128_hex(text));
    result.kernels.push_back({symbol, launch.kernel, may_alias});
    result.kernels.back().kernel.name = symbol;
    runtime::PlanKernel& planned = result.plan.kernels.emplace_back();
    planned = {symbol, kernel::grid_extent(launch.kernel)};
    for (size_t p = 0; p < launch.kernel.parameters.size(); ++p)
      if (launch.kernel.parameters[p]->written) planned.writes.push_back(static_cast<int32_t>(p));
  }
  result.kernels[at->second].may_alias |= may_alias;
  return at->second;
}

PlanLaunch Lowering::plan_launch(size_t g, const Launch& launch, const std::string& text,
                                 bool may_alias) {
  const Group& group = groups[g];
  PlanLaunch planned;
  planned.kernel = kernel(launch, text, may_alias);
  planned.origin = fmt::format("{}", fmt::join(origin_of(group), ","));
  planned.schedule = fmt::format("{} {}", of_group[g]->choice.schedule->name,
                                 kernel::to_string(of_group[g]->choice.config));
  planned.workload = workload_text(group);
  return planned;
}

void Lowering::add_launches(size_t g, const Placement& placement) {
  const Group& group = groups[g];
  const Program& program = of_group[g]->program;
  std::vector<Binding> packed_places(program.packed_bytes.size());
  const auto bind = [&](const Operand& operand) -> Binding {
    switch (operand.kind) {
      case Operand::Kind::input:
        return placement.values[group.inputs[operand.index]];
      case Operand::Kind::output:
        return placement.values[group.outputs[operand.index]];
      case Operand::Kind::temporary:
        return placement.temporaries[g][operand.index];
      case Operand::Kind::packed:
        return packed_places[operand.index];
    }
    CHECK(false, "an operand of kind {}", static_cast<int>(operand.kind));
  };
  const bool may_alias = placement.aliased[g];
  for (size_t l = 0; l < program.setup.size(); ++l) {
    const Launch& launch = program.setup[l];
    std::string key = of_group[g]->setup_text[l];
    for (const Operand& operand : launch.operands)
      if (operand.kind == Operand::Kind::input) key += "\n" + identity(bind(operand));
    bool is_new = false;
    for (size_t p = 0; p < launch.operands.size(); ++p) {
      const Operand& operand = launch.operands[p];
      if (operand.kind != Operand::Kind::packed || !launch.kernel.parameters[p]->written) continue;
      const size_t before = result.plan.packed.size();
      const std::string name = hash128_hex(fmt::format("{}\npacked {}", key, operand.index));
      packed_places[operand.index] = {Region::packed,
                                      packed(name, program.packed_bytes[operand.index]), 0};
      is_new |= result.plan.packed.size() > before;
    }
    if (!is_new) continue;
    PlanLaunch planned = plan_launch(g, launch, of_group[g]->setup_text[l], false);
    planned.kind = "packing";
    planned.bytes = bytes_of(group, program, launch);
    for (const Operand& operand : launch.operands) planned.bindings.push_back(bind(operand));
    result.plan.launches[static_cast<size_t>(runtime::Stage::setup)].push_back(std::move(planned));
  }
  const double flops = work_of(group).flops;
  for (size_t l = 0; l < program.main.size(); ++l) {
    PlanLaunch planned = plan_launch(g, program.main[l], of_group[g]->main_text[l], may_alias);
    for (const Operand& operand : program.main[l].operands)
      planned.bindings.push_back(bind(operand));
    planned.kind = stage_of(group.rate) == runtime::Stage::setup ? "packing" : kind_of(group);
    planned.arithmetic = arithmetic_of(group, target);
    planned.bytes = bytes_of(group, program, program.main[l]);
    if (l + 1 == program.main.size()) {
      planned.flops = flops;
      planned.executed_flops = program.executed_flops.value_or(flops);
    }
    result.plan.launches[static_cast<size_t>(stage_of(group.rate))].push_back(std::move(planned));
  }
}

}  // namespace

Result<Lowered> lower(const graph::Fused& fused, const Target& target,
                      const LowerOptions& options) {
  Lowering lowering{fused.graph, fused.groups, target, options};
  lowering.result.plan.component = options.component;
  lowering.place_boundary();
  TRY(lowering.build_groups());
  lowering.place_constants();
  lowering.place_packed_outputs();
  std::vector<const Program*> programs;
  for (const Built* b : lowering.of_group) programs.push_back(&b->program);
  const std::vector<Group>& groups = lowering.groups;
  Placement placement =
      place_values(fused.graph, groups, programs, lowering.places, lowering.fixed, target);
  lowering.place_setup_temporaries(placement);
  for (size_t g = 0; g < groups.size(); ++g) lowering.add_launches(g, placement);
  lowering.result.plan.state_bytes = placement.state_bytes;
  lowering.result.plan.arena_bytes = placement.arena_bytes;
  lowering.result.plan.live_bytes = placement.live_bytes;
  return std::move(lowering.result);
}

namespace {

// Two-dimensional weights make products that the contraction schedule is sure to take.
bool is_weight_product(const Graph& graph, const graph::Node& matmul) {
  const graph::Value& weight = graph.value(matmul.inputs[1]);
  return weight.rate <= Rate::load && weight.shape.size() == 2 && is_float(weight.dtype) &&
         graph.value(matmul.inputs[0]).shape.size() >= 2;
}

// Convolutions of images with weights that the contraction schedules take.
bool is_weight_convolution(const Graph& graph, const graph::Node& node) {
  const graph::Value& x = graph.value(node.inputs[0]);
  return (node.op == graph::Op::conv || node.op == graph::Op::conv_transpose) &&
         x.shape.size() == 4 && graph.value(node.inputs[1]).rate <= Rate::load &&
         has_contraction_geometry(graph, node);
}

graph::Takes takes(graph::Op anchor, int input) {
  switch (anchor) {
    case graph::Op::matmul:
    case graph::Op::conv:
    case graph::Op::conv_transpose:
      return input < 2 ? graph::Takes::staged
                       : graph::Takes::views;  // the patch; the packed operand; the bias
    case graph::Op::attention:  // queries are staged; keys and values are read once a block of
                                // them
      if (input == 0) return graph::Takes::staged;
      return input == 3 ? graph::Takes::elementwise : graph::Takes::views;
    case graph::Op::reduce_sum:
    case graph::Op::reduce_mean:
    case graph::Op::reduce_max:
    case graph::Op::reduce_min:
    case graph::Op::argmax:
      return graph::Takes::staged;  // read once
    case graph::Op::rank:           // read once for each element along the axis
      return graph::Takes::views;
    case graph::Op::segment_mean:  // a row is read by its segment, the ids by blocks of segments
      return input == 0 ? graph::Takes::staged : graph::Takes::views;
    default:
      return graph::Takes::elementwise;  // read a few times at most
  }
}

bool joins(graph::Op anchor, int input) {
  switch (anchor) {
    case graph::Op::matmul:
    case graph::Op::conv:
    case graph::Op::conv_transpose:
    case graph::Op::moments:
    case graph::Op::channel_moments:
    case graph::Op::reduce_max:  // of weights that are quantised
      return input == 0;
    default:
      return false;
  }
}

}  // namespace

graph::FuseRules fuse_rules() {
  return {.takes = takes,
          .takes_row_moments = is_weight_product,
          .makes_channel_moments = is_weight_convolution,
          .takes_group_affine = is_weight_convolution,
          .takes_halves = is_weight_product,
          .joins = joins};
}

}  // namespace tempera::lower
