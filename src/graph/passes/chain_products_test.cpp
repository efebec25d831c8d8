#include "graph/passes/chain_products.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "graph/passes/simplify.h"
#include "graph/testing.h"
#include "graph/work.h"

namespace tempera::graph {
namespace {

using testing::graph_of;

Graph chained(const std::string& text) { return simplify(chain_products(graph_of(text))); }

int64_t products(const Graph& graph) {
  return std::ranges::count_if(graph.nodes(), [&](const Node& node) {
    return row(node.op).op_class == OpClass::contraction &&
           graph.value(node.outputs[0]).rate > Rate::load;
  });
}

// The products that are left above rate load, of no more work and weights, and the same values.
void expect_products(const std::string& text, int64_t count) {
  const Graph before = graph_of(text), after = chained(text);
  ASSERT_TRUE(verify(after).ok()) << verify(after).error().message;
  EXPECT_EQ(products(after), count) << print(after);
  EXPECT_LE(work_of(after, Rate::picture, Rate::step).total(),
            work_of(before, Rate::picture, Rate::step).total());
  for (uint32_t seed = 0; seed < 5; ++seed)
    EXPECT_LE(testing::distance(before, after, seed), 1e-12);
}

// A feed-forward's last layer, the residual, and the projection out of a transformer.
constexpr const char* kTransformerEnd = R"(
    %h = input "h" f32[2,12,3] @step
    %g = input "g" f32[2,12,8] @step
    %x = input "x" f32[2,3,4,3] @step
    %w2 = input "w2" f32[3,8] @load
    %b2 = input "b2" f32[3] @load
    %wp = input "wp" f32[3,3,1,1] @load
    %bp = input "bp" f32[3] @load
    %t2 = transpose(%w2) {perm=[1,0]}
    %f = matmul(%g, %t2)  # ff
    %f2 = add(%f, %b2)  # ff
    %s = add(%f2, %h)
    %p = reshape(%s) {shape=[2,4,3,3]}
    %q = transpose(%p) {perm=[0,3,1,2]}
    %o = conv(%q, %wp, %bp)  # out
    %y = add(%o, %x)
    output "y" %y
)";

TEST(ChainProducts, MultipliesWhatIsAddedBesideTheInnerOperand) {
  EXPECT_EQ(print(chained(kTransformerEnd)), R"(graph {
  %0 = input "h" f32[2,12,3] @step
  %1 = input "g" f32[2,12,8] @step
  %2 = input "x" f32[2,3,4,3] @step
  %3 = input "w2" f32[3,8] @load
  %4 = input "b2" f32[3] @load
  %5 = input "wp" f32[3,3,1,1] @load
  %6 = input "bp" f32[3] @load
  %7 = reshape(%5) {shape=[3,3]} : f32[3,3]  # out, ff
  %8 = matmul(%7, %3) : f32[3,8]  # out, ff
  %9 = reshape(%1) {shape=[2,4,3,8]} : f32[2,4,3,8]  # out, ff
  %10 = transpose(%9) {perm=[0,3,1,2]} : f32[2,8,4,3]  # out, ff
  %11 = reshape(%0) {shape=[2,4,3,3]} : f32[2,4,3,3]  # out, ff
  %12 = transpose(%11) {perm=[0,3,1,2]} : f32[2,3,4,3]  # out, ff
  %13 = concat(%12, %10) {axis=1} : f32[2,11,4,3]  # out, ff
  %14 = concat(%7, %8) {axis=1} : f32[3,11]  # out, ff
  %15 = matmul(%7, %4) : f32[3]  # out, ff
  %16 = reshape(%14) {shape=[3,11,1,1]} : f32[3,11,1,1]  # out, ff
  %17 = add(%15, %6) : f32[3]  # out, ff
  %18 = conv(%13, %16, %17) : f32[2,3,4,3]  # out, ff
  %19 = add(%18, %2) : f32[2,3,4,3]
  output "y" %19
}
)");
  expect_products(kTransformerEnd, 1);
}

constexpr const char* kInputs = R"(
    %h = input "h" f32[2,12,4] @step
    %g = input "g" f32[2,12,6] @step
    %t = input "t" f32[2,12,4] @prompt
    %u = input "u" f32[2,12,6] @prompt
    %i = input "i" f32[2,6,5] @step
    %b = input "b" f32[6,4] @load
    %bias = input "bias" f32[4] @load
    %a = input "a" f32[4,3] @load
    %wide = input "wide" f32[4,5] @load
    %square = input "square" f32[4,4] @load
    %k1 = input "k1" f32[4,6,1] @load
    %k3 = input "k3" f32[3,4,3] @load
    %c1 = input "c1" f32[3,4,1] @load
    %cb = input "cb" f32[4] @load
    %column = input "column" f32[1,4,1] @load
)";

void expect_products_of(const std::string& text, int64_t count) {
  expect_products(std::string(kInputs) + text, count);
}

TEST(ChainProducts, TakesMatricesWithAndWithoutSumsAndBiases) {
  expect_products_of(R"(
    %f = matmul(%g, %b)
    %s = add(%h, %f)
    %o = matmul(%s, %a)
    output "o" %o)",
                     1);
  expect_products_of(R"(
    %f = matmul(%g, %b)
    %n = add(%bias, %f)
    %s = add(%h, %n)
    %m = add(%s, %bias)
    %o = matmul(%m, %a)
    output "o" %o)",
                     1);
  expect_products_of(R"(
    %f = matmul(%g, %b)
    %n = add(%f, %bias)
    %o = matmul(%n, %a)
    output "o" %o)",
                     1);
}

TEST(ChainProducts, TakesConvolutionsAndWhatIsAddedToTheirChannels) {
  expect_products_of(R"(
    %f = conv(%i, %k1, %cb)
    %n = add(%f, %column)
    %o = conv(%n, %c1)
    output "o" %o)",
                     1);
  expect_products_of(R"(
    %f = conv(%i, %k1)
    %t4 = transpose(%f) {perm=[0,2,1]}
    %o = matmul(%t4, %a)
    output "o" %o)",
                     1);
}

TEST(ChainProducts, ChainsTheFirstTwoOfThree) {
  expect_products_of(R"(
    %f = matmul(%g, %b)
    %s = add(%h, %f)
    %o = matmul(%s, %square)
    %r = add(%o, %h)
    %z = matmul(%r, %a)
    output "z" %z)",
                     2);
}

TEST(ChainProducts, LeavesSumsThatAreReadElsewhere) {
  expect_products_of(R"(
    %f = matmul(%g, %b)
    %s = add(%h, %f)
    %o = matmul(%s, %a)
    output "o" %o
    output "s" %s)",
                     2);
  expect_products_of(R"(
    %f = matmul(%g, %b)
    %s = add(%h, %f)
    %o = matmul(%s, %a)
    %r = relu(%f)
    output "o" %o
    output "r" %r)",
                     2);
}

TEST(ChainProducts, LeavesWhatIsNoSumOfChannels) {
  expect_products_of(R"(
    %f = matmul(%g, %b)
    %s = mul(%h, %f)
    %o = matmul(%s, %a)
    output "o" %o)",
                     2);
  // Another order of the elements, taps, and two terms beside the product.
  expect_products_of(R"(
    %f = matmul(%g, %b)
    %s = reshape(%f) {shape=[2,4,12]}
    %v = transpose(%s) {perm=[0,2,1]}
    %o = matmul(%v, %a)
    output "o" %o)",
                     2);
  expect_products_of(R"(
    %f = conv(%i, %k1)
    %o = conv(%f, %k3) {pads=[1,1]}
    output "o" %o)",
                     2);
  expect_products_of(R"(
    %f = matmul(%g, %b)
    %s = add(%h, %f)
    %e = exp(%h)
    %m = add(%s, %e)
    %o = matmul(%m, %a)
    output "o" %o)",
                     2);
}

TEST(ChainProducts, LeavesWhatWouldBeMoreWork) {
  expect_products_of(R"(
    %f = matmul(%g, %b)
    %s = add(%h, %f)
    %o = matmul(%s, %wide)
    output "o" %o)",
                     2);
}

TEST(ChainProducts, LeavesProductsOfAnotherRate) {
  expect_products_of(R"(
    %f = matmul(%u, %b)
    %s = add(%h, %f)
    %o = matmul(%s, %a)
    output "o" %o)",
                     2);
  expect_products_of(R"(
    %f = matmul(%g, %b)
    %s = add(%t, %f)
    %o = matmul(%s, %a)
    output "o" %o)",
                     2);
}

}  // namespace
}  // namespace tempera::graph
