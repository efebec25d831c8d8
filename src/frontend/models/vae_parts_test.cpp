// The parts of the VAE that tiles run, by the graph's own definition (evaluate), against the whole.
#include <gtest/gtest.h>

#include <random>

#include "frontend/models/component.h"
#include "graph/evaluate.h"
#include "graph/verify.h"
#include "tensor_file/convert.h"
#include "test/reference/golden.h"

namespace tempera::frontend {
namespace {

using test::Tensors;

const std::string kModel = test::data_path("tiny/sd15");

BuiltComponent build(Component component, const ComponentSize& size, VaePart part) {
  const Result<Checkpoint> checkpoint = open_checkpoint(kModel);
  return *build_component(*checkpoint, component, size, {.vae = part});
}

// Moments that are not among the inputs are zeros.
Tensors run(const BuiltComponent& built, const Tensors& inputs) {
  const graph::Graph& g = built.graph.graph;
  EXPECT_TRUE(graph::verify(g).ok());
  std::vector<Tensor> values;
  for (const graph::ValueId id : g.inputs()) {
    const graph::Value& value = g.value(id);
    if (const auto given = inputs.find(value.name); given != inputs.end())
      values.push_back(given->second);
    else if (value.rate == graph::Rate::load)
      values.push_back(*load(*built.weights->find(value.name)));
    else
      values.emplace_back(value.dtype, value.shape);
  }
  const std::vector<Tensor> results = graph::evaluate(g, values);
  Tensors outputs;
  for (size_t i = 0; i < results.size(); ++i) outputs[g.outputs()[i].name] = results[i];
  return outputs;
}

Tensor noise(const Shape& shape) {
  Tensor tensor(DType::f32, shape);
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (float& x : tensor.as<float>()) x = normal(random);
  return tensor;
}

const Tensor kTrue = Tensor::of<uint8_t>(DType::boolean, {1}, {1});

struct Case {
  Component component;
  ComponentSize size;
  VaePart first, second;
  const char *input, *output;
  Shape shape;
};
const Case kCases[] = {{Component::vae_decoder,
                        {.height = 3, .width = 2},
                        VaePart::global,
                        VaePart::local,
                        "latent",
                        "image",
                        {1, 4, 3, 2}},
                       {Component::vae_encoder,
                        {.height = 16, .width = 8},
                        VaePart::local,
                        VaePart::global,
                        "image",
                        "moments",
                        {1, 3, 16, 8}}};

TEST(VaeParts, OneAfterTheOtherTheyAreTheWhole) {
  for (const Case& c : kCases) {
    const Tensor x = noise(c.shape);
    const Tensors whole = run(build(c.component, c.size, VaePart::all), {{c.input, x}});
    const Tensors first = run(build(c.component, c.size, c.first), {{c.input, x}});
    const Tensors second =
        run(build(c.component, c.size, c.second), {{"features", first.at("features")}});
    test::expect_close(c.output, second.at(c.output), whole.at(c.output), 1e-5);
  }
}

// What a local part sees does not matter to its norms once they are given moments.
TEST(VaeParts, NormsTakeTheMomentsThatAreGiven) {
  for (const Case& c : kCases) {
    const bool decodes = c.component == Component::vae_decoder;
    const BuiltComponent local = build(c.component, c.size, VaePart::local);
    const char* from = decodes ? "features" : c.input;
    const char* to = decodes ? c.output : "features";
    Tensor x = decodes
                   ? run(build(c.component, c.size, VaePart::global), {{c.input, noise(c.shape)}})
                         .at("features")
                   : noise(c.shape);
    const Tensors own = run(local, {{from, x}});
    Tensors inputs = own;
    inputs.erase(to);
    EXPECT_GT(inputs.size(), 5U) << "norms";
    inputs.emplace("moments_are_given", kTrue);
    inputs.emplace(from, x);
    test::expect_close("the same moments", run(local, inputs).at(to), own.at(to), 1e-5);
    for (float& value : inputs.at(from).as<float>()) value *= 2;
    const Tensors doubled = run(local, inputs);
    const auto largest = [](const Tensor& tensor) {
      double found = 0;
      for (const float value : tensor.as<float>()) found = std::max<double>(found, std::abs(value));
      return found;
    };
    EXPECT_GT(largest(doubled.at(to)), 1.2 * largest(own.at(to)))
        << "norms of its own moments would undo the factor";
  }
}

}  // namespace
}  // namespace tempera::frontend
