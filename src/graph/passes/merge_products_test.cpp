#include "graph/passes/merge_products.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "graph/passes/simplify.h"
#include "graph/testing.h"

namespace tempera::graph {
namespace {

using testing::graph_of;

int64_t products(const Graph& graph) {
  return std::count_if(graph.nodes().begin(), graph.nodes().end(),
                       [](const Node& node) { return node.op == Op::matmul; });
}

void expect_products(const std::string& text, int64_t count) {
  Graph before = graph_of(text), after = merge_products(before);
  ASSERT_TRUE(verify(after).ok()) << verify(after).error().message;
  EXPECT_EQ(products(drop_dead(after)), count) << print(after);
  for (uint32_t seed = 0; seed < 5; ++seed)
    EXPECT_LE(testing::distance(before, after, seed), 1e-12);
}

constexpr const char* kInputs = R"(
    %x = input "x" f32[2,20,6] @step
    %t = input "t" f32[2,5,6] @prompt
    %e = input "e" f32[2,6] @step
    %a = input "a" f32[4,6] @load
    %b = input "b" f32[4,6] @load
    %c = input "c" f32[8,6] @load
    %p = input "p" f32[4] @load
    %h = input "h" f32[8] @load
    %wa = transpose(%a) {perm=[1,0]}
)";

TEST(MergeProducts, WritesQueriesKeysAndValuesAsSlicesOfOneProduct) {
  Graph after = drop_dead(merge_products(graph_of(R"(
    %x = input "x" f32[2,20,6] @step
    %a = input "a" f32[6,4] @load
    %b = input "b" f32[6,8] @load
    %q = matmul(%x, %a)  # q
    %k = matmul(%x, %a)  # k
    %v = matmul(%x, %b)  # v
    %r = attention(%q, %k, %v) {heads=2}
    output "r" %r)")));
  EXPECT_EQ(print(after), R"(graph {
  %0 = input "x" f32[2,20,6] @step
  %1 = input "a" f32[6,4] @load
  %2 = input "b" f32[6,8] @load
  %3 = concat(%1, %1, %2) {axis=1} : f32[6,16]  # q, k, v
  %4 = matmul(%0, %3) : f32[2,20,16]  # q, k, v
  %5 = slice(%4) {axes=[2], ends=[4], starts=[0]} : f32[2,20,4]  # q
  %6 = slice(%4) {axes=[2], ends=[8], starts=[4]} : f32[2,20,4]  # k
  %7 = slice(%4) {axes=[2], ends=[16], starts=[8]} : f32[2,20,8]  # v
  %8 = attention(%5, %6, %7) {heads=2} : f32[2,20,8]
  output "r" %8
}
)");
}

TEST(MergeProducts, TakesBiasesAlongAndWeightsThatComeLater) {
  expect_products(std::string(kInputs) + R"(
    %k0 = matmul(%x, %wa)
    %k = add(%k0, %p)
    %wb = transpose(%b) {perm=[1,0]}
    %q0 = matmul(%x, %wb)
    %q1 = add(%p, %q0)
    %wc = transpose(%c) {perm=[1,0]}
    %v0 = matmul(%x, %wc)
    %v = add(%v0, %h)
    %r = attention(%q1, %k, %v) {heads=2}
    output "r" %r)",
                  1);
}

TEST(MergeProducts, MergesFewRowsWhoeverReadsThem) {
  expect_products(std::string(kInputs) + R"(
    %wc = transpose(%c) {perm=[1,0]}
    %k = matmul(%e, %wa)
    %l = matmul(%e, %wc)
    %k4 = reshape(%k) {shape=[2,4,1]}
    %l4 = reshape(%l) {shape=[2,8,1]}
    output "k" %k4
    output "l" %l4)",
                  1);
}

TEST(MergeProducts, KeepsApartWhatDiffers) {
  // Other operands, a bias on one only, products of two readers.
  expect_products(std::string(kInputs) + R"(
    %q1 = matmul(%x, %wa)
    %k = matmul(%t, %wa)
    %v = matmul(%t, %wa)
    %r = attention(%q1, %k, %v) {heads=2}
    output "r" %r)",
                  2);
  expect_products(std::string(kInputs) + R"(
    %wb = transpose(%b) {perm=[1,0]}
    %q0 = matmul(%x, %wa)
    %q1 = add(%q0, %p)
    %k = matmul(%x, %wb)
    %r = attention(%q1, %k, %x) {heads=2}
    output "r" %r)",
                  2);
  expect_products(std::string(kInputs) + R"(
    %wb = transpose(%b) {perm=[1,0]}
    %q = matmul(%x, %wa)
    %k = matmul(%x, %wb)
    %r = softmax(%q)
    %s = softmax(%k)
    output "r" %r
    output "s" %s)",
                  2);
}

TEST(MergeProducts, LeavesProductsThatElementwiseWorkFollows) {
  expect_products(std::string(kInputs) + R"(
    %wb = transpose(%b) {perm=[1,0]}
    %k = matmul(%e, %wa)
    %l = matmul(%e, %wb)
    %s = silu(%k)
    %m = mul(%s, %l)
    output "m" %m)",
                  2);
}

}  // namespace
}  // namespace tempera::graph
