#include "graph/op.h"

#include <gtest/gtest.h>

#include <set>

#include "graph/attribute.h"

namespace tempera::graph {
namespace {

TEST(OpTable, EveryRowStandsAtItsOpAndIsFoundByItsName) {
  for (size_t i = 0; i < op_table().size(); ++i) {
    const OpRow& entry = op_table()[i];
    EXPECT_EQ(static_cast<size_t>(entry.op), i);
    EXPECT_EQ(op_from_name(entry.name), entry.op);
    EXPECT_FALSE(entry.doc.empty()) << entry.name;
    EXPECT_TRUE(entry.max_inputs == -1 || entry.min_inputs <= entry.max_inputs) << entry.name;
  }
  EXPECT_EQ(op_from_name("no_such_op"), std::nullopt);
}

TEST(Attributes, AreSortedByNameAndComparedByValue) {
  Attributes a{{"b", int64_t{1}}, {"a", 2.0}}, b{{"a", 2.0}, {"b", int64_t{1}}};
  EXPECT_EQ(a, b);
  EXPECT_EQ(a.all()[0].first, "a");
  b.set("b", int64_t{3});
  EXPECT_NE(a, b);
  EXPECT_EQ(a.find("c"), nullptr);
}

TEST(Attributes, FallBackToTheRowsDefault) {
  EXPECT_EQ(double_attribute(Op::layer_norm, {}, "epsilon"), 1e-5);
  EXPECT_EQ(int_attribute(Op::softmax, {}, "axis"), -1);
  EXPECT_THROW(int_attribute(Op::softmax, {}, "heads"), InternalError);
  EXPECT_THROW(int_attribute(Op::layer_norm, {}, "epsilon"), InternalError);
}

TEST(Graph, DoesNotStoreAttributesEqualToTheirDefault) {
  Graph graph;
  ValueId x = graph.add_input("x", DType::f32, {2, 3}, Rate::step);
  graph.add(Op::softmax, {x}, {{"axis", int64_t{-1}}});
  EXPECT_TRUE(graph.nodes()[0].attributes.all().empty());
}

TEST(Graph, RunsANodeAtTheHighestRateOfItsInputs) {
  Graph graph;
  ValueId w = graph.add_input("w", DType::f32, {2}, Rate::load);
  ValueId p = graph.add_input("p", DType::f32, {2}, Rate::prompt);
  EXPECT_EQ(graph.value(graph.add(Op::add, {w, p})[0]).rate, Rate::prompt);
  EXPECT_EQ(graph.value(graph.add(Op::neg, {w})[0]).rate, Rate::load);
}

TEST(Layout, GivesTheStrideOfEachLogicalDimension) {
  EXPECT_EQ(strides({2, 3, 4, 5}, {}), (std::vector<int64_t>{60, 20, 5, 1}));
  EXPECT_EQ(strides({2, 3, 4, 5}, {{0, 2, 3, 1}}), (std::vector<int64_t>{60, 1, 15, 3}));
}

}  // namespace
}  // namespace tempera::graph
