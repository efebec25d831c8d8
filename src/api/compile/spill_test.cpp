// The micro-kernels' inner loops hold their sums in registers, on every instruction set: checked on
// the assembly, so for processors that are not here too.
#include <gtest/gtest.h>

#include <sstream>

#if defined(__x86_64__)
#include "backend/cpu/codegen/amx_emulator.h"
#endif
#include "backend/cpu/codegen/test_library.h"
#include "graph/build.h"
#include "lower/lower.h"

namespace tempera::api {
namespace {

using graph::GraphBuilder;
using graph::kAbsent;
using graph::Rate;
using graph::ValueId;

// A convolution and a linear layer of Stable Diffusion's shapes, smaller in the outer extents only.
graph::Graph convolution() {
  GraphBuilder b;
  const ValueId x = b.input("x", DType::f32, {1, 320, 32, 32}, Rate::step);
  const ValueId w = b.weight("w", DType::f16, {320, 320, 3, 3});
  b.output("y", b.conv(x, w, b.weight("bias", DType::f16, {320}), {.pad = 1}));
  return b.graph;
}

// The same of brain floats.
graph::Graph convolution_of_bf16(int64_t channels, int64_t side) {
  GraphBuilder b;
  const ValueId x =
      b.graph.add_input("x", DType::bf16, {1, channels, side, side}, Rate::step, {{0, 2, 3, 1}});
  const ValueId w = b.graph.add_input("w", DType::bf16, {channels, channels, 3, 3}, Rate::load);
  const ValueId y =
      b.op(graph::Op::conv, {x, w},
           {{"result", std::string("f32")}, {"pads", std::vector<int64_t>{1, 1, 1, 1}}});
  b.output("y", b.cast(b.silu(y), DType::bf16));
  return b.graph;
}

graph::Graph linear_of_bf16(int64_t rows, int64_t channels, int64_t columns) {
  GraphBuilder b;
  const ValueId x = b.graph.add_input("x", DType::bf16, {rows, channels}, Rate::step);
  const ValueId w = b.graph.add_input("w", DType::bf16, {channels, columns}, Rate::load);
  const ValueId y = b.op(graph::Op::matmul, {x, w}, {{"result", std::string("f32")}});
  b.output("y", b.cast(b.add(y, b.weight("bias", DType::f32, {columns})), DType::bf16));
  return b.graph;
}

graph::Graph linear() {
  GraphBuilder b;
  const ValueId x = b.input("x", DType::f32, {1, 256, 320}, Rate::step);
  b.output("y", b.linear(x, b.weight("w", DType::f16, {1280, 320})));
  return b.graph;
}

std::vector<lower::LoweredKernel> kernels_of(const graph::Graph& graph, const Target& target) {
  const auto fused = graph::run_passes(graph, lower::fuse_rules());
  CHECK(fused.ok(), "{}", fused.error().message);
  auto lowered = lower::lower(*fused, target, {.component = "test"});
  CHECK(lowered.ok(), "{}", lowered.error().message);
  return std::move(lowered->kernels);
}

struct Architecture {
  const char* cpu;
  const char* fma;                 // what the names of its multiply-adds begin with
  std::vector<const char*> stack;  // how an operand on the stack is written
  int64_t share = 4;  // of the instructions of a loop of products, at least one in so many
};

bool holds(const std::string& text, const char* word) {
  return text.find(word) != std::string::npos;
}

// Whether multiply-adds are at least their share of the instructions: in transforms of tiles and in
// prologues they are fewer.
bool is_product(const std::string& loop, const Architecture& architecture) {
  int64_t all = 0, products = 0;
  std::istringstream stream(loop);
  for (std::string line; std::getline(stream, line); ++all)
    products += holds(line, architecture.fma) ? 1 : 0;
  return architecture.share * products >= all;
}

// Innermost loops of products: from a label to a branch back to it, no label in between.
std::vector<std::string> product_loops(const std::string& assembly,
                                       const Architecture& architecture) {
  std::vector<std::string> loops;
  std::string label, body;
  std::istringstream stream(assembly);
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with(".L")) {
      label = line.substr(0, line.find(':'));
      body.clear();
      continue;
    }
    body += line + "\n";
    const bool is_branch_back =
        !label.empty() && (line.ends_with("\t" + label) || line.ends_with(" " + label));
    if (is_branch_back && is_product(body, architecture)) loops.push_back(body);
  }
  return loops;
}

void expect_no_spill(const graph::Graph& graph, const Architecture& architecture) {
  const auto target = cpu::target_from_flag(architecture.cpu);
  ASSERT_TRUE(target.ok()) << target.error().message;
  size_t loops = 0;
  for (const lower::LoweredKernel& lowered : kernels_of(graph, *target)) {
    const auto assembly = cpu::print_assembly({.kernel = &lowered.kernel}, *target);
    ASSERT_TRUE(assembly.ok()) << assembly.error().message;
    for (const std::string& loop : product_loops(*assembly, architecture)) {
      ++loops;
      for (const char* stack : architecture.stack)
        EXPECT_FALSE(holds(loop, stack)) << lowered.symbol << " on " << architecture.cpu << "\n"
                                         << loop;
    }
  }
  EXPECT_GT(loops, 0U) << architecture.cpu;
}

const Architecture kCortexA76{"aarch64:cortex-a76", "fmla", {"[sp", "sp,"}};
const Architecture kAvx2{"x86-64-v3", "vfmadd", {"rsp"}};
const Architecture kAmx{"sapphirerapids", "tdpbf16ps", {"rsp", "tilestored"}, 10};
const Architecture kAvx512{"x86-64-v4", "vfmadd", {"rsp"}};

TEST(InnerLoops, OfConvolutionsDoNotSpillOnAarch64) { expect_no_spill(convolution(), kCortexA76); }
TEST(InnerLoops, OfLinearLayersDoNotSpillOnAarch64) { expect_no_spill(linear(), kCortexA76); }
TEST(InnerLoops, DoNotSpillOnAvx2) {
  expect_no_spill(convolution(), kAvx2);
  expect_no_spill(linear(), kAvx2);
}
TEST(InnerLoops, DoNotSpillOnAvx512) {
  expect_no_spill(convolution(), kAvx512);
  expect_no_spill(linear(), kAvx512);
}
TEST(InnerLoops, OfMatricesDoNotSpillOnAmx) {
  expect_no_spill(convolution_of_bf16(320, 32), kAmx);
  expect_no_spill(convolution_of_bf16(320, 8), kAmx);
  expect_no_spill(linear_of_bf16(256, 320, 1280), kAmx);
}

#if defined(__x86_64__)
// Whole kernels with AMX emulated, the rest as this processor does it.
TEST(InnerLoops, OfMatricesComputeAsInterpreted) {
  if (cpu::host_target().vector_bytes < 64) GTEST_SKIP() << "no AVX-512";
  Target target = *cpu::target_from_flag("sapphirerapids");
  target.features = "-avx512fp16,-avxvnni";
  const cpu::AmxEmulator emulator;
  for (const graph::Graph& graph :
       {convolution_of_bf16(32, 8), linear_of_bf16(40, 96, 80), linear_of_bf16(64, 600, 32)})
    for (const lower::LoweredKernel& lowered : kernels_of(graph, target))
      cpu::expect_as_interpreted(lowered.kernel, target);
  EXPECT_GT(cpu::AmxEmulator::executed(), 0);
}
#endif

}  // namespace
}  // namespace tempera::api
