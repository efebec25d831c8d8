#include "graph/passes/simplify.h"

#include <gtest/gtest.h>

#include <map>

#include "graph/testing.h"

namespace tempera::graph {
namespace {

using testing::graph_of;

std::string simplified(const std::string& lines) { return print(simplify(graph_of(lines))); }

// Statements that a rule's row must change, for every row.
const std::map<std::string, std::vector<std::string>>& examples() {
  static const std::map<std::string, std::vector<std::string>> all{
      {"x + 0 -> x",
       {"%z = literal f32[3] {0}\n%r = add(%x, %z)", "%z = literal f32[] {0}\n%r = add(%z, %x)"}},
      {"x + -y -> x - y", {"%n = neg(%y)\n%r = add(%x, %n)", "%n = neg(%y)\n%r = add(%n, %x)"}},
      {"x + broadcast(y) -> x + y", {"%b = broadcast_to(%row) {shape=[2,3]}\n%r = add(%x, %b)"}},
      {"x - 0 -> x", {"%z = literal f32[] {0}\n%r = sub(%x, %z)"}},
      {"x - -y -> x + y", {"%n = neg(%y)\n%r = sub(%x, %n)"}},
      {"x - broadcast(y) -> x - y", {"%b = broadcast_to(%row) {shape=[2,3]}\n%r = sub(%b, %x)"}},
      {"x * 1 -> x", {"%o = literal f32[1,1] {1}\n%r = mul(%x, %o)"}},
      {"x * sigmoid(x) -> silu(x)", {"%s = sigmoid(%x)\n%r = mul(%s, %x)"}},
      {"x * broadcast(y) -> x * y", {"%b = broadcast_to(%row) {shape=[2,3]}\n%r = mul(%x, %b)"}},
      {"x / 1 -> x", {"%o = literal f32[] {1}\n%r = div(%x, %o)"}},
      {"1 / x -> reciprocal(x)", {"%o = literal f32[] {1}\n%r = div(%o, %x)"}},
      {"x / broadcast(y) -> x / y", {"%b = broadcast_to(%row) {shape=[2,3]}\n%r = div(%x, %b)"}},
      {"x ** 1 -> x", {"%o = literal f32[] {1}\n%r = pow(%x, %o)"}},
      {"x ** 2 -> x * x", {"%t = literal f32[] {2}\n%r = pow(%x, %t)"}},
      {"--x -> x", {"%n = neg(%x)\n%r = neg(%n)"}},
      {"reciprocal(sqrt(x)) -> rsqrt(x)", {"%s = sqrt(%x)\n%r = reciprocal(%s)"}},
      {"not not x -> x", {"%c = less(%x, %y)\n%n = logical_not(%c)\n%r = logical_not(%n)"}},
      {"where(true, x, y) -> x",
       {"%c = literal bool[2,3] {1}\n%r = where(%c, %x, %y)",
        "%c = literal bool[] {0}\n%r = where(%c, %row, %y)"}},
      {"cast(x) to its own dtype -> x", {"%r = cast(%x) {to=f32}"}},
      {"cast(cast(x)) -> cast(x) if the inner one keeps all numbers",
       {"%c = cast(%x) {to=f64}\n%r = cast(%c) {to=f16}",
        "%h = cast(%x) {to=i8}\n%c = cast(%h) {to=i32}\n%r = cast(%c) {to=f32}"}},
      {"reshape(x) to its own shape -> x", {"%r = reshape(%x) {shape=[-1,3]}"}},
      {"reshape(x, [.., -1, ..]) -> the extent", {"%r = reshape(%x) {shape=[-1,2]}"}},
      {"reshape(reshape(x)) -> reshape(x)",
       {"%a = reshape(%x) {shape=[6]}\n%r = reshape(%a) {shape=[3,2]}"}},
      {"transpose(x) in order -> x", {"%r = transpose(%x) {perm=[0,1]}"}},
      {"transpose(transpose(x)) -> transpose(x)",
       {"%a = transpose(%cube) {perm=[1,2,0]}\n%r = transpose(%a) {perm=[1,2,0]}",
        "%a = transpose(%x) {perm=[1,0]}\n%r = transpose(%a) {perm=[1,0]}"}},
      {"transpose(x) that moves extents of 1 -> reshape(x)",
       {"%a = reshape(%x) {shape=[2,1,3]}\n%r = transpose(%a) {perm=[1,0,2]}"}},
      {"broadcast(x) to its own shape -> x", {"%r = broadcast_to(%x) {shape=[2,3]}"}},
      {"broadcast(broadcast(x)) -> broadcast(x)",
       {"%a = broadcast_to(%row) {shape=[2,3]}\n%r = broadcast_to(%a) {shape=[4,2,3]}"}},
      {"slice(x) of all -> x", {"%r = slice(%x) {axes=[1], ends=[9], starts=[0]}"}},
      {"slice(slice(x)) -> slice(x)",
       {"%a = slice(%cube) {axes=[2], ends=[4], starts=[1]}\n"
        "%r = slice(%a) {axes=[1,2], ends=[2,-1], starts=[1,1]}"}},
      {"slice(concat(..)) within one piece -> slice(piece)",
       {"%a = concat(%x, %y) {axis=1}\n%r = slice(%a) {axes=[1], ends=[6], starts=[3]}",
        "%a = concat(%x, %y) {axis=1}\n%r = slice(%a) {axes=[1], ends=[5], starts=[4]}"}},
      {"concat(x) -> x", {"%r = concat(%x)"}},
      {"concat of all slices of x -> x",
       {"%a, %b = split(%x) {axis=1, sizes=[1,2]}\n%r = concat(%a, %b) {axis=1}"}},
      {"pad(x) by nothing -> x", {"%r = pad(%x) {pads=[0,0,0,0]}"}},
      {"pad(pad(x)) -> pad(x)",
       {"%a = pad(%x) {pads=[1,0,0,0], value=2}\n%r = pad(%a) {pads=[0,0,1,2], value=2}"}},
      {"upsample(x) to its own size -> x", {"%r = upsample_nearest(%x) {size=[3]}"}},
  };
  return all;
}

Graph example_graph(const std::string& lines) {
  return graph_of(R"(
    %x = input "x" f32[2,3] @step
    %y = input "y" f32[2,3] @step
    %row = input "row" f32[3] @load
    %cube = input "cube" f32[2,3,4] @step
    )" + lines + "\noutput %r");
}

TEST(SimplifyRules, EachHasAnExampleThatItMakesSmaller) {
  for (const SimplifyRule& rule : simplify_rules()) {
    auto at = examples().find(std::string(rule.text));
    ASSERT_NE(at, examples().end()) << rule.text;
    for (const std::string& lines : at->second) {
      Graph before = example_graph(lines), after = simplify(before);
      EXPECT_NE(print(before), print(after)) << rule.text << "\n" << print(after);
      EXPECT_LE(after.nodes().size(), before.nodes().size()) << rule.text << "\n" << print(after);
    }
  }
}

TEST(SimplifyRules, KeepWhatEveryExampleComputes) {
  for (const auto& [rule, all] : examples())
    for (const std::string& lines : all)
      for (uint32_t seed = 0; seed < 20; ++seed) {
        Graph before = example_graph(lines), after = simplify(before);
        EXPECT_TRUE(verify(after).ok()) << rule;
        ASSERT_LE(testing::distance(before, after, seed), 1e-12) << "incorrect rule: " << rule;
      }
}

TEST(Simplify, LeavesWhatOnlyLooksLikeARule) {
  for (const char* lines : {
           "%z = literal f32[4,2,3] {0}\n%r = add(%x, %z)",    // grows
           "%z = literal f32[3] {0, 0, 1}\n%r = add(%x, %z)",  // not all zeros
           "%z = literal f32[] {0}\n%r = sub(%z, %x)",         // negates
           "%z = literal f32[] {0}\n%r = mul(%x, %z)",         // NaN stays NaN
           "%c = cast(%x) {to=f16}\n%r = cast(%c) {to=f32}",   // rounds
           "%c = cast(%x) {to=i32}\n%r = cast(%c) {to=i8}",    // wraps after saturating
           "%s = sigmoid(%y)\n%r = mul(%x, %s)",               // gates another value
           "%a = pad(%x) {pads=[1,0,0,0]}\n%r = pad(%a) {pads=[1,0,0,0], value=1}",
           "%a = concat(%x, %y) {axis=1}\n%r = slice(%a) {axes=[1], ends=[4], starts=[2]}",
           "%a, %b = split(%x) {axis=1, sizes=[1,2]}\n%r = concat(%b, %a) {axis=1}",
       }) {
    Graph before = example_graph(lines), after = simplify(before);
    EXPECT_LE(testing::distance(before, after, 1), 1e-12) << lines;
    EXPECT_EQ(simplify(after).nodes().size(), after.nodes().size()) << lines;
    EXPECT_GE(after.nodes().size(), 2U) << lines;
  }
}

// Random graphs of element-wise, movement and literal nodes compute the same after simplification.
TEST(Simplify, KeepsWhatRandomGraphsCompute) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    auto pick = [&](size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random); };
    Graph graph;
    std::vector<ValueId> values;  // all f32 [2, 3, 3]
    for (int i = 0; i < 2; ++i)
      values.push_back(graph.add_input(std::to_string(i), DType::f32, {2, 3, 3}, Rate::step));
    for (float x : {0.F, 1.F, 2.F}) {
      ValueId scalar = graph.add_literal(Tensor::of<float>(DType::f32, {}, {x}));
      values.push_back(
          graph.add(Op::broadcast_to, {scalar}, {{"shape", std::vector<int64_t>{2, 3, 3}}})[0]);
    }
    for (int i = 0; i < 30; ++i) {
      ValueId a = values[pick(values.size())], b = values[pick(values.size())];
      using List = std::vector<int64_t>;
      switch (pick(8)) {
        case 0:
          values.push_back(graph.add(Op::add, {a, b})[0]);
          break;
        case 1:
          values.push_back(graph.add(Op::sub, {a, b})[0]);
          break;
        case 2:
          values.push_back(graph.add(Op::minimum, {a, b})[0]);
          break;
        case 3:
          values.push_back(graph.add(Op::neg, {a})[0]);
          break;
        case 4:
          values.push_back(graph.add(Op::transpose, {a}, {{"perm", List{0, 2, 1}}})[0]);
          break;
        case 5: {
          ValueId flat = graph.add(Op::reshape, {a}, {{"shape", List{-1}}})[0];
          values.push_back(graph.add(Op::reshape, {flat}, {{"shape", List{2, 3, 3}}})[0]);
          break;
        }
        case 6: {
          auto parts = graph.add(Op::split, {a}, {{"axis", int64_t{1}}, {"sizes", List{1, 2}}});
          values.push_back(
              graph.add(Op::concat, {parts[pick(2)], parts[1]}, {{"axis", int64_t{1}}})[0]);
          if (graph.value(values.back()).shape != Shape{2, 3, 3}) values.pop_back();
          break;
        }
        default:
          values.push_back(graph.add(Op::mul, {a, values[2 + pick(3)]})[0]);
      }
    }
    graph.add_output("last", values.back());
    graph.add_output("some", values[pick(values.size())]);
    Graph after = simplify(graph);
    ASSERT_TRUE(verify(after).ok());
    ASSERT_LE(testing::distance(graph, after, seed), 1e-9) << seed << "\n" << print(after);
  }
}

TEST(Simplify, ComputesOnceWhatIsWrittenTwiceAndUnitesOrigins) {
  EXPECT_EQ(simplified(R"(
    %x = input "x" f32[2] @step
    %a = exp(%x)  # one
    %b = exp(%x)  # two
    %r = add(%a, %b)
    output %r)"),
            "graph {\n  %0 = input \"x\" f32[2] @step\n  %1 = exp(%0) : f32[2]  # one, two\n"
            "  %2 = add(%1, %1) : f32[2]\n  output \"\" %2\n}\n");
}

TEST(Simplify, DropsWhatNobodyNeedsButKeepsInputs) {
  EXPECT_EQ(simplified(R"(
    %x = input "x" f32[2] @step
    %y = input "y" f32[2] @step
    %a = exp(%y)
    %r = neg(%x)
    output %r)"),
            "graph {\n  %0 = input \"x\" f32[2] @step\n  %1 = input \"y\" f32[2] @step\n"
            "  %2 = neg(%0) : f32[2]\n  output \"\" %2\n}\n");
}

}  // namespace
}  // namespace tempera::graph
