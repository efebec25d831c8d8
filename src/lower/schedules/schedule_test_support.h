#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "graph/evaluate.h"
#include "graph/passes/fuse.h"
#include "kernel/interpret.h"
#include "kernel/passes/pipeline.h"
#include "lower/schedule.h"

namespace tempera::lower::testing {

// A graph as one group: its anchor is the one node of an anchor's class, if there is one.
inline graph::Group whole_group(graph::Graph body) {
  graph::Group group;
  for (graph::NodeId n = 0; n < static_cast<int>(body.nodes().size()); ++n) {
    const graph::OpClass op_class = graph::row(body.node(n).op).op_class;
    if (op_class >= graph::OpClass::contraction) group.anchor = n;
  }
  group.inputs = body.inputs();
  for (const graph::NamedValue& output : body.outputs()) group.outputs.push_back(output.value);
  group.body = std::move(body);
  return group;
}

inline Target target_of(int64_t vector_bytes) {
  Target target;
  target.vector_bytes = vector_bytes;
  target.vector_registers = vector_bytes == 32 ? 16 : 32;
  target.has_bf16_dot = vector_bytes == 64;
  target.has_f16_arithmetic = vector_bytes == 32;
  target.cores = 2;
  return target;
}

// As AMX has them, beside vectors of 64 bytes.
inline Target target_with_matrices() {
  Target target = target_of(64);
  target.bf16_matrices = {.registers = 8, .rows = 16, .columns = 16, .depth = 32, .cycles = 16};
  return target;
}

// Element i of a tensor in row-major order lies at places(...)[i] in the value's memory.
inline std::vector<int64_t> places(const graph::Value& value) {
  const std::vector<int64_t> stride = graph::strides(value.shape, value.layout);
  std::vector<int64_t> result(element_count(value.shape));
  for (int64_t i = 0; i < static_cast<int64_t>(result.size()); ++i) {
    int64_t rest = i;
    for (size_t d = value.shape.size(); d-- > 0; rest /= value.shape[d])
      result[i] += rest % value.shape[d] * stride[d];
  }
  return result;
}

using Memory = std::vector<std::byte>;

inline Memory to_memory(const Tensor& tensor, const graph::Value& value) {
  Memory memory(tensor.data.size());
  const auto size = static_cast<size_t>(size_in_bytes(tensor.dtype));
  const auto at = places(value);
  for (size_t i = 0; i < at.size(); ++i)
    std::memcpy(&memory[at[i] * size], &tensor.data[i * size], size);
  return memory;
}

inline Tensor from_memory(const Memory& memory, const graph::Value& value) {
  Tensor tensor(value.dtype, value.shape);
  const auto size = static_cast<size_t>(size_in_bytes(value.dtype));
  const auto at = places(value);
  for (size_t i = 0; i < at.size(); ++i)
    std::memcpy(&tensor.data[i * size], &memory[at[i] * size], size);
  return tensor;
}

// All memory that a program's launches are bound to.
struct Bindings {
  std::vector<Memory> inputs, outputs, temporaries, packed;

  std::span<std::byte> of(const Operand& operand) {
    switch (operand.kind) {
      case Operand::Kind::input:
        return inputs.at(operand.index);
      case Operand::Kind::output:
        return outputs.at(operand.index);
      case Operand::Kind::temporary:
        return temporaries.at(operand.index);
      default:
        return packed.at(operand.index);
    }
  }
};

inline void run_launch(const Launch& launch, Bindings& bindings) {
  auto lowered = kernel::run_passes(launch.kernel, {.verify = true});
  ASSERT_TRUE(lowered.ok()) << lowered.error().message;
  std::vector<std::span<std::byte>> buffers;
  for (const Operand& operand : launch.operands) buffers.push_back(bindings.of(operand));
  const Status status = kernel::interpret(*lowered, buffers);
  ASSERT_TRUE(status.ok()) << status.error().message;
}

// Runs setup and main launches in the interpreter, after the kernel passes. Tensors are logical;
// memory follows the layouts of the group's values. Fresh memory holds bytes 0xff.
inline std::vector<Tensor> run_on_memory(const graph::Group& group, const Program& program,
                                         std::vector<Memory> inputs) {
  Bindings bindings;
  bindings.inputs = std::move(inputs);
  for (const graph::NamedValue& output : group.body.outputs()) {
    const graph::Value& value = group.body.value(output.value);
    bindings.outputs.emplace_back(element_count(value.shape) * size_in_bytes(value.dtype),
                                  std::byte{0xff});
  }
  for (const int64_t bytes : program.temporary_bytes)
    bindings.temporaries.emplace_back(bytes, std::byte{0xff});
  for (const int64_t bytes : program.packed_bytes)
    bindings.packed.emplace_back(bytes, std::byte{0xff});
  for (const auto* launches : {&program.setup, &program.main})
    for (const Launch& launch : *launches) run_launch(launch, bindings);
  std::vector<Tensor> outputs;
  for (size_t o = 0; o < bindings.outputs.size(); ++o)
    outputs.push_back(
        from_memory(bindings.outputs[o], group.body.value(group.body.outputs()[o].value)));
  return outputs;
}

inline std::vector<Tensor> run_program(const graph::Group& group, const Program& program,
                                       const std::vector<Tensor>& inputs) {
  std::vector<Memory> memory;
  for (size_t i = 0; i < inputs.size(); ++i)
    memory.push_back(to_memory(inputs[i], group.body.value(group.body.inputs()[i])));
  return run_on_memory(group, program, std::move(memory));
}

inline double element(const Tensor& tensor, int64_t i) {
  switch (tensor.dtype) {
    case DType::f64:
      return tensor.as<double>()[i];
    case DType::f32:
      return tensor.as<float>()[i];
    case DType::f16:
      return f16_to_f32(tensor.as<uint16_t>()[i]);
    case DType::bf16:
      return bf16_to_f32(tensor.as<uint16_t>()[i]);
    case DType::i64:
      return static_cast<double>(tensor.as<int64_t>()[i]);
    case DType::i32:
      return tensor.as<int32_t>()[i];
    case DType::i8:
      return tensor.as<int8_t>()[i];
    default:
      return tensor.as<uint8_t>()[i];
  }
}

inline void set_element(Tensor& tensor, int64_t i, double value) {
  switch (tensor.dtype) {
    case DType::f64:
      tensor.as<double>()[i] = value;
      break;
    case DType::f32:
      tensor.as<float>()[i] = static_cast<float>(value);
      break;
    case DType::f16:
      tensor.as<uint16_t>()[i] = f32_to_f16(static_cast<float>(value));
      break;
    case DType::bf16:
      tensor.as<uint16_t>()[i] = f32_to_bf16(static_cast<float>(value));
      break;
    case DType::i64:
      tensor.as<int64_t>()[i] = static_cast<int64_t>(value);
      break;
    case DType::i32:
      tensor.as<int32_t>()[i] = static_cast<int32_t>(value);
      break;
    case DType::i8:
      tensor.as<int8_t>()[i] = static_cast<int8_t>(value);
      break;
    default:
      tensor.as<uint8_t>()[i] = static_cast<uint8_t>(value);
      break;
  }
}

enum class Data { small_integers, normal };

// Integers from -4 to 4 (0 to 4 where unsigned, 0 or 1 where bool), or standard normal numbers.
inline Tensor random_tensor(DType dtype, const Shape& shape, Data data, uint32_t seed) {
  std::mt19937 words(seed);
  std::normal_distribution<double> normal;
  Tensor tensor(dtype, shape);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    const int integer = static_cast<int>(words() % 9) - 4;
    double value = data == Data::normal && is_float(dtype) ? normal(words) : integer;
    if (dtype == DType::u8) value = std::abs(integer);
    if (dtype == DType::boolean) value = integer > 0;
    set_element(tensor, i, value);
  }
  return tensor;
}

inline std::vector<Tensor> random_inputs(const graph::Graph& body, Data data) {
  std::vector<Tensor> inputs;
  uint32_t seed = 1;
  for (const graph::ValueId id : body.inputs())
    inputs.push_back(random_tensor(body.value(id).dtype, body.value(id).shape, data, seed++));
  return inputs;
}

// |got - want| <= bound * (|want| + scale), where scale is the largest |want|; a bound of 0 asks
// for equality.
inline void expect_close(const Tensor& got, const Tensor& want, double bound,
                         const std::string& what) {
  ASSERT_EQ(got.shape, want.shape) << what;
  double scale = 0;
  for (int64_t i = 0; i < want.size(); ++i)
    if (std::isfinite(element(want, i))) scale = std::max(scale, std::abs(element(want, i)));
  for (int64_t i = 0; i < want.size(); ++i) {
    const double g = element(got, i), w = element(want, i);
    if (g == w || (std::isnan(g) && std::isnan(w))) continue;
    ASSERT_LE(std::abs(g - w), bound * (std::abs(w) + scale))
        << what << ": element " << i << " is " << g << ", not " << w;
  }
}

struct CheckOptions {
  Data data = Data::normal;
  double bound = 0;
  std::vector<int64_t> vector_bytes = {16, 32, 64};
  size_t most_configs = 4;  // of each target's space, the first ones
};

// One a vector size; beside the widest also one with matrices, where the schedule uses them.
inline std::vector<Target> targets_for(const Schedule& schedule, const graph::Group& group,
                                       const CheckOptions& options) {
  std::vector<Target> targets;
  for (const int64_t bytes : options.vector_bytes) targets.push_back(target_of(bytes));
  const Target with = target_with_matrices();
  if (targets.back().vector_bytes == 64 && schedule.accepts(group, with) &&
      schedule.space(group, with) != schedule.space(group, targets.back()))
    targets.push_back(with);
  return targets;
}

// Builds, interprets and compares with graph::evaluate, for several targets and configs.
inline void check_schedule(const Schedule& schedule, const graph::Graph& body,
                           const std::vector<Tensor>& inputs, const CheckOptions& options) {
  const graph::Group group = whole_group(body);
  const std::vector<Tensor> want = graph::evaluate(body, inputs);
  for (const Target& target : targets_for(schedule, group, options)) {
    ASSERT_TRUE(schedule.accepts(group, target)) << schedule.name;
    const std::vector<kernel::Config> space = schedule.space(group, target);
    ASSERT_FALSE(space.empty());
    for (size_t c = 0; c < std::min(space.size(), options.most_configs); ++c) {
      const std::string what = fmt::format("{} {}, {}-byte vectors", schedule.name,
                                           kernel::to_string(space[c]), target.vector_bytes);
      SCOPED_TRACE(what);
      const Result<Program> program = schedule.build(group, target, space[c]);
      ASSERT_TRUE(program.ok()) << program.error().message;
      const std::vector<Tensor> got = run_program(group, *program, inputs);
      for (size_t o = 0; o < want.size(); ++o) expect_close(got[o], want[o], options.bound, what);
      if (::testing::Test::HasFailure()) return;
    }
  }
}

inline void check_schedule(const Schedule& schedule, const graph::Graph& body,
                           const CheckOptions& options) {
  check_schedule(schedule, body, random_inputs(body, options.data), options);
}

}  // namespace tempera::lower::testing
