#include "graph/cut.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "graph/build.h"
#include "graph/testing.h"

namespace tempera::graph {
namespace {

// Three layers; the third reads the first two, the model's input and a table made of weights.
struct Model {
  GraphBuilder b;
  Model() {
    const ValueId x = b.input("x", DType::f32, {2, 4}, Rate::step);
    b.input("unread", DType::f32, {1}, Rate::step);
    const ValueId table =
        b.mark("table", b.exp(b.weight("table.weight", DType::f16, {2, 4}, DType::f32)));
    const ValueId first =
        b.mark("first", b.linear(x, b.weight("first.weight", DType::f32, {4, 4})));
    const std::vector<ValueId> halves = b.chunk(first, -1, 2);
    const ValueId second = b.mark("second", b.mul(halves[0], 2.0));
    b.mark("second.again", second);
    b.output("y",
             b.mark("third", b.add(b.concat({second, b.silu(halves[1])}, -1), b.add(x, table))));
  }
  Graph layer(std::string_view name) const {
    const auto at = std::ranges::find(b.marks, name, &NamedValue::name);
    return cut(b.graph, *at, b.marks);
  }
};

std::vector<std::string> input_names(const Graph& graph) {
  std::vector<std::string> names;
  for (const ValueId id : graph.inputs()) names.push_back(graph.value(id).name);
  return names;
}

TEST(Cut, ReadsTheNearestLayersInputsAndWeights) {
  const Model model;
  using Names = std::vector<std::string>;
  EXPECT_EQ(input_names(model.layer("first")), (Names{"x", "first.weight"}));
  EXPECT_EQ(input_names(model.layer("second")), (Names{"first"}));
  EXPECT_EQ(input_names(model.layer("third")), (Names{"x", "table.weight", "first", "second"}));
  EXPECT_EQ(input_names(model.layer("table")), (Names{"table.weight"}));
}

TEST(Cut, IsAGraphOfItsOwnWithTheRatesOfTheWhole) {
  const Model model;
  for (const NamedValue& mark : model.b.marks) {
    const Graph layer = cut(model.b.graph, mark, model.b.marks);
    const Status status = verify(layer);
    EXPECT_TRUE(status.ok()) << mark.name << ": " << status.error().message;
    ASSERT_EQ(layer.outputs().size(), 1U);
    EXPECT_EQ(layer.outputs()[0].name, mark.name);
    EXPECT_EQ(layer.value(layer.outputs()[0].value).rate, model.b.value(mark.value).rate);
  }
}

// Layer by layer is the same as all at once.
TEST(Cut, LayersTogetherComputeTheWhole) {
  Model model;
  for (const NamedValue& mark : model.b.marks)
    if (mark.name != "third") model.b.output(mark.name, mark.value);
  const std::vector<Tensor> inputs = testing::random_inputs(model.b.graph, 1);
  const std::vector<Tensor> outputs = evaluate(model.b.graph, inputs);
  std::map<std::string, Tensor> known;
  for (size_t i = 0; i < inputs.size(); ++i)
    known.emplace(model.b.value(model.b.graph.inputs()[i]).name, inputs[i]);
  for (size_t i = 0; i < outputs.size(); ++i)
    known.emplace(model.b.graph.outputs()[i].name, outputs[i]);
  for (const NamedValue& mark : model.b.marks) {
    const Graph layer = cut(model.b.graph, mark, model.b.marks);
    std::vector<Tensor> given;
    for (const std::string& name : input_names(layer)) given.push_back(known.at(name));
    EXPECT_EQ(evaluate(layer, given)[0], known.at(mark.name == "third" ? "y" : mark.name));
  }
}

}  // namespace
}  // namespace tempera::graph
