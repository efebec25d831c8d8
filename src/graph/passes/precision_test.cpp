#include "graph/passes/precision.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "graph/passes/pipeline.h"
#include "graph/passes/quantize.h"
#include "graph/passes/simplify.h"
#include "graph/passes/testing.h"

namespace tempera::graph {
namespace {

using testing::graph_of;

constexpr Precision kBrain{DType::bf16, DType::bf16, DType::bf16};
constexpr Precision kHalf{DType::f16, DType::f16, DType::f16};

std::string text(const Graph& graph) {
  return print(graph, {.origins = false, .names = false, .literal_limit = 4});
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Large f32 values that a group reads and another one wrote, of rates beyond load, but for outputs.
std::vector<std::string> wide_between_groups(const Graph& graph, const std::vector<Group>& groups) {
  std::vector<std::string> result;
  for (const Group& group : groups)
    for (ValueId id : group.inputs) {
      const Value& value = graph.value(id);
      bool is_output = std::any_of(graph.outputs().begin(), graph.outputs().end(),
                                   [&](const NamedValue& output) { return output.value == id; });
      bool computed = value.producer >= 0 && value.rate > Rate::load && !is_output;
      if (computed && value.dtype == DType::f32 && is_large(value))
        result.push_back(fmt::format("%{} {}", id, to_string(value.shape)));
    }
  return result;
}

double element(const Tensor& tensor, int64_t i) { return tensor.as<float>()[i]; }

// Root of the mean square of the difference over that of `want`.
double relative_error(const Tensor& got, const Tensor& want) {
  double difference = 0, size = 0;
  for (int64_t i = 0; i < want.size(); ++i) {
    difference += std::pow(element(got, i) - element(want, i), 2);
    size += std::pow(element(want, i), 2);
  }
  return std::sqrt(difference / std::max(size, 1e-30));
}

Fused passed(const Graph& graph, const Precision& precision) {
  return *run_passes(graph, default_fuse_rules(), {.precision = precision, .verify = true});
}

// A normalised residual block on channels, with a time embedding, a token mixer and a skip.
constexpr const char* kBlock = R"(
  %x = input "x" f32[2,64,6,6] @step
  %t = input "t" f32[2,64] @step
  %text = input "text" f32[2,5,64] @prompt
  %w1 = input "w1" f16[64,64,3,3] @load
  %w2 = input "w2" f16[64,64,3,3] @load
  %w3 = input "w3" f16[64,128,1,1] @load
  %wt = input "wt" f16[64,64] @load
  %wk = input "wk" f16[64,64] @load
  %scale = input "scale" f32[64] @load
  %bias = input "bias" f32[64] @load
  %w1f = cast(%w1) {to=f32}
  %w2f = cast(%w2) {to=f32}
  %w3f = cast(%w3) {to=f32}
  %wtf = cast(%wt) {to=f32}
  %wkf = cast(%wk) {to=f32}
  %h0 = conv(%x, %w1f, %bias) {pads=[1,1,1,1]}
  %n0 = group_norm(%h0, %scale, %bias) {groups=4}
  %a0 = silu(%n0)
  %h1 = conv(%a0, %w2f, %bias) {pads=[1,1,1,1]}
  %wtt = transpose(%wtf) {perm=[1,0]}
  %te = matmul(%t, %wtt)
  %te4 = reshape(%te) {shape=[2,64,1,1]}
  %h2 = add(%h1, %te4)
  %h3 = add(%h2, %h0)
  %flat = reshape(%h3) {shape=[2,64,36]}
  %rows = transpose(%flat) {perm=[0,2,1]}
  %ln = layer_norm(%rows, %scale, %bias)
  %wkt = transpose(%wkf) {perm=[1,0]}
  %q = matmul(%ln, %wkt)
  %k = matmul(%text, %wkt)
  %att = attention(%q, %k, %text) {heads=4}
  %o = matmul(%att, %wkt)
  %rows2 = add(%o, %rows)
  %back = transpose(%rows2) {perm=[0,2,1]}
  %map = reshape(%back) {shape=[2,64,6,6]}
  %cat = concat(%map, %h0) {axis=1}
  %y = conv(%cat, %w3f, %bias)
  %p = reduce_mean(%y) {axes=[2,3]}
  %s = softmax(%y) {axis=1}
  %z = sub(%s, %p)
  output "z" %z
  )";

TEST(Precision, CallsImagesAndSequencesLarge) {
  EXPECT_TRUE(is_large({.shape = {2, 4096, 320}}));
  EXPECT_TRUE(is_large({.shape = {2, 320, 64, 64}}));
  EXPECT_FALSE(is_large({.shape = {2, 1280}}));
  EXPECT_FALSE(is_large({.shape = {2, 32, 10, 1, 1}}));
  EXPECT_FALSE(is_large({.shape = {2, 4096, 1}}));
}

TEST(PrecisionOperands, CastsProductsOfLargeValuesAndSumsInF32) {
  Graph graph = graph_of(R"(
    %x = input "x" f32[2,9,8] @step
    %w = input "w" f16[6,8] @load
    %wide = cast(%w) {to=f32}
    %wt = transpose(%wide) {perm=[1,0]}
    %y = matmul(%x, %wt)
    output "y" %y)");
  EXPECT_EQ(text(narrow_operands(graph, kBrain)),
            "graph {\n  %0 = input f32[2,9,8] @step\n  %1 = input f16[6,8] @load\n"
            "  %2 = cast(%1) : f32[6,8]\n  %3 = transpose(%2) {perm=[1,0]} : f32[8,6]\n"
            "  %4 = cast(%0) {to=bf16} : bf16[2,9,8]\n  %5 = cast(%3) {to=bf16} : bf16[8,6]\n"
            "  %6 = matmul(%4, %5) {result=\"f32\"} : f32[2,9,6]\n  output %6\n}\n");
  EXPECT_EQ(text(narrow_operands(graph, {})), text(graph));
}

TEST(PrecisionOperands, KeepsProductsOfVectorsInF32WithWeightsAsTheyAreStored) {
  Graph graph = graph_of(R"(
    %t = input "t" f32[2,8] @step
    %w = input "w" f16[6,8] @load
    %v = input "v" f16[3,8] @load
    %wide = cast(%w) {to=f32}
    %wider = cast(%v) {to=f32}
    %both = concat(%wide, %wider)
    %wt = transpose(%both) {perm=[1,0]}
    %y = matmul(%t, %wt)
    output "y" %y)");
  EXPECT_TRUE(contains(text(narrow_operands(graph, kBrain)),
                       "  %3 = concat(%1, %2) : f16[9,8]\n"
                       "  %4 = transpose(%3) {perm=[1,0]} : f16[8,9]\n"
                       "  %5 = matmul(%0, %4) : f32[2,9]\n"))
      << text(narrow_operands(graph, kBrain));
  EXPECT_EQ(text(narrow_operands(graph, {})), text(narrow_operands(graph, kBrain)));
}

TEST(PrecisionOperands, KeepsWeightsThatOutweighTheirOperandsAsTheyAreStored) {
  const auto products = [](const std::string& rows) {
    return text(narrow_operands(graph_of(R"(
    %x = input "x" f32[1,)" + rows + R"(,8] @step
    %w = input "w" f16[8,6] @load
    %wide = cast(%w) {to=f32}
    %y = matmul(%x, %wide)
    output "y" %y)"),
                                {}));
  };
  EXPECT_TRUE(contains(products("3"), "matmul(%0, %1) : f32[1,3,6]")) << products("3");
  EXPECT_TRUE(contains(products("4"), "matmul(%0, %2) : f32[1,4,6]")) << products("4");
  const Graph taps = graph_of(R"(
    %x = input "x" f32[1,8,1,2] @step
    %w = input "w" f16[6,8,3,3] @load
    %wide = cast(%w) {to=f32}
    %y = conv(%x, %wide) {pads=[1,1,1,1]}
    output "y" %y)");
  EXPECT_EQ(text(narrow_operands(taps, {})), text(taps));
  const Graph halves = graph_of(R"(
    %x = input "x" f32[1,2,8] @step
    %w = input "w" f16[8,6] @load
    %b = input "b" f32[6] @load
    %wide = cast(%w) {to=f32}
    %p = matmul(%x, %wide)
    %q = add(%p, %b)
    %r = slice(%q) {axes=[2], ends=[3], starts=[0]}
    %s = slice(%q) {axes=[2], ends=[6], starts=[3]}
    %y = mul(%r, %s)
    output "y" %y)");
  EXPECT_EQ(text(narrow_operands(halves, {})), text(halves));
}

TEST(PrecisionOperands, WidensNarrowWeightsUnderF32Products) {
  Graph graph = graph_of(R"(
    %x = input "x" f32[2,9,8] @step
    %w = input "w" f16[8,6] @load
    %wide = cast(%w) {to=f32}
    %y = matmul(%x, %wide)
    output "y" %y)");
  EXPECT_TRUE(contains(text(narrow_operands(graph, {.weights = DType::f16})),
                       "%2 = matmul(%0, %1) {result=\"f32\"} : f32[2,9,6]"));
}

TEST(PrecisionOperands, GivesAttentionNarrowQueriesKeysAndValues) {
  Graph graph = graph_of(R"(
    %q = input "q" f32[2,9,8] @step
    %k = input "k" f32[2,5,8] @step
    %y = attention(%q, %k, %k) {heads=2}
    %z = neg(%y)
    output "z" %z)");
  EXPECT_TRUE(contains(text(narrow_operands(graph, kHalf)),
                       "%4 = attention(%2, %3, %3) {heads=2} : f16[2,9,8]\n"
                       "  %5 = cast(%4) : f32[2,9,8]\n"));
}

// What the contraction schedule looks for in a weight that it packs as i8 and scales.
TEST(PrecisionOperands, QuantizesWeightsInBlocksOfInputs) {
  Precision precision{.arithmetic = DType::bf16, .storage = DType::bf16, .weights = DType::i8};
  std::string conv = text(narrow_operands(graph_of(R"(
    %x = input "x" f32[1,128,4,4] @step
    %w = input "w" f32[16,128,3,3] @load
    %y = conv(%x, %w)
    output "y" %y)"),
                                          precision));
  EXPECT_TRUE(contains(conv, "reduce_max(%4) {axes=[2], keepdims=0} : f32[16,2,3,3]")) << conv;
  EXPECT_TRUE(contains(conv, "cast(%12) {to=i8} : i8[16,128,3,3]")) << conv;
  std::string linear = text(narrow_operands(graph_of(R"(
    %x = input "x" f32[1,9,128] @step
    %w = input "w" f32[160,128] @load
    %wt = transpose(%w) {perm=[1,0]}
    %y = matmul(%x, %wt)
    output "y" %y)"),
                                            precision));
  EXPECT_TRUE(contains(linear, "reduce_max(%4) {axes=[2], keepdims=0} : f32[160,2]")) << linear;
  EXPECT_TRUE(contains(linear, ") {perm=[1,0]} : f32[128,160]")) << linear;
  EXPECT_TRUE(contains(linear, "{to=bf16} : bf16[128,160]")) << linear;
}

TEST(PrecisionOperands, QuantizesTransposedConvolutionsAlongTheirInputs) {
  Graph graph = graph_of(R"(
    %x = input "x" f32[1,128,3,3] @step
    %w = input "w" f32[128,16,4,4] @load
    %y = conv_transpose(%x, %w) {strides=[2,2], pads=[1,1,1,1]}
    output "y" %y)");
  Graph narrow = narrow_operands(graph, {.weights = DType::i8});
  EXPECT_TRUE(contains(text(narrow), ") : f32[2,16,4,4]")) << text(narrow);
  auto inputs = testing::random_inputs(graph, 5);
  EXPECT_LT(relative_error(evaluate(narrow, inputs)[0], evaluate(graph, inputs)[0]), 0.01);
}

// As q, k and v of one product are; their f32 matrix is never needed as a whole.
TEST(PrecisionOperands, QuantizesEachOfTheWeightsOfAMergedProduct) {
  Graph graph = graph_of(R"(
    %x = input "x" f32[1,9,64] @step
    %w = input "w" f32[160,64] @load
    %v = input "v" f32[320,64] @load
    %wt = transpose(%w) {perm=[1,0]}
    %vt = transpose(%v) {perm=[1,0]}
    %both = concat(%wt, %vt) {axis=1}
    %y = matmul(%x, %both)
    output "y" %y)");
  Graph narrow = narrow_operands(graph, {.weights = DType::i8});
  EXPECT_TRUE(contains(text(narrow), ") : i8[480,64]")) << text(narrow);
  EXPECT_TRUE(contains(text(narrow), ") : f32[480,1]")) << text(narrow);
  EXPECT_FALSE(contains(text(narrow), "concat(%1,")) << text(narrow);
  auto inputs = testing::random_inputs(graph, 5);
  EXPECT_LT(relative_error(evaluate(narrow, inputs)[0], evaluate(graph, inputs)[0]), 0.01);
}

TEST(PrecisionOperands, LeavesSmallAndOddWeightsUnquantized) {
  Precision precision{.weights = DType::i8};
  for (const char* shape : {"16,128,1,1", "600,40,1,1"}) {
    std::string result = text(
        narrow_operands(graph_of(fmt::format(
                            "%x = input \"x\" f32[1,{},4,4] @step\n%w = input \"w\" f32[{}] @load\n"
                            "%y = conv(%x, %w)\noutput \"y\" %y",
                            shape[0] == '1' ? 128 : 40, shape)),
                        precision));
    EXPECT_FALSE(contains(result, "i8")) << result;
  }
}

TEST(PrecisionOperands, RoundsQuantizedWeightsToAtMostHalfAStep) {
  Graph graph = graph_of("%w = input \"w\" f32[128,256] @load\noutput \"w\" %w");
  std::vector<Tensor> inputs = testing::random_inputs(graph, 7);
  for (int64_t i = 0; i < 64; ++i) inputs[0].as<float>()[i] = 0;  // a block of zeros
  Graph rounded = graph_of("%w = input \"w\" f32[128,256] @load");
  Quantized steps = quantized(rounded, rounded.inputs()[0], 1, {});
  rounded.add_output("w", dequantized(rounded, steps, 1, {}));
  auto got = evaluate(rounded, inputs), want = evaluate(graph, inputs);
  for (int64_t i = 0; i < want[0].size(); ++i)
    ASSERT_NEAR(element(got[0], i), element(want[0], i), 0.5 / 127 + 1e-6) << i;
  for (int64_t i = 0; i < 64; ++i) EXPECT_EQ(element(got[0], i), 0);
}

TEST(PrecisionStorage, RoundsWhatGroupsStoreAndReadersWiden) {
  Graph graph = graph_of(R"(
    %x = input "x" f32[1,4,8] @step
    %w = input "w" f32[8,8] @load
    %a = matmul(%x, %w)
    %b = silu(%a)
    %c = matmul(%b, %w)
    %d = matmul(%b, %w) {result="f16"}
    %e = add(%c, %b)
    output "e" %e
    output "d" %d)");
  Graph narrow = narrow_storage(graph, kBrain, default_fuse_rules());
  EXPECT_EQ(text(narrow),
            "graph {\n  %0 = input f32[1,4,8] @step\n  %1 = input f32[8,8] @load\n"
            "  %2 = matmul(%0, %1) : f32[1,4,8]\n  %3 = silu(%2) : f32[1,4,8]\n"
            "  %4 = cast(%3) {to=bf16} : bf16[1,4,8]\n  %5 = cast(%4) : f32[1,4,8]\n"
            "  %6 = matmul(%5, %1) : f32[1,4,8]\n"
            "  %7 = matmul(%5, %1) {result=\"f16\"} : f16[1,4,8]\n"
            "  %8 = add(%6, %5) : f32[1,4,8]\n  output %8\n  output %7\n}\n");
  std::vector<Group> groups = fuse(narrow, default_fuse_rules());
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(groups[0].outputs, std::vector<ValueId>{4});
}

TEST(PrecisionStorage, KeepsWhatIsComparedUnrounded) {
  Graph graph = graph_of(R"(
    %x = input "x" f32[1,4,8] @step
    %w = input "w" f32[8,8] @load
    %a = matmul(%x, %w)
    %b = argmax(%a) {axis=-1}
    %c = reduce_max(%a) {axes=[-1]}
    output "b" %b
    output "c" %c)");
  EXPECT_EQ(text(narrow_storage(graph, kBrain, default_fuse_rules())), text(graph));
}

TEST(PrecisionStorage, MovesNarrowElements) {
  Graph graph = graph_of(R"(
    %x = input "x" f32[1,4,8] @step
    %w = input "w" f32[8,8] @load
    %a = matmul(%x, %w)
    %b = matmul(%a, %w)
    %c = concat(%a, %b) {axis=1}
    %d = exp(%c)
    %e = softmax(%c)
    output "d" %d
    output "e" %e)");
  std::string narrow = text(narrow_storage(graph, kHalf, default_fuse_rules()));
  EXPECT_TRUE(contains(narrow, "{axis=1} : f16[1,8,8]")) << narrow;
  EXPECT_FALSE(contains(narrow, "{axis=1} : f32[1,8,8]")) << narrow;
}

// A result for several readers that each would compute again.
TEST(PrecisionStorage, StoresTheNarrowResultOfElementwiseWorkNotItsOperand) {
  Graph graph = graph_of(R"(
    %x = input "x" f32[1,4,8] @step
    %y = input "y" f32[1,4,8] @step
    %w = input "w" f32[8,8] @load
    %a = add(%x, %y)
    %b = matmul(%a, %w)
    %c = softmax(%a)
    %d = add(%b, %a)
    output "d" %d
    output "c" %c)");
  Fused fused = passed(graph, kBrain);
  EXPECT_EQ(wide_between_groups(fused.graph, fused.groups), std::vector<std::string>{})
      << print_groups(fused.graph, fused.groups);
}

TEST(PrecisionStorage, GivesKeptValuesUnroundedWithoutChangingTheOthers) {
  std::string block = kBlock;
  auto inputs = testing::random_inputs(graph_of(block), 3);
  Fused plain = passed(graph_of(block), kHalf);
  Fused kept = passed(graph_of(block + "output \"h3\" %h3"), kHalf);
  auto want = evaluate(plain.graph, inputs), got = evaluate(kept.graph, inputs);
  EXPECT_EQ(got[0], want[0]);
  EXPECT_EQ(got[1].dtype, DType::f32);
  bool is_rounded = true;
  for (float x : got[1].as<float>()) is_rounded &= f16_to_f32(f32_to_f16(x)) == x;
  EXPECT_FALSE(is_rounded);
}

class PrecisionOf : public ::testing::TestWithParam<Precision> {};

TEST_P(PrecisionOf, ABlockStoresOnlyNarrowValuesAndStaysClose) {
  Graph graph = graph_of(kBlock);
  auto inputs = testing::random_inputs(graph, 3);
  auto want = evaluate(graph, inputs);
  Fused fused = passed(graph, GetParam());
  if (GetParam().storage != DType::f32) {
    EXPECT_EQ(wide_between_groups(fused.graph, fused.groups), std::vector<std::string>{})
        << print_groups(fused.graph, fused.groups);
  }
  auto got = evaluate(fused.graph, inputs);
  for (size_t i = 0; i < want.size(); ++i) {
    EXPECT_EQ(fused.graph.value(fused.graph.outputs()[i].value).dtype, DType::f32);
    EXPECT_LT(relative_error(got[i], want[i]), 0.02) << fused.graph.outputs()[i].name;
  }
}

TEST_P(PrecisionOf, ABlockKeepsStatisticsSoftmaxAndSmallValuesInF32) {
  Fused fused = passed(graph_of(kBlock), GetParam());
  for (const Node& node : fused.graph.nodes()) {
    if (node.outputs.empty()) continue;
    const Value& output = fused.graph.value(node.outputs[0]);
    bool is_statistic = row(node.op).op_class == OpClass::reduction ||
                        row(node.op).op_class == OpClass::normalization;
    if (is_statistic) {
      EXPECT_EQ(fused.graph.value(node.inputs[0]).dtype, DType::f32) << name(node.op);
    }
    if (output.rate > Rate::load && !is_large(output) && node.op != Op::literal) {
      EXPECT_EQ(output.dtype, DType::f32) << name(node.op);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, PrecisionOf,
                         ::testing::Values(kBrain, kHalf, Precision{.weights = DType::f16},
                                           Precision{.weights = DType::i8},
                                           Precision{.storage = DType::bf16},
                                           Precision{DType::bf16, DType::bf16, DType::i8}),
                         [](const auto& info) {
                           return fmt::format("{}_{}_{}", name(info.param.arithmetic),
                                              name(info.param.storage), name(info.param.weights));
                         });

ValueId random_node(Graph& graph, const std::vector<ValueId>& values, ValueId weight,
                    std::mt19937& random) {
  using List = std::vector<int64_t>;
  auto pick = [&](size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random); };
  ValueId a = values[pick(values.size())], b = values[pick(values.size())];
  switch (pick(9)) {
    case 0:
    case 1:
      return graph.add(Op::matmul, {a, weight})[0];
    case 2:
      return graph.add(Op::add, {a, b})[0];
    case 3:
      return graph.add(Op::tanh, {a})[0];
    case 4:
      return graph.add(Op::transpose, {a}, {{"perm", List{0, 2, 1}}})[0];
    case 5:
      return graph.add(Op::softmax, {a})[0];
    case 6: {
      Attributes half{{"starts", List{0}}, {"ends", List{4}}, {"axes", List{1}}};
      ValueId part = graph.add(Op::slice, {a}, half)[0];
      ValueId other = graph.add(Op::slice, {b}, half)[0];
      return graph.add(Op::concat, {part, other}, {{"axis", int64_t{1}}})[0];
    }
    case 7: {
      auto moments = graph.add(Op::moments, {a}, {{"axes", List{2}}, {"epsilon", 0.1}});
      return graph.add(Op::mul, {graph.add(Op::sub, {a, moments[0]})[0], moments[1]})[0];
    }
    default:
      return graph.add(Op::attention, {a, b, b}, {{"heads", int64_t{2}}})[0];
  }
}

TEST(Precision, KeepsRandomGraphsCloseAndStoresNothingLargeInF32) {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    std::mt19937 random(seed);
    Graph graph;
    ValueId weight = graph.add_input("w", DType::f32, {8, 8}, Rate::load);
    std::vector<ValueId> values;  // all f32 [2, 8, 8]
    for (Rate rate : {Rate::prompt, Rate::step})
      values.push_back(graph.add_input(std::string(name(rate)), DType::f32, {2, 8, 8}, rate));
    for (int i = 0; i < 16; ++i) values.push_back(random_node(graph, values, weight, random));
    graph.add_output("last", values.back());
    graph.add_output("some", values[10]);
    if (simplify(graph).nodes().empty()) continue;
    Fused fused = passed(graph, seed % 2 ? kBrain : kHalf);
    ASSERT_EQ(wide_between_groups(fused.graph, fused.groups), std::vector<std::string>{})
        << seed << "\n"
        << print_groups(fused.graph, fused.groups);
    auto inputs = testing::random_inputs(graph, seed);
    auto want = evaluate(graph, inputs), got = evaluate(fused.graph, inputs);
    for (size_t i = 0; i < want.size(); ++i)
      ASSERT_LT(relative_error(got[i], want[i]), 0.05) << seed << "\n" << print(fused.graph);
  }
}

}  // namespace
}  // namespace tempera::graph
