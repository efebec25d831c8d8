#include <cmath>
#include <limits>

#include "graph/evaluation/rows.h"

namespace tempera::graph::evaluation {

namespace {

Array softmax(const Call& call) {
  const Array& x = call.input(0);
  Rows<double> rows(x, {positive_axis(call.integer("axis"), x.shape.size())});
  for (int64_t i = 0; i < rows.count(); ++i) softmax_in_place(rows[i]);
  return {x.shape, rows.restored()};
}

// Groups of channels are contiguous: row i is group i % groups of image i / groups.
Array group_norm(const Call& call) {
  const Array& x = call.input(0);
  std::vector<double> y = x.floats();
  int64_t channels = x.shape[1], groups = call.integer("groups");
  int64_t places = element_count({x.shape.begin() + 2, x.shape.end()});
  int64_t length = channels / groups * places;
  for (int64_t i = 0; i < x.shape[0] * groups; ++i) {
    std::span<double> row(y.data() + i * length, length);
    Moments m = moments_of(row, call.real("epsilon"));
    for (int64_t j = 0; j < length; ++j) {
      int64_t channel = i % groups * (channels / groups) + j / places;
      row[j] = (row[j] - m.mean) * m.rstd * call.input(1).floats()[channel] +
               call.input(2).floats()[channel];
    }
  }
  return {x.shape, std::move(y)};
}

Array layer_norm(const Call& call) {
  const Array& x = call.input(0);
  std::vector<double> y = x.floats();
  int64_t length = x.shape.back(), count = length == 0 ? 0 : x.size() / length;
  for (int64_t i = 0; i < count; ++i) {
    std::span<double> row(y.data() + i * length, length);
    Moments m = moments_of(row, call.real("epsilon"));
    for (int64_t j = 0; j < length; ++j)
      row[j] = (row[j] - m.mean) * m.rstd * call.input(1).floats()[j] +
               (call.has(2) ? call.input(2).floats()[j] : 0);
  }
  return {x.shape, std::move(y)};
}

}  // namespace

void softmax_in_place(std::span<double> row) {
  double largest = -std::numeric_limits<double>::infinity(), sum = 0;
  for (double x : row) largest = std::max(largest, x);
  if (largest == -std::numeric_limits<double>::infinity()) {
    std::fill(row.begin(), row.end(), 0);
    return;
  }
  for (double& x : row) sum += x = std::exp(x - largest);
  for (double& x : row) x /= sum;
}

Arrays evaluate_normalization(const Call& call) {
  switch (call.node.op) {
    case Op::softmax:
      return {softmax(call)};
    case Op::group_norm:
      return {group_norm(call)};
    default:
      return {layer_norm(call)};
  }
}

}  // namespace tempera::graph::evaluation
