#pragma once

#include <cmath>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "graph/evaluate.h"
#include "graph/text.h"
#include "graph/verify.h"

// What the tests of graphs share: parsing that must succeed, random inputs, and distances.
namespace tempera::graph::testing {

inline Graph parsed(std::string_view text) {
  auto graph = parse(text);
  CHECK(graph.ok(), "{}", graph.error().message);
  Status status = verify(*graph);
  CHECK(status.ok(), "{}", status.error().message);
  return std::move(graph).value();
}

// A graph of these statements.
inline Graph graph_of(std::string_view lines) {
  return parsed("graph {\n" + std::string(lines) + "\n}\n");
}

// "f32[2] {1, 2}"
inline std::string tensor_text(const Tensor& tensor) {
  Graph graph;
  graph.add_literal(tensor);
  std::string text = print(graph);
  size_t start = text.find("literal ") + 8;
  return text.substr(start, text.find('\n', start) - start);
}

// Floats in -1..1, or small whole numbers; integers in 0..1 so that they index anything.
inline Tensor random_tensor(DType dtype, const Shape& shape, std::mt19937& random,
                            bool whole = false) {
  Graph graph;
  Tensor wide(is_float(dtype) ? DType::f64 : DType::i64, shape);
  std::uniform_real_distribution<double> real(-1, 1);
  std::uniform_int_distribution<int> integer(-3, 3), index(0, 1);
  if (is_float(dtype))
    for (double& x : wide.as<double>()) x = whole ? integer(random) : real(random);
  else
    for (int64_t& x : wide.as<int64_t>()) x = index(random);
  ValueId id = graph.add(Op::cast, {graph.add_literal(wide)}, {{"to", dtype}})[0];
  graph.add_output("cast", id);
  return evaluate(graph, {})[0];
}

inline std::vector<Tensor> random_inputs(const Graph& graph, uint32_t seed, bool whole = false) {
  std::mt19937 random(seed);
  std::vector<Tensor> inputs;
  for (ValueId id : graph.inputs())
    inputs.push_back(random_tensor(graph.value(id).dtype, graph.value(id).shape, random, whole));
  return inputs;
}

// The largest difference of two f64 tensors, NaNs at the same places being equal; infinity if
// shapes differ.
inline double distance(const Tensor& a, const Tensor& b) {
  if (a.shape != b.shape || a.dtype != b.dtype) return INFINITY;
  if (a.dtype != DType::f64) return a == b ? 0 : INFINITY;
  double largest = 0;
  for (int64_t i = 0; i < a.size(); ++i) {
    double x = a.as<double>()[i], y = b.as<double>()[i];
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    double gap = std::abs(x - y) / std::max(1.0, std::abs(x));
    largest = std::isnan(gap) ? INFINITY : std::max(largest, gap);
  }
  return largest;
}

// The largest distance of two graphs' outputs on the same random inputs, all floats in f64.
inline double distance(const Graph& a, const Graph& b, uint32_t seed) {
  auto inputs = random_inputs(a, seed);
  auto x = evaluate(a, inputs, {.f64 = true}), y = evaluate(b, inputs, {.f64 = true});
  double largest = x.size() == y.size() ? 0 : INFINITY;
  for (size_t i = 0; i < std::min(x.size(), y.size()); ++i)
    largest = std::max(largest, distance(x[i], y[i]));
  return largest;
}

}  // namespace tempera::graph::testing
